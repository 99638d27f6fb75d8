"""The Debian package: its contents and dependencies; and the version that all commands print."""

import os
import re
import subprocess

import pytest

from conftest import ROOT, clean_environment, rows, wait_for_run

VERSION = re.search(r"project\(libtrace VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
COMMANDS = ["trace-run", "trace-report", "trace-attach"]


def first_line(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, check=True, **more).stdout.splitlines()[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_version(name, build):
    assert first_line(build.command(name), "--version") == f"{name} (libtrace) {VERSION}"


def test_version_of_the_collector(build):
    assert first_line(build.collector, "--version") == f"trace-collector (libtrace) {VERSION}"


def test_changes_of_this_version_are_told():
    """The version is ready to be tagged: it is the newest one in the changelog."""
    headings = re.findall(r"^## (\S+)", (ROOT / ".github/CHANGELOG.md").read_text(), re.M)
    assert headings and headings[0] == VERSION


@pytest.fixture(scope="module")
def package(build, tmp_path_factory):
    for needed in ("dpkg-deb", "dpkg-shlibdeps", "cpack", "file"):
        if subprocess.run(["sh", "-c", f"command -v {needed}"], stdout=subprocess.DEVNULL).returncode:
            pytest.skip(f"{needed} is not installed")
    folder = tmp_path_factory.mktemp("package")
    made = subprocess.run(["cpack", "--config", build.root / "CPackConfig.cmake", "-B", folder], cwd=folder,
                          capture_output=True, text=True, timeout=300)
    assert made.returncode == 0, made.stdout + made.stderr
    (found,) = folder.glob("*.deb")
    assert found.name == f"libtrace_{VERSION}_amd64.deb"
    return found


@pytest.fixture(scope="module")
def unpacked(package, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unpacked")
    subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
    return folder


def test_control_fields(package):
    def field(name):
        return subprocess.run(["dpkg-deb", "-f", package, name], capture_output=True, text=True, check=True).stdout.strip()

    assert (field("Package"), field("Version"), field("Architecture")) == ("libtrace", VERSION, "amd64")
    assert field("Section") == "devel" and field("Maintainer") and len(field("Description").splitlines()) > 3
    needed = {part.split()[0].removesuffix("t64") for part in field("Depends").split(", ")}
    assert {"libc6", "libdw1", "libelf1", "libsqlite3-0", "libsmartcols1", "libncursesw6", "libtinfo6"} <= needed
    assert not any("curl" in name for name in needed) and "libcurl4" in field("Recommends")  # for trace-report push alone
    assert "libunwind8" not in needed  # the library links only the C library
    assert field("Conflicts") == "libtrace3-dev"  # it has a libtrace.so, too


def test_contents(package, unpacked):
    """The package has everything that an installation has, below /usr, owned by root, and nothing is writable by others."""
    listed = subprocess.run(["dpkg-deb", "-c", package], capture_output=True, text=True, check=True).stdout.splitlines()
    for line in listed:
        mode, owner, _, _, _, path = line.split(maxsplit=5)
        assert owner == "root/root" and mode[5] != "w" and mode[8] != "w" and "s" not in mode, line
        assert path == "./" or path.startswith("./usr/"), line
    found = {os.path.relpath(os.path.join(folder, f), unpacked / "usr") for folder, _, files in os.walk(unpacked) for f in files}
    wanted = {f"bin/{name}" for name in COMMANDS} | {f"share/man/man1/{name}.1.gz" for name in COMMANDS}
    wanted |= {f"share/bash-completion/completions/{name}" for name in COMMANDS}
    wanted |= {f"share/fish/vendor_completions.d/{name}.fish" for name in COMMANDS}
    wanted |= {f"libexec/libtrace/{name}" for name in ("trace-collector", "trace-parser", "trace-symbols.so")}
    wanted |= {f"share/doc/libtrace/{name}" for name in ("README.md", "copyright", "changelog.gz", "analyzer/REFERENCE.md", "preload/LIMITS.md")}
    modules = next(os.path.dirname(f) for f in found if f.endswith("/libtrace.py"))
    assert modules in ("share/libtrace/python", "lib/python3/dist-packages")  # the preset's, or Debian's Python's
    wanted |= {f"{modules}/{name}.py" for name in ("libtrace", "pytest_libtrace")}
    wanted |= {"include/trace.h", "share/man/man7/libtrace.7.gz", "share/man/man1/trace-report-top.1.gz",
               "share/zsh/site-functions/_trace"}
    assert wanted <= found, wanted - found
    assert len([f for f in found if f.endswith("/libtrace.so")]) == 1
    assert not [f for f in found if f.endswith((".a", "wire.h", ".1", ".7"))]


def test_stripped(unpacked):
    for name in ("bin/trace-report", "libexec/libtrace/trace-collector"):
        sections = subprocess.run(["readelf", "-SW", unpacked / "usr" / name], capture_output=True, text=True, check=True).stdout
        assert ".debug_info" not in sections and ".symtab" not in sections


def test_works_from_where_it_was_unpacked(unpacked, build, tmp_path):
    done = subprocess.run([unpacked / "usr/bin/trace-run", build.target("hello")], env=clean_environment(), cwd=tmp_path,
                          capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr, done.returncode) == ("hello world\n", "", 0)
    assert wait_for_run(tmp_path / "trace.db")["allocations"] == 2
    assert rows(tmp_path / "trace.db", "SELECT count(*) FROM lines WHERE file LIKE '%/hello.c'")[0][0] > 0
    assert first_line(unpacked / "usr/bin/trace-report", "top", "--width", "200", cwd=tmp_path).startswith("run 1 hello: 2 allocations")
