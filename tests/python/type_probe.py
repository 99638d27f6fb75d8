"""Runs build(N) of a workload and ends at once, while everything that it made is still alive.

    type_probe.py WORKLOAD.py N

Prints what is alive as JSON, as the garbage collector and tracemalloc know it: every object that can be reached from one
that the collector tracks, by its class and where its memory was allocated.
"""
import gc
import json
import os
import sys
import tracemalloc

TRACKED = 1 << 14  # Py_TPFLAGS_HAVE_GC


def reachable():
    """All tracked objects, and what they refer to: tuples and dicts of atoms are not tracked, nor are atoms."""
    found = {id(each): each for each in gc.get_objects()}
    new = list(found.values())
    while new:
        new = [each for each in gc.get_referents(*new) if id(each) not in found]
        found.update((id(each), each) for each in new)
        new = list({id(each): each for each in new}.values())
    return found.values()


def name_of(kind):
    return kind.__qualname__ if kind.__module__ == "builtins" else "%s.%s" % (kind.__module__, kind.__qualname__)


def seen(objects):
    """[[type, file, line, objects, their bytes], ...], and the types of which the collector tracks all objects."""
    found, tracked = {}, set()
    for each in objects:
        kind = type(each)
        traceback = tracemalloc.get_object_traceback(each)
        if traceback is None:
            continue
        key = name_of(kind), traceback[0].filename, traceback[0].lineno
        number, size = found.get(key, (0, 0))
        found[key] = number + 1, size + sys.getsizeof(each)
        if kind.__flags__ & TRACKED and kind not in (tuple, dict):
            tracked.add(key[0])
    return {"objects": [[*key, *found[key]] for key in found], "tracked": sorted(tracked)}


def main():
    path, n = os.path.abspath(sys.argv[1]), int(sys.argv[2])
    sys.path.insert(0, os.path.dirname(path))
    sys.dont_write_bytecode = True
    tracemalloc.start(1)
    module = __import__(os.path.basename(path)[:-3])
    gc.collect()  # which empties the free lists, but for the one with a single slice: that is used up
    slices = [slice(i) for i in range(4)]
    keep = module.build(n)
    gc.collect()
    sys.stdout.write(json.dumps(seen(reachable())) + "\n")
    sys.stdout.flush()
    assert keep is not None and slices
    os._exit(0)


main()
