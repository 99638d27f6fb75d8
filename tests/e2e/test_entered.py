"""Programs that are traced in existing namespaces, which others have created and which remain (nsenter, as in docker exec)."""

import os
import signal
import subprocess

import pytest

from conftest import clean_environment, rows, wait_for_run

HERE = ["--pid", "--mount", "--uts", "--ipc"]
# Which namespaces are entered, and by whom: by trace-run too ("inside"), or only by the program that it starts.
WAYS = {
    "all within": (HERE, "inside"),
    "all from outside": (HERE, "outside"),
    "processes within": (["--pid"], "inside"),
    "processes from outside": (["--pid"], "outside"),
    "files within": (["--mount"], "inside"),  # there /proc shows other processes, not these
    "files from outside": (["--mount"], "outside"),
    "image": (HERE, "image"),
}


@pytest.fixture(scope="module")
def container(build):
    """The process whose namespaces are entered: number 1 in them."""
    argv = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--uts", "--ipc", "sh", "-c", "echo ready; read line; exit 0"]
    process = subprocess.Popen(argv, env=clean_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    if process.stdout.readline() != b"ready\n":
        process.wait()
        pytest.skip("no container can be made here")
    with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as children:
        [number] = children.read().split()
    yield number
    assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)


@pytest.mark.parametrize("way", WAYS)
def test_entered(way, container, build, program, report, tmp_path):
    database = tmp_path / "trace.db"
    namespaces, side = WAYS[way]
    enter, run = [program("nsenter"), "--target", container, *namespaces], [build.command("trace-run"), "-o", database]
    if subprocess.run([*enter, "true"], capture_output=True, check=False).returncode:
        pytest.skip("it cannot be entered here")
    hello = [build.target("hello"), "you"]
    argv = {"inside": [*enter, *run, *hello], "outside": [*run, *enter, *hello],
            "image": [*enter, "env", f"LD_PRELOAD={build.library}", f"LIBTRACE_DB={database}", *hello]}[side]
    ended = subprocess.run(argv, env=clean_environment(), cwd=tmp_path, capture_output=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"hello you\n", b"")
    # A collector that does not find itself in /proc cannot be asked whether it is about to end.
    said = report(database, "summary").stderr
    assert said == "" or said.endswith("and is waited for\n") or way == "files within"  # waited for: on a busy machine
    assert wait_for_run(database)["state"] == "complete"
    found = rows(database, "SELECT run, sum(allocations) AS n FROM lines WHERE file LIKE '%hello.c' AND function = 'main' GROUP BY 1")
    assert [tuple(row) for row in found] == [(1, 2)]
    assert [row[0] for row in rows(database, "SELECT count(*) FROM run")] == [1]
