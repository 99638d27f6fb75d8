"""include/trace.h: marks and pauses, which do nothing if nobody traces; from Python in one line. Reports on what was counted
between two moments, of programs whose numbers are known."""

import json
import re
import subprocess
import time

import pytest

from conftest import ROOT, clean_environment, wait_for_run
from test_live import until_recording


def test_marks_and_pauses(build, trace, plain):
    assert plain([build.target("marks")]).stdout == b"done 77\n"
    traced = trace([build.target("marks")])
    assert (traced.stdout, traced.stderr, traced.returncode) == (b"done 77\n", b"", 0)
    assert traced.one("SELECT sum(allocations) AS n FROM functions WHERE function = 'blocks'")["n"] == 110
    marks = traced.rows("SELECT * FROM mark ORDER BY t_ns, id")
    assert [(m["name"], m["kind"]) for m in marks] == [("loaded", 0), ("served é", 1)]
    assert all(0 < m["t_ns"] <= traced.run["wall_ns"] for m in marks)


def test_long_name(trace):
    """It is cut to 200 bytes, between two characters."""
    traced = trace(["/usr/bin/python3", "-c", "import ctypes; ctypes.CDLL(None).libtrace_mark(('x' + 'é' * 150).encode())"])
    assert (traced.returncode, traced.stderr) == (0, b"")
    assert [m["name"] for m in traced.rows("SELECT name FROM marks")] == ["x" + "é" * 99]


def test_from_python(trace):
    reference = (ROOT / "analyzer/REFERENCE.md").read_text()
    line = re.search(r"traced or not:\s`([^`]*)`", reference)[1].replace("loaded", "here")
    untraced = subprocess.run(["/usr/bin/python3", "-c", line], capture_output=True, env=clean_environment())
    assert (untraced.returncode, untraced.stdout, untraced.stderr) == (0, b"", b"")
    traced = trace(["/usr/bin/python3", "-c", line])
    assert traced.returncode == 0 and traced.stderr == b""
    assert traced.one("SELECT name FROM marks")["name"] == "here"


# What the program `steps` does, and for each part: how many blocks keep() and brief() allocate, and how many more are live
# after it.
STORY = ["keep 100", "mark loaded", "keep 1000", "brief 50", "free 200", "mark served", "keep 7", "mark tick", "keep 1",
         "mark tick", "brief 5", "mark tick"]
PARTS = {  # kept, brief, growth
    ("--to", "loaded"): (100, 0, 100), ("--from", "loaded", "--to", "served"): (1000, 50, 800),
    ("--from", "served"): (8, 5, 8), ("--from", "served", "--to", "tick"): (7, 0, 7),
    ("--from", "tick", "--to", "tick"): (1, 0, 1), ("--from", "tick#2", "--to", "tick"): (0, 5, 0),
    ("--from", "loaded", "--to", "tick#3"): (1008, 55, 808), ("--from", "tick#3"): (0, 0, 0),
    ("--from", "0", "--to", "86400"): (1108, 55, 908), ("--from", "loaded"): (1008, 55, 808),
}
HEAPS = {("--to", "loaded"): 10000, ("--from", "loaded", "--to", "served"): 110050, ("--from", "served"): 90850,
         ("--from", "tick", "--to", "tick"): 90800}
OTHERS = 4096  # stdout's buffer, from the first "done" on


@pytest.fixture
def story(steps, tmp_path):
    program = steps()
    program.do(*STORY)
    assert program.end() == 0
    wait_for_run(tmp_path / "trace.db")
    return tmp_path / "trace.db"


