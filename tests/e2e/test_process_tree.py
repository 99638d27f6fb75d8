"""Families of processes, and every way in which a process can end."""

import collections
import os
import re
import signal
import subprocess
import sys

import pytest

from conftest import wait_for_run, rows


def counts(traced):
    """The number of allocations in the loop of each process of family.c."""
    return sorted(
        r["n"] for r in traced.rows(
            "SELECT s.process, sum(s.allocations) AS n FROM site s JOIN line l ON l.id = s.line "
            "JOIN function f ON f.id = l.function WHERE f.name = 'blocks' GROUP BY s.process"))


def sizes(traced):
    return [p["allocations"] for p in traced.rows("SELECT allocations FROM processes ORDER BY process")]


def test_all_kinds_of_children(build, trace):
    traced = trace([build.target("family")])
    assert (traced.stdout, traced.stderr, traced.returncode) == (b"done\n", b"", 0)
    expected = [500, *range(1000, 1007), 2001, 2002, 3001, *range(4000, 4004), 5001]
    total = traced.one("SELECT sum(allocations) AS n FROM functions WHERE function = 'blocks'")["n"]
    found = traced.rows("SELECT * FROM processes ORDER BY process")
    # Each process has its blocks, and the few that libc allocates for it.
    for size in expected:
        assert any(size <= p["allocations"] <= size + 60 for p in found), size
    assert total == sum(expected)
    pids = {p["pid"] for p in found}
    orphans = [p for p in found[1:] if p["parent_pid"] not in pids]
    assert len(orphans) <= 1, [dict(p) for p in orphans]  # the daemon's parent may be gone
    assert all(p["ended_s"] is not None for p in found)
    # The clone ends by a direct system call. Only the kernel knows its status, and tells it only to those who looked while it
    # lived.
    assert all(p["exit_status"] in (0, 7) or p["exit_status"] is None and 2001 <= p["allocations"] < 2061 for p in found)


def executed(text):
    """The programs that strace saw executed, with their counts."""
    return collections.Counter(re.findall(r'execve\("([^"]+)".* = 0', text))


@pytest.mark.parametrize("case", ["script", "make", "family"])
def test_as_strace_sees_it(case, build, trace, program, tmp_path):
    """The run has the programs that were executed."""
    strace = program("strace")
    if case == "script":
        (tmp_path / "s.sh").write_text("#!/bin/sh\nls / | sort | head -n 2 >/dev/null\n(echo a; date) | cat\nexec true\n")
        argv = ["/bin/sh", str(tmp_path / "s.sh")]
    elif case == "make":
        (tmp_path / "a.c").write_text("int a(void) { return 1; }\n")
        (tmp_path / "b.c").write_text("int a(void);\nint main(void) { return a() - 1; }\n")
        (tmp_path / "Makefile").write_text("p: a.o b.o\n\tgcc -o p a.o b.o\n%.o: %.c\n\tgcc -c -o $@ $<\nclean:\n\trm -f p *.o\n")
        argv = [program("make"), "-s", "-j2", "-C", str(tmp_path), "p"]
    else:
        argv = [build.target("family")]

    def clean():
        if case == "make":
            subprocess.run(["make", "-s", "-C", tmp_path, "clean"], check=True)

    log = tmp_path / "strace.txt"
    # One file for each process, because the lines of several processes would be mixed up in one.
    subprocess.run([strace, "-ff", "-qq", "-e", "trace=execve", "-o", log, *argv], check=True, stdout=subprocess.DEVNULL)
    products = {p.name: p.read_bytes() for p in tmp_path.glob("*.o")} | {"p": (tmp_path / "p").read_bytes() if case == "make" else b""}
    clean()
    traced = trace(argv)
    assert traced.returncode == 0 and traced.stderr == b"", traced.stderr
    for name, content in products.items():
        if case == "make":
            assert (tmp_path / name).read_bytes() == content, name
    expected = executed("\n".join(p.read_text() for p in tmp_path.glob("strace.txt.*")))
    # A process that is forked and executes a program before its first allocation has one row, that of the program.
    found = collections.Counter(
        r["executable"] for r in traced.rows("SELECT executable FROM processes"))
    for path, times in expected.items():
        assert found[os.path.realpath(path)] >= times, (path, times, found)
    assert set(found) <= {os.path.realpath(p) for p in expected}


def test_multiprocessing(trace):
    script = ("import multiprocessing as m\n"
              "def work(n):\n    return [str(i) for i in range(n)][-1]\n"
              "if __name__ == '__main__':\n"
              "    with m.get_context('fork').Pool(3) as pool:\n"
              "        print(pool.map(work, [10000, 20000, 30000]))\n")
    traced = trace(["/usr/bin/python3", "-c", script])
    assert traced.stdout == b"['9999', '19999', '29999']\n" and traced.returncode == 0 and traced.stderr == b""
    found = traced.rows("SELECT * FROM processes")
    assert len(found) == 4
    made = traced.rows("SELECT sum(allocations) AS n FROM functions WHERE function LIKE 'work%'")[0]["n"]
    assert made >= 60000


WAYS = {"return": 3, "exit": 4, "_exit": 5, "_Exit": 6, "quick_exit": 7, "syscall": 8, "memory": 9, "abort": -signal.SIGABRT,
        "kill": -signal.SIGKILL, "segv": -signal.SIGSEGV, "thread": 0, "pthread_exit": 0}


@pytest.mark.parametrize("way", WAYS)
def test_every_end(way, build, trace, report, tmp_path):
    """However the process ends, all of its blocks are recorded, its status is known, and top works at once."""
    traced = trace([build.target("family"), way], preexec_fn=lambda: __import__("resource").setrlimit(4, (0, 0)))
    assert traced.returncode == WAYS[way] and traced.stderr == b"" and traced.stdout == b""
    assert traced.run["state"] == "complete" and traced.run["exit_status"] == WAYS[way]
    assert traced.one("SELECT allocations AS n FROM functions WHERE function = 'blocks'")["n"] == 500
    assert report(traced.database, "top").returncode == 0


def test_exec_into_a_static_program(build, trace):
    """The traced program ends when it executes the static one. What that does cannot be seen, but its end can."""
    traced = trace([build.target("family"), "exec", build.target("hello-static")])
    assert traced.returncode == 0 and traced.stderr == b""
    assert traced.one("SELECT allocations AS n FROM functions WHERE function = 'blocks'")["n"] == 500
    assert traced.run["state"] == "complete" and traced.run["exit_status"] == 0
