"""The public views: their columns in order, and that their rows add up to the run."""

import json
import pathlib
import re
import subprocess

import pytest

from conftest import clean_environment, rows, wait_for_run

SUMMED = ["allocations", "bytes", "peak_allocations", "peak_bytes", "live_allocations", "live_bytes", "temporary"]
MEASURES = [*SUMMED, "own_peak_bytes", "own_peak_bytes_least"]
ERRORS = [f"{measure}_error" for measure in SUMMED if measure != "temporary"]
VIEWS = {
    "runs": "run label command started wall_s cpu_s exit_status state allocations bytes frees freed_bytes peak_allocations "
    "peak_bytes live_allocations live_bytes temporary processes threads peak_rss_bytes phase peak_s root events_lost damaged by_thread why "
    "stopped untraced stacks_lost unfreed_allocations unfreed_bytes sample_interval samples exact_allocations exact_bytes",
    "processes": "run process pid parent_pid command executable started_s ended_s exit_status allocations bytes peak_bytes "
    "live_bytes",
    "threads": "run process tid name allocations bytes frees thread",
    "sites": "run process thread stack file line function module language " + " ".join(MEASURES + ERRORS),
    "lines": "run file line function module language " + " ".join(MEASURES + ERRORS),
    "functions": "run function file module language " + " ".join(MEASURES + ERRORS),
    "stacks": "run stack frames " + " ".join(MEASURES + ERRORS),
    "leaks": "run file line function live_allocations live_bytes stack live_allocations_error live_bytes_error",
    "timeline": "run t_s live_bytes live_allocations rss_bytes",
    "marks": "run process mark name t_s kind highest_allocations highest_bytes",
}

# These are created with the first moment or mapping that they show: test_store_views.c has their columns.
ON_DEMAND = {"resident": "run moment t_s kind mark process part file line function name bytes blocks module language",
             "mapped": "run process stack file line function module language " + " ".join(MEASURES),
             "object_types": "run type basic_size item_size has_dict at_run_time file line function shared_keys",
             "types": "run type language file line function module " + " ".join(MEASURES) + " how seen looks " + " ".join(ERRORS)}


@pytest.fixture(scope="module")
def recorded(build, tmp_path_factory):
    """Several runs of different kinds in one database."""
    database = tmp_path_factory.mktemp("views") / "trace.db"
    env = clean_environment({"LD_PRELOAD": build.library, "LIBTRACE_DB": database})
    programs = [
        [build.workload("shapes"), "500"],
        [build.workload("handoff"), "500"],
        [build.workload("list"), "5000"],
        [build.target("tree")],
        ["bash", "-c", "for i in $(seq 20); do x=$(echo $i | tr 1 2); done; echo done"],
    ]
    for number, argv in enumerate(programs, 1):
        subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True)
        wait_for_run(database, number)
    return database


@pytest.fixture
def query(recorded):
    return lambda text, *arguments: rows(recorded, text, *arguments)


@pytest.mark.parametrize("view", VIEWS)
def test_columns(view, query):
    """These columns come first, in this order; columns may be added after them."""
    columns = [r["name"] for r in query(f"PRAGMA table_info({view})")]
    expected = VIEWS[view].split()
    assert columns[: len(expected)] == expected


@pytest.mark.parametrize("view", [*VIEWS, *ON_DEMAND])
def test_columns_as_the_reference_says(view):
    reference = (pathlib.Path(__file__).resolve().parents[2] / "analyzer/REFERENCE.md").read_text(encoding="utf-8")
    reference = reference[reference.index("\n## Your own questions"):]
    documented = re.search(rf"^\| `{view}` \| (.*) \|$", reference, re.M).group(1)
    assert documented.replace("*measures*", ", ".join(MEASURES)).replace("*errors*", ", ".join(ERRORS)).split(", ") == {**VIEWS, **ON_DEMAND}[view].split()


@pytest.mark.parametrize("view", ["sites", "lines", "functions", "stacks"])
@pytest.mark.parametrize("measure", SUMMED)
def test_sums(view, measure, query):
    of_run = measure.replace("live", "unfreed")
    sums = query(
        f"SELECT r.run AS run, r.{of_run} AS whole, (SELECT sum(v.{measure}) FROM {view} AS v WHERE v.run = r.run) AS parts "
        "FROM runs AS r"
    )
    assert len(sums) == 5 and sum(r["whole"] for r in sums) > 0
    assert [r["parts"] for r in sums] == [r["whole"] for r in sums]


@pytest.mark.parametrize("view, measures", [
    ("processes", ["allocations", "bytes", "live_bytes"]),
    ("threads", ["allocations", "bytes", "frees"]),
    ("leaks", ["live_allocations", "live_bytes"]),
])
def test_other_sums(view, measures, query):
    for measure in measures:
        for run in query("SELECT * FROM runs"):
            parts = query(f"SELECT coalesce(sum({measure}), 0) AS n FROM {view} WHERE run = ?", run["run"])[0]["n"]
            assert parts == run[measure.replace("live", "unfreed")], f"{view}.{measure} of run {run['run']}"