@pytest.fixture
def as_json(report):
    def call(database, *arguments):
        done = report(database, *arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return call


def functions(document):
    return {r["function"]: r for r in document["rows"] if r["function"] in ("keep", "brief")}


def check_part(document, kept, brief, growth):
    found = functions(document)
    none = {"allocations": 0, "bytes": 0, "live_allocations": 0, "live_bytes": 0, "temporary": 0}
    keep, short = found.get("keep", none), found.get("brief", none)
    assert (keep["allocations"], keep["bytes"]) == (kept, 100 * kept)
    assert (keep["live_allocations"], keep["live_bytes"], keep["temporary"]) == (growth, 100 * growth, 0)
    assert (short["allocations"], short["bytes"], short["temporary"], short["live_bytes"]) == (brief, 50 * brief, brief, 0)
    assert all(r["peak_bytes"] is None for r in found.values())


@pytest.mark.parametrize("part", PARTS, ids=" ".join)
def test_parts(part, story, as_json):
    for arguments in ((), ("--group", "function"), ("--group", "stack"), ("--leaf",), ("--by", "live")):
        document = as_json(story, "top", *part, *arguments)
        check_part(document, *PARTS[part])
        for measure in ("allocations", "bytes", "live_bytes", "temporary"):
            assert document["total"][measure] == sum(r[measure] for r in document["rows"]), (arguments, measure)
    if part in HEAPS:
        assert document["part"]["peak_bytes"] == HEAPS[part] + OTHERS


def test_the_part_and_the_run(story, as_json, report):
    """The parts add up to the whole, and RUN@FROM..TO is another way to name a part."""
    parts = [("steps@..loaded",), ("1@loaded..served",), ("steps@served..tick#3",), ("@tick#3..",)]
    whole = as_json(story, "top")["total"]
    for measure in ("allocations", "bytes", "live_allocations", "live_bytes", "temporary"):
        assert sum(as_json(story, "top", *p)["total"][measure] for p in parts) == whole[measure], measure
    assert as_json(story, "top", "@served")["total"] == as_json(story, "top", "--to", "served")["total"]
    text = report(story, "top", "--from", "loaded", "--to", "served", "--by", "live").stdout
    assert "From loaded" in text and "to served" in text and "+78.1 KiB" in text and "PEAK" not in text.splitlines()[3]


def test_other_reports(story, as_json, report):
    between = ("--from", "loaded", "--to", "served")
    leaks = as_json(story, "leaks", *between)
    assert [(r["function"], r["live_allocations"]) for r in leaks["rows"]] == [("keep", 800)]
    assert "more live at the end of this part" in report(story, "leaks", *between).stdout
    assert as_json(story, "temporary", *between)["total"]["temporary"] == 50
    for more in ((), ("--inverted",)):
        tree = as_json(story, "tree", *between, *more)
        assert tree["total"]["bytes"] == 102500 and any(r["function"] == "brief" and r["bytes"] == 2500 for r in tree["rows"])
    folded = report(story, "export", "--format", "folded", *between).stdout
    assert sorted(int(line.rsplit(" ", 1)[1]) for line in folded.splitlines()) == [2500, 100000]
    narrow = as_json(story, "top", *between, "--function", "brief")
    assert narrow["total"]["bytes"] == 2500 and narrow["rows_in_all"] == 1
    assert report(story, "check", *between, "--max-allocations", "1050").returncode == 0
    assert report(story, "check", *between, "--max-allocations", "1049").returncode == 3
    assert report(story, "check", *between, "--max-peak", "114146").returncode == 0
    assert report(story, "check", *between, "--max-peak", "114145").returncode == 3


def test_compare(story, as_json, report):
    """Compares the run up to each of two marks: how much more is live at the second."""
    document = as_json(story, "compare", "1@loaded", "1@served")
    assert document["by"] == "live"
    assert document["first"]["name"] == "steps@loaded" and document["comparisons"][0]["name"] == "steps@served"
    row = next(r for r in document["comparisons"][0]["rows"] if r["function"] == "keep")
    assert (row["allocations_before"], row["allocations_after"], row["bytes_change"]) == (100, 900, 80000)
    totals = document["comparisons"][0]["totals"]
    assert (totals["peak_bytes"]["before"], totals["peak_bytes"]["after"]) == (10000 + OTHERS, 110050 + OTHERS)
    assert totals["allocations"]["change"] == 1050 and totals["temporary"]["after"] == 50 and "wall_s" not in totals
    phases = as_json(story, "compare", "@..loaded", "@loaded..served", "--by", "allocations")
    assert {r["function"]: r["allocations_change"] for r in phases["comparisons"][0]["rows"]} == {"keep": 900, "brief": 50, "main": -1}
    text = report(story, "compare", "@loaded", "@served").stdout
    assert text.startswith("steps@served leaves 6.7 times what lives at the end of steps@loaded (13.8 KiB -> 91.9 KiB)")
    assert report(story, "compare", "@loaded", "@served", "--by", "peak").returncode == 2


def test_mistakes(story, report):
    def said(status, *arguments):
        done = report(story, *arguments)
        assert done.returncode == status and done.stdout == "" and done.stderr.count("\n") == 1, done
        return done.stderr

    assert "did you mean 'loaded'" in said(1, "top", "--from", "lodaed")
    assert "its marks: loaded, served, tick" in said(1, "top", "--to", "x")
    assert "'loaded' comes before 'served'" in said(1, "top", "--from", "served", "--to", "loaded")
    assert "was over by then" in said(1, "top", "--from", "100")
    assert "whole run" in said(2, "top", "--from", "loaded", "--by", "peak")
    assert "whole runs" in said(2, "summary", "@loaded") and "whole runs" in said(2, "histogram", "1@loaded")
    assert "no run of number or label 'other@loaded'" in said(1, "top", "other@loaded")
    assert "of whole runs only" in said(2, "histogram", "--from", "loaded")
    assert "folded or speedscope" in said(2, "export", "--format", "pprof", "--from", "loaded")
    assert "from mark to mark" in said(2, "check", "--max-peak", "1M", "--from", "loaded", "--function", "keep")


def test_while_it_runs(steps, as_json, tmp_path):
    """Parts up to now, and between marks that were just made."""
    database = tmp_path / "trace.db"
    program = steps()
    until_recording(database)
    for number in range(1, 8):
        program.do(f"mark m{number}", f"keep {number * 10}", f"brief {number}")
        check_part(as_json(database, "top", "--from", f"m{number}"), number * 10, number, number * 10)
        if number > 1:
            before = as_json(database, "top", "--from", f"m{number - 1}", "--to", f"m{number}")
            check_part(before, number * 10 - 10, number - 1, number * 10 - 10)


def test_times(steps, as_json, tmp_path):
    """A time means the last moment before it at which the counts are known, and the report says which one."""
    database = tmp_path / "trace.db"
    program = steps()
    until_recording(database)
    seen = []
    for number in range(4):
        program.do(f"keep {number + 1}")
        seen.append(as_json(database, "top")["run"]["wall_s"])  # makes a snapshot
    program.end()
    wait_for_run(database)
    for number in range(4):
        document = as_json(database, "top", "--to", f"{seen[number] + 1e-6:.9f}")
        check_part(document, *[sum(range(number + 2))], 0, sum(range(number + 2)))
        assert abs(document["part"]["to"]["t_s"] - seen[number]) < 1e-3 and document["part"]["peak_bytes"] is None
    document = as_json(database, "top", "--from", f"{seen[0] + 1e-6:.9f}", "--to", f"{seen[2] + 1e-6:.9f}s")
    check_part(document, 5, 0, 5)


def test_timeline(steps, as_json, report, tmp_path):
    """A part has only its own samples and marks, and its own highest value: the run's peak comes before it."""
    database = tmp_path / "trace.db"
    program = steps()
    until_recording(database)

    def until_sampled():
        for _ in range(600):
            document = as_json(database, "timeline")
            if sum(s["t_s"] > document["marks"][-1]["t_s"] for s in document["samples"]) >= 3:
                return
            time.sleep(0.05)
        raise AssertionError("no samples come")

    program.do("keep 200000", "free 150000", "mark loaded")
    until_sampled()
    program.do("keep 30000", "mark raised")
    until_sampled()
    program.do("mark served", "free 80000", "mark over")
    until_sampled()
    assert program.end() == 0
    wait_for_run(database)
    whole = as_json(database, "timeline")
    times = {m["name"]: m["t_s"] for m in whole["marks"]}
    within = [s["t_s"] for s in whole["samples"] if times["raised"] < s["t_s"] < times["served"]]
    for part, begin, end in ((("--from", "loaded", "--to", "served"), times["loaded"], times["served"]),
                             (("--from", "served"), times["served"], 86400), (("--to", "loaded"), 0, times["loaded"]),
                             (("--from", f"{within[0]:.9f}", "--to", f"{within[-1]:.9f}s"), within[0], within[-1])):
        found = as_json(database, "timeline", *part)
        for rows in ("samples", "marks"):
            assert found[rows] == [r for r in whole[rows] if begin <= r["t_s"] <= end], (part, rows)
    between = ("--from", "loaded", "--to", "served")
    found = as_json(database, "timeline", *between)
    assert [m["name"] for m in found["marks"]] == ["loaded", "raised", "served"]
    highest = max(s["live_bytes"] for s in found["samples"])
    assert highest == found["part"]["peak_bytes"] == 8000000 + OTHERS < found["run"]["peak_bytes"]
    text = report(database, "timeline", *between, "--bytes").stdout
    assert f"highest sample {highest} at" in text and "From loaded (" in text and f"; the heap {highest} at most\n" in text
    assert "  over" not in text and "  served" in text
    first = report(database, "timeline", "--to", "loaded", "--bytes").stdout
    assert f"peak {found['run']['peak_bytes']} at" in first.split("loaded", 1)[1] and "highest sample" not in first


def test_python(trace, as_json, tmp_path):
    """Lines between two marks: everything that was allocated in between, and nothing from before or after."""
    script = tmp_path / "work.py"
    script.write_text("""import ctypes
mark = ctypes.CDLL(None).libtrace_mark
before = [bytes(1000 + i) for i in range(500)]
mark(b"begin")
between = [bytes(1000 + i) for i in range(700)]
del before[100:]
mark(b"end")
after = [bytes(1000 + i) for i in range(900)]
""")
    traced = trace(["/usr/bin/python3", script])
    assert traced.stderr == b"" and traced.returncode == 0

    def lines(*arguments):
        document = as_json(traced.database, "top", *arguments, "--limit", "0", "--file", "work.py")
        # A comprehension may be a function of its own, with a row of its own.
        return {line: tuple(sum(r[m] for r in document["rows"] if r["line"] == line) for m in ("allocations", "bytes", "live_allocations"))
                for line in {r["line"] for r in document["rows"]}}

    whole, part = lines(), lines("--from", "begin", "--to", "end")
    assert part[5][:2] == whole[5][:2] and part[5][0] >= 700 and part[5][2] >= 700
    assert part[3][:2] == (0, 0) and -405 <= part[3][2] <= -400  # freed in between
    assert 8 not in part
    after = lines("--from", "end")
    assert after[8] == whole[8] and all(after.get(line, (0,))[0] == 0 for line in (3, 5))


def test_marks_of_several_processes(build, trace, as_json, tmp_path):
    """The first mark of a name; with --process, the first one in that process."""
    (tmp_path / "w.c").write_text("""
#include <trace.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static void __attribute__((noinline)) work(int n) { for (int i = 0; i < n; i++) { void *volatile p = malloc(10); free(p); } }
int main(void)
{
    for (int i = 1; i <= 3; i++) {
        pid_t child = fork();
        if (child == 0) { work(100); trace_mark("ready"); work(i); trace_mark("done"); _exit(0); }
        waitpid(child, NULL, 0);
    }
    return 0;
}
""")
    subprocess.run(["gcc", "-g", "-O1", "-I", ROOT / "include", "-o", tmp_path / "w", tmp_path / "w.c"], check=True)
    traced = trace([tmp_path / "w"])
    assert traced.returncode == 0 and len(traced.rows("SELECT * FROM mark")) == 6
    for number in (1, 2, 3):
        part = as_json(traced.database, "top", "--process", number + 1, "--from", "ready", "--to", "done")
        assert part["total"]["allocations"] == number
    third = as_json(traced.database, "top", "--from", "ready#3", "--to", "done#3")
    assert third["total"]["allocations"] == 3


def test_between_threads(build, trace, as_json, tmp_path):
    """Events of threads that ended before a mark come before it, events of threads that begin after it come after it."""
    (tmp_path / "t.c").write_text("""
#include <trace.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
static void __attribute__((noinline)) blocks(long n) { while (n-- > 0) { void *volatile p = malloc(24); free(p); } }
static void *work(void *n) { blocks((long)n); return NULL; }
int main(void)
{
    char name[16];
    for (long phase = 0; phase < 200; phase++) {
        pthread_t threads[4];
        for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, work, (void *)(phase % 13 + i));
        for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
        snprintf(name, sizeof name, "p%ld", phase);
        trace_mark(name);
    }
    return 0;
}
""")
    subprocess.run(["gcc", "-g", "-O1", "-I", ROOT / "include", "-o", tmp_path / "t", tmp_path / "t.c", "-lpthread"], check=True)
    traced = trace([tmp_path / "t"])
    assert traced.returncode == 0 and traced.stderr == b""
    found = traced.rows("SELECT m.name, (SELECT sum(s.allocations) FROM site_sample s JOIN site i USING (run, node, process) "
                        "JOIN line l ON l.run = i.run AND l.id = i.line WHERE s.t_ns <= m.t_ns AND l.function = 'blocks') AS n "
                        "FROM mark m ORDER BY t_ns")
    sums = [sum(4 * (p % 13) + 6 for p in range(phase + 1)) for phase in range(200)]
    assert [(r["name"], r["n"]) for r in found] == [(f"p{i}", n) for i, n in enumerate(sums)]
    part = as_json(traced.database, "top", "--from", "p49", "--to", "p149", "--function", "blocks")
    assert part["total"]["allocations"] == sums[149] - sums[49]


def test_marks_without_end(build, trace, as_json, tmp_path):
    """A program that sets marks all the time gets only as many samples as a run may have; later marks are reported as
    unknown."""
    (tmp_path / "m.c").write_text("""
#include <trace.h>
#include <stdio.h>
#include <stdlib.h>
#define R(n) static void __attribute__((noinline)) f##n(void) { void *volatile p = malloc(n); free(p); }
R(1) R(2) R(3) R(4) R(5) R(6) R(7) R(8)
int main(void)
{
    for (int i = 0; i < 35000; i++) {
        f1(); f2(); f3(); f4(); f5(); f6(); f7(); f8();
        char name[16];
        snprintf(name, sizeof name, "m%d", i);
        trace_mark(name);
    }
    return 0;
}
""")
    subprocess.run(["gcc", "-g", "-O1", "-I", ROOT / "include", "-o", tmp_path / "m", tmp_path / "m.c"], check=True)
    traced = trace([tmp_path / "m"])
    sampled = traced.rows("SELECT sampled, count(*) AS n FROM mark GROUP BY sampled ORDER BY sampled")
    assert [r["sampled"] for r in sampled] == [0, 1]
    known = sampled[1]["n"]  # one more if the collector made a sample of its own in between
    assert 31250 <= known <= 31260 and sampled[0]["n"] == 35000 - known
    # A later one is known, too, if the collector has made a sample of its own just before it.
    first = traced.rows("SELECT min(id) - 1 AS n FROM mark WHERE NOT sampled")[0]["n"]
    assert 31240 <= first <= known
    last = f"m{first - 1}"
    assert as_json(traced.database, "top", "--from", "m1000", "--to", last)["total"]["allocations"] == 8 * (first - 1001)
    assert as_json(traced.database, "top", "--from", last)["total"]["allocations"] == 8 * (35000 - first)
    done = subprocess.run([build.command("trace-report"), "top", "--from", "m32000", "--db", traced.database],
                          capture_output=True, text=True, env=clean_environment())
    assert done.returncode == 1 and "too many marks" in done.stderr
