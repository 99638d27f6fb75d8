"""An idle program costs nothing: its collector sleeps until the next event, end, or signal."""

import signal
import subprocess
import time
from pathlib import Path

import pytest

from conftest import collector_of, rows, wait_for_run


def switches(collector):
    """How often its threads have gone to sleep voluntarily so far."""
    return sum(int(line.split()[1]) for status in Path(f"/proc/{collector}/task").glob("*/status")
               for line in status.read_text().splitlines() if line.startswith("voluntary_ctxt_switches"))


def start_idle(steps, database):
    """A program that has allocated and waits, and its collector, which has had time to fall asleep."""
    program = steps(env={"LIBTRACE_EVENTS": "1"}, db=database)
    collector = collector_of(database)
    time.sleep(2)
    return program, collector


@pytest.fixture
def idle(steps, tmp_path):
    return start_idle(steps, tmp_path / "trace.db")


def test_wakes_twice_a_second_at_most(idle):
    """Once it sleeps: on a busy machine it comes to that later."""
    program, collector = idle
    for _ in range(4):
        begin, before = time.monotonic(), switches(collector)
        time.sleep(5)
        woken, seconds = switches(collector) - before, time.monotonic() - begin
        if woken <= 2 * seconds:
            break
    assert woken <= 2 * seconds
    assert program.end() == 0


ROUNDS = 6


def lifetimes(steps, database):
    """The reported lifetimes of blocks that were allocated after a pause, and freed soon afterwards."""
    program, _ = start_idle(steps, database)
    for _ in range(ROUNDS):
        program.do("keep 1")
        time.sleep(0.2)
        program.do("free 1")
        time.sleep(0.6)
    assert program.end() == 0
    wait_for_run(database)
    return [row["ns"] for row in rows(database, """
        SELECT min(f.t_ns) - a.t_ns AS ns FROM event AS a
        JOIN event AS f ON f.address = a.address AND f.kind = 'free' AND f.id > a.id
        WHERE a.kind = 'alloc' AND a.size = 100 GROUP BY a.id""")]


def test_notices_the_first_event(steps, tmp_path):
    """The lifetimes must not be zero. A collector that gets no processor in time cannot know them, so this
    is tried again. One that looks only twice a second would be wrong about some of them each time."""
    for attempt in range(3):
        lived = lifetimes(steps, tmp_path / f"{attempt}.db")
        assert len(lived) == ROUNDS and all(0 <= ns < 60_000_000_000 for ns in lived), lived
        if all(ns > 20_000_000 for ns in lived):
            return
    raise AssertionError(lived)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_wakes_for_an_end(number, idle, tmp_path):
    program, _ = idle
    program.process.send_signal(number)
    program.process.wait()
    assert wait_for_run(tmp_path / "trace.db")["state"] == "complete"


def test_wakes_for_a_signal_of_its_own(idle, tmp_path):
    program, collector = idle
    subprocess.run(["kill", "-TERM", str(collector)], check=True)
    assert wait_for_run(tmp_path / "trace.db")["state"] == "interrupted"
    program.end()
