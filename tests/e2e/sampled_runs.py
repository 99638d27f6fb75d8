"""What sampled runs of a program should say, by line, from its exact run: for test_sampling.py and scripts/test-sampling."""

import collections
import functools
import math
import sqlite3
import subprocess

from conftest import wait_for_run

MEASURES = ("allocations", "bytes", "live_allocations", "live_bytes")


def weight(size, interval):
    """How many blocks a recorded one stands for: include/sampling_rule.h."""
    return 1 if size >= interval else math.ceil(1 / -math.expm1(-(size + 1) / interval))


def exact_totals(database):
    """What the library has counted, whatever it recorded."""
    with sqlite3.connect(database) as opened:
        return opened.execute("SELECT allocations, bytes FROM sampling ORDER BY run DESC LIMIT 1").fetchone()


@functools.cache
def still():
    """Words before a command that keep its addresses the same in each run, if the system allows that: where the first arena of
    CPython's happens to lie decides whether a program makes one block of 128 KiB more, which it keeps."""
    fixed = ["setarch", "-R"]
    try:
        return fixed if subprocess.run([*fixed, "true"], capture_output=True, check=False).returncode == 0 else []
    except FileNotFoundError:
        return []


def record(build, preload, command, database, interval=None, events=False):
    environment = preload({"LIBTRACE_SAMPLE": str(interval)} if interval else {}, database)
    library = environment.pop("LD_PRELOAD")
    if events:
        environment["LIBTRACE_EVENTS"] = "1"
    subprocess.run([*still(), "env", f"LD_PRELOAD={library}", *map(str, command)], env=environment, check=True, timeout=300,
                   stdout=subprocess.DEVNULL)
    assert wait_for_run(database)["state"] == "complete"


class Exact:
    """The exact run: its sums by line of the program's own files (LIKE source), and each block's size, from the log of
    events."""

    def __init__(self, build, preload, command, database, source):
        record(build, preload, command, database, events=True)
        with sqlite3.connect(database) as opened:
            opened.row_factory = sqlite3.Row
            self.sums = {key(row): {m: row[m] for m in MEASURES} for row in opened.execute(
                "SELECT function, line, sum(allocations) allocations, sum(bytes) bytes, sum(live_allocations) live_allocations, "
                "sum(live_bytes) live_bytes FROM lines WHERE file LIKE ? GROUP BY 1, 2", (source,))}
            lines = {row["node"]: key(row) for row in opened.execute(
                "SELECT s.node, l.function, l.line FROM site s JOIN line l ON l.run = s.run AND l.id = s.line WHERE l.file LIKE ?",
                (source,))}
            self.made, self.left = collections.defaultdict(collections.Counter), collections.defaultdict(collections.Counter)
            live = {}
            for kind, process, address, size, node in opened.execute(
                    "SELECT kind, process, address, size, node FROM event ORDER BY id"):
                gone = live.pop((process, address), None)
                if gone:
                    self.left[gone[0]][gone[1]] -= 1
                if kind == "alloc" and node in lines:
                    live[process, address] = lines[node], size
                    self.made[lines[node]][size] += 1
                    self.left[lines[node]][size] += 1

    def variance(self, line, measure, interval):
        """Of a sampled run's estimate."""
        blocks = (self.left if measure.startswith("live") else self.made)[line]
        square = (lambda size: size * size) if measure.endswith("bytes") else (lambda size: 1)
        return sum(count * (weight(size, interval) - 1) * square(size) for size, count in blocks.items())

    def samples(self, line, interval):
        """How many of its blocks are recorded, on average."""
        return sum(count / weight(size, interval) for size, count in self.made[line].items())


def key(row):
    return f"{row['function']}:{row['line']}"


def estimates(build, preload, command, database, interval, source):
    """By line and measure: the value, and its standard error, of one sampled run."""
    record(build, preload, command, database, interval)
    with sqlite3.connect(database) as opened:
        opened.row_factory = sqlite3.Row
        columns = ", ".join(f"sum(s.{m}) {m}, sum(e.{m}) {m}_variance" for m in MEASURES)
        return {key(row): {m: (row[m], math.sqrt(row[f"{m}_variance"] or 0)) for m in MEASURES}
                for row in opened.execute(
                    f"SELECT l.function, l.line, {columns} FROM site s JOIN line l ON l.run = s.run AND l.id = s.line "
                    "LEFT JOIN site_error e USING (run, node, process, thread) WHERE l.file LIKE ? GROUP BY 1, 2", (source,))}


class Compared:
    """Estimates of many runs beside the truth. rows: (line, measure, truth, mean, error of the mean, samples a run, runs
    of which the interval of 95 % holds the truth); the last is None for what is exact, or has less than 20 samples."""

    def __init__(self, exact, runs, interval):
        self.rows = []
        for line, truth in exact.sums.items():
            for measure in MEASURES:
                values = [run[line][measure] if line in run else (0, 0) for run in runs]
                error = math.sqrt(exact.variance(line, measure, interval) / len(runs))
                mean, samples = sum(value for value, _ in values) / len(values), exact.samples(line, interval)
                if measure.startswith("live"):
                    samples *= truth[measure] / truth[measure.replace("live_", "")]
                inside = sum(abs(value - truth[measure]) <= 1.96 * deviation + 0.5 for value, deviation in values)
                self.rows.append((line, measure, truth[measure], mean, error, samples, inside if error and samples >= 20 else None))

    def biased(self, errors):
        """Rows whose mean is off by more than that many errors."""
        return [row for row in self.rows if abs(row[3] - row[2]) > errors * row[4] + 0.5]
