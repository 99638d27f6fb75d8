"""A record that lacks something is never called complete, and every report says what is missing, as text and as JSON."""

import json
import os
import resource
import signal
import subprocess
import time

import pytest
from conftest import collector_of, rows, wait_for_run
from stopping import stop

SHOWING = (["runs"], ["top"], ["summary"], ["tree"], ["leaks"], ["timeline"], ["temporary"], ["histogram"])


def start(build, preload, database, *arguments, **options):
    process = subprocess.Popen([build.target("going"), *arguments], env=preload(db=database), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, **options)
    assert process.stdout.readline() == b"ready\n"
    return process


def end(process):
    """What the program prints at its end: the number of its allocations."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and err.count(b"\n") <= 1
    return int(out), err


def says(report, database, *words):
    """Checks that each report says it, in each form."""
    for command in SHOWING:
        text = " ".join(report(database, *command).stdout.split())
        assert all(word in text for word in words), (command, text)
        found = json.loads(report(database, *command, "--json").stdout)
        run = found["runs"][-1] if "runs" in found else found["run"]
        missing = " ".join(run["missing"])
        assert run["state"] != "complete" and all(word in missing for word in words), (command, run)


def ours(database):
    """The number of allocations at the program's own line."""
    return rows(database, "SELECT coalesce(sum(allocations), 0) AS n FROM lines WHERE function = 'churn'")[0]["n"]


def stop_until(build, preload, database, program_s, wait):
    """The collector is stopped until wait(process) returns: what that returns, and what end() does."""
    process = start(build, preload, database, str(program_s))
    collector = collector_of(database)
    stop(collector)
    try:
        waited = wait(process)
    finally:
        os.kill(collector, signal.SIGCONT)
    return waited, *end(process)


def test_collector_stopped_for_a_while(build, preload, report, tmp_path):
    """The program waits for the collector, and nothing is lost."""
    database = tmp_path / "trace.db"
    _, count, err = stop_until(build, preload, database, 3, lambda process: time.sleep(2))
    run = wait_for_run(database)
    assert (err, run["state"], ours(database)) == (b"", "complete", count)
    assert json.loads(report(database, "runs", "--json").stdout)["runs"][0]["missing"] == []


def test_collector_stopped_for_long(build, preload, report, tmp_path):
    """The program continues untraced: the record is not complete, though everything ends normally. (After five seconds;
    the busier the machine, the later.)"""
    database = tmp_path / "trace.db"
    said, count, err = stop_until(build, preload, database, 8, lambda process: process.stderr.readline())
    assert b"untraced" in said and err == b""
    run = wait_for_run(database)
    assert (run["state"], run["stopped"]) == ("incomplete", 1) and ours(database) < count
    says(report, database, "went on untraced")
    assert run["exit_status"] == 0


def test_collector_killed(build, preload, report, tmp_path):
    database = tmp_path / "trace.db"
    process = start(build, preload, database, "2")
    time.sleep(0.7)
    os.kill(collector_of(database), signal.SIGKILL)
    end(process)
    says(report, database, "interrupted")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small file system")
def test_disk_full(build, preload, report, tmp_path):
    """The collector stops at the first statement that fails, and says why."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "none", folder], capture_output=True).returncode:
        pytest.skip("cannot mount here")
    try:
        database = folder / "trace.db"
        env = preload({"LIBTRACE_EVENTS": "1"}, database)
        process = subprocess.Popen([build.target("going"), "12"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        collector = collector_of(database)
        while process.poll() is None and os.path.exists(f"/proc/{collector}"):
            time.sleep(0.05)
        assert process.poll() is None, "the collector went on for as long as the program"
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0 and b"space" in err and err.count(b"\n") == 1
        says(report, database, "when recording was stopped", "no space left")
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_threads_that_find_no_room(build, preload, report, tmp_path):
    """A limit to the size of files leaves room for only a few rings: the allocations of the other threads are counted as
    lost."""
    database = tmp_path / "trace.db"
    limit = 12 << 20
    process = subprocess.Popen([build.target("crowd"), "40", "2000"], env=preload(db=database), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    out, err = process.communicate(b"\n", timeout=60)
    assert process.returncode == 0 and err == b"", (out, err)
    run = wait_for_run(database)
    assert run["state"] == "incomplete" and run["events_lost"] > 10000
    says(report, database, "events found no room")


def test_processes_that_find_no_room(build, preload, report, tmp_path):
    database = tmp_path / "trace.db"
    done = subprocess.run([build.target("going"), "forks", "1040"], env=preload(db=database), capture_output=True, timeout=120)
    assert done.returncode == 0 and done.stderr.count(b"\n") <= 1
    run = wait_for_run(database)
    traced = rows(database, "SELECT count(*) AS n FROM process")[0]["n"]
    assert run["state"] == "incomplete" and run["untraced"] == int(done.stdout) + 1 - traced > 0
    says(report, database, "could not be traced")
