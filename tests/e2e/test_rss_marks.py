"""What is resident at a mark is what was resident when the mark was set: the program waits there for the
collector, but not for long."""

import json
import os
import signal
import time

import pytest

from conftest import collector_of, rows, wait_for_run
from stopping import stop
from test_rss_walk import MIB, Talking, until_old


@pytest.fixture
def start(build, preload, tmp_path):
    """Starts the program, with a database of its own."""
    started = []

    def one():
        database = tmp_path / f"{len(started)}.db"
        program = Talking([build.target("drops")], preload(db=database))
        program.database = database
        started.append(program)
        return program

    yield one
    for program in started:
        program.process.kill()


@pytest.fixture
def drops(start):
    return start()


def moments(database):
    """When a mark was set, and when the look at the pages was over: for each mark that got one."""
    if not rows(database, "SELECT 1 FROM sqlite_master WHERE name = 'page_moment'"):
        return []
    return rows(database, "SELECT name, mark.t_ns AS set_ns, m.t_ns + m.took_ns AS over_ns FROM mark JOIN page_moment AS m "
                          "ON m.run = mark.run AND m.mark = mark.id AND m.kind = 1")


def in_time(drops):
    """Sets four marks; returns the moments of those whose look was over before the program went on. On a busy machine it does
    not wait so long, and not again before the collector has answered."""
    took_us = {}
    for number in range(4):
        until_old(drops.process, 3 + number)
        drops.say(f"full full{number}")
        took_us[f"full{number}"] = drops.resident
    drops.end()
    wait_for_run(drops.database)
    return [moment for moment in moments(drops.database)
            if moment["over_ns"] - moment["set_ns"] <= took_us[moment["name"]] * 1000]


def test_before_it_is_freed(start, report):
    """A mark shows memory that is freed right after it."""
    deadline = time.monotonic() + 100
    while not (found := in_time(drops := start())):
        assert time.monotonic() < deadline
    for moment in found:
        shown = json.loads(report(drops.database, "rss", "--at", moment["name"], "--json").stdout)
        [live] = [part for part in shown["parts"] if part["part"] == "live"]
        assert live["bytes"] > 23.9 * MIB, dict(moment)
        assert [line["function"] for line in live["lines"][:2]] == ["full", "full"]


AT_ONCE, A_SECOND = 16, 10


def test_many_in_a_row(start):
    """The first few marks get a look at the pages, and later ones now and then, though on a busy machine perhaps none before
    the program ends. The others cost next to nothing, or this would take minutes."""
    deadline = time.monotonic() + 100
    looked_at = 0
    while not looked_at:
        assert time.monotonic() < deadline
        drops = start()
        until_old(drops.process, 2)
        drops.say("marks 10000")
        drops.end()
        wait_for_run(drops.database)
        [marks] = rows(drops.database, "SELECT count(*) AS n, (max(t_ns) - min(t_ns)) / 1e9 AS seconds FROM mark")
        assert marks["n"] == 10000
        looked_at = len(moments(drops.database))
        assert looked_at <= AT_ONCE + 1 + marks["seconds"] * A_SECOND


def test_a_collector_that_does_not_answer(drops):
    """The program waits for it once, and then not again until it answers."""
    until_old(drops.process, 2)
    pid = collector_of(drops.database)
    stop(pid)
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
