"""A library named in /etc/ld.so.preload is loaded into every program, even into the tracer's own, which must not be traced:
there is one collector for a program, and none for the collector. Runs in a container that ends with the test."""

import shutil
import subprocess

import pytest

from conftest import clean_environment, rows, wait_for_run

SCRIPT = """
{command} || exit 1
sleep 1
n=0
for comm in /proc/[0-9]*/comm; do
  read -r name <$comm && case $name in trace-collect*) n=$((n+1)) ;; esac
done
echo collectors $n
"""


@pytest.fixture
def contained(build, tmp_path):
    """contained(command): what a shell script that runs the command prints, with all of its programs under
    /etc/ld.so.preload."""
    if not shutil.which("bwrap"):
        pytest.skip("bubblewrap is not installed")
    (tmp_path / "preload").write_text(f"{build.library}\n")
    command = ["bwrap", "--ro-bind", "/", "/", "--tmpfs", "/etc", "--ro-bind", "/etc/ld.so.cache", "/etc/ld.so.cache",
               "--ro-bind", tmp_path / "preload", "/etc/ld.so.preload", "--bind", tmp_path, tmp_path, "--proc", "/proc",
               "--dev", "/dev", "--unshare-pid", "--die-with-parent", "--chdir", tmp_path]
    if subprocess.run([*command, "/bin/true"], env=clean_environment({"LIBTRACE_DB": tmp_path / "first.db"}),
                      capture_output=True, timeout=60).returncode != 0:
        pytest.skip("bwrap cannot make a container here")

    def run(what, env=None):
        script = SCRIPT.format(command=what)
        # The shell is a program, too, and the command belongs to its run.
        done = subprocess.run([*command, "/bin/sh", "-c", script], capture_output=True, text=True, timeout=60,
                              env=clean_environment({"LIBTRACE_DB": tmp_path / "trace.db", **(env or {})}))
        assert done.returncode == 0, done
        return done

    return run


def test_one_collector(contained, build, tmp_path):
    """The shell has a run, and every program in it belongs to that."""
    done = contained(f"{build.target('hello')} you")
    assert done.stdout == "hello you\ncollectors 1\n" and done.stderr == ""
    assert len(rows(tmp_path / "trace.db", "SELECT * FROM run")) == 1


def test_ours_are_not_traced(contained, build, tmp_path):
    """trace-run starts one run, not two; trace-report starts none."""
    done = contained(f"env -u LIBTRACE_SESSION LIBTRACE_DB=own.db {build.command('trace-run')} {build.target('hello')} you; "
                     f"env -u LIBTRACE_SESSION LIBTRACE_DB=own.db {build.command('trace-report')} runs >runs.txt; true")
    assert done.stdout.startswith("hello you\n") and done.stderr == ""
    run = wait_for_run(tmp_path / "own.db")
    found = rows(tmp_path / "own.db", "SELECT executable FROM processes WHERE run = ?", run["id"])
    assert [row["executable"] for row in found if "trace-" in row["executable"]] == []
    assert any(row["executable"].endswith("/hello") for row in found)
