"""Processes one after another, and at the same time: what the run held at most, and what it holds at its end."""

import json
import os
import signal
import subprocess
import time

import pytest
from conftest import collector_of, rows, wait_for_run
from stopping import stop

MIB = 1 << 20
KEEP = "printf 'keep 10486\\n' | {steps} >/dev/null; "


@pytest.fixture
def after_another(build, trace):
    return trace(["sh", "-c", 3 * KEEP.format(steps=build.target("steps"))])


def of(traced):
    return traced.one("SELECT * FROM runs")


def test_one_after_another(after_another, report):
    """None of the three processes held its memory at the same time as another."""
    run = of(after_another)
    assert MIB <= run["peak_bytes"] < 1.5 * MIB and 3 * MIB <= run["unfreed_bytes"] < 3.5 * MIB
    assert run["live_bytes"] <= run["peak_bytes"] and run["live_allocations"] <= run["allocations"] - run["frees"]
    assert 0 < run["peak_s"] <= run["wall_s"]
    database = after_another.database
    last = after_another.rows("SELECT * FROM timeline ORDER BY t_s")[-1]
    assert last["live_bytes"] == run["live_bytes"]
    leaks = json.loads(report(database, "leaks", "--all", "--json").stdout)
    assert leaks["live_bytes"] == leaks["run"]["unfreed_bytes"] == run["unfreed_bytes"]
    assert leaks["run"]["live_bytes"] == run["live_bytes"]
    assert "never freed" in report(database, "leaks").stdout
    assert "never freed" in report(database, "summary").stdout
    assert "MiB never freed" in report(database, "top").stdout.splitlines()[0]
    assert "never freed" in report(database, "compare", "1", "1").stdout


def while_it_stands_still(script, preload, database):
    """Runs a shell's script; its collector is stopped from the first word on until the shell has ended."""
    program = subprocess.Popen(["sh", "-c", "read x; " + script], env=preload(), stdin=subprocess.PIPE)
    collector = collector_of(database)
    stop(collector)
    try:
        program.communicate(b"\n", timeout=100)
    finally:
        os.kill(collector, signal.SIGCONT)
    assert wait_for_run(database)["state"] == "complete"
    [run] = rows(database, "SELECT * FROM runs")
    return run


def test_all_of_them_found_late(build, preload, tmp_path):
    """A collector that gets no processor for a while finds three processes that came and went one after another."""
    run = while_it_stands_still(3 * KEEP.format(steps=build.target("steps")), preload, tmp_path / "trace.db")
    assert MIB <= run["peak_bytes"] < 1.5 * MIB and 3 * MIB <= run["unfreed_bytes"] < 3.5 * MIB


def test_found_at_once(build, preload, tmp_path):
    """The collector may learn of several ends at once: the time series ends with what the last process held."""
    database = tmp_path / "trace.db"
    run = while_it_stands_still(KEEP.format(steps=build.target("steps")) + "i=$(echo 1)", preload, database)
    last = rows(database, "SELECT * FROM timeline ORDER BY t_s")[-1]
    processes = rows(database, "SELECT * FROM processes ORDER BY ended_s")
    assert processes[-1]["process"] == 1 and run["live_bytes"] == processes[-1]["live_bytes"]
    assert (last["live_bytes"], last["live_allocations"]) == (run["live_bytes"], run["live_allocations"])


def test_one_process_says_it_as_before(build, trace, report):
    traced = trace([build.target("hello"), "you", "0"])
    run = of(traced)
    assert run["live_bytes"] == run["unfreed_bytes"] <= run["peak_bytes"]
    for command in ("top", "summary", "leaks"):
        assert "never freed" not in report(traced.database, command).stdout


def test_beside_each_other(build, preload, report, tmp_path):
    """The peak is that of both together: what they hold has been taken in before one of them ends."""
    pipes = [os.pipe() for _ in range(4)]  # to the one and back, to the other and back
    (one, to_one), (from_one, answer), (other, to_other), (from_other, reply) = pipes
    steps, theirs = build.target("steps"), (one, answer, other, reply)
    both = f"{steps} <&{one} >&{answer} & {steps} <&{other} >&{reply} & wait"
    with subprocess.Popen(["bash", "-c", both], env=preload(), pass_fds=theirs) as program:
        for end in theirs:
            os.close(end)
        for to, back in ((to_one, from_one), (to_other, from_other)):
            os.write(to, b"keep 10486\n")
            assert os.read(back, 100) == b"done\n"
        assert report(tmp_path / "trace.db", "top").returncode == 0
        for end in (to_one, to_other):
            os.close(end)
        assert program.wait(timeout=60) == 0
    for end in (from_one, from_other):
        os.close(end)
    wait_for_run(tmp_path / "trace.db")
    [run] = rows(tmp_path / "trace.db", "SELECT * FROM runs")
    # bash has a table of half a MiB if it learns that a child has ended before it waits for it.
    assert 2 * MIB <= run["peak_bytes"] < 3 * MIB and run["live_bytes"] <= run["peak_bytes"]


def test_processor_time_of_who_is_killed(build, preload, tmp_path):
    """The process cannot report it itself."""
    process = subprocess.Popen([build.target("going"), "60"], env=preload(), stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    used = 0
    while used < 200_000_000:
        time.sleep(0.01)
        used = time.clock_gettime_ns(~process.pid << 3 | 2)  # the number of its processor clock, as in clock_getcpuclockid()
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert wait_for_run(tmp_path / "trace.db")["cpu_ns"] > used / 2


def test_processor_time_of_what_executes_another(preload, tmp_path):
    """The time before and after the exec is counted once: it is what the kernel says of the process."""
    count = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; "
    process = subprocess.Popen(["sh", "-c", count + "exec sh -c ':'"], env=preload())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    used = (usage.ru_utime + usage.ru_stime) * 1e9
    assert used / 2 < wait_for_run(tmp_path / "trace.db")["cpu_ns"] < 1.5 * used
