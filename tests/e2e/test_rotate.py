"""Runs whose past is put aside as files of their own: --rotate.

What is in these files, and what a killed collector leaves, is tested by an oracle in tests/unit/test_rotate.c; here is what a
user sees of it.
"""

import contextlib
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import time

import pytest
from conftest import collector_of, rows, wait_for_run


def wait_for(condition):
    deadline = time.monotonic() + 100
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def going(build, tmp_path):
    """Starts a program that allocates all the time, in a run that is rotated each second."""
    started = []

    def start(seconds, *arguments):
        command = [build.command("trace-run"), "--rotate", *arguments, build.target("going"), str(seconds)]
        started.append(subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for program in started:
        program.terminate()
        program.communicate()


def file_number(path):
    """None where it is just being renamed."""
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return None


def seconds(path):
    return rows(path, "SELECT wall_s FROM runs")[0]["wall_s"]


def facts(report, database, *arguments):
    return json.loads(report(database, "top", "--by", "bytes", "--limit", "0", "--json", *arguments).stdout)


def is_whole(report, database):
    with contextlib.closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    top = facts(report, database)
    assert sum(row["allocations"] for row in top["rows"]) == top["run"]["allocations"] > 0
    assert sum(row["live_bytes"] for row in top["rows"]) == top["run"]["live_bytes"] > 0
    return top


def test_files(going, report, tmp_path):
    """The latest two files are kept; all of them and the run's own say what the program had done by then."""
    database = tmp_path / "trace.db"
    program = going(60, "1s:2")
    wait_for(lambda: (tmp_path / "trace.db.2").exists())
    first = seconds(tmp_path / "trace.db.2")
    wait_for(lambda: seconds(tmp_path / "trace.db.2") > first)
    program.send_signal(signal.SIGTERM)
    program.wait(timeout=100)
    wait_for_run(database)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["trace.db", "trace.db.1", "trace.db.2"]
    older, newer, last = (is_whole(report, tmp_path / name) for name in ("trace.db.2", "trace.db.1", "trace.db"))
    assert older["run"]["allocations"] <= newer["run"]["allocations"] <= last["run"]["allocations"]
    # What lives from the beginning on is live in each.
    assert len({max(row["live_bytes"] for row in top["rows"]) for top in (older, newer, last)}) == 1
    for top in (older, newer):
        assert top["run"]["state"] == "interrupted" and top["run"]["started"] == last["run"]["started"]
        assert any(f"its file was rotated, and the run went on in {database}" in text for text in top["run"]["missing"])
    # Of its own time each file has what the next one begins with.
    for name, top in (("trace.db.1", newer), ("trace.db", last)):
        since = facts(report, tmp_path / name, "--from", "rotated")
        before = {"trace.db.1": older, "trace.db": newer}[name]
        assert since["total"]["allocations"] == top["run"]["allocations"] - before["run"]["allocations"]


def test_that_fails_is_said(going, report, tmp_path):
    """Where the copy cannot be made, until it can."""
    database, blocked = tmp_path / "trace.db", tmp_path / "trace.db.rotating"
    blocked.mkdir()
    program = going(60, "1s")
    wait_for(lambda: database.exists() and rows(database, "SELECT 1 FROM mark WHERE name = 'not rotated'"))
    assert "could not be put aside (--rotate)" in " ".join(report(database, "summary").stdout.split())
    assert json.loads(report(database, "summary", "--json").stdout)["run"]["thinned"]["not_rotated_s"] >= 1
    blocked.rmdir()
    wait_for(lambda: (tmp_path / "trace.db.1").exists())
    program.terminate()
    program.wait(timeout=100)
    wait_for_run(database)
    assert "put aside" not in report(database, "summary").stdout
    assert [row["name"] for row in rows(database, "SELECT name FROM mark")] == ["rotated"]


def test_compared(going, report, tmp_path):
    """Two files of a run, as runs of one."""
    program = going(60, "1s")
    wait_for(lambda: (tmp_path / "trace.db.2").exists())
    program.terminate()
    program.wait(timeout=100)
    wait_for_run(tmp_path / "trace.db")
    days = tmp_path / "days.db"
    for name in ("trace.db.2", "trace.db.1"):
        assert report(days, "merge", tmp_path / name).returncode == 0
    assert [run["state"] for run in rows(days, "SELECT state FROM runs")] == ["interrupted"] * 2
    assert report(days, "compare", "1", "2").returncode == 0


def test_killed_collector(going, report, tmp_path):
    """Whatever it was doing, each file is whole; the next run goes on with the numbers."""
    program = going(60, "1s:99")
    wait_for(lambda: (tmp_path / "trace.db.1").exists())
    os.kill(collector_of(tmp_path / "trace.db"), signal.SIGKILL)
    program.terminate()
    for path in [tmp_path / "trace.db", *tmp_path.glob("trace.db.*[0-9]")]:
        is_whole(report, path)
    first = file_number(tmp_path / "trace.db.1")
    program = going(60, "1s:99")
    wait_for(lambda: file_number(tmp_path / "trace.db.1") not in (first, None))
    program.terminate()
    program.wait(timeout=100)
    wait_for_run(tmp_path / "trace.db")
    assert first in {file_number(path) for path in tmp_path.glob("trace.db.*[0-9]")}


def test_attached(build, report, tmp_path):
    """By the environment, of a program that runs already; a sample, whose errors are put aside, too."""
    database = tmp_path / "trace.db"
    with subprocess.Popen([build.target("going"), "60"], stdout=subprocess.PIPE, text=True) as program:
        program.stdout.readline()
        attach = subprocess.Popen([build.command("trace-attach"), "-o", database, str(program.pid)], env={**os.environ, "LIBTRACE_ROTATE": "1s:1", "LIBTRACE_SAMPLE": "4KiB"})
        wait_for(lambda: pathlib.Path(f"{database}.1").exists())
        attach.send_signal(signal.SIGINT)
        assert attach.wait(timeout=100) == 0
        program.kill()
    found = json.loads(report(f"{database}.1", "top", "--by", "bytes", "--json").stdout)
    assert any("was rotated" in text for text in found["run"]["missing"])
    assert found["run"]["sampling"]["interval_bytes"] == 4096 and found["total"]["bytes_error"] > 0


@pytest.mark.parametrize("rotate", ["soon", "1d:", "1d:0", "1d:1000", "1d:x", "0.5s", ":3", "-1d", "1d:3:4"])
def test_what_is_refused(build, rotate):
    for command in (["trace-run", f"--rotate={rotate}", "true"], ["trace-attach", f"--rotate={rotate}", "1"]):
        done = subprocess.run([build.command(command[0]), *command[1:]], capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 2 and f"'{rotate}' is no time between two files" in done.stderr and len(done.stderr.splitlines()) == 1, done


def test_what_is_said_of_a_wrong_variable(trace, build):
    traced = trace([build.target("marks")], env={"LIBTRACE_ROTATE": "much"})
    assert b"LIBTRACE_ROTATE is a time like 1d" in traced.stderr and b"as this is none: much" in traced.stderr


def test_without(trace, build, tmp_path):
    """0 is as if nothing was said."""
    traced = trace([build.target("marks")], env={"LIBTRACE_ROTATE": "0"})
    assert traced.stderr == b"" and rows(traced.database, "SELECT name FROM sqlite_schema WHERE name = 'thinning'") == []
