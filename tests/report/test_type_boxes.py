"""What blocks are, as the innermost frame: in tree, and in the flame graph of a page."""

import collections

import pytest

import page


def by_type(as_json, run, measure):
    """What top says that each type has, as far as that is anything."""
    found = collections.Counter()
    for row in as_json("top", run, "--group", "type", "--limit", "0")["rows"]:
        found[row["type"] or ""] += row[measure]
    return +found


def test_tree(make_db, add_types, as_json, run):
    add_types(make_db("small"))
    for measure, by in (("bytes", "bytes"), ("allocations", "allocations"), ("live_bytes", "live")):
        tree = as_json("tree", "--by", by, "--min", "0")
        assert sum(row["self"] for row in tree["rows"]) == tree["total"][measure]
        boxes = collections.Counter()
        for row in tree["rows"]:
            assert (row["type"] is None) == (row["function"] is not None)
            boxes[row["type"] or ""] += row["self"]
        assert +boxes == by_type(as_json, "1", measure)
        without = as_json("tree", "--by", by, "--min", "0", "--no-types")
        kept = [row for row in tree["rows"] if row["type"] is None]
        assert [(row["function"], row["line"], row["value"], row["depth"]) for row in without["rows"]] == [
            (row["function"], row["line"], row["value"], row["depth"]) for row in kept]
    assert all(row["type"] is None for row in as_json("tree", "--inverted")["rows"])
    shown = run("tree", "--by", "bytes", "--min", "0", status=0).stdout.splitlines()
    assert sum("type 2 " in line and "(type)" in line for line in shown) == 1


def types_of(data):
    """The page's functions that are types."""
    texts = data["texts"]
    return {texts[name] for name, kind in zip(data["functions"][::3], data["functions"][2::3]) if texts[kind] == "type"}


@pytest.mark.parametrize("runs", [("1",), ("1", "2")])
def test_page(make_db, add_types, html, as_json, runs):
    for _ in runs:
        database = make_db("small")
    add_types(database)
    data = page.read(html(*runs))
    types, at = types_of(data), page.VALUES.index("bytes")
    for i, run in enumerate(runs):
        boxes = collections.Counter()
        for path, values in page.stacks(data):
            boxes[path[-1] if path[-1] in types else ""] += values[i][at]
        assert +boxes == by_type(as_json, run, "bytes") and len(types) > 1
    assert types_of(page.read(html(*runs, "--no-types"))) == set()


def test_page_in_a_browser(make_db, add_types, html, browser):
    add_types(make_db("small"))
    seen = browser(html("--by", "bytes"), ["text", "#legend"], ["type", "#stack-search", "type 2"], ["text", "#stacks-note"])["seen"]
    assert "type" in seen[0].split() and " found" in seen[2] and not seen[2].startswith("0")
