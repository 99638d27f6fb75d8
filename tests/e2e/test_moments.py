"""Times in seconds: reports show what was there at that time, or name the moment that they show, or show nothing."""

import datetime
import json
import pathlib
import sqlite3
import time

import pytest
from conftest import collector_of, rows, wait_for_run

MIB = 1 << 20


class Clock:
    """Seconds since the start of the run."""

    def __init__(self, database):
        self.started = None
        self.database = database

    def now(self):
        now = time.time()
        while self.started is None:
            try:
                text = rows(self.database, "SELECT started FROM run")[0]["started"]
                self.started = datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
            except (sqlite3.OperationalError, IndexError):
                time.sleep(0.002)
        return now - self.started


def until_asleep(pid):
    """Waits until a process has handled everything and waits for more: it is found asleep ten times in a row."""
    quiet, deadline = 0, time.monotonic() + 100
    while quiet < 10 and time.monotonic() < deadline:
        states = [stat.read_text().rpartition(")")[2].split()[0] for stat in pathlib.Path(f"/proc/{pid}/task").glob("*/stat")]
        quiet = quiet + 1 if set(states) == {"S"} else 0
        time.sleep(0.02)


@pytest.fixture
def grown(steps, tmp_path):
    """A program that holds 1 MiB for a while, and then 11, while the collector cannot write, so that the database has only its
    first and its last snapshot. Returns a time within each of the two phases."""
    database = tmp_path / "trace.db"
    program = steps()
    collector = collector_of(database)
    clock, times = Clock(database), []
    clock.now()
    holder = sqlite3.connect(database, timeout=30, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    for blocks in (10486, 104858):
        program.do(f"keep {blocks}")
        until_asleep(collector)
        time.sleep(0.2)
        times.append(clock.now())
        time.sleep(0.2)
    holder.execute("ROLLBACK")
    holder.close()
    program.do("keep 1")
    assert program.end() == 0
    wait_for_run(database)
    return database, times


def keeps(document):
    return sum(r["live_bytes"] for r in document["rows"] if r["function"] == "keep")


def test_what_was_there_then(grown, report):
    database, (early, late) = grown
    for moment, mib in ((early, 1), (late, 11)):
        found = json.loads(report(database, "top", "--to", f"{moment:.3f}", "--json").stdout)
        assert keeps(found) == pytest.approx(mib * MIB, rel=0.01)
        assert found["part"]["to"]["t_s"] == pytest.approx(moment, abs=0.001)
    text = report(database, "compare", f"@{early:.3f}", f"@{late:.3f}").stdout
    assert "11" in text.splitlines()[0] and "exactly" not in text
    between = json.loads(report(database, "top", "--from", f"{early:.3f}", "--to", f"{late:.3f}", "--json").stdout)
    assert keeps(between) == pytest.approx(10 * MIB, rel=0.01)


def test_nothing_happened(grown, report):
    """Two moments between which nothing was counted are reported as exactly equal."""
    database, (early, _) = grown
    text = report(database, "compare", f"@{early:.3f}", f"@{early + 0.05:.3f}").stdout
    assert "exactly as much alive" in text


def forget(database, after_s):
    """Changes the database as if lines had been looked at only once before that time; returns when."""
    connection = sqlite3.connect(database)
    [[first]] = connection.execute("SELECT min(t_ns) FROM moment")
    connection.execute("DELETE FROM moment WHERE t_ns > ? AND t_ns < ?", (first, after_s * 1e9))
    connection.execute("UPDATE moment SET until_ns = t_ns WHERE t_ns = ?", (first,))
    connection.commit()
    connection.close()
    return first / 1e9


def test_what_is_not_known_is_not_compared(grown, report):
    database, (early, late) = grown
    first = forget(database, late)
    for arguments in (["compare", f"@{early:.3f}", f"@{late - 0.01:.3f}"], ["compare", f"@{late - 0.01:.3f}", f"@{early:.3f}"],
                      ["top", "--from", f"{early:.3f}", "--to", f"{late - 0.01:.3f}"]):
        done = report(database, *arguments)
        assert done.returncode == 1 and done.stdout == "" and "is not known" in done.stderr, done
    done = report(database, "top", "--to", f"{early:.3f}")
    assert done.returncode == 0 and "the last look before" in done.stdout
    found = json.loads(report(database, "top", "--to", f"{early:.3f}", "--json").stdout)
    assert found["part"]["to"]["t_s"] == pytest.approx(first, abs=1e-6)
    assert "(at " in report(database, "compare", f"@{early:.3f}", "1").stdout


def test_early_moments(build, trace):
    """If a program is always busy, at least eight moments of its first fifth of a second are known. The best of a few runs
    counts, because a collector that gets no processor looks less often."""
    early = 0
    for _ in range(20):
        traced = trace([build.target("going"), "0.5"])
        early = max(early, traced.one("SELECT count(*) AS n FROM moment WHERE t_ns < 200000000")["n"])
        if early >= 8:
            break
    assert early >= 8, early
    assert traced.one("SELECT count(*) AS n FROM moment WHERE until_ns < t_ns")["n"] == 0


def test_times_from_the_end(grown, report):
    """A negative time is told from the end, or from now; one that is longer ago than the start is the start."""
    database, (early, late) = grown
    [[wall_ns]] = sqlite3.connect(database).execute("SELECT wall_ns FROM run")
    for text, moment in ((f"-{wall_ns / 1e9 - early:.3f}", early), (f"-{(wall_ns / 1e9 - late) * 1000:.0f}ms", late), (f"0h0m{late:.3f}s", late)):
        found = json.loads(report(database, "top", "--to", text, "--json").stdout)
        assert found["part"]["to"]["t_s"] == pytest.approx(moment, abs=0.002)
    whole, hour = (json.loads(report(database, "top", "--by", "bytes", *more, "--json").stdout) for more in ([], ["--from", "-1h"]))
    assert [r["bytes"] for r in whole["rows"]] == [r["bytes"] for r in hour["rows"]]
    assert "From the start to the end" in report(database, "top", "--from", "-1h").stdout
    between = json.loads(report(database, "top", "--from", f"-{wall_ns / 1e9 - early:.3f}", "--to", "-0", "--json").stdout)
    assert keeps(between) == pytest.approx(10 * MIB, rel=0.01)
    assert report(database, "compare", f"@-{wall_ns / 1e9 - early:.3f}", "@-0").returncode == 0
    assert report(database, "timeline", "--from", "-1h").returncode == 0


@pytest.mark.parametrize("text", ["-1x", "1h2", "-", "2m1h", "--1"])
def test_what_is_no_time(grown, report, text):
    database, _ = grown
    done = report(database, "top", f"--from={text}")
    assert done.returncode == 1 and f"no mark '{text}'" in done.stderr and "-1h for the last hour" in done.stderr, done


def test_parts_make_the_whole(grown, report):
    """What was counted before a time and after it is all, whichever of both is added up from samples."""
    database, (early, late) = grown
    [[wall_ns]] = sqlite3.connect(database).execute("SELECT wall_ns FROM run")
    for text in (f"{early:.3f}", f"{late:.3f}", f"{wall_ns / 5e9:.3f}", f"{wall_ns / 1.01e9:.3f}"):
        whole, before, after = (json.loads(report(database, "top", "--by", "bytes", "--limit", "0", *more, "--json").stdout)
                                for more in ([], ["--to", text], ["--from", text]))
        for measure in ("allocations", "bytes", "live_bytes"):
            assert sum(r[measure] for part in (before, after) for r in part["rows"]) == sum(r[measure] for r in whole["rows"]), (text, measure)
