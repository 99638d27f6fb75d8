"""own_peak_bytes against a model of the event log: exact for a single stack, between two bounds for several stacks together."""

import collections
import json
import subprocess

import pytest

PHASES = r"""
#include <stdlib.h>
#include <string.h>
static void *volatile kept[64];
static void *one(size_t size) { return malloc(size); }
static void early(void) { for (int i = 0; i < 40; i++) kept[i] = one(1000); }
static void late(void) { for (int i = 0; i < 20; i++) kept[i] = one(1500); }
static void drop(void) { for (int i = 0; i < 64; i++) { free(kept[i]); kept[i] = NULL; } }
int main(void)
{
    early(); drop();                               /* 40,000 bytes of one(), from one stack, */
    late(); drop();                                /* and 30,000, from another, later */
    char *grown = NULL;
    for (size_t n = 1; n <= 4096; n *= 2) grown = realloc(grown, n);
    for (int i = 0; i < 1000; i++) free(calloc(1, 100 + i % 7));
    free(grown);
    early();
    return 0;
}
"""
PYTHON = """
import threading
def work():
    for size in range(1, 200):
        kept = [bytes(size * 50) for _ in range(20)]
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


@pytest.fixture(scope="module")
def phases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phases")
    (folder / "phases.c").write_text(PHASES)
    subprocess.run(["gcc", "-g", "-O0", "-o", folder / "phases", folder / "phases.c"], check=True)
    return folder / "phases"


class Model:
    """The most bytes that were ever live (`peak`), for each value of of(process, stack)."""

    def __init__(self, events, of):
        blocks, live, self.peak = {}, collections.Counter(), collections.Counter()
        for event in events:
            place = event["process"], event["address"]
            if place in blocks:  # freed; or allocated again before another thread's free was seen
                key, size = blocks.pop(place)
                live[key] -= size
            if event["kind"] == "alloc":
                key = of(event["process"], event["node"])
                blocks[place] = key, event["size"]
                live[key] += event["size"]
                self.peak[key] = max(self.peak[key], live[key])


def check(traced):
    """Each stack is exact, unless several stacks of the program share its row; each line is within its bounds."""
    events = traced.rows("SELECT * FROM event ORDER BY id")
    sites = traced.rows("SELECT * FROM sites")
    stacks = Model(events, lambda process, node: (process, node)).peak
    assert events and len(sites) == len(stacks)
    exact = 0
    for site in sites:
        peak = stacks[site["process"], site["stack"]]
        assert site["own_peak_bytes_least"] <= peak <= site["own_peak_bytes"], site
        exact += site["own_peak_bytes"] == peak
        assert peak >= site["peak_bytes"] and peak >= site["live_bytes"] and peak <= site["bytes"]
    line_of = {(s["process"], s["stack"]): (s["file"], s["line"], s["function"], s["module"], s["language"]) for s in sites}
    lines = Model(events, lambda process, node: line_of[process, node]).peak
    for row in traced.rows("SELECT * FROM lines"):
        peak = lines[row["file"], row["line"], row["function"], row["module"], row["language"]]
        assert row["own_peak_bytes_least"] <= peak <= row["own_peak_bytes"], row
    return exact, len(sites)


def test_of_c(trace, phases, report):
    traced = trace([phases], env={"LIBTRACE_EVENTS": "1"})
    exact, sites = check(traced)
    assert exact == sites
    [one] = traced.rows("SELECT * FROM functions WHERE function = 'one'")
    assert (one["own_peak_bytes"], one["own_peak_bytes_least"]) == (40000 + 30000 + 40000, 40000)
    assert traced.run["peak_bytes"] >= 40000
    found = json.loads(report(traced.database, "top", "--by", "own-peak", "--json").stdout)
    row = next(r for r in found["rows"] if r["function"] == "one")
    assert (row["own_peak_bytes"], row["own_peak_bytes_least"]) == (110000, 40000)
    text = report(traced.database, "top", "--by", "own-peak", "--bytes").stdout
    assert "OWN PEAK" in text and "<= 110000" in text
    stacks = report(traced.database, "top", "--by", "own-peak", "--group", "stack", "--bytes", "--function", "one").stdout
    assert " 40000 " in stacks and " 30000 " in stacks and "<=" not in stacks.split("FUNCTION")[1].split("one")[1]


@pytest.mark.parametrize("program", ["threads", "processes"])
def test_of_others(trace, program):
    """The threads free only their own blocks, because the event log does not have every free of others' blocks."""
    argv = {"threads": ["/usr/bin/python3", "-c", PYTHON],
            "processes": ["bash", "-c", "for i in 1 2 3; do x=$(echo $i | tr 1 2); done"]}[program]
    exact, sites = check(trace(argv, env={"LIBTRACE_EVENTS": "1"}))
    assert exact >= sites * 0.98  # if two threads have the same stack, their sum is an upper bound