def test_runs(query, build):
    runs = query("SELECT * FROM runs ORDER BY run")
    assert [r["label"] for r in runs] == ["shapes", "handoff", "list", "tree", "bash"]
    assert [r["state"] for r in runs] == ["complete"] * 5
    assert runs[2]["command"].endswith("workloads/list 5000")
    for run in runs:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", run["started"])
        assert 0 < run["wall_s"] < 60 and 0 < run["cpu_s"] < 60
        assert run["peak_rss_bytes"] > 100_000
        assert run["allocations"] - run["frees"] == run["unfreed_allocations"]
        assert run["bytes"] - run["freed_bytes"] == run["unfreed_bytes"]
        assert run["unfreed_bytes"] >= run["live_bytes"] and run["peak_bytes"] >= run["live_bytes"]
        assert run["unfreed_bytes"] == run["live_bytes"] or run["processes"] > 1
        assert 0 < run["peak_s"] <= run["wall_s"]
        assert run["temporary"] <= run["allocations"]
    assert [r["processes"] for r in runs[:3]] == [1, 1, 1]
    assert [r["threads"] for r in runs[:3]] == [1, 9, 1]


def test_stack_texts(query):
    """frames: the innermost first, each as 'function (file:line)', joined by ';'."""
    stacks = query("SELECT * FROM stacks WHERE run = 3 AND frames LIKE '%item_new%' ORDER BY allocations DESC")
    assert stacks
    for stack in stacks:
        frames = stack["frames"].split(";")
        own = [f for f in frames if "/tests/workloads/" in f]  # strdup may have a line, too
        assert re.fullmatch(r"item_new \(/.*/item\.h:\d+\)", own[0]), frames
        assert re.fullmatch(r"main \(/.*/list\.c:\d+\)", own[1]), frames


def test_timeline(query):
    for run in query("SELECT * FROM runs"):
        points = query("SELECT * FROM timeline WHERE run = ? ORDER BY t_s", run["run"])
        assert all(p["live_bytes"] >= 0 and p["live_allocations"] >= 0 and p["rss_bytes"] >= 0 for p in points)
        assert points and (points[-1]["live_bytes"] == run["live_bytes"])
        assert max(p["live_bytes"] for p in points) <= run["peak_bytes"]


def test_one_sound_file(recorded, query):
    assert query("PRAGMA integrity_check")[0][0] == "ok"
    assert query("PRAGMA journal_mode")[0][0] == "delete"
    assert not recorded.with_name("trace.db-wal").exists()


def test_any_sqlite_reads_it(recorded, program):
    out = subprocess.run([program("sqlite3"), "-readonly", recorded, "SELECT label FROM runs ORDER BY run; SELECT count(*) > 0 FROM lines;"],
                         capture_output=True, text=True, check=True).stdout
    assert out.split() == ["shapes", "handoff", "list", "tree", "bash", "1"]


def test_a_library_that_is_loaded_elsewhere(trace, report, tmp_path):
    """Stacks through a library that is loaded at another address are the same: they share rows, and earlier counts are kept."""
    (tmp_path / "part.c").write_text("""
#include <stdlib.h>
void *part(size_t size) { void *volatile block = malloc(size); return block; }
""")
    (tmp_path / "m.c").write_text("""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    for (int round = 0; round < 3; round++) {
        struct link_map *library = dlopen(argv[argc - 1], RTLD_NOW);
        void *(*part)(size_t) = (void *(*)(size_t))dlsym(library, "part");
        void *there = (void *)library->l_addr;
        for (int i = 0; i < 10 + round; i++) free(part(1u << (4 + round)));
        void *volatile kept = part(100);
        usleep(600000); /* it is written meanwhile */
        dlclose(library);
        /* The next one goes elsewhere. */
        mmap(there, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        (void)kept;
    }
    return 0;
}
""")
    gcc = ["gcc", "-g", "-O1"]
    subprocess.run([*gcc, "-shared", "-fPIC", "-o", tmp_path / "part.so", tmp_path / "part.c"], check=True)
    subprocess.run([*gcc, "-o", tmp_path / "m", tmp_path / "m.c", "-ldl"], check=True)
    traced = trace([tmp_path / "m", tmp_path / "part.so"])
    assert traced.returncode == 0 and traced.stderr == b""
    for view in ("sites", "lines", "stacks"):
        sums = traced.one(f"SELECT {', '.join(f'sum({m}) AS {m}' for m in SUMMED)} FROM {view}")
        assert {m: sums[m] for m in SUMMED} == {m: traced.run[m] for m in SUMMED}
    found = traced.rows("SELECT * FROM lines WHERE function = 'part'")
    assert sum(r["allocations"] for r in found) == 10 + 11 + 12 + 3 and sum(r["live_bytes"] for r in found) == 300
    sizes = json.loads(report(traced.database, "histogram", "--function", "part", "--json").stdout)["sizes"]
    assert {row["from"]: row["allocations"] for row in sizes} == {16: 10, 32: 11, 64: 12 + 3}
    assert len(traced.rows("SELECT 1 FROM sites WHERE function = 'part'")) == 2  # it is called from two lines
