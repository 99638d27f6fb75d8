"""What a sampled run of tests/e2e/targets/sampled.c should say, for test_sampling.py and scripts/test-sampling."""

import collections
import math
import sqlite3
import subprocess
import time

MEASURES = ("allocations", "bytes", "live_allocations", "live_bytes")


def weight(size, interval):
    """How many blocks a recorded one stands for: include/sampling_rule.h."""
    return 1 if size >= interval else math.ceil(1 / -math.expm1(-(size + 1) / interval))


def exact_totals(database):
    """What the library has counted, whatever it recorded."""
    with sqlite3.connect(database) as opened:
        return opened.execute("SELECT allocations, bytes FROM sampling ORDER BY run DESC LIMIT 1").fetchone()


def record(build, preload, command, database, interval=None, events=False):
    environment = preload({"LIBTRACE_SAMPLE": str(interval)} if interval else {}, database)
    library = environment.pop("LD_PRELOAD")
    if events:
        environment["LIBTRACE_EVENTS"] = "1"
    subprocess.run(["env", f"LD_PRELOAD={library}", *map(str, command)], env=environment, check=True, timeout=300,
                   stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 100
    with sqlite3.connect(database) as opened:
        while opened.execute("SELECT state FROM run").fetchone() != ("complete",):
            assert time.monotonic() < deadline, opened.execute("SELECT state FROM run").fetchall()
            time.sleep(0.01)


class Exact:
    """The exact run: its sums by function, and each block's size, from the log of events."""

    def __init__(self, build, preload, program, database):
        record(build, preload, [program], database, events=True)
        with sqlite3.connect(database) as opened:
            opened.row_factory = sqlite3.Row
            self.sums = {row["function"]: {m: row[m] for m in MEASURES}
                         for row in opened.execute("SELECT function, sum(allocations) allocations, sum(bytes) bytes, "
                                                   "sum(live_allocations) live_allocations, sum(live_bytes) live_bytes "
                                                   "FROM lines WHERE file LIKE '%sampled.c' GROUP BY 1")}
            function = dict(tuple(row) for row in opened.execute(
                "SELECT s.node, l.function FROM site s JOIN line l ON l.run = s.run AND l.id = s.line WHERE l.file LIKE '%sampled.c'"))
            self.made, self.left = collections.defaultdict(collections.Counter), collections.defaultdict(collections.Counter)
            live = {}
            for kind, process, address, size, node in opened.execute(
                    "SELECT kind, process, address, size, node FROM event ORDER BY id"):
                gone = live.pop((process, address), None)
                if gone:
                    self.left[gone[0]][gone[1]] -= 1
                if kind == "alloc" and node in function:
                    live[process, address] = key = function[node], size
                    self.made[key[0]][size] += 1
                    self.left[key[0]][size] += 1

    def variance(self, function, measure, interval):
        """Of a sampled run's estimate."""
        blocks = (self.left if measure.startswith("live") else self.made)[function]
        square = (lambda size: size * size) if measure.endswith("bytes") else (lambda size: 1)
        return sum(count * (weight(size, interval) - 1) * square(size) for size, count in blocks.items())

    def samples(self, function, interval):
        """How many of its blocks are recorded, on average."""
        return sum(count / weight(size, interval) for size, count in self.made[function].items())


def estimates(build, preload, program, database, interval):
    """By function and measure: the value, and its standard error, of one sampled run."""
    record(build, preload, [program], database, interval)
    with sqlite3.connect(database) as opened:
        opened.row_factory = sqlite3.Row
        columns = ", ".join(f"sum(s.{m}) {m}, sum(e.{m}) {m}_variance" for m in MEASURES)
        return {row["function"]: {m: (row[m], math.sqrt(row[f"{m}_variance"] or 0)) for m in MEASURES}
                for row in opened.execute(
                    f"SELECT l.function, {columns} FROM site s JOIN line l ON l.run = s.run AND l.id = s.line "
                    "LEFT JOIN site_error e USING (run, node, process, thread) WHERE l.file LIKE '%sampled.c' GROUP BY 1")}
