"""What is resident at a mark is what was resident when the mark was set: the program waits there for the
collector, but not for long."""

import json
import os
import signal

import pytest

from conftest import collector_of, rows, wait_for_run
from test_rss_walk import MIB, Talking, until_old


@pytest.fixture
def drops(build, preload, tmp_path):
    program = Talking([build.target("drops")], preload())
    program.database = tmp_path / "trace.db"
    yield program
    program.process.kill()


WAIT_MS = 50  # longest wait for the collector; a busy machine may exceed it


def test_before_it_is_freed(drops, report):
    """A mark shows memory that is freed right after it, unless the program waited for the whole WAIT_MS in vain."""
    shown = []
    for number in range(12):
        until_old(drops.process, 3 + number)
        drops.say(f"full full{number}")
        if drops.resident < WAIT_MS - 1:
            shown.append(number)
        if len(shown) == 4:
            break
    drops.end()
    wait_for_run(drops.database)
    looked_at = 0
    for number in shown:
        found = report(drops.database, "rss", "--at", f"full{number}", "--json")
        if found.returncode != 0:
            continue  # there was no time for a look
        looked_at += 1
        [live] = [part for part in json.loads(found.stdout)["parts"] if part["part"] == "live"]
        assert live["bytes"] > 23.9 * MIB, number
        assert [line["function"] for line in live["lines"][:2]] == ["full", "full"]
    assert looked_at > 0


AT_ONCE, A_SECOND = 16, 10


def test_many_in_a_row(drops):
    """The first few marks get a look at the pages, and later ones now and then. The others cost next to nothing, or this would
    take minutes."""
    until_old(drops.process, 2)
    drops.say("marks 10000")
    drops.end()
    wait_for_run(drops.database)
    [marks] = rows(drops.database, "SELECT count(*) AS n, (max(t_ns) - min(t_ns)) / 1e9 AS seconds FROM mark")
    assert marks["n"] == 10000
    looked_at = rows(drops.database, "SELECT count(*) AS n FROM page_moment WHERE kind = 1")[0]["n"]
    assert 1 <= looked_at <= AT_ONCE + 1 + marks["seconds"] * A_SECOND


def test_a_collector_that_does_not_answer(drops):
    """The program waits for it once, and then not again until it answers."""
    until_old(drops.process, 2)
    pid = collector_of(drops.database)
    os.kill(pid, signal.SIGSTOP)
    try:
        drops.say("marks 2000")  # with a wait for each, this would take more than a minute and a half
    finally:
        os.kill(pid, signal.SIGCONT)
    drops.say("full after")
    drops.end()
    assert wait_for_run(drops.database)["state"] == "complete"


def test_confined(drops):
    """A program that may make none of our system calls does not wait, and survives."""
    until_old(drops.process, 2)
    drops.say("confine")
    drops.say("marks 3")
    drops.end()
    assert wait_for_run(drops.database)["state"] == "complete"
