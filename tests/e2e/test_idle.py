"""A program that does nothing costs nothing: its collector sleeps, and wakes for the next event, an end, or a signal."""

import signal
import subprocess
import time
from pathlib import Path

import pytest

from conftest import rows, wait_for_run


def switches(collector):
    """Times that its threads have gone to sleep by themselves so far."""
    return sum(int(line.split()[1]) for status in Path(f"/proc/{collector}/task").glob("*/status")
               for line in status.read_text().splitlines() if line.startswith("voluntary_ctxt_switches"))


@pytest.fixture
def idle(steps, tmp_path):
    """A program that has allocated and waits, and its collector, which has had time to fall asleep."""
    program = steps(env={"LIBTRACE_EVENTS": "1"})
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            collector = rows(tmp_path / "trace.db", "SELECT collector_pid FROM run")[0]["collector_pid"]
            break
        except Exception:  # not there yet
            time.sleep(0.05)
    time.sleep(2)
    return program, collector


def test_wakes_twice_a_second_at_most(idle):
    program, collector = idle
    before = switches(collector)
    time.sleep(5)
    assert switches(collector) - before <= 10
    assert program.end() == 0


def test_notices_the_first_event(idle, tmp_path):
    """What was allocated after a rest, and freed soon after, was not there for no time at all."""
    program, _ = idle
    rounds = 6
    for _ in range(rounds):
        program.do("keep 1")
        time.sleep(0.2)
        program.do("free 1")
        time.sleep(0.6)
    assert program.end() == 0
    wait_for_run(tmp_path / "trace.db")
    lived = rows(tmp_path / "trace.db", """
        SELECT a.id, min(f.t_ns) - a.t_ns AS ns FROM event AS a
        JOIN event AS f ON f.address = a.address AND f.kind = 'free' AND f.id > a.id
        WHERE a.kind = 'alloc' AND a.size = 100 GROUP BY a.id""")
    assert len(lived) == rounds
    assert all(20_000_000 < block["ns"] < 5_000_000_000 for block in lived), lived


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_wakes_for_an_end(number, idle, tmp_path):
    program, _ = idle
    program.process.send_signal(number)
    program.process.wait()
    assert wait_for_run(tmp_path / "trace.db", timeout=20)["state"] == "complete"


def test_wakes_for_a_signal_of_its_own(idle, tmp_path):
    program, collector = idle
    subprocess.run(["kill", "-TERM", str(collector)], check=True)
    assert wait_for_run(tmp_path / "trace.db", timeout=20)["state"] == "interrupted"
    program.end()
