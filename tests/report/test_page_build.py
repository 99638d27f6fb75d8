"""Building the HTML page if node, npm or the network are missing: the build succeeds without it, the next build tries again,
and trace-report html says what was missing and what to do."""

import pathlib
import shutil
import subprocess

import pytest

from conftest import BUILD, environment

ROOT = pathlib.Path(__file__).resolve().parents[2]

PROJECT = f"""cmake_minimum_required(VERSION 3.25)
project(page C)
add_subdirectory({ROOT}/analyzer/html html)
add_executable(says says.c)
target_link_libraries(says html_page)
"""
SAYS = """#include <stdio.h>
extern const char html_page[], html_page_missing[];
int main(void) { printf("%s|%s", html_page, html_page_missing); return 0; }
"""
OFFLINE = r"""echo "npm error code EAI_AGAIN
npm error syscall getaddrinfo
npm error request to https://registry.example/uplot failed, reason: no \"address\" [a;b] \\x
npm error A complete log of this run can be found in: /root/.npm/log" >&2; exit 1"""
TOO_OLD = 'echo "file:///build.mjs:5\nimport x\n^^^\nSyntaxError: Cannot use import\n    at Module (node:1)" >&2; exit 1'


class Project:
    """A project that builds only the page, with a node and an npm that are scripts of the test."""

    def __init__(self, folder, generator):
        self.folder, self.bin, self.generator = folder, folder / "bin", generator
        self.build = folder / "build"
        self.bin.mkdir()
        for name in ("cmake", "ninja", "make", "cc", "gcc", "ar", "ranlib", "ld", "as"):
            if shutil.which(name):
                (self.bin / name).symlink_to(shutil.which(name))
        (folder / "CMakeLists.txt").write_text(PROJECT)
        (folder / "says.c").write_text(SAYS)

    def has(self, name, script):
        """Puts a command into PATH that writes down each call; None removes it."""
        path = self.bin / name
        path.unlink(missing_ok=True)
        if script is not None:
            path.write_text(f'#!/bin/sh\n{self.folder}/note {name} "$@"\n{script}\n')
            path.chmod(0o755)
            note = self.folder / "note"
            note.write_text(f'#!/bin/sh\necho "$*" >>{self.folder}/calls\n')
            note.chmod(0o755)

    def cmake(self, *arguments, status=0):
        # PATH has only our folder, so that a node or npm of this machine is not found.
        done = subprocess.run([shutil.which("cmake"), *map(str, arguments)], cwd=self.folder, capture_output=True, text=True,
                              timeout=120, env=environment(PATH=self.bin))
        assert (done.returncode == 0) == (status == 0), done.stdout + done.stderr
        return done.stdout + done.stderr

    def configure(self, *arguments, **options):
        return self.cmake("-S", ".", "-B", self.build, "-G", self.generator, "-DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF",
                          "-DCMAKE_FIND_USE_SYSTEM_ENVIRONMENT_PATH=ON", *arguments, **options)

    def make(self, **options):
        """Builds; returns the page, or why there is none, and what the build printed."""
        said = self.cmake("--build", self.build, "--target", "says", **options)
        page, why = subprocess.run([self.build / "says"], capture_output=True, text=True, check=True, timeout=60).stdout.split("|")
        return page or why, said

    def calls(self):
        path = self.folder / "calls"
        found = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return found


@pytest.fixture
def project(request, tmp_path):
    generator = getattr(request, "param", "Ninja")
    if not shutil.which("ninja" if generator == "Ninja" else "make"):
        pytest.skip(f"{generator}: the program is missing")
    return Project(tmp_path, generator)


@pytest.mark.parametrize("project", ["Ninja", "Unix Makefiles"], indirect=True)
def test_tried_again(project):
    again = f"run: cmake --build {project.build}"
    project.configure()
    page, said = project.make()
    assert page == f"node and npm were not found. Install them (./scripts/setup), then {again}"
    assert "not found: going on without the HTML page" in said

    project.has("node", TOO_OLD)  # the next build finds it without a new configure
    assert project.make()[0].startswith("npm was not found. ")
    project.has("npm", OFFLINE)
    page, said = project.make()
    assert page == ("npm ci failed: request to https://registry.example/uplot failed, reason: no \"address\"  a b  \\x. "
                    f"When that is mended, {again}")
    assert "npm ci failed: request to" in said and "next build tries again" in said
    assert "--fetch-retries=1" in project.calls()[0]
    project.make()
    assert ["--fetch-retries=0" in call for call in project.calls()] == [True]  # this time it does not retry for long

    project.has("npm", "exit 0")
    assert project.make()[0] == f"node build.mjs failed: SyntaxError: Cannot use import. When that is mended, {again}"
    assert [call.split()[0] for call in project.calls()] == ["npm", "node"]
    project.has("node", 'printf "the page" >$2')
    assert project.make()[0] == "the page"
    assert [call.split()[0] for call in project.calls()] == ["node"]  # what npm installed before is still there
    project.has("npm", None)
    assert project.make()[0] == "the page" and project.calls() == []  # the page is built once


def test_unchanged(project):
    """A build without the page does not link anything again."""
    project.configure()
    project.make()
    before = (project.build / "says").stat().st_mtime_ns
    project.make()
    assert (project.build / "says").stat().st_mtime_ns == before


def test_on_and_off(project):
    assert "The HTML page needs node and npm" in project.configure("-DLIBTRACE_HTML=ON", status=1)
    project.has("node", 'printf "the page" >$2')
    project.has("npm", OFFLINE)
    project.configure("-DLIBTRACE_HTML=ON")
    assert "npm ci failed." in project.cmake("--build", project.build, status=1)
    project.configure("-DLIBTRACE_HTML=OFF")
    why = project.make()[0]
    assert why.startswith("LIBTRACE_HTML is OFF. To have it, run: cmake ")
    project.has("npm", "exit 0")
    project.calls()
    for command in why.partition("run: ")[2].split(" && "):  # the commands in its message work
        project.cmake(*command.split()[1:], *(["--target", "says"] if "--build" in command else []))
    assert project.make()[0] == "the page"
    project.configure("-DLIBTRACE_HTML=OFF")
    assert project.make()[0].startswith("LIBTRACE_HTML is OFF")
    project.configure("-DLIBTRACE_HTML=AUTO")
    assert project.make()[0] == "the page"


def test_said(make_db, tmp_path):
    """trace-report html prints what the build found missing."""
    make_db("one")
    done = subprocess.run([BUILD / "tests/trace-report-pageless", "html"], cwd=tmp_path, capture_output=True, text=True, timeout=60,
                          env=environment())
    assert (done.returncode, done.stdout) == (1, "") and not (tmp_path / "report.html").exists()
    assert done.stderr == ("trace-report html: this trace-report was built without the page: "
                           "node was not found, 100 % sure. Run: this\n")
