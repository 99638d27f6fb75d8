"""A collector that hardly gets a processor, on a busy machine, is waited for as long as it works."""

import os
import signal
import subprocess
import sys
import time

import pytest

import collector_script
from conftest import wait_for_run

STARVED = 12  # seconds
CROWD, STOPPED = 40, 8  # threads that want the program's only processor; seconds for which its collector gets none


@pytest.fixture
def starved(build, preload, tmp_path):
    """An environment whose collector stops itself before it begins, and a function that returns its number."""
    library = collector_script.install(build, tmp_path, f"echo $$ >{tmp_path}/new && mv {tmp_path}/new {tmp_path}/number\nkill -STOP $$")

    def number():
        limit = time.monotonic() + 100
        while not (tmp_path / "number").exists():
            assert time.monotonic() < limit
            time.sleep(0.01)
        return int((tmp_path / "number").read_text())
    return preload({"LD_PRELOAD": library}), number


def test_starved(starved, build, tmp_path):
    """It goes on for moments only. What it does before its first heartbeat takes it longer than five seconds, while the
    program's ring is full."""
    env, number = starved
    program = subprocess.Popen([build.target("crowd"), "1", "200000"], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    collector, begin = number(), time.monotonic()
    while time.monotonic() < begin + STARVED:
        os.kill(collector, signal.SIGCONT)
        os.kill(collector, signal.SIGSTOP)
        time.sleep(0.5)
    os.kill(collector, signal.SIGCONT)
    _, err = program.communicate(timeout=100)
    assert (program.returncode, err) == (0, b"")
    assert wait_for_run(tmp_path / "trace.db")["state"] == "complete"


@pytest.fixture
def crowd():
    """Makes one processor crowded, and returns its number. Idle threads count as well, and take little from others."""
    processor = max(os.sched_getaffinity(0))
    loop = f"import os\nos.sched_setaffinity(0, [{processor}])\nos.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nwhile True: pass"
    threads = [subprocess.Popen([sys.executable, "-c", loop]) for _ in range(CROWD)]
    limit = time.monotonic() + 100
    while os.getloadavg()[0] < 4 and time.monotonic() < limit:
        time.sleep(0.1)
    yield processor
    for thread in threads:
        thread.kill()
    for thread in threads:
        thread.wait()


def test_crowded(crowd, starved, build, tmp_path):
    """It gets no processor at all for longer than five seconds, as others want them."""
    env, number = starved
    program = subprocess.Popen(["taskset", "-c", str(crowd), build.target("crowd"), "1", "200000"], env=env, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    collector = number()
    time.sleep(STOPPED)
    assert os.getloadavg()[0] >= 2
    os.kill(collector, signal.SIGCONT)
    _, err = program.communicate(timeout=100)
    assert (program.returncode, err) == (0, b"")
    assert wait_for_run(tmp_path / "trace.db")["state"] == "complete"
