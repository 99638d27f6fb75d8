"""trace-attach to a program that was started only just now: it waits until the program is ready."""

import os
import subprocess
import time

import pytest

from conftest import clean_environment, rows, wait_for_run


@pytest.fixture
def slow_start(build):
    """A program whose loader blocks until its debug output is read, and the pipe's end to read it from."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    try:
        while True:
            os.write(write, bytes(4096))
    except BlockingIOError:
        os.set_blocking(write, True)
    program = subprocess.Popen([build.target("churn"), "2", "3"], env=clean_environment({"LD_DEBUG": "files"}), stderr=write,
                               stdout=subprocess.DEVNULL)
    os.close(write)
    yield program, read
    program.kill()
    program.wait()
    os.close(read)


def test_still_loading(slow_start, build, tmp_path):
    program, pipe = slow_start
    deadline = time.monotonic() + 100
    while "ld-linux" not in (maps := open(f"/proc/{program.pid}/maps").read()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "/libc" not in maps
    attach = subprocess.Popen([build.command("trace-attach"), "--duration", "1", "-o", tmp_path / "trace.db", str(program.pid)],
                              env=clean_environment(), stderr=subprocess.PIPE, text=True)
    time.sleep(0.7)
    assert attach.poll() is None, attach.stderr.read()
    while os.read(pipe, 65536) and program.poll() is None:
        pass
    assert program.wait(timeout=60) == 0
    assert (attach.communicate(timeout=60)[1], attach.returncode) == ("", 0)
    wait_for_run(tmp_path / "trace.db")
    assert rows(tmp_path / "trace.db", "SELECT allocations FROM run")[0]["allocations"] > 0
