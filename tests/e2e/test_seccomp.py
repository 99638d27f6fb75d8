"""Programs that confine themselves by seccomp run as without us, whatever their filter does to unknown
system calls, because the library makes none any more. Their allocations are counted all the same."""

import collector_script
import pytest


def run(build, trace, plain, how, action, mode, count):
    command = [build.target("jail"), how, action, mode, count]
    expected = plain(command)
    assert expected.returncode == 7 and expected.stdout == b"still here\n", expected
    traced = trace(command)
    assert (traced.returncode, traced.stdout, traced.stderr) == (7, b"still here\n", b"")
    return traced


def blocks(traced):
    return traced.one("SELECT coalesce(sum(allocations), 0) AS n FROM functions WHERE function = 'one'")["n"]


@pytest.mark.parametrize("action", ["kill", "errno"])
@pytest.mark.parametrize("how", ["prctl", "seccomp", "syscall"])
def test_alone(how, action, build, trace, plain):
    traced = run(build, trace, plain, how, action, "alone", 3000)
    assert blocks(traced) == 3000 and traced.run["state"] == "complete"


@pytest.mark.parametrize("how", ["prctl", "seccomp"])
def test_strict(how, build, trace, plain):
    """Not even exit_group() is allowed: the thread ends, and the collector sees that from outside."""
    traced = run(build, trace, plain, how, "kill", "strict", 3000)
    assert blocks(traced) == 3000 and traced.run["state"] == "complete"


@pytest.mark.parametrize("mode", ["strict", "alone"])
def test_full_rings(mode, build, trace, plain):
    """The thread waits for the collector without a system call."""
    traced = run(build, trace, plain, "prctl", "kill", mode, 400000)
    assert blocks(traced) == 400000


LATE = 8  # seconds


def test_late_collector(build, trace, tmp_path):
    """It cannot ask how busy the machine is, so a collector that gets no processor for long is waited for."""
    library = collector_script.install(build, tmp_path, f"sleep {LATE}")
    command = [build.target("jail"), "prctl", "kill", "strict", 400000]
    traced = trace(command, env={"LD_PRELOAD": library})
    assert (traced.returncode, traced.stdout, traced.stderr) == (7, b"still here\n", b"")
    assert blocks(traced) == 400000 and traced.run["state"] == "complete"


def test_threads(build, trace, plain):
    traced = run(build, trace, plain, "prctl", "kill", "threads", 3000)
    assert blocks(traced) == 9000 and len(traced.rows("SELECT * FROM threads")) == 3


def test_forks(build, trace, plain):
    """Children are confined, too. Their names and parents are known without a system call."""
    traced = run(build, trace, plain, "prctl", "kill", "forks", 3000)
    assert blocks(traced) == 9000
    processes = traced.rows("SELECT * FROM processes ORDER BY process")
    assert len(processes) == 3 and len({p["pid"] for p in processes}) == 3
    assert {p["parent_pid"] for p in processes[1:]} == {processes[0]["pid"]}
    assert len({p["command"] for p in processes}) == 1 and all(p["exit_status"] in (0, 7) for p in processes)


def test_exec(build, trace, plain):
    """A program that is executed under the filter is not traced: our start needs more system calls than
    its own."""
    traced = run(build, trace, plain, "prctl", "kill", "exec", 3000)
    assert blocks(traced) == 3000 and len(traced.rows("SELECT * FROM processes")) == 1


def test_refused(build, trace, plain):
    """The kernel did not take the filter: all goes on as before."""
    traced = run(build, trace, plain, "prctl", "kill", "refused", 3000)
    assert blocks(traced) == 3000


@pytest.mark.parametrize("how", ["prctl", "seccomp"])
def test_strict_beside_another_thread(how, build, trace, plain):
    """In strict mode the kernel forbids to read the processor's clock, by which the events of threads are put in order."""
    traced = run(build, trace, plain, how, "kill", "beside", 3000)
    assert blocks(traced) == 6000


@pytest.mark.parametrize("mode", ["alone", "threads", "forks"])
@pytest.mark.parametrize("how", ["prctl", "syscall"])
def test_without_a_clock(how, mode, build, trace, plain):
    """Any program may ask for that."""
    traced = run(build, trace, plain, "clock", how, mode, 300000)
    assert blocks(traced) == {"alone": 300000}.get(mode, 900000) and traced.run["state"] == "complete"
