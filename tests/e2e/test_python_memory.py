"""Memory that Python's objects have beside themselves, compared with what the program keeps and what sys.getsizeof() says of it."""

import json
import pathlib
import sys

import pytest

from system_calls import PROCESS_VM_READV, kill_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))
from interpreters import interpreters, one_of_each  # noqa: E402

PROGRAM = """
import array, collections, gc, json, os, sys, time

class Plain:
    def __init__(self):
        self.x = self.y = self.z = None

COUNT = 500
kept = collections.defaultdict(lambda: [0, 0])  # by line and name: blocks, bytes
everything = []

def beside(o):
    kind = type(o)
    return sys.getsizeof(o) - kind.__basicsize__ - (16 if kind.__flags__ >> 14 & 1 else 0)

def keep(name, o, line=0):
    count = kept[line or sys._getframe(1).f_lineno, name]
    count[0] += 1
    count[1] += beside(o)
    everything.append(o)

def literals():
    for i in range(COUNT):
        keep("list items", [i, i, i])
    for i in range(COUNT):
        keep("list items", [None] * i + [i])
    for i in range(COUNT):
        keep("dict keys", {j: i for j in range(12)})
    for i in range(COUNT):
        keep("set table", {j for j in range(12)})
    for i in range(COUNT):
        keep("set table", frozenset(range(12)))
    for i in range(COUNT if sys.version_info < (3, 15) else 0): # which keeps its contents as bytes
        keep("bytearray buffer", bytearray(b"b" * (i + 1)))
    for i in range(COUNT):
        keep("array items", array.array("d", [0.0] * (i + 1)))
    for i in range(COUNT):
        keep("deque items", collections.deque([i]))

def several_of_a_line():
    for i in range(COUNT):
        both = [{j: i for j in range(12)}, [i] * 7, {j for j in range(12)}]; line = sys._getframe().f_lineno
        keep("dict keys", both[0], line), keep("list items", both[1], line), keep("set table", both[2], line)
        keep("list items", both, line)

def grown():
    for i in range(COUNT):
        grown = []
        for j in range(i + 1):
            grown.append(j); line = sys._getframe().f_lineno
        keep("list items", grown, line)

def large():
    keep("list items", [None] * 200000)

def instances():
    made = []
    for i in range(COUNT):
        made.append(Plain()); line = sys._getframe().f_lineno
    return made, line

def main():
    gc.collect()
    gc.disable()
    # Free lists give out the tables of earlier dicts before 3.13: they are filled by what counts for this line.
    filled = [{i: i} for i in range(200)]
    del filled
    literals()
    several_of_a_line()
    grown()
    large()
    made, line = instances()
    everything.append(made)
    if sys.argv[2:] == ["forks"] and os.fork() == 0:
        literals()
        print("ready", flush=True)
        sys.stdin.read()
        os._exit(0)
    lines = [[line, name, count] for (line, name), count in kept.items()]
    with open(sys.argv[1], "w") as file:
        json.dump({"lines": lines, "instances": [line, Plain.__init__.__code__.co_firstlineno + 1]}, file)
    print("ready", flush=True)
    if sys.argv[2:3] != ["ends"]:
        sys.stdin.read()
    else:
        time.sleep(float(sys.argv[3]))
    os._exit(0)

main()
"""
NAMES = {"list items", "dict keys", "set table", "bytearray buffer", "array items", "deque items", "instance values"}


@pytest.fixture(name="program")
def a_program(tmp_path):
    (tmp_path / "beside.py").write_text(PROGRAM)
    return tmp_path / "beside.py"


@pytest.fixture(name="started")
def starts_it(started, tmp_path, program):
    """started(python): runs the program."""
    return lambda python, *arguments, **options: started(python.path, program, tmp_path / "kept.json", *arguments, **options)


def named(report, database):
    """Live blocks and bytes by line and name."""
    rows = json.loads(report(database, "sql", "--json",
                             "SELECT type, line, function, how, live_allocations, live_bytes FROM types "
                             "WHERE run = (SELECT max(run) FROM types) AND file LIKE '%beside.py'").stdout)["rows"]
    found = {}
    for name, line, function, how, blocks, size in rows:
        if name in NAMES:
            assert how == "sampled"
            count = found.setdefault((line, name), [0, 0])
            count[0] += blocks
            count[1] += size
    return found, rows


def wrong_ones(found, kept):
    return {(line, name): (found.get((line, name)), count) for line, name, count in kept["lines"] if found.get((line, name)) != count}


@pytest.mark.parametrize("python", interpreters(), ids=repr)
def test_memory(started, report, recorded, tmp_path, python):
    """While the program runs, and in SQL when it has ended."""
    process, database = started(python), tmp_path / "trace.db"
    kept = json.loads((tmp_path / "kept.json").read_text())
    shown = json.loads(report(database, "top", "-g", "type", "--json", "--limit", "0").stdout)["rows"]
    process.stdin.close()
    assert process.wait(timeout=100) == 0 and recorded(database)["state"] == "complete"
    found, _ = named(report, database)
    assert not wrong_ones(found, kept) and len(kept["lines"]) == 13 - (python.version >= (3, 15))
    values = sum(blocks for (line, name), (blocks, _) in found.items() if name == "instance values" and line in kept["instances"])
    assert values == (500 if python.version < (3, 13) else 0)  # later they are in the object itself
    for name in NAMES - {"instance values"}:
        blocks = sum(row["live_allocations"] for row in shown if row["type"] == name and row["how"] == "sampled" and (row["file"] or "").endswith("beside.py"))
        assert blocks == sum(count for (_, kind), (count, _) in found.items() if kind == name)


def test_forked(started, report, tmp_path):
    """What a call in the interpreter asks for is the same in each process; blocks from before a fork are the parent's."""
    python = one_of_each(interpreters())[-1]
    started(python, "forks", ready=2)
    report(tmp_path / "trace.db", "top", "-g", "type")
    found, _ = named(report, tmp_path / "trace.db")
    kept = json.loads((tmp_path / "kept.json").read_text())
    both = 8 - (python.version >= (3, 15))  # literals()
    twice = [[line, name, [2 * blocks, 2 * size]] for line, name, (blocks, size) in kept["lines"][:both]]
    assert not wrong_ones(found, {"lines": twice + kept["lines"][both:]})


def test_at_the_end(trace, report, tmp_path, program):
    """Nobody asks: it is looked at before the program ends, if it waits long enough for that."""
    python = one_of_each(interpreters())[-1]
    for seconds in ("0", "1", "5", "20"):
        traced = trace([python.path, program, tmp_path / "kept.json", "ends", seconds])
        found, _ = named(report, traced.database)
        if not wrong_ones(found, json.loads((tmp_path / "kept.json").read_text())):
            return
    raise AssertionError(found)


def test_behind_a_filter(started, report, tmp_path):
    """The collector has the filter of the program, which may kill for what programs seldom call: it reads another way."""
    started(one_of_each(interpreters())[-1], preexec_fn=kill_for(PROCESS_VM_READV))
    report(tmp_path / "trace.db", "top", "-g", "type")
    found, _ = named(report, tmp_path / "trace.db")
    assert not wrong_ones(found, json.loads((tmp_path / "kept.json").read_text()))


def test_without(started, report, tmp_path):
    """LIBTRACE_TYPES=0: nothing is looked at."""
    started(one_of_each(interpreters())[-1], env={"LIBTRACE_TYPES": "0"})
    rows = json.loads(report(tmp_path / "trace.db", "top", "-g", "type", "--json", "--limit", "0").stdout)["rows"]
    assert not NAMES & {row["type"] for row in rows} and rows
