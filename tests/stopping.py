"""Stopping a process, for all tests."""

import os
import pathlib
import signal
import time


def stop(pid, timeout=100):
    """Stops a process by SIGSTOP. On a busy machine its other threads go on until one of them has taken the signal."""
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + timeout
    states = ""
    while time.monotonic() < deadline:
        states = [path.read_text().rsplit(")", 1)[1].split()[0] for path in pathlib.Path(f"/proc/{pid}/task").glob("*/stat")]
        if set(states) <= {"T"}:
            return
        time.sleep(0.001)
    raise AssertionError(f"{pid} does not stop: {states}")
