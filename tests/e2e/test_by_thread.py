"""LIBTRACE_THREADS=1: each site belongs to one thread, and --thread narrows reports to it; without that
option nothing changes."""

import csv
import io
import json
import re
import subprocess

import pytest

from conftest import ROOT, clean_environment, rows, wait_for_run

MEASURES = ["allocations", "bytes", "peak_allocations", "peak_bytes", "live_allocations", "live_bytes", "temporary"]
BY_THREAD = {"LIBTRACE_THREADS": "1"}


@pytest.fixture(scope="module")
def crew(build, run_crew, tmp_path_factory):
    """Two runs of targets/crew in one database, the first recorded by thread, and what the program itself counted in that
    run."""
    database = tmp_path_factory.mktemp("crew") / "trace.db"
    counted = []
    for number, extra in enumerate((BY_THREAD, {}), 1):
        env = clean_environment({"LD_PRELOAD": build.library, "LIBTRACE_DB": database, **extra})
        counted.append(run_crew(database, env))
        wait_for_run(database, number)
    assert counted[0] == counted[1]
    own = [line.split() for line in counted[0].splitlines()]
    return database, {(name, function): dict(zip(MEASURES, map(int, numbers))) for name, function, *numbers in own}


@pytest.fixture
def ask(report):
    """ask(database, arguments...): what a report prints as JSON."""

    def call(database, *arguments):
        done = report(database, *arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return call


def test_each_thread_is_told_apart(crew, ask):
    """Threads with different and with shared lines, blocks that other threads free, reused slots, a child."""
    database, counted = crew
    assert len(counted) == 10 + 40 + 2
    for (name, function), expected in counted.items():
        total = ask(database, "top", "1", "--thread", name, "--function", function)["total"]
        assert {m: total[m] for m in MEASURES} == expected, (name, function)
    found = {(r["name"], r["function"]): dict(r) for r in rows(database, f"""
        SELECT t.name, s.function, {', '.join(f'sum(s.{m}) AS {m}' for m in MEASURES)}
        FROM sites AS s JOIN threads AS t USING (run, process, thread) WHERE run = 1 GROUP BY 1, 2""")}
    for key, expected in counted.items():
        assert {m: found[key][m] for m in MEASURES} == expected, key


def test_globs_and_numbers(crew, ask):
    database, counted = crew
    total = ask(database, "top", "1", "--thread", "writer-*")["total"]
    both = [expected for (name, _), expected in counted.items() if name.startswith("writer-")]
    assert {m: total[m] for m in MEASURES} == {m: sum(expected[m] for expected in both) for m in MEASURES}
    for thread in rows(database, "SELECT * FROM threads WHERE run = 1"):
        total = ask(database, "top", "1", "--thread", thread["tid"])["total"]
        assert (total["allocations"], total["bytes"]) == (thread["allocations"], thread["bytes"])
    everything = ask(database, "top", "1", "--thread", "[0-9]*")
    assert everything["total"] == ask(database, "top", "1")["total"] and everything["filter"] == {"thread": "[0-9]*"}


def test_with_processes(crew, ask, report):
    database, counted = crew
    for process in (2, "crew"):  # the child by its number, both by their command
        total = ask(database, "top", "1", "--thread", "forked", "--process", process)["total"]
        assert {m: total[m] for m in MEASURES} == counted["forked", "shared"]
    done = report(database, "top", "1", "--thread", "forked", "--process", 1)
    assert done.returncode == 1 and "run 1 has no thread forked that was traced" in done.stderr


def test_text(crew, report):
    database, _ = crew
    shown = report(database, "top", "1", "--thread", "reader-2")
    assert "Only thread reader-2" in shown.stdout and "read_own" in shown.stdout and "write_own" not in shown.stdout


def test_compared(crew, ask, report):
    """Both runs are narrowed to the thread; for a run that was not recorded by thread, a message says so."""
    database, counted = crew
    [found] = ask(database, "compare", 1, 1, "--thread", "reader-1", "--by", "peak")["comparisons"]
    expected = sum(c["peak_bytes"] for (name, _), c in counted.items() if name == "reader-1")
    assert found["totals"]["peak_bytes"]["after"] == expected
    assert {r["function"] for r in found["rows"]} == {"shared", "read_own"}
    done = report(database, "compare", 1, 2, "--thread", "reader-1")
    assert done.returncode == 1 and "run 2 counts its threads together" in done.stderr


@pytest.mark.parametrize("command", ["top", "top --group stack", "tree", "leaks", "histogram", "temporary",
                                     "check --max-live 0", "export --format folded -o x", "export --format pprof -o x"])
def test_not_recorded_by_thread(command, crew, report, tmp_path):
    database, _ = crew
    done = report(database, *command.split(), "2", "--thread", "reader-1", cwd=tmp_path)
    assert done.returncode == 1 and done.stdout == "" and not (tmp_path / "x").exists()
    assert "LIBTRACE_THREADS=1" in done.stderr and "trace-run --threads" in done.stderr


def plain(found):
    """A report's rows as a sorted list, without the numbers of stacks, which depend on scheduling."""
    return sorted(json.dumps({k: v for k, v in summed(row).items() if k != "stack"}, sort_keys=True) for row in found)


def summed(value):
    """Removes own peaks: for several threads only an upper bound is known, which grows with the number of
    parts."""
    if isinstance(value, dict):
        return {key: summed(v) for key, v in value.items() if not str(key).startswith("own_peak")}
    return [summed(v) for v in value] if isinstance(value, (list, tuple)) else value


def whole(database, run, ask, report, tmp_path):
    """Everything that reports say about a whole run, except times."""
    say = {}
    for group in ("line", "function", "file", "module", "stack"):
        found = ask(database, "top", run, "--group", group, "--limit", 0)
        say[f"top {group}"] = found["total"], found["rows_in_all"], plain(found["rows"])
    for by in ("bytes", "allocations", "peak", "live", "temporary"):
        found = ask(database, "tree", run, "--by", by, "--min", "0%")
        say[f"tree {by}"] = found["total"], sorted((r["function"], r["depth"], r["value"], r["self"]) for r in found["rows"])
        report(database, "export", run, "--format", "folded", "--by", by, "-o", tmp_path / "out")
        say[f"folded {by}"] = sorted((tmp_path / "out").read_text().splitlines())
    for command in ("leaks", "temporary"):
        found = ask(database, command, run, "--limit", 0)
        say[command] = found.get("rows_in_all"), plain(found["rows"])
    say["histogram"] = ask(database, "histogram", run)["sizes"]
    report(database, "export", run, "--format", "csv", "-o", tmp_path / "out")
    say["csv"] = sorted(str(summed(row)) for row in csv.DictReader(io.StringIO((tmp_path / "out").read_text())))
    report(database, "export", run, "--format", "json", "-o", tmp_path / "out")
    found = json.loads((tmp_path / "out").read_text())
    say["json"] = found["total"], len(found["stacks"])
    report(database, "export", run, "--format", "pprof", "-o", tmp_path / "out")
    report(database, "export", run, "--format", "dhat", "-o", tmp_path / "out")
    points = json.loads((tmp_path / "out").read_text())["pps"]
    say["dhat"] = sorted([point[k] for k in ("tb", "tbk", "gb", "gbk", "eb", "ebk")] + [len(point["fs"])] for point in points)
    return summed(say)


def test_reports_sum_over_threads(crew, ask, report, tmp_path):
    """Without --thread, a run recorded by thread looks like any other: each stack is listed once, with the same sums."""
    database, counted = crew
    by_thread, together = (whole(database, run, ask, report, tmp_path) for run in (1, 2))
    for key, expected in together.items():
        assert by_thread[key] == expected, key
    [runs] = rows(database, f"SELECT {', '.join(f'count(DISTINCT {m}) AS {m}' for m in MEASURES)} FROM runs")
    assert all(runs[m] == 1 for m in MEASURES)
    sites = {r["run"]: r["n"] for r in rows(database, "SELECT run, count(*) AS n FROM sites GROUP BY run")}
    assert sites[1] > sites[2] + 40
    assert [r["n"] for r in rows(database, "SELECT count(thread) AS n FROM sites GROUP BY run")] == [sites[1], 0]


def test_one_after_the_other(build, trace):
    """A thousand threads use the same few rings one after another, and each has its own ten blocks."""
    traced = trace([build.target("threads"), "short"], env=BY_THREAD)
    assert traced.stdout == b"done\n" and traced.stderr == b""
    found = traced.rows("SELECT thread, sum(allocations) AS n FROM sites WHERE function = 'blocks' GROUP BY process, thread")
    assert len(found) == 1000 and {r["n"] for r in found} == {10}


def test_handed_over(build, trace):
    """Every block is freed by another thread than the one that made it, but stays in its maker's counts."""
    traced = trace([build.workload("handoff"), "500", "8"], env=BY_THREAD)
    own = re.search(rb"(\d+) allocations, (\d+) frees, (\d+) bytes", traced.stdout)
    found = traced.rows("""SELECT t.allocations, t.bytes, (SELECT sum(s.allocations) FROM sites s WHERE s.thread = t.thread) AS n,
                        (SELECT sum(s.bytes) FROM sites s WHERE s.thread = t.thread) AS size FROM threads AS t""")
    assert [(t["n"], t["size"]) for t in found] == [(t["allocations"], t["bytes"]) for t in found] and len(found) == 9
    assert traced.run["frees"] == int(own[2]) and traced.run["live_allocations"] == 9


def test_between_marks(trace, ask, report, tmp_path):
    """Between two marks one thread frees its blocks of a line and another allocates there: fewer are live in all, more of the
    second's."""
    (tmp_path / "m.c").write_text("""
#include <trace.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>
static pthread_barrier_t barrier;
static void *__attribute__((noipa)) keep(size_t size) { return malloc(size); }
/* So many events that those to come are known to come after this. */
static void __attribute__((noipa)) settle(void) { for (int i = 0; i < 100; i++) { void *volatile block = malloc(1); free(block); } }
static void *work(void *name)
{
    int early = *(char *)name == 'a';
    void *blocks[5];
    prctl(PR_SET_NAME, name);
    for (volatile int late = 0; late < 2; late++) {
        if (late) { pthread_barrier_wait(&barrier); pthread_barrier_wait(&barrier); settle(); }
        for (int i = 0; i < (early ? 5 : 3) && early != late; i++) blocks[i] = keep(early ? 32 : 64);
    }
    for (int i = 0; i < 5 && early; i++) free(blocks[i]);
    return NULL;
}
int main(void)
{
    pthread_t threads[2];
    pthread_barrier_init(&barrier, NULL, 3);
    pthread_create(&threads[0], NULL, work, "a");
    pthread_create(&threads[1], NULL, work, "b");
    pthread_barrier_wait(&barrier);
    settle();
    trace_mark("between");
    pthread_barrier_wait(&barrier);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    return 0;
}
""")
    subprocess.run(["gcc", "-g", "-O1", "-I", ROOT / "include", "-o", tmp_path / "m", tmp_path / "m.c", "-lpthread"], check=True)
    live = {}
    for kind, env in (("together", {}), ("by thread", BY_THREAD)):
        traced = trace([tmp_path / "m"], env=env, db=tmp_path / f"{kind}.db")
        assert traced.returncode == 0 and traced.stderr == b""
        found = ask(traced.database, "top", "--from", "between", "--function", "keep", "--by", "live")["total"]
        assert (found["live_allocations"], found["live_bytes"], found["allocations"]) == (-2, 3 * 64 - 5 * 32, 3)
        live[kind] = ask(traced.database, "leaks", "--from", "between", "--function", "keep")
    assert live["together"]["rows"] == live["by thread"]["rows"] == []
    for thread, expected in (("a", (-5, -160)), ("b", (3, 192))):
        found = ask(traced.database, "top", "--from", "between", "--function", "keep", "--thread", thread)["total"]
        assert (found["live_allocations"], found["live_bytes"]) == expected
        found = ask(traced.database, "leaks", "--from", "between", "--thread", thread)
        assert (found["live_allocations"], found["live_bytes"]) == (max(expected[0], 0), max(expected[1], 0))
    before = ask(traced.database, "top", "--to", "between", "--thread", "b")["total"]
    assert before["allocations"] == 0


def test_python(trace, ask, program, tmp_path):
    """Python threads are told apart by their TIDs: before Python 3.14 their names are known only inside the interpreter."""
    (tmp_path / "t.py").write_text("""
import threading
def piece(): return bytes(5000)
def work(n): kept.append([piece() for i in range(n)]); print(threading.get_native_id(), n, flush=True)
kept = []
for n in (30, 170, 255):
    thread = threading.Thread(target=work, args=(n,)); thread.start(); thread.join()
piece()
""")
    traced = trace([program("python3"), tmp_path / "t.py"], env=BY_THREAD)
    assert traced.returncode == 0 and traced.stderr == b""
    threads = dict(tuple(map(int, line.split())) for line in traced.stdout.splitlines())
    assert sorted(threads.values()) == [30, 170, 255]
    # From 3.13 on the call's arguments, in a recycled tuple, are seen as well.
    each = 2 if ask(traced.database, "top", "--function", "piece")["total"]["allocations"] > 456 else 1
    for tid, n in threads.items():
        total = ask(traced.database, "top", "--function", "piece", "--thread", tid)["total"]
        assert total["allocations"] == n * each and n * 5033 <= total["bytes"] < n * 5100
    whole = ask(traced.database, "top", "--function", "piece")
    assert whole["total"]["allocations"] == (30 + 170 + 255 + 1) * each and len(whole["rows"]) == 1


def test_merged(crew, ask, report, tmp_path):
    database, counted = crew
    assert report(tmp_path / "other.db", "merge", database, "1").returncode == 0
    found = ask(tmp_path / "other.db", "top", "--thread", "late-name")["total"]
    assert {m: found[m] for m in MEASURES} == counted["late-name", "shared"]


def test_trace_run(build, report, tmp_path):
    env = clean_environment({"LIBTRACE_DB": tmp_path / "trace.db"})
    subprocess.run([build.command("trace-run"), "--threads", build.target("hello"), "you", "0"], env=env, check=True,
                   stdout=subprocess.DEVNULL, timeout=60)
    wait_for_run(tmp_path / "trace.db")
    done = report(tmp_path / "trace.db", "top", "--thread", "hello")
    assert done.returncode == 0 and "Only thread hello" in done.stdout
