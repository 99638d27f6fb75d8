"""How much memory many threads cost: the shared memory is as large as what is in it, and is given back only when it was
read."""

import os
import signal
import subprocess
import time

import pytest
from conftest import clean_environment, collector_of, rows
from stopping import stop

KIB = 1024
THREADS = 1000


def memory_of(pid):
    """Bytes of a process, with its page tables. Memory that processes share is divided among them, so that it counts once."""
    total = 0
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        total += sum(int(line.split()[1]) * KIB for line in file if line.startswith("Pss:"))
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        total += sum(int(line.split()[1]) * KIB for line in file if line.startswith("VmPTE:"))
    return total


def arena_of(pid):
    """Bytes of shared memory that are in use, as seen from the collector."""
    for descriptor in os.listdir(f"/proc/{pid}/fd"):
        path = f"/proc/{pid}/fd/{descriptor}"
        try:
            if os.readlink(path).startswith("/memfd:libtrace "):
                return os.stat(path).st_blocks * 512
        except FileNotFoundError:  # the collector has closed a file since they were listed
            continue
    raise AssertionError("the collector has no arena")


class Crowd:
    """The program `crowd`: see its source."""

    def __init__(self, build, threads, pairs, env):
        argv = [build.target("crowd"), str(threads), str(pairs)]
        self.process = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if self.process.stdout.readline() != b"waiting\n":
            self.process.kill()
            self.process.communicate()
            pytest.skip(f"no {threads} threads here")

    def again(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == b"waiting\n"

    def end(self):
        out, err = self.process.communicate(timeout=100)
        assert (self.process.returncode, err, out) == (0, b"", b"done\n")


def lowest(measure, enough, patience=100):
    """The lowest value that is reached: returns at once if that is low enough, otherwise after a while."""
    deadline = time.monotonic() + patience
    while (now := measure()) > enough and time.monotonic() < deadline:
        time.sleep(0.1)
    return now


def test_thousand_threads(build, preload, recorded, tmp_path, say):
    alone = Crowd(build, THREADS, 40_000, clean_environment())
    usual = memory_of(alone.process.pid)
    alone.end()
    crowd = Crowd(build, THREADS, 40_000, preload())
    collector = collector_of(tmp_path / "trace.db")
    arena = lowest(lambda: arena_of(collector), THREADS * 8 * KIB)
    assert arena <= THREADS * 8 * KIB
    more = memory_of(crowd.process.pid) + memory_of(collector) - usual
    say(f"{THREADS} threads: {more / KIB / KIB:.1f} MiB more, of which the arena {arena / KIB / KIB:.1f} MiB")
    crowd.end()
    assert recorded(tmp_path / "trace.db")["state"] == "complete"


def test_turn_that_comes_late(build, preload, recorded, tmp_path):
    """If many threads can run, the collector may wait longer for a processor than for anything else."""
    threads = 400
    program = [build.target("crowd"), str(threads), "40000"]
    with subprocess.Popen(program, env=preload(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as crowd:
        collector = collector_of(tmp_path / "trace.db")
        stop(collector)
        time.sleep(8)
        os.kill(collector, signal.SIGCONT)
        out, err = crowd.communicate(timeout=100)
    assert (out, err) == (b"waiting\ndone\n", b"")
    assert recorded(tmp_path / "trace.db")["state"] == "complete"


def test_given_back_and_taken_again(build, preload, recorded, tmp_path):
    """Several times, threads fill their rings, and are then quiet until the memory has been given back."""
    rounds, threads, pairs = 4, 40, 30_000
    crowd = Crowd(build, threads, pairs, preload())
    collector = collector_of(tmp_path / "trace.db")
    for number in range(rounds):
        if number:
            crowd.again()
        arena = lowest(lambda: arena_of(collector), threads * 8 * KIB + 2048 * KIB)
        assert arena <= threads * 8 * KIB + 2048 * KIB
    crowd.end()
    run = recorded(tmp_path / "trace.db")
    assert run["state"] == "complete"
    query = "SELECT sum(allocations) AS n, sum(live_allocations) AS live FROM functions WHERE function = 'blocks'"
    found = rows(tmp_path / "trace.db", query)
    assert (found[0]["n"], found[0]["live"]) == (rounds * threads * pairs, 0)
