"""A collector that runs out of memory does not call its record complete."""

import json
import os
import resource
import time

import pytest
from conftest import collector_of, rows
from test_whole import says


def size_of(pid):
    """Bytes of a process's address space."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


@pytest.mark.parametrize("more_mib", [1, 16])
def test_collector_out_of_memory(more_mib, steps, report, tmp_path):
    """Under a memory limit, either failed allocations are counted or the collector ends; in both cases
    this is reported."""
    database = tmp_path / "trace.db"
    program = steps()
    program.do("keep 1000")
    collector = collector_of(database)
    limit = size_of(collector) + (more_mib << 20)
    resource.prlimit(collector, resource.RLIMIT_AS, (limit, limit))
    for _ in range(8):
        program.do("keep 120000")
    assert program.end() == 0
    deadline = time.monotonic() + 100
    while os.path.exists(f"/proc/{collector}") and time.monotonic() < deadline:
        time.sleep(0.05)
    kept = rows(database, "SELECT coalesce(sum(allocations), 0) AS n FROM lines WHERE function = 'keep'")[0]["n"]
    state = json.loads(report(database, "runs", "--json").stdout)["runs"][-1]["state"]
    if state == "complete":
        assert kept == 961000
    else:
        says(report, database)
        assert json.loads(report(database, "runs", "--json").stdout)["runs"][-1]["missing"]


def test_huge_pages_of_the_program(build, trace):
    """How the program's malloc() is to take memory does not concern the collector: with huge pages, of which there may be none, an
    allocation that succeeds can leave ENOMEM, and names would be said to be missing."""
    traced = trace([build.target("hello")], env={"GLIBC_TUNABLES": "glibc.malloc.hugetlb=2"})
    assert traced.run["state"] == "complete"
    short = rows(traced.database, "SELECT path FROM module WHERE symbols = 6")
    assert [row["path"] for row in short] == []
