"""If a system call of ours fails, the program does not notice: it ends as if untraced, one line says what is
lost, and the record is sound, and not called complete if it is not.

A spread sample of all calls, as many as there is time for, or LIBTRACE_TEST_CALLS of them;
scripts/test-syscalls tries all.
"""

import os
import resource
import sqlite3
import time

import pytest

import failing
from conftest import wait_for_run

SECONDS = 22
LEAST = 30


def spread(todo):
    """First one of each kind of call in each part of ours, then others, spread over the whole run."""
    first, rest, kinds = [], [], set()
    for subject, failure in todo:
        kind = subject.part_of(failure.call), failure.call.name
        (rest if kind in kinds else first).append((subject, failure))
        kinds.add(kind)
    step = max(1, len(rest) // 50)
    return first + [one for start in range(step) for one in rest[start::step]]


def test_failing_calls(build, tmp_path, say):
    why = failing.can_trace(build, tmp_path)
    if why:
        pytest.skip(why)
    todo = spread(failing.all_failures(failing.subjects(build, tmp_path)))
    most = int(os.environ.get("LIBTRACE_TEST_CALLS", 0))
    start, tried, wrong = time.monotonic(), 0, []
    for subject, failure in todo[:most or None]:
        if not most and tried >= LEAST and time.monotonic() - start > SECONDS:
            break
        found = subject.attempt(failure)[1]
        wrong += [found] if found else []
        tried += 1
    say(f"failing calls: {tried} of {len(todo)} tried, {len(wrong)} wrong")
    assert not wrong, "\n".join(wrong)


def test_one_line_for_all_processes(build, plain, preload):
    """If nothing can be recorded, the program's children do not repeat the message."""
    command = [build.target("calls")]
    expected, done = plain(command), plain(command, env=preload(db="/nowhere/trace.db"))
    assert (done.returncode, done.stdout) == (expected.returncode, expected.stdout)
    assert done.stderr.startswith(b"libtrace: ") and done.stderr.count(b"\n") == 1, done.stderr


def test_one_line_without_shared_memory(build, plain, preload, tmp_path):
    """The same without memory that the processes share."""
    command = ["sh", "-c", f"{build.target('hello')}; {build.target('hello')}; exit 3"]
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))  # noqa: E731
    done = plain(command, env=preload(db=tmp_path / "trace.db"), preexec_fn=limit)
    assert (done.returncode, done.stdout) == (3, b"hello world\nhello world\n")
    assert done.stderr.startswith(b"libtrace: ") and done.stderr.count(b"\n") == 1, done.stderr


def test_database_locked(build, plain, preload, tmp_path):
    """A collector that waits for its database does not delay the program, and is not taken for dead: it
    records later. (The program lives until its collector has got so far, on a busy machine, too.)"""
    database = tmp_path / "trace.db"
    plain([build.target("hello")], env=preload(db=database))
    wait_for_run(database)
    holder = sqlite3.connect(database, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        done = plain(["sh", "-c", f"{build.target('hello')}; sleep 5"], env=preload(db=database))
        assert (done.returncode, done.stdout) == (0, b"hello world\n")
        assert b"keeps the database locked" in done.stderr and done.stderr.count(b"\n") == 1
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    assert wait_for_run(database, 2)["state"] == "complete"


def test_traced_again_after_a_failure(build, plain, preload, tmp_path):
    """trace-run records even below a program whose run could not be recorded: the user has asked for it."""
    done = plain([build.command("trace-run"), build.target("hello")],
                 env={"LIBTRACE_SESSION": "!", "LIBTRACE_DB": tmp_path / "trace.db"})
    assert (done.returncode, done.stdout, done.stderr) == (0, b"hello world\n", b"")
    assert wait_for_run(tmp_path / "trace.db")["state"] == "complete"
