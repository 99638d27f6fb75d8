"""Runs build(N) of a workload and ends at once, while everything that it made is still alive.

    probe.py plain|tracemalloc|same WORKLOAD.py N

tracemalloc, same: prints {line: [bytes, blocks]} of the workload's file as JSON, as tracemalloc counts them.
"""
import gc
import json
import os
import sys
import tracemalloc  # always, so that both processes import the same


def seen(path):
    snapshot = tracemalloc.take_snapshot()
    lines = {}
    for statistic in snapshot.statistics("lineno"):
        frame = statistic.traceback[0]
        if frame.filename == path:
            lines[frame.lineno] = [statistic.size, statistic.count]
    return lines


def free_lists_emptied():
    """From now on no object is made in a block that is older than tracemalloc's start and therefore unknown to it. (A
    collection empties all free lists, except the one with a single slice, which is used up instead.) And at the end, main() has
    no objects of the workload left in whose memory the snapshot could make its own."""
    gc.collect()
    return [slice(n) for n in range(4)]


def main():
    mode, path, n = sys.argv[1], os.path.abspath(sys.argv[2]), int(sys.argv[3])
    sys.path.insert(0, os.path.dirname(path))
    sys.dont_write_bytecode = True
    name = os.path.basename(path)[:-3]
    if mode != "plain":
        tracemalloc.start(1)
    module = __import__(name)
    empty = free_lists_emptied()
    keep = module.build(n)
    gc.collect()
    if mode != "plain":
        sys.stdout.write(json.dumps(seen(path)) + "\n")
        sys.stdout.flush()
    assert keep is not None and empty
    os._exit(0)


main()
