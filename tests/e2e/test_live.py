"""Reports on a run that is still recording show all that the program has done by now, without waiting for the next periodic
snapshot. If the collector cannot be asked, a message says so."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest

from conftest import rows, wait_for_run
from stopping import stop

ROUNDS = 25


def until_recording(database, runs=1):
    """Waits until the collector has begun the run in the database, for which the program itself does not wait."""
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline:
        try:
            if len(rows(database, "SELECT * FROM run")) == runs:
                return
        except sqlite3.OperationalError:  # the file is not there yet, or is being created
            pass
        time.sleep(0.01)
    raise AssertionError("no run was begun")


def kept(document):
    return sum(row["allocations"] for row in document["rows"] if row["function"] == "keep")


def test_at_once(steps, report, tmp_path):
    """Each report is made right after the program has reported that it is done."""
    database = tmp_path / "trace.db"
    program = steps()
    until_recording(database)
    made = 0
    for number in range(ROUNDS):
        program.do(f"keep {100 + number}")
        made += 100 + number
        shown = report(database, "top", "--json", "--limit", "0")
        assert shown.returncode == 0 and shown.stderr == "", shown.stderr
        document = json.loads(shown.stdout)
        assert document["run"]["state"] == "recording" and kept(document) == made
    program.do("keep 1000")
    made += 1000
    summary = json.loads(report(database, "summary", "--json").stdout)
    assert summary["run"]["allocations"] == json.loads(report(database, "runs", "--json").stdout)["runs"][0]["allocations"]
    assert sum(r["allocations"] for r in summary["top_bytes"] if r["function"] == "keep") == made
    for command, argument in (("runs", None), ("sql", "SELECT allocations FROM runs")):
        before = summary["run"]["allocations"]
        program.do("keep 10")
        shown = json.loads(report(database, command, *([argument] if argument else []), "--json").stdout)
        summary["run"]["allocations"] = shown["rows"][0][0] if command == "sql" else shown["runs"][0]["allocations"]
        assert summary["run"]["allocations"] == before + 10, command
    assert program.end() == 0
    assert wait_for_run(database)["state"] == "complete"


def test_a_line_that_rests_is_part_of_a_later_peak(steps, report, tmp_path):
    """What it had at the peak changes, though nothing happens to it."""
    database = tmp_path / "trace.db"
    program = steps()
    until_recording(database)
    for step in ("keep 2000", "free 2000", "large 10"):
        program.do(step)

    def at_peak():
        found = json.loads(report(database, "top", "--by", "allocations", "--json", "--limit", "0").stdout)
        return [r["peak_bytes"] for r in found["rows"] if r["function"] == "large"]

    assert at_peak() == [0]
    program.do("keep 4000")
    assert at_peak() == [100000]
    assert program.end() == 0
    wait_for_run(database)
    assert at_peak() == [100000]


def test_two_that_record(steps, report, tmp_path):
    """Both sides of a comparison are up to date."""
    database = tmp_path / "trace.db"
    first, second = steps(env={"LIBTRACE_LABEL": "a"}), steps(env={"LIBTRACE_LABEL": "b"})
    until_recording(database, 2)
    for number in range(1, 6):
        first.do("keep 100")
        second.do("keep 300")
        document = json.loads(report(database, "compare", "a", "b", "--by", "bytes", "--json").stdout)
        match = next(r for r in document["comparisons"][0]["rows"] if r["function"] == "keep")
        assert (match["allocations_before"], match["allocations_after"]) == (100 * number, 300 * number)


def test_collector_stands_still(steps, report, tmp_path):
    database = tmp_path / "trace.db"
    program = steps()
    program.do("keep 100")
    until_recording(database)
    assert kept(json.loads(report(database, "top", "--json").stdout)) == 100
    collector = rows(database, "SELECT collector_pid FROM run")[0][0]
    stop(collector)
    try:
        program.do("keep 100")
        shown = report(database, "top", "--json")
        assert shown.returncode == 0 and kept(json.loads(shown.stdout)) == 100
        assert shown.stderr.count("\n") == 1 and "has been stopped" in shown.stderr and "ago" in shown.stderr
    finally:
        os.kill(collector, signal.SIGCONT)


def test_a_copy_is_left_alone(steps, report, tmp_path):
    """In a copy of the file, the run names a collector that does not write to that copy: it gets no signal."""
    database, copy = tmp_path / "trace.db", tmp_path / "copy.db"
    program = steps()
    program.do("keep 100")
    until_recording(database)
    report(database, "top")
    for suffix in ("", "-wal"):
        if os.path.exists(f"{database}{suffix}"):
            shutil.copy(f"{database}{suffix}", f"{copy}{suffix}")
    shown = report(copy, "top")
    assert shown.returncode == 0 and shown.stderr.count("\n") == 1 and "does not write to this file" in shown.stderr


def test_a_strangers_choice(steps, report, build, tmp_path):
    """A file from a stranger may name any process as its collector. SIGUSR1 would end one that does not expect it."""
    database, copy = tmp_path / "trace.db", tmp_path / "copy.db"
    program = steps()
    program.do("keep 100")
    until_recording(database)
    report(database, "top")
    for suffix in ("", "-wal"):
        shutil.copy(f"{database}{suffix}", f"{copy}{suffix}")
    bystander = subprocess.Popen(["sleep", "100"])
    try:
        start = open(f"/proc/{bystander.pid}/stat").read().rsplit(")", 1)[1].split()[19]
        subprocess.run(["/usr/bin/python3", "-c", "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); "
                        f"c.execute('UPDATE run SET collector_pid = {bystander.pid}, collector_start = {start}'); c.commit()",
                        copy], check=True)
        shown = report(copy, "top")
        assert shown.returncode == 0 and "does not write to this file" in shown.stderr
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_another_users(steps, build, everybodys):
    program = steps(db=everybodys / "trace.db")
    program.do("keep 100")
    until_recording(everybodys / "trace.db")
    for file in everybodys.glob("trace.db*"):
        file.chmod(0o644)
    try:
        shown = subprocess.run([build.command("trace-report"), "top", "--db", everybodys / "trace.db"], user=65534, group=65534,
                               extra_groups=[], capture_output=True, text=True)
    except PermissionError:
        pytest.skip("the build is not to be seen by others")
    assert shown.returncode == 0, shown.stderr
    assert "another user's" in shown.stderr and shown.stderr.count("\n") == 1 and "still running" in shown.stdout


def test_another_pid_namespace(steps, build, program, tmp_path):
    """As seen from outside a container: the collector's PID means nothing here, but the run is shown as still being
    recorded."""
    argv = [program("unshare"), "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*argv, "true"], capture_output=True).returncode != 0:
        pytest.skip("PID namespaces cannot be made here")
    traced = steps()
    traced.do("keep 100")
    database = tmp_path / "trace.db"
    until_recording(database)
    shown = subprocess.run([*argv, build.command("trace-report"), "top", "--db", database], capture_output=True, text=True)
    assert shown.returncode == 0 and "still running" in shown.stdout
    assert "another PID namespace" in shown.stderr and shown.stderr.count("\n") == 1
    # Nor does a collector there that records into the same file take it for dead.
    subprocess.run([*argv, build.command("trace-run"), "-o", database, build.target("hello")], capture_output=True, check=True)
    assert rows(database, "SELECT state FROM run WHERE id = 1")[0][0] == "recording"
