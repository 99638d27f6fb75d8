"""A program ends while the collector looks at its pages: nothing of the record is lost, and the program does not wait long."""

import ctypes
import itertools
import json
import os
import signal
import subprocess
import time

import pytest

from conftest import clean_environment, collector_of, rows, wait_for_run
from stopping import stop
from test_rss_walk import Talking, kernels, until_old

BLOCKS = 2_000_000  # so that a look at them takes tens of milliseconds

SOURCE = f"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(void)
{{
    for (long i = 0; i < {BLOCKS}; i++) {{
        size_t size = 16 + (size_t)i % 5 * 16;
        void **block = malloc(size);
        memset(block, 1, size);
    }}
    puts("ready 0");
    fflush(stdout);
    getchar();
    return 0;
}}
"""


@pytest.fixture(scope="module")
def holder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("holder")
    (folder / "holder.c").write_text(SOURCE)
    subprocess.run(["gcc", "-O1", "-g", "-w", "-o", folder / "holder", folder / "holder.c"], check=True, env=clean_environment())
    return folder / "holder"


def has_moments(database):
    return rows(database, "SELECT 1 FROM sqlite_master WHERE name = 'page_moment'") != []


def looks_at(collector, pid):
    """Whether the collector is looking at the pages of a process: whether it has the process's pagemap open."""
    for number in os.listdir(f"/proc/{collector}/fd"):
        try:
            if os.readlink(f"/proc/{collector}/fd/{number}") == f"/proc/{pid}/pagemap":
                return True
        except OSError:
            pass  # closed in the meantime
    return False


def is_stopped(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rsplit(")", 1)[1].split()[0] == "T"


def until_all_is_read(report, database):
    """Waits until the collector has read what the program wrote, or a full ring would hold up the program's end."""
    deadline = time.monotonic() + 100
    while True:
        answer = report(database, "summary", "--json")
        if answer.returncode == 0 and json.loads(answer.stdout)["run"]["allocations"] >= BLOCKS:
            return
        assert time.monotonic() < deadline, answer
        time.sleep(0.05)


def stop_within_a_look(build, database, pid):
    """Asks for reports until the collector is stopped in the middle of a look; returns the collector and that report's
    process."""
    collector = collector_of(database)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        asking = subprocess.Popen([build.command("trace-report"), "rss", "--json", "--db", str(database)],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment())
        while asking.poll() is None and not looks_at(collector, pid):
            pass
        stop(collector)
        while not is_stopped(collector):
            time.sleep(0.001)
        if looks_at(collector, pid):
            return collector, asking
        os.kill(collector, signal.SIGCONT)
        asking.communicate(timeout=60)
    raise AssertionError("no look was met")


@pytest.mark.parametrize("goes_on", ["before", "after"])
def test_end_within_a_look(build, preload, report, tmp_path, holder, goes_on):
    """In the middle of a look the program is told to end: the look continues before the program has ended, or after that."""
    database = tmp_path / "trace.db"
    program = Talking([str(holder)], preload())
    until_all_is_read(report, database)
    collector, asking = stop_within_a_look(build, database, program.process.pid)
    try:
        program.process.stdin.write(b"\n")
        program.process.stdin.flush()
        if goes_on == "after":
            program.end()  # the program waits for the collector, but not forever
    finally:
        os.kill(collector, signal.SIGCONT)
    if goes_on == "before":
        program.end()
    out, _ = asking.communicate(timeout=60)
    assert asking.returncode == 0 and out
    run = wait_for_run(database)
    assert run["state"] == "complete" and run["exit_status"] == 0
    assert BLOCKS <= run["live_allocations"] < BLOCKS + 10
    for moment in rows(database, "SELECT kind, t_ns, took_ns, resident, missing, (SELECT sum(bytes) FROM page_row AS r WHERE r.moment = m.id AND r.part < 9) "
                                 "AS parts FROM page_moment AS m") if has_moments(database) else []:
        assert moment["resident"] == (moment["parts"] or 0) > 0 and moment["missing"] is None, dict(moment)


class Value(ctypes.Union):
    """union sigval"""

    _fields_ = [("number", ctypes.c_int), ("pointer", ctypes.c_void_p)]


ASK_PAGES = 1  # COLLECTOR_ASK_PAGES


def test_asked_within_a_look_for_another_reason(build, preload, tmp_path):
    """What is requested while a mark is looked at is a look that begins afterwards: memory has been given back since."""
    database = tmp_path / "trace.db"
    program = Talking([build.target("fragments"), "1200000"], preload())
    until_old(program.process, 3)
    collector = collector_of(database)
    deadline = time.monotonic() + 100
    for number in itertools.count():
        program.process.stdin.write(b"mark full%d\n" % number)
        program.process.stdin.flush()
        soon = time.monotonic() + 2
        while time.monotonic() < soon and not looks_at(collector, program.process.pid):
            pass
        stop(collector)
        while not is_stopped(collector):
            time.sleep(0.001)
        program.process.stdout.readline()
        if looks_at(collector, program.process.pid):
            break
        os.kill(collector, signal.SIGCONT)
        assert time.monotonic() < deadline
    before = kernels(program.process.pid)[0]
    program.say("trim")
    assert ctypes.CDLL(None, use_errno=True).sigqueue(collector, signal.SIGUSR1, Value(number=ASK_PAGES)) == 0
    os.kill(collector, signal.SIGCONT)
    asked = "SELECT resident FROM page_moment WHERE kind = 0"
    while not has_moments(database) or not rows(database, asked):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    after = kernels(program.process.pid)[0]
    assert abs(rows(database, asked)[0]["resident"] - after) < abs(before - after) / 10
    program.end()
    assert wait_for_run(database)["state"] == "complete"
