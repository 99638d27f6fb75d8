"""Programs in PID namespaces of their own, as in a container: the end of its first process ends all
others, including the collector."""

import shutil
import subprocess
import sys

import pytest
from conftest import clean_environment, rows

ROUNDS = 3

WAITS_FOR_ALL = """
import os, sys
data = [bytearray(1000) for _ in range(1000)]
if os.fork() == 0:
    os._exit(7)
ended = []
while True:
    try:
        ended.append(os.waitstatus_to_exitcode(os.wait()[1]))
    except ChildProcessError:
        break
print(os.getpid(), ended)
"""


@pytest.fixture
def container(tmp_path):
    """container(argv, env): runs argv as number 1 of a PID namespace that has its own /proc; traced from within."""
    start = ["unshare", "--pid", "--fork", "--mount-proc"]
    if not shutil.which("unshare") or subprocess.run([*start, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no PID namespace can be made here")

    def run(argv, env):
        within = ["env", *(f"{name}={env[name]}" for name in ("LD_PRELOAD", "LIBTRACE_DB") if name in env)]
        outside = {name: value for name, value in env.items() if name != "LD_PRELOAD"}
        return subprocess.run([*start, *within, *map(str, argv)], env=outside, cwd=tmp_path, capture_output=True, timeout=60, check=False)

    return run


def programs(build):
    hello = [build.target("hello")]
    return {
        "traced": hello,
        "trace-run": [build.command("trace-run"), *hello],
        "entrypoint": ["./entry.sh", *hello],
        "shell": ["sh", "-c", '"$@"; exit 0', "sh", *hello],
        "trace-run in a shell": ["sh", "-c", '"$@"; exit 0', "sh", build.command("trace-run"), *hello],
    }


@pytest.mark.parametrize("way", ["traced", "trace-run", "entrypoint", "shell", "trace-run in a shell"])
def test_first_process(way, build, container, preload, tmp_path):
    script = tmp_path / "entry.sh"
    script.write_text('#!/bin/sh\nexec "$@"\n')
    script.chmod(0o755)
    env = clean_environment({"LIBTRACE_DB": tmp_path / "trace.db"}) if "trace-run" in way else preload()
    for _ in range(ROUNDS):
        for file in tmp_path.glob("trace.db*"):
            file.unlink(missing_ok=True)
        ended = container(programs(build)[way], env)
        assert (ended.returncode, ended.stderr) == (0, b"")
        run = rows(tmp_path / "trace.db", "SELECT state, phase FROM runs")
        assert [(r["state"], r["phase"]) for r in run] == [("complete", "done")]
        assert rows(tmp_path / "trace.db", "SELECT count(*) AS n FROM lines WHERE file LIKE '%hello.c'")[0]["n"] > 0
        assert not list(tmp_path.glob("trace.db-wal"))


def test_waits_for_all_children(container, preload, tmp_path):
    """The collector is not a child that the program can wait for."""
    ended = container([sys.executable, "-c", WAITS_FOR_ALL], preload())
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"1 [7]\n", b"")
    run = rows(tmp_path / "trace.db", "SELECT state, phase, processes FROM runs")
    assert [(r["state"], r["phase"], r["processes"]) for r in run] == [("complete", "done", 2)]


@pytest.mark.parametrize("how", ["exit", "killed", "threads"])
def test_child_in_a_namespace(how, build, preload, recorded, tmp_path):
    """The collector is outside, where process numbers from inside mean nothing; the run ends with its
    processes."""
    env = preload()
    argv = [build.target("namespace"), how]
    ended = subprocess.run(argv, env=env, capture_output=True, timeout=60, check=False)
    if ended.returncode == 77:
        pytest.skip("no PID namespace can be made here")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")
    run = recorded(tmp_path / "trace.db")
    assert run["state"] == "complete"
    found = rows(tmp_path / "trace.db", "SELECT pid, parent_pid FROM processes ORDER BY 1")
    assert len({row["pid"] for row in found}) == 2
    if how == "killed":  # else it may be gone before it is looked for
        assert any(row["pid"] == other["parent_pid"] for row in found for other in found)
    sizes = rows(tmp_path / "trace.db", "SELECT allocations AS n FROM lines WHERE function = 'allocate'")
    assert sum(row["n"] for row in sizes) == 2 * 1000
