"""Runs whose past is thinned: --keep, --max-size. What is left is right, and the database stays below its limit.

How it is thinned is tested by an oracle in tests/unit/test_thin.c; here is what a user sees of it.
"""

import json
import os
import signal
import sqlite3
import subprocess
import time

import pytest
from conftest import collector_of, rows, wait_for_run

MIB = 1 << 20


def thinning(database):
    return rows(database, "SELECT * FROM thinning")


def size(database):
    """Bytes of the file and its WAL, or 0."""
    found = 0
    for name in (database, f"{database}-wal"):
        try:
            found += os.stat(name).st_size
        except FileNotFoundError:
            pass
    return found


@pytest.fixture
def going(build, preload):
    """Starts a program that logs each of its many events, into a database that is limited."""
    started = []

    def start(limit, seconds):
        environment = preload({"LIBTRACE_EVENTS": "1", "LIBTRACE_MAX_SIZE": limit})
        started.append(subprocess.Popen([build.target("going"), str(seconds)], env=environment, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for program in started:
        program.kill()
        program.communicate()


def test_a_log_without_end(going, report, tmp_path):
    """A log of gigabytes stays in a file of 16 MiB, while it is recorded and after; counts are whole."""
    database = tmp_path / "trace.db"
    program = going("16MiB", 4)
    most = 0
    while program.poll() is None:
        most = max(most, size(database))
        time.sleep(0.005)
    wait_for_run(database)
    assert max(most, size(database)) <= 16 * MIB
    [run] = rows(database, "SELECT * FROM runs")
    assert run["state"] == "complete" and run["allocations"] >= int(program.stdout.read().split()[-1])
    [left] = rows(database, "SELECT count(*) AS count, min(id) AS first, max(id) AS last FROM event")
    [found] = thinning(database)
    assert found["events"] > 0 and found["events"] == left["first"] - 1 and left["count"] == left["last"] - left["first"] + 1
    assert left["count"] >= 500 and found["short"] == 0
    text = report(database, "summary").stdout
    assert f"The first {found['events']:,} events of the log were dropped" in " ".join(text.split())
    thinned = json.loads(report(database, "summary", "--json").stdout)["run"]["thinned"]
    assert thinned["events_dropped"] == found["events"] and thinned["max_bytes"] == 16 * MIB and thinned["too_large"] is False


def test_killed_in_the_middle(going, report, tmp_path):
    """The collector is killed while it thins: what was committed can be read, and the limit held."""
    database = tmp_path / "trace.db"
    program = going("16MiB", 60)
    collector, deadline = collector_of(database), time.monotonic() + 100
    while time.monotonic() < deadline:
        try:
            if thinning(database)[0]["events"] > 0:
                break
        except (sqlite3.OperationalError, IndexError):
            pass
        time.sleep(0.01)
    os.kill(collector, signal.SIGKILL)
    program.kill()
    assert size(database) <= 16 * MIB
    top = json.loads(report(database, "top", "--by", "bytes", "--json").stdout)
    assert sum(r["allocations"] for r in top["rows"]) == top["run"]["allocations"] > 0
    connection = sqlite3.connect(database)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_a_mark_of_which_nothing_is_known(trace, build, report):
    """Of a mark whose counts were given up, reports show the last look before, and say so; without thinning they refuse."""
    traced = trace([build.target("marks")], env={"LIBTRACE_KEEP": "7d"})
    connection = sqlite3.connect(traced.database)
    [[name]] = connection.execute("SELECT name FROM mark WHERE kind < 2 ORDER BY id DESC LIMIT 1")
    connection.execute("UPDATE mark SET sampled = 0")
    connection.commit()
    done = report(traced.database, "top", "--to", name)
    assert done.returncode == 0, done
    connection.execute("DELETE FROM thinning")
    connection.commit()
    connection.close()
    done = report(traced.database, "top", "--to", name)
    assert done.returncode == 1 and "is not known" in done.stderr, done


def test_without_either(trace, build):
    """No table is made, and what is written is what it always was."""
    traced = trace([build.target("marks")])
    assert rows(traced.database, "SELECT name FROM sqlite_schema WHERE name = 'thinning'") == []


@pytest.mark.parametrize("arguments, says", [
    (["--keep", "soon"], "'soon' is no time to keep"), (["--max-size", "3"], "'3' is no size of a database"),
    (["--max-size=1000k"], "at least 1MiB"), (["--keep=-1d"], "'-1d' is no time to keep")])
def test_what_is_refused(build, arguments, says):
    for command in (["trace-run", *arguments, "true"], ["trace-attach", *arguments, "1"]):
        done = subprocess.run([build.command(command[0]), *command[1:]], capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 2 and says in done.stderr and len(done.stderr.splitlines()) == 1, done


@pytest.mark.parametrize("variable", ["LIBTRACE_KEEP", "LIBTRACE_MAX_SIZE"])
def test_what_is_said_of_a_wrong_variable(trace, build, variable):
    traced = trace([build.target("marks")], env={variable: "much"})
    assert variable.encode() in traced.stderr and b"as this is none: much" in traced.stderr and len(traced.stderr.splitlines()) == 1
    assert rows(traced.database, "SELECT name FROM sqlite_schema WHERE name = 'thinning'") == []
