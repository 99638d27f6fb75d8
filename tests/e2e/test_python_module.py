"""libtrace.py: a script for tracemalloc runs with one import changed, and gets the same answers about Python's blocks; marks,
parts and pauses; and nothing of it does anything if the program is not traced."""

import ast
import pathlib
import subprocess
import sys

import pytest

from conftest import clean_environment, wait_for_run

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "python"))
from interpreters import interpreters  # noqa: E402

MODULES = ROOT / "include" / "python"

# Prints what a module with tracemalloc's interface finds in this script's own lines, at two moments.
SCRIPT = """
import {module} as tracemalloc
import json

tracemalloc.start(20)


def rows(count, size):
    return [bytes(size) for _ in range(count)]


class Node:
    def __init__(self, after):
        self.after = after
        self.text = str(id(self)) * 5


def chain(length):
    node = None
    for _ in range(length):
        node = Node(node)
    return node


first = rows(500, 1000)
before = tracemalloc.take_snapshot()
second = chain(2000)
del first
third = bytearray(1 << 20)
after = tracemalloc.take_snapshot()
ours = [tracemalloc.Filter(True, __file__)]


def told(statistics):
    return sorted((s.traceback[0].filename, s.traceback[0].lineno, s.size, s.count) for s in statistics if s.size >= 10000)


def changed(statistics):
    return sorted((s.traceback[0].lineno, s.size_diff, s.count_diff) for s in statistics if abs(s.size_diff) >= 10000)


stacks = after.filter_traces(ours).statistics("traceback")
print(json.dumps(dict(
    before=told(before.filter_traces(ours).statistics("lineno")),
    after=told(after.filter_traces(ours).statistics("lineno")),
    change=changed(after.filter_traces(ours).compare_to(before.filter_traces(ours), "lineno")),
    file=[s.traceback[0].filename for s in after.filter_traces(ours).statistics("filename")],
    deepest=[f.lineno for f in max((s for s in stacks if s.size >= 10000), key=lambda s: len(s.traceback)).traceback],
    formatted=stacks[0].traceback.format()[-1].strip(),
    current=tracemalloc.get_traced_memory()[0] > 1 << 20, tracing=tracemalloc.is_tracing(),
)))
"""


@pytest.fixture
def python(build, tmp_path):
    """python(script, traced): runs it and returns its output."""

    def run(script, traced=True, program="/usr/bin/python3", arguments=()):
        (tmp_path / "script.py").write_text(script)
        env = clean_environment({"PYTHONPATH": MODULES, "LIBTRACE_DB": tmp_path / "trace.db"})
        if traced:
            env["LD_PRELOAD"] = str(build.library)
        process = subprocess.run([program, *arguments, tmp_path / "script.py"], env=env, cwd=tmp_path,
                                 capture_output=True, text=True, timeout=200)
        assert (process.stderr, process.returncode) == ("", 0)
        return process.stdout

    return run


def compare_with_tracemalloc(python):
    """The same lines, bytes and blocks as in tracemalloc itself, at both moments and between them."""
    theirs, ours = (ast.literal_eval(python(SCRIPT.format(module=module), traced).replace("true", "True").replace("false", "False"))
                    for module, traced in (("tracemalloc", False), ("libtrace", True)))
    assert theirs["before"] and len(theirs["after"]) >= 3 and len(theirs["change"]) >= 3

    def near(one, other, least):
        """Before Python 3.13, blocks from the interpreter's own free lists are not seen, as LIMITS says."""
        return abs(one - other) <= max(least, abs(other) / 100)

    def close(one, other):
        return len(one) == len(other) and all(
            a[:-2] == b[:-2] and near(a[-2], b[-2], 600) and near(a[-1], b[-1], 2) for a, b in zip(one, other))

    for what in ("before", "after", "change"):
        assert close(ours[what], theirs[what]), (what, ours[what], theirs[what])
    for what in ("file", "formatted", "current", "tracing"):
        assert ours[what] == theirs[what], what
    assert ours["deepest"] == theirs["deepest"]


def test_as_tracemalloc(python):
    compare_with_tracemalloc(python)


def test_native_memory(python):
    """What tracemalloc cannot see: memory that a C library keeps for the script."""
    told = python("""
import ctypes, libtrace
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
before = libtrace.snapshot("before")
kept = [libc.malloc(100000) for _ in range(30)]
after = libtrace.snapshot("after")
largest = after.compare_to(before, "lineno")[0]
print(largest.size_diff, largest.count_diff, largest.traceback[0].lineno)
""")
    size, count, line = map(int, told.split())
    assert 3000000 <= size <= 3010000 and 30 <= count <= 70 and line == 7, told  # 30 blocks, and 30 numbers


