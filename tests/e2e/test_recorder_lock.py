"""Readers of a database know at once whether a run that is marked as being recorded still is, wherever its collector is or was,
and do not wait for a collector that is stopped."""

import json
import os
import signal
import subprocess
import time

import pytest

from conftest import clean_environment, collector_of, rows, wait_for_run
from stopping import stop

KEPT = "keep 100"


@pytest.fixture
def container(program, steps, build, tmp_path):
    """A program that is recorded as number 1 of a PID namespace."""
    start = [program("unshare"), "--pid", "--fork", "--kill-child"]
    if subprocess.run([*start, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no PID namespace can be made here")
    process = subprocess.Popen(
        [*start, build.command("trace-run"), "-o", tmp_path / "trace.db", build.target("steps")],
        env=clean_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(KEPT.encode() + b"\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"done\n"
    collector_of(tmp_path / "trace.db")
    yield process
    process.kill()
    process.wait(timeout=60)


def states(report, database):
    return [run["state"] for run in json.loads(report(database, "runs", "--json").stdout)["runs"]]


def until(expected, report, database):
    """The kernel ends a namespace's last processes, the collector among them, when it comes to it."""
    limit = time.monotonic() + 60
    while states(report, database) != expected and time.monotonic() < limit:
        time.sleep(0.1)
    assert states(report, database) == expected


def kill(process):
    """Killing unshare kills number 1 of the namespace (--kill-child), and with it the whole namespace."""
    process.kill()
    process.stdout.read()  # until nobody has its output open any more
    process.wait(timeout=60)


def test_elsewhere(container, report, tmp_path):
    database = tmp_path / "trace.db"
    assert states(report, database) == ["recording"]
    shown = report(database, "top")
    assert shown.returncode == 0 and "another PID namespace" in shown.stderr, shown.stderr
    kill(container)
    until(["interrupted"], report, database)
    shown = report(database, "top")
    assert shown.returncode == 0 and shown.stderr == "" and "interrupted" in shown.stdout


def test_marked_by_the_next(container, build, report, recorded, tmp_path):
    """The next run sees that this one is over, too: the database becomes one plain file again."""
    database = tmp_path / "trace.db"
    kill(container)
    until(["interrupted"], report, database)
    subprocess.run([build.command("trace-run"), "-o", database, build.target("hello")], env=clean_environment(), check=True,
                   capture_output=True, timeout=60)
    recorded(database)
    assert [row[0] for row in rows(database, "SELECT state FROM run ORDER BY id")] == ["interrupted", "complete"]
    assert rows(database, "PRAGMA journal_mode")[0][0] == "delete"


def test_next_beside_it(container, build, report, recorded, tmp_path):
    """A run whose collector lives is not touched."""
    database = tmp_path / "trace.db"
    subprocess.run([build.command("trace-run"), "-o", database, build.target("hello")], env=clean_environment(), check=True,
                   capture_output=True, timeout=60)
    assert recorded(database)["state"] == "complete"
    assert rows(database, "SELECT state FROM run ORDER BY id")[0][0] == "recording"
    container.stdin.write(KEPT.encode() + b"\n")
    container.stdin.close()
    assert container.stdout.readline() == b"done\n"
    container.stdout.read()
    assert container.wait(timeout=60) == 0 and container.stderr.read() == b""
    assert wait_for_run(database, run=1)["state"] == "complete"
    [kept] = rows(database, "SELECT sum(allocations) FROM lines WHERE run = 1 AND function = 'keep'")
    assert kept[0] == 200


def test_collector_stands_still(steps, report, tmp_path):
    """What the database has is shown, with the reason why that is not all; later it is complete."""
    database = tmp_path / "trace.db"
    program = steps()
    program.do(KEPT)
    collector = collector_of(database)
    report(database, "top")
    stop(collector)
    try:
        assert program.end() == 0
        shown = report(database, "top")  # within the timeout that the fixture sets
        assert shown.returncode == 0 and "has not taken in all of it yet" in shown.stdout
        assert shown.stderr.count("\n") == 1 and f"process {collector}) has been stopped" in shown.stderr
    finally:
        os.kill(collector, signal.SIGCONT)
    assert wait_for_run(database)["state"] == "complete"
    assert report(database, "top").stderr == ""
