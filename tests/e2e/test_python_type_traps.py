"""Types of Python's objects where a block, when it is looked at, is not what it was: the program knows the type of each by
construction, and whatever it does, it runs as it does untraced."""

import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))
from interpreters import interpreters  # noqa: E402

PROGRAM = """
import collections, gc, json, os, queue, sys, threading, weakref

class Dead:
    __slots__ = ("a", "b", "c", "d")

class Live:
    __slots__ = ("a", "b", "c", "d")

class Node:
    __slots__ = ("to", "__weakref__")

kept = []
numbers = collections.Counter()

def note(name, count):
    numbers[name] += count

def arrays_in_dead_places():
    # Objects die, and arrays of lists take their blocks, which still begin as an object does. (No list is from a free list.)
    kept.append([[] for i in range(200)])
    dead = [Dead() for i in range(4000)]
    del dead
    lists = [[None] * 7 for i in range(4000)] # live lists
    kept.append(lists)
    note("live lists", 4001)

def collected_inside():
    # Garbage with callbacks is collected while an object is being made: up to 3.11 inside its allocation, before it has a type.
    called = []
    def callback(reference):
        called.append([Live()])
    references = []
    gc.set_threshold(50)
    made = []
    for i in range(4000):
        node = Node()
        node.to = node
        references.append(weakref.ref(node, callback))
        made.append(Live()) # live objects
        made.append([i]) # live lists of one
    gc.set_threshold(700)
    kept.append((made, called, references))
    note("live objects", 4000)
    note("live lists of one", 4000)
    return len(called)

def freed_by_another_thread():
    # The block of the latest object that one thread made is freed by another, which makes another object in it.
    handed, done = queue.Queue(), queue.Queue()
    def work():
        mine = []
        while True:
            if handed.get() is None:
                break
            mine.append(Live()) # live objects elsewhere
            done.put(True)
        kept.append(mine)
    thread = threading.Thread(target=work)
    thread.start()
    for i in range(1000):
        handed.put(Dead()) # dropped by the other
        done.get()
    handed.put(None)
    thread.join()
    note("live objects elsewhere", 1000)

def arenas_unmapped():
    # So many objects that arenas are mapped for them, and unmapped when all are dead. The latest one lay in such an arena.
    for i in range(20):
        many = [Dead() for j in range(60000)]
        many.clear()
        gc.collect()
        kept.append(Live()) # live objects between
    note("live objects between", 20)

def main():
    arrays_in_dead_places()
    called = collected_inside()
    freed_by_another_thread()
    arenas_unmapped()
    with open(sys.argv[1], "w") as file:
        json.dump({"numbers": numbers, "called": called}, file)
    os._exit(0)

main()
"""
TYPES = {"live lists": "list", "live objects": "__main__.Live", "live lists of one": "list", "live objects elsewhere": "__main__.Live",
         "live objects between": "__main__.Live"}


@pytest.mark.parametrize("python", interpreters(), ids=repr)
def test_traps(python, trace, tmp_path, say):
    path = tmp_path / "traps.py"
    path.write_text(PROGRAM)
    traced = trace([python.path, path, tmp_path / "numbers.json"])
    assert (traced.returncode, traced.stderr, traced.run["state"]) == (0, b"", "complete")
    told = json.loads((tmp_path / "numbers.json").read_text())
    live = {}
    for row in traced.rows("SELECT type, line, sum(live_allocations) AS blocks FROM types WHERE file = ? AND how = 'exact' GROUP BY 1, 2",
                           str(path)):
        live[row["line"], row["type"]] = row["blocks"]
    found = {}
    for number, text in enumerate(PROGRAM.split("\n"), 1):
        what = text.partition(" # ")[2]
        if what in TYPES:
            found[what] = live.pop((number, TYPES[what]), 0)
            assert not any(line == number and kind in ("__main__.Dead", "__main__.Live", "__main__.Node") for line, kind in live
                           if live[line, kind] > 0), live
    # Up to 3.11 each collection inside an allocation may leave that one object without a type.
    untyped = {what: count - found[what] for what, count in told["numbers"].items()}
    say(f"Python {python.name}: of {sum(told['numbers'].values()):,} objects beside dead ones, {sum(untyped.values())} have no type")
    assert told["called"] > 1000
    for what, count in untyped.items():
        assert count == 0 or (python.version < (3, 12) and what in ("live objects", "live lists of one") and 0 < count < 400), untyped
