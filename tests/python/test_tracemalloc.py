"""Bytes and blocks of each Python line, from the tracer and from tracemalloc, of the same program, on every interpreter found.

From 3.13 on both count recycled objects (free lists): every line is equal. Before, only tracemalloc counts them: lines of more
than 64 KiB differ by less than 1 %.

LIBTRACE_LONG=1 compares all programs, of larger sizes, and in the same process on every interpreter: scripts/test -R python.tracemalloc
"""

import json
import os
import pathlib

import pytest

from interpreters import interpreters, one_of_each

HERE = pathlib.Path(__file__).resolve().parent
PROBE = HERE / "probe.py"
WORKLOADS = HERE.parent / "workloads" / "python"
PROGRAMS = {
    "inventory_list": 40000,
    "inventory_generator": 40000,
    "item_dict": 40000,
    "item_slots": 40000,
    "item_dataclass": 40000,
    "slots_child": 40000,
    "orders_dict": 80000,
    "orders_slots": 80000,
    "materialise_list": 100000,
    "materialise_join": 100000,
    "concat_join": 20000,
    "containers": 10000,
}
LONG = bool(os.environ.get("LIBTRACE_LONG"))
if not LONG:  # fewer and smaller programs, but some lines have more than 64 KiB
    PROGRAMS = {"inventory_list": 10000, "item_dict": 10000, "orders_slots": 20000, "containers": 2500}
LARGE = 64 * 1024
SMALL = 64  # bytes of one small block: from 3.13 on no line differs by more

# tracemalloc's own memory in the same process is recognised by the function that allocated it.
TRACEMALLOC_OWN = ("_Py_hashtable", "hashtable_", "raw_malloc", "traceback_", "tracemalloc_add")

FOUND = interpreters()


def lines_of(trace, path):
    query = """SELECT line, sum(live_bytes) AS bytes, sum(live_allocations) AS blocks FROM lines
               WHERE file = ? GROUP BY line HAVING blocks > 0"""
    return {str(row["line"]): [row["bytes"], row["blocks"]] for row in trace.rows(query, str(path))}


def lines_without_tracemalloc(trace, path):
    """The same by the innermost Python frame, of a process in which tracemalloc ran, without tracemalloc's own tables, which
    would otherwise count for the lines that it was counting."""
    nodes = {row["id"]: (row["parent"], row["frame"]) for row in trace.rows("SELECT id, parent, frame FROM node")}
    python, native = {}, {}
    for row in trace.rows("""SELECT f.frame, l.file, l.line, l.function, l.language FROM frame_line AS f
                             JOIN line AS l ON l.run = f.run AND l.id = f.line"""):
        if row["language"] == "python":
            python[row["frame"]] = (row["file"], row["line"])
        else:
            native.setdefault(row["frame"], []).append(row["function"] or "")
    lines = {}
    for site in trace.rows("""SELECT node, live_allocations AS blocks, live_bytes AS bytes FROM site
                              WHERE live_allocations > 0"""):
        node, own = site["node"], False
        while node in nodes and nodes[node][1] not in python:
            own |= any(name.startswith(TRACEMALLOC_OWN) for name in native.get(nodes[node][1], []))
            node = nodes[node][0]
        file, number = python[nodes[node][1]] if node in nodes and not own else (None, 0)
        if file == str(path):
            line = lines.setdefault(str(number), [0, 0])
            line[0] += site["bytes"]
            line[1] += site["blocks"]
    return lines


def differences(interpreter, theirs, ours):
    """Each line that is not equal, as (line, theirs, ours, whether that is within the limits)."""
    found = []
    for line in sorted(set(theirs) | set(ours), key=int):
        a, b = theirs.get(line, [0, 0]), ours.get(line, [0, 0])
        if a == b:
            continue
        if interpreter.version < (3, 13):
            fine = a[0] <= LARGE or abs(a[0] - b[0]) <= a[0] / 100
        else:  # the two processes differ in the size of some objects
            fine = abs(a[0] - b[0]) <= SMALL and abs(a[1] - b[1]) <= 1
        found.append((line, a, b, fine))
    return found


def tell(say, interpreter, name, how, theirs, ours):
    found = differences(interpreter, theirs, ours)
    total = sum(size for size, _ in theirs.values())
    worst = max((abs(a[0] - b[0]) for _, a, b, _ in found), default=0)
    say(f"{interpreter.name:15} {name:20} {how:9} {len(theirs):3} lines, {total:10} bytes in tracemalloc; "
        f"{len(theirs) - len(found):3} equal, at most {worst} bytes apart")
    for line, a, b, fine in found:
        if not fine:
            say(f"    line {line}: tracemalloc {a[0]} bytes, {a[1]} blocks; traced {b[0]} bytes, {b[1]} blocks")
    assert theirs and all(fine for *_, fine in found)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("interpreter", FOUND, ids=str)
def test_separate_process(interpreter, name, trace, plain, say):
    path, n = WORKLOADS / f"{name}.py", PROGRAMS[name]
    env = {"PYTHONHASHSEED": "0"}
    theirs = plain([interpreter.path, "-X", "tracemalloc=1", PROBE, "tracemalloc", path, n], env)
    ours = trace([interpreter.path, PROBE, "plain", path, n], env)
    assert theirs.returncode == ours.returncode == 0, theirs.stderr + ours.stderr
    tell(say, interpreter, name, "separate", json.loads(theirs.stdout), lines_of(ours, path))


@pytest.mark.parametrize("name", ["inventory_list", "containers"] if LONG else ["containers"])
@pytest.mark.parametrize("interpreter", FOUND if LONG else one_of_each(FOUND), ids=str)
def test_same_process(interpreter, name, trace, say):
    path, n = WORKLOADS / f"{name}.py", PROGRAMS[name]
    env = {"PYTHONHASHSEED": "0", "LIBTRACE_STACK": "both"}
    both = trace([interpreter.path, "-X", "tracemalloc=1", PROBE, "same", path, n], env)
    assert both.returncode == 0, both.stderr
    if not both.one("SELECT count(*) AS n FROM line WHERE function = 'tracemalloc_alloc'")["n"]:
        pytest.skip(f"{interpreter.name} has no symbols that would tell tracemalloc's own tables apart")
    tell(say, interpreter, name, "the same", json.loads(both.stdout), lines_without_tracemalloc(both, path))


def test_there_are_interpreters():
    assert FOUND
