"""Faults of the collector do not affect the program: it continues, and prints at most one line about what
is lost. The database stays sound."""

import ctypes
import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from conftest import collector_of, rows, wait_for_run
from stopping import stop

SOUND = "PRAGMA integrity_check"
HEARTBEAT_S = 5  # a collector without a heartbeat for this long is given up, even if it may be alive


@pytest.fixture
def churn(build, preload):
    """churn(db, seconds): a program with four threads that allocate for so long."""
    started = []

    def run(database, seconds, env=None):
        process = subprocess.Popen([build.target("churn"), "4", str(seconds)], env=preload(env, database),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        started.append(process)
        assert process.stdout.readline() == b"ready\n"
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def ends_well(process, timeout=100):
    out, err = process.communicate(timeout=timeout)
    assert process.returncode == 0, (process.returncode, err)
    assert err.count(b"\n") <= 1 and (not err or err.startswith(b"libtrace: ")), err
    return err


def says_so_and_ends_well(process):
    """Waits for the line that says what is lost, then tells the program to end; it must print nothing more."""
    said = process.stderr.readline()
    process.send_signal(signal.SIGUSR2)
    assert ends_well(process) == b"" and said.startswith(b"libtrace: ")
    return said


@pytest.mark.parametrize("delay", [0, 0.05, 0.5])
def test_killed_at_any_moment(delay, churn, tmp_path):
    database = tmp_path / "trace.db"
    program = churn(database, 100)
    pid = collector_of(database)
    time.sleep(delay)
    os.kill(pid, signal.SIGKILL)
    assert b"collector" in says_so_and_ends_well(program)
    assert rows(database, SOUND)[0][0] == "ok"


def test_killed_and_never_waited_for(churn, tmp_path):
    """If orphans are adopted by a process that does not reap them, as in many containers, the dead
    collector stays as a zombie. It must be recognised as dead long before its heartbeat is missed."""
    PR_SET_CHILD_SUBREAPER, libc = 36, ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        program = churn(tmp_path / "trace.db", 100)
        pid = collector_of(tmp_path / "trace.db")
        time.sleep(0.2)
        os.kill(pid, signal.SIGKILL)
        started = time.monotonic()
        assert b"collector" in says_so_and_ends_well(program)
        assert time.monotonic() - started < HEARTBEAT_S
        assert os.waitpid(pid, 0)[0] == pid  # we did adopt it
    finally:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 0)


def test_stopped(churn, tmp_path):
    """A collector that does not answer for five seconds is given up."""
    database = tmp_path / "trace.db"
    program = churn(database, 100)
    pid = collector_of(database)
    stop(pid)
    try:
        assert b"collector" in says_so_and_ends_well(program)
    finally:
        os.kill(pid, signal.SIGKILL)


def test_all_stopped(churn, tmp_path):
    """If both are stopped for a while, as containers are, and the program is continued first, the
    collector is not given up."""
    database = tmp_path / "trace.db"
    program = churn(database, 8)
    pid = collector_of(database)
    stop(pid)
    try:
        time.sleep(0.5)  # the rings are full by then
        program.send_signal(signal.SIGSTOP)
        time.sleep(6)
        program.send_signal(signal.SIGCONT)
        time.sleep(0.3)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert ends_well(program) == b""
    assert wait_for_run(database)["state"] == "complete"


def test_locked_for_long(churn, tmp_path):
    """Another program locks the database for seconds: recording waits, the program does not."""
    database = tmp_path / "trace.db"
    first = churn(database, 0)
    ends_well(first)
    wait_for_run(database)
    program = churn(database, 4)
    collector_of(database)
    holder = sqlite3.connect(database, timeout=30, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    time.sleep(3)
    holder.execute("ROLLBACK")
    holder.close()
    ends_well(program)
    assert wait_for_run(database)["state"] in ("complete", "interrupted")
    assert rows(database, SOUND)[0][0] == "ok"


def test_directory_removed(churn, tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    program = churn(folder / "trace.db", 2)
    collector_of(folder / "trace.db")
    for file in folder.iterdir():
        file.unlink(missing_ok=True)
    folder.rmdir()
    ends_well(program)


@pytest.mark.parametrize("path", ["/nowhere/trace.db", "/proc/trace.db"])
def test_cannot_write(path, build, plain, preload):
    for _ in range(3):  # on a busy machine the program may end before its collector has found out
        process = subprocess.run([build.target("threads"), "many"], env=preload(db=path), capture_output=True, timeout=60)
        assert process.returncode == 0 and process.stdout == b"done\n"
        if process.stderr:
            break
    assert process.stderr.startswith(b"libtrace: ") and process.stderr.count(b"\n") == 1


def entries(folder):
    try:
        return [os.path.join(folder, name) for name in os.listdir(folder)]
    except OSError:  # gone meanwhile
        return []


def uses(folder):
    """True while some process has a file open below the folder."""
    for link in (link for process in Path("/proc").glob("[0-9]*") for link in entries(process / "fd")):
        try:
            if Path(folder) in Path(os.readlink(link)).parents:
                return True
        except OSError:  # gone meanwhile
            pass
    return False


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small file system")
def test_disk_full(churn, tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "none", folder], capture_output=True).returncode:
        pytest.skip("cannot mount here")
    try:
        program = churn(folder / "trace.db", 2, env={"LIBTRACE_EVENTS": "1"})
        ends_well(program)
        deadline = time.monotonic() + 30
        while uses(folder) and time.monotonic() < deadline:
            time.sleep(0.1)
        if (folder / "trace.db").exists():
            assert rows(folder / "trace.db", SOUND)[0][0] == "ok"
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_disk_that_fills_up_is_said(build, plain, preload, tmp_path):
    """The database can be created, but not written completely. A program that lives on is told; one that
    ends after a millisecond may not be, but trace-run tests it before."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "none", folder], capture_output=True).returncode:
        pytest.skip("cannot mount here")
    try:
        (folder / "fill").write_bytes(bytes(60 * 1024))
        command = [build.target("hello"), "you", "3"]
        tried = plain([build.command("trace-run"), "-o", folder / "trace.db", *command])
        assert (tried.returncode, tried.stdout) == (3, b"hello you\n")
        assert tried.stderr.startswith(b"trace-run: ") and tried.stderr.count(b"\n") == 1 and b"space" in tried.stderr
        command = ["sh", "-c", '"$@"; read line; "$@"', "sh", *command]
        process = subprocess.Popen(command, env=preload({"LIBTRACE_DB": folder / "trace.db"}), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout.readline() == b"hello you\n"
        time.sleep(1)
        deadline = time.monotonic() + 60
        while uses(folder) and time.monotonic() < deadline:
            time.sleep(0.1)
        out, err = process.communicate(b"\n", timeout=60)
        assert (process.returncode, out) == (3, b"hello you\n")
        assert err.startswith(b"libtrace: ") and err.count(b"\n") == 1 and b"space" in err
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
