"""Totals are exact: they are the allocations, frees and bytes that valgrind counts."""

import re
import shutil
import subprocess

import pytest

import oracle
from conftest import clean_environment, wait_for_run

MEASURES = ("allocations", "frees", "bytes", "live_allocations", "live_bytes")


@pytest.fixture(scope="session")
def valgrind(build, tmp_path_factory):
    """valgrind(argv): the totals that valgrind counts."""
    if not shutil.which("valgrind"):
        pytest.skip("valgrind is not installed")
    stand_ins = oracle.tls_stand_ins(build.library, tmp_path_factory.mktemp("tls"))

    def run(argv):
        return oracle.valgrind_totals(argv, clean_environment({"LD_PRELOAD": ":".join(stand_ins) or None}))

    return run


@pytest.mark.parametrize("name", ["list", "stream", "dict", "slots", "handoff"])
def test_totals_equal_valgrinds(name, build, trace, valgrind, say):
    argv = [build.workload(name)]
    process, expected = valgrind(argv)
    traced = trace(argv)

    assert traced.stderr == b""
    assert (traced.stdout, traced.returncode) == (process.stdout, process.returncode)
    assert {m: traced.run[m] for m in MEASURES} == expected
    assert traced.run["freed_bytes"] == expected["bytes"] - expected["live_bytes"]
    assert traced.run["events_lost"] == 0
    assert traced.run["state"] == "complete" and traced.run["exit_status"] == 0
    say(f"{name}: {expected['allocations']:,} allocations, {expected['frees']:,} frees, {expected['bytes']:,} bytes")


@pytest.mark.parametrize("blocks, threads", [(3001, 1), (2000, 3), (500, 32), (20, 128)])
def test_threads_of_any_number(blocks, threads, build, trace, valgrind):
    argv = [build.workload("handoff"), str(blocks), str(threads)]
    _, expected = valgrind(argv)
    traced = trace(argv)
    assert {m: traced.run[m] for m in MEASURES} == expected
    per_thread = traced.rows("SELECT * FROM threads")
    assert len(per_thread) == threads + 1
    assert sum(t["allocations"] for t in per_thread) == expected["allocations"]
    assert sum(t["frees"] for t in per_thread) == expected["frees"]
    assert sum(t["bytes"] for t in per_thread) == expected["bytes"]


def test_handoff_a_hundred_times(build, preload, tmp_path, say):
    """Blocks that one thread allocates and another frees: 100 runs in a row, each with the same answer."""
    database = tmp_path / "trace.db"
    argv = [build.workload("handoff"), "600", "8"]
    env = preload(db=database)
    seen = set()
    for number in range(1, 101):
        process = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60)
        assert process.returncode == 0 and process.stderr == "", f"run {number}: {process.stderr}"
        run = wait_for_run(database, number)
        own = tuple(map(int, re.search(r"(\d+) allocations, (\d+) frees, (\d+) bytes", process.stdout).groups()))
        negative = [k for k in run.keys() if k != "exit_status" and isinstance(run[k], int) and run[k] < 0]
        assert not negative, f"run {number}: {negative}"
        # In addition to its own blocks: the loader's vector for each thread, and stdout's buffer, which is still there at the
        # end.
        assert run["frees"] == own[1], f"run {number}"
        assert run["live_allocations"] == run["allocations"] - own[1] == 9, f"run {number}"
        assert run["foreign_frees"] == 0 and run["events_lost"] == 0, f"run {number}"
        seen.add(tuple(run[m] for m in MEASURES))
    assert len(seen) == 1, f"{len(seen)} different answers: {sorted(seen)}"
    say(f"handoff, 8 threads, 100 runs in a row: each with {seen.pop()[0]:,} allocations, 9 live at the end")


def test_peak_of_one_thread_is_exact(build, trace):
    """The program `list` holds everything at its peak, and what that is follows from its source."""
    traced = trace([build.workload("list"), "10000"])
    run = traced.run
    # At the peak: 10,000 items of 24 bytes, their texts, and the array of 16,384 pointers.
    texts = sum(len(f"SKU-{i * 7919 % 9999991:07}") + 1 for i in range(10000))
    warehouses = sum(len(("north", "east", "south", "west", "port")[i % 5]) + 1 for i in range(10000))
    assert run["peak_allocations"] == 3 * 10000 + 1
    assert run["peak_bytes"] == 24 * 10000 + texts + warehouses + 16384 * 8

    by_line = {r["line"]: r for r in traced.rows("SELECT * FROM lines WHERE file LIKE '%/item.h'")}
    lines = oracle.source("item.h")
    at = {text: n for n, text in lines.items()}
    struct = by_line[next(n for t, n in at.items() if "malloc(sizeof *item)" in t)]
    assert (struct["allocations"], struct["peak_allocations"], struct["peak_bytes"]) == (10000, 10000, 240000)
    sku = by_line[next(n for t, n in at.items() if "strdup(fields.sku)" in t)]
    assert (sku["allocations"], sku["peak_bytes"], sku["live_bytes"]) == (10000, texts, 0)


def test_temporary_allocations(build, trace):
    """The program `stream` frees each item before it makes the next; blocks that the very next event frees are temporary."""
    run = trace([build.workload("stream"), "5000"]).run
    # Of an item's three blocks the one made last is freed first, by the thread's next allocation event.
    assert run["temporary"] == 5000
    # The most bytes are held at the end, when stdout has its buffer; no item lives then.
    assert (run["peak_allocations"], run["peak_bytes"]) == (1, 4096)