def test_parts(python, report, tmp_path):
    told = python("""
import libtrace
mib = lambda size: round(size / (1 << 20))
kept = []
for i in range(3):
    with libtrace.part("step") as part:
        passing = bytearray(5 << 20)
        del passing
        kept.append(bytearray(1 << 20))
    print(mib(part.peak_bytes), mib(part.left_bytes), part.allocated(1)[0]["line"], mib(part.statistics()[0].size))
with libtrace.part("freed") as part:
    del kept
print(part.peak_bytes, mib(-part.left_bytes))
with libtrace.part("paused") as part:
    with libtrace.paused():
        more = bytearray(7 << 20)
print(part.peak_bytes < 10000)
print(libtrace.mark("step"), libtrace.mark("é" * 300), libtrace.traced())
""")
    lines = told.splitlines()
    assert lines[:3] == ["5 1 7 1"] * 3  # a part has the most that was live at once, and the line that allocated most
    peak, freed = map(int, lines[3].split())
    assert peak < 10000 and freed == 3
    assert lines[4:] == ["True", "4 1 True"]
    wait_for_run(tmp_path / "trace.db")
    assert "bytearray" in report(tmp_path / "trace.db", "top", "--from", "step#2", "--to", "step ends#2").stdout


def test_reset_peak(python):
    told = python("""
import libtrace
passing = bytearray(50 << 20)
del passing
current, peak = libtrace.get_traced_memory()
libtrace.reset_peak()
kept = bytearray(5 << 20)
current_later, peak_later = libtrace.get_traced_memory()
print(*(round(size / (1 << 20)) for size in (peak - current, current_later - current, peak_later - current)))
""")
    assert told == "50 5 5\n"


def test_dump(python):
    told = python("""
import libtrace
kept = [bytes(1000) for _ in range(300)]
snapshot = libtrace.snapshot().filter_traces([libtrace.Filter(True, __file__)])
snapshot.dump("snapshot.pickle")
again = libtrace.Snapshot.load("snapshot.pickle")
print([str(s) for s in again.statistics("traceback")] == [str(s) for s in snapshot.statistics("traceback")],
      again.statistics("lineno")[0].size > 300000)
""")
    assert told == "True True\n"


def test_children(python):
    """A forked child asks about itself: its own marks, and its own blocks."""
    told = python("""
import libtrace, os
kept = [bytes(2000) for _ in range(400)]
libtrace.mark("tick")
child = os.fork()
if child == 0:
    more = [bytes(3000) for _ in range(400)]
    libtrace.mark("tick")
    mine = libtrace.snapshot("child")
    found = [s for s in mine.statistics("lineno") if (s.traceback[0].filename, s.traceback[0].lineno) == (__file__, 7)]
    print(found[0].size > 1200000, mine._marks, flush=True)
    os._exit(0)
os.waitpid(child, 0)
found = [s for s in libtrace.snapshot("parent").statistics("lineno") if (s.traceback[0].filename, s.traceback[0].lineno) == (__file__, 7)]
print(len(found))
""")
    assert told == "True [('child', 1)]\n0\n"


def test_a_part_of_the_parent_s(python):
    """A child that leaves a part of its parent's cannot know its numbers: it gets an error at once, and the parent's part
    continues."""
    told = python("""
import libtrace, os, sys
libtrace.PATIENCE_S = 1
with libtrace.part("work") as part:
    kept = [bytes(2000) for _ in range(400)]
    before = libtrace.snapshot("before")
    child = os.fork()
if child == 0:
    for ask in (lambda: part.peak_bytes, part.allocated, lambda: before.statistics("lineno")):
        try:
            print(ask())
        except libtrace.Error as error:
            print(error, flush=True)
    os._exit(0)
os.waitpid(child, 0)
libtrace.PATIENCE_S = 60
print(part.left_bytes > 800000)
""")
    assert told.splitlines() == [f"the mark '{name}' was set by another process: a forked child has none of its parent's"
                                 for name in ("work begins", "work begins", "before")] + ["True"]


@pytest.mark.parametrize("arguments", [(), ("-X", "tracemalloc")])
def test_untraced(python, arguments):
    """Nothing happens; questions that cannot be answered raise an error that says what to do."""
    told = python("""
import libtrace
libtrace.mark("a"); libtrace.pause(); libtrace.resume()
with libtrace.part("b") as part, libtrace.paused():
    pass
print(libtrace.traced(), part.peak_bytes, part.left_bytes, libtrace.get_traced_memory())
for ask in (libtrace.snapshot, libtrace.start, part.statistics):
    try:
        ask()
    except libtrace.Error as error:
        print(error)
""", traced=False, arguments=arguments)
    assert told.splitlines() == ["False None None (0, 0)"] + 3 * [
        "this program is not traced: start it with trace-run"]


def test_other_pythons(python, say):
    """The oldest and the newest interpreter that are installed."""
    found = interpreters()
    for one in {found[0].path: found[0], found[-1].path: found[-1]}.values():
        compare_with_tracemalloc(lambda *arguments, path=one.path: python(*arguments, program=path))
    say(f"libtrace.py says what tracemalloc says in {found[0].name} and {found[-1].name}")
