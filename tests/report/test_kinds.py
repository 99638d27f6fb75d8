"""--kind mapped in compare, html and browse shows what programs map themselves, and nothing of the heap."""

import json

import pytest

import page
from test_browse import browse, table  # noqa: F401 (a fixture)

MIB = 1 << 20


@pytest.fixture
def mapped(build, trace, tmp_path):
    """A database with two runs of a program that maps memory, and for each run the sums over the view `mapped`."""
    path = tmp_path / "file"
    path.write_bytes(bytes(8192))
    traced = [trace([build.target("mapper"), what, path], env={"LIBTRACE_LABEL": what}) for what in ("maps", "resident")]
    sums = "SELECT sum(allocations), sum(bytes), sum(live_bytes) FROM mapped WHERE run = ?"
    return tmp_path / "trace.db", [tuple(one.one(sums, number)) for number, one in enumerate(traced, 1)]


def test_compare(mapped, run):
    database, sums = mapped
    found = json.loads(run("-d", database, "compare", "1", "2", "--kind", "mapped", "--by", "bytes", "--json", status=0).stdout)
    totals, lines = found["comparisons"][0]["totals"], found["comparisons"][0]["rows"]
    assert found["kind"] == "mapped"
    for i, name in enumerate(("allocations", "bytes", "live_bytes")):
        assert (totals[name]["before"], totals[name]["after"]) == (sums[0][i], sums[1][i])
    assert sum(line["bytes_before"] for line in lines) == sums[0][1] and sum(line["bytes_after"] for line in lines) == sums[1][1]
    text = run("-d", database, "compare", "1", "2", "--kind", "mapped", status=0).stdout
    assert "\nOnly what programs map by themselves\n" in text and "mapper.c:" in text
    heap = json.loads(run("-d", database, "compare", "1", "2", "--json", status=0).stdout)
    assert heap["kind"] == "heap" and heap["comparisons"][0]["totals"]["bytes"]["before"] < 8 * MIB
    assert "goes without" in run("-d", database, "compare", "1@0.001", "1", "--kind", "mapped", status=2).stderr


def test_page(mapped, html, browser):
    database, sums = mapped
    path = html("-d", database, "1", "--kind", "mapped")
    data = page.read(path)
    assert data["kind"] == "mapped" and data["only"] == "what programs map by themselves"
    assert [sum(data["rows"][4 + k :: page.ROW]) for k in (0, 1, 5)] == list(sums[0])
    assert sum(values[0][1] for _, values in page.stacks(data)) == sums[0][1]
    seen = browser(path, ["text", "#only"], ["text", "#facts"], ["text", "#chart-note"], ["table"],
                   ["press", "#rows tbody tr:nth-child(1) .place"], ["text", ".details"])["seen"]
    assert seen[0] == "Only what programs map by themselves" and "mappings" in seen[1] and "temporary" not in seen[1].lower()
    assert "The curve is of the heap" in seen[2] and "64.0 MiB" in seen[3][0][2] and "not known by line" in seen[5]
    assert page.read(html("-d", database, "1", "2", "--kind", "mapped"))["kind"] == "mapped"
    assert page.read(html("-d", database, "1"))["kind"] == "heap"


def test_browse(mapped, browse):  # noqa: F811
    terminal = browse(mapped[0], "1", "--kind", "mapped")
    text = terminal.text()
    assert "only what programs map by themselves" in text and "mapper.c:57" in text and "64.0 MiB" in text
    terminal.press("3")
    text = terminal.until("over time")
    assert "only what" not in text.split("\n")[1]
