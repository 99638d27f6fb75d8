"""trace-report tree: its numbers, its shape, and names from strangers."""

import re

import pytest

MEASURES = ["allocations", "bytes", "peak_allocations", "peak_bytes", "live_allocations", "live_bytes", "temporary"]
BY = {"bytes": "bytes", "allocations": "allocations", "peak": "peak_bytes", "live": "live_bytes",
      "temporary": "temporary"}


def roots(tree):
    return [r for r in tree["rows"] if r["depth"] == 1]


def check_sums(tree):
    """Each row is the sum of its own memory, its children, and what was folded below it."""
    below = {r["node"]: r["self"] + r["folded_value"] for r in tree["rows"]}
    for row in tree["rows"]:
        if row["parent"]:
            below[row["parent"]] += row["value"]
    for row in tree["rows"]:
        assert below[row["node"]] == row["value"], row
    assert sum(r["value"] for r in roots(tree)) + tree["folded_value"] == tree["total"][BY[tree["by"]]]


@pytest.mark.parametrize("kind", ["small", "one", "hostile", "dead", "large"])
@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("extra", [[], ["--inverted"], ["--group", "function"], ["--depth", "2"]])
def test_totals_agree(make_db, as_json, kind, by, extra):
    """The totals of tree are those of top and runs, in each measure."""
    if kind == "large" and (by != "peak" or "--group" in extra):
        pytest.skip("one measure is enough of the large one")
    make_db(kind)
    tree = as_json("tree", "--by", by, *extra)
    top = as_json("top", "--by", by)
    run = as_json("runs")["runs"][0]
    assert tree["schema"] == "libtrace.tree/1"
    for measure in MEASURES:
        assert tree["total"][measure] == top["total"][measure] == run[measure]
    check_sums(tree)
    if kind != "large":
        everything = as_json("tree", "--by", by, "--min", "0", *extra)
        if "--depth" not in extra:
            assert everything["folded"] == 0
        check_sums(everything)


def test_shape(make_db, run, as_json):
    make_db("small")
    rows = as_json("tree", "--by", "bytes")["rows"]
    assert [(r["depth"], r["function"]) for r in rows] == [
        (1, "main"), (2, "build_index"), (2, "load"), (3, "read_record"), (2, "libz.so.1+0x1050"), (1, "[cut]"),
        (2, "std::vector<[int; 2]>::grow()")]
    assert [r["value"] for r in rows[:4]] == [2100000 + 1932000 + 409600, 2100000, 1932000, 1932000]
    out = run("tree", "--by", "bytes").stdout
    assert "├─ build_index" in out and "│  read_record" in out and "└─ libz.so.1+0x1050" in out
    ascii_out = run("tree", env={"LC_ALL": "C"}).stdout
    assert "|- build_index" in ascii_out and "`- libz.so.1" in ascii_out and ascii_out.isascii()
    # If no locale is set, terminals are assumed to be UTF-8.
    assert "├─" in run("tree", env={"LC_ALL": "", "LANG": ""}).stdout


def test_inverted_roots_are_the_lines_of_top(make_db, as_json):
    make_db("small")
    for by in BY:
        inverted = roots(as_json("tree", "--inverted", "--min", "0", "--by", by))
        top = [r for r in as_json("top", "--by", by)["rows"] if r[BY[by]] > 0]
        # The stack that was cut lacks the frame of its line (main), so tree has it under its innermost frame.
        named = {(r["file"], r["line"]): r["value"] for r in inverted}
        for row in top:
            if row["function"] != "main":
                assert named[(row["file"], row["line"])] == row[BY[by]]


def test_folding(make_db, as_json, run):
    make_db("small")
    tree = as_json("tree", "--by", "bytes", "--min", "20%")
    assert [r["function"] for r in tree["rows"]] == ["main", "build_index", "load", "read_record"]
    assert tree["folded"] == 1 and tree["rows"][0]["folded"] == 1
    assert run("tree", "--by", "bytes", "--min", "50%").stdout.count("(3 smaller)") == 1
    assert "--min takes a share" in run("tree", "--min", "much", status=2).stderr


@pytest.mark.parametrize("command", ["top", "tree", "leaks", "histogram", "temporary"])
def test_filters_are_told(make_db, as_json, run, command):
    make_db("small")
    found = ["--file", "demo/*.c", "--process", "2"]
    assert as_json(command, *found)["filter"] == {"process": "2", "file": "demo/*.c"}
    assert "Only process 2, file demo/*.c" in run(command, *found).stdout
    assert "Only function no\x1b" not in run(command, "--function", "no\x1b[2J").stdout
    assert re.search("Nothing in it matches|in what matches", run(command, "--function", "no").stdout)


@pytest.mark.parametrize("command", ["top", "tree", "leaks", "histogram", "temporary", "export --format csv", "html -o x"])
def test_filters_that_cannot_be(command, make_db, run):
    make_db("small")
    if "was built without the page" in run(*command.split()).stderr:
        pytest.skip("built without node and npm: there is no page")
    assert "LIBTRACE_THREADS=1" in run(*command.split(), "--thread", "main", status=1).stderr
    assert "no process 9" in run(*command.split(), "--process", "9", status=1).stderr


def test_compare_under_a_filter(make_db, as_json, run):
    make_db("small", "list")
    make_db("small", "slots", 3)
    [one] = as_json("diff", "--function", "read_record", "--by", "bytes")["comparisons"]
    assert one["totals"]["bytes"] == pytest.approx(
        {"before": 1932000, "after": 3 * 1932000, "change": 2 * 1932000, "before_spread": 0, "after_spread": 0})
    assert "peak_rss_bytes" not in one["totals"] and one["runs"][0]["bytes"] == 3 * 5241600
    assert run("diff").stdout == run("compare").stdout


def test_empty(make_db, run, as_json):
    make_db("empty")
    assert as_json("tree")["rows"] == []
    assert "allocated nothing" in run("tree", status=0).stdout


def test_hostile(make_db, run):
    make_db("hostile")
    for arguments in ([], ["--inverted"]):
        assert "\\nbreak\\t" in run("tree", *arguments, status=0).stdout


def test_deep_branches(make_db, terminal):
    """However many branches there are, their guides leave room for the names."""
    make_db("large")
    out = terminal(80, "tree", "--by", "bytes", "--min", "0.5%", "--color", "never")
    assert "expand_function_23(" in out
