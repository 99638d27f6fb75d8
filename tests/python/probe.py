"""Runs build(N) of a workload and ends at once, with everything that it made still alive.

    probe.py plain|tracemalloc|same WORKLOAD.py N

tracemalloc, same: prints {line: [bytes, blocks]} of the workload's file as JSON, as tracemalloc sees them.
"""
import json
import os
import sys
import tracemalloc  # always: both processes are to have imported the same


def seen(path):
    snapshot = tracemalloc.take_snapshot()
    lines = {}
    for statistic in snapshot.statistics("lineno"):
        frame = statistic.traceback[0]
        if frame.filename == path:
            lines[frame.lineno] = [statistic.size, statistic.count]
    return lines


def main():
    mode, path, n = sys.argv[1], os.path.abspath(sys.argv[2]), int(sys.argv[3])
    sys.path.insert(0, os.path.dirname(path))
    sys.dont_write_bytecode = True
    name = os.path.basename(path)[:-3]
    if mode != "plain":
        tracemalloc.start(1)
    keep = __import__(name).build(n)
    if mode != "plain":
        sys.stdout.write(json.dumps(seen(path)) + "\n")
        sys.stdout.flush()
    assert keep is not None
    os._exit(0)


main()
