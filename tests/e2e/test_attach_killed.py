"""trace-attach is killed in the middle of its work: the program continues undisturbed.
LIBTRACE_ATTACH_KILLS=all kills it at each of its system calls that touch the program (as
scripts/test-attach does), otherwise at some of them."""

import os
import re
import signal
import subprocess
import time

import pytest

from conftest import clean_environment

ALL = os.environ.get("LIBTRACE_ATTACH_KILLS") == "all"
DOING = ["sleep", "compute", "poll", "read", "futex"]


class Steady:
    """A program that notices if one of its threads was not put back as it was, see targets/steady.c."""

    def __init__(self, build, doing):
        self.process = subprocess.Popen([build.target("steady"), doing], env=clean_environment(), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b"ready\n"
        self.before = None
        while self.before != (now := self.look()) or self.beginning(now):
            self.before = now
            time.sleep(0.05)

    def look(self):
        """What must not change: descriptors, and the priorities, states and tracers of its threads."""
        pid = self.process.pid
        descriptors = sorted(os.listdir(f"/proc/{pid}/fd"))
        threads = {}
        for tid in os.listdir(f"/proc/{pid}/task"):
            status = open(f"/proc/{pid}/task/{tid}/status").read()
            stat = open(f"/proc/{pid}/task/{tid}/stat").read().rpartition(")")[2].split()
            stopped = stat[0] in "tT"
            threads[tid] = (os.sched_getscheduler(int(tid)), stat[16], stopped, re.search(r"TracerPid:\t(\d+)", status)[1],
                            re.search(r"SigBlk:\t(\w+)", status)[1])
        return descriptors, threads

    @staticmethod
    def beginning(seen):
        """Whether one of its threads has not run yet: all signals are blocked until then."""
        return any(int(blocked, 16) >> 32 for *_, blocked in seen[1].values())

    def is_as_before(self):
        """A call that trace-attach has left behind takes a moment to end."""
        deadline = time.monotonic() + 100
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"the program died: {self.process.returncode}"
            if self.look() == self.before:
                return True
            time.sleep(0.01)
        return False

    def end(self):
        self.process.stdin.close()
        return self.process.stdout.read(), self.process.wait(timeout=60)


@pytest.fixture
def steady(build):
    started = []

    def start(doing):
        started.append(Steady(build, doing))
        return started[-1]

    yield start
    for program in started:
        program.process.kill()
        program.process.wait()


@pytest.fixture
def attach(build, tmp_path):
    def run(pid, *arguments, before=()):
        return subprocess.run([*before, build.command("trace-attach"), "-o", tmp_path / "trace.db", *arguments, str(pid)],
                              env=clean_environment(), capture_output=True, text=True, timeout=120)

    return run


def attach_killed(attach, strace, folder, program, call, number):
    """Runs trace-attach and kills it at its nth system call of this name; False if it makes fewer of them."""
    done = attach(program.process.pid, "--duration", "0.05",
                  before=[strace, "-o", folder / "strace.log", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}"])
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


def works_again(attach, program):
    done = attach(program.process.pid, "--duration", "0.05")
    if done.returncode != 0:  # the program was traced already when it was killed
        assert "traced already" in done.stderr and "--detach" in done.stderr, done.stderr
        done = attach(program.process.pid, "--detach")
        assert done.returncode == 0, done.stderr
        done = attach(program.process.pid, "--duration", "0.05")
    assert done.returncode == 0, done.stderr


def kill_at(steady, attach, strace, folder, call, number):
    doing = DOING[number % len(DOING)]
    where = f"killed at {call} number {number}, while it does '{doing}'"
    program = steady(doing)
    killed = attach_killed(attach, strace, folder, program, call, number)
    assert program.is_as_before(), f"{where}: {program.before} became {program.look()}"
    works_again(attach, program)
    assert program.is_as_before(), f"{where}, and attached again: {program.before} became {program.look()}"
    assert "memfd:libtrace" not in open(f"/proc/{program.process.pid}/maps").read(), where
    assert program.end() == (b"right\n", 0), where
    return killed


@pytest.mark.parametrize("call", ["ptrace", "pwrite64"])
def test_killed(steady, attach, program, tmp_path, say, call):
    strace, kills, number = program("strace"), 0, 1
    step = 1 if ALL else {"ptrace": 13, "pwrite64": 4}[call]
    while kill_at(steady, attach, strace, tmp_path, call, number):
        kills, number = kills + 1, number + step
    assert kills > 1
    say(f"trace-attach killed at {kills} of its {call} calls: the program went on each time")


def test_nobody_takes_the_answer(steady, attach, program, tmp_path):
    """At its 12th pwrite64 the library has begun to record, and takes that back."""
    assert kill_at(steady, attach, program("strace"), tmp_path, "pwrite64", 12)


@pytest.mark.parametrize("doing", DOING)
def test_not_killed(steady, attach, doing):
    """The same program notices nothing of a trace-attach that completes its work."""
    program = steady(doing)
    for _ in range(3):
        assert attach(program.process.pid, "--duration", "0.05").returncode == 0
        assert program.is_as_before(), f"{program.before} became {program.look()}"
    assert program.end() == (b"right\n", 0)
