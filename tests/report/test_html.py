"""Pages that trace-report html writes: the data in them, and what a browser shows (headless Chromium, if it is installed)."""

import json
import math
import os
import re
import sqlite3

import pytest

import page

BY = {"bytes": 1, "allocations": 0, "peak": 3, "live": 5, "temporary": 6}


def check_sums(data):
    """Totals of stacks and of lines are the run's totals, in each measure."""
    stacks = page.stacks(data)
    for i, run in enumerate(data["runs"]):
        for k, measure in enumerate(page.SUMMED):
            assert sum(values[i][k] for _, values in stacks) == run["facts"][measure], measure
    if "rows" in data:
        for k, measure in enumerate(page.SUMMED):
            assert sum(data["rows"][4 + k :: page.ROW]) == data["runs"][0]["facts"][measure], measure
    else:
        for by, k in BY.items():
            for side, run in enumerate(data["runs"]):
                assert sum(data["changes"][by][6 + side :: page.CHANGE]) == run["facts"][page.VALUES[k]], by


def add_times(db):
    """Adds the rows of site_sample that a collector would write for the kind 'small': all sites at 0.3 s, one also at 0.9 s."""
    connection = sqlite3.connect(db)
    for process, node, allocations, size, live, temporary in connection.execute(
            "SELECT process, node, allocations, bytes, live_allocations, temporary FROM site WHERE run = 1").fetchall():
        each = size // allocations
        first = allocations // 2 if node == 2 else allocations
        for t, done, kept in ((300000000, first, live), (900000000, allocations - first, 0)):
            if t == 300000000 or node == 2:
                connection.execute("INSERT INTO site_sample(run, t_ns, process, node, thread, allocations, bytes, live_allocations, live_bytes, temporary) "
                                   "VALUES (1, ?, ?, ?, 0, ?, ?, ?, ?, ?)",
                                   (t, process, node, done, done * each, kept, kept * each,
                                    temporary if (t == 300000000) == (node != 2) else 0))
    connection.execute("INSERT INTO mark VALUES (1, 1, 500000000, 1, '</script><b>loaded</b>', 0, 1, 0, 0)")
    connection.commit()
    connection.close()


# ---- the data


@pytest.mark.parametrize("kind", ["small", "empty", "one", "hostile", "dead", "stacks"])
def test_sums(make_db, html, kind):
    make_db(kind)
    path = html()
    data = page.read(path)
    check_sums(data)
    assert path.stat().st_size < 2e6
    assert data["runs"][0]["stacks"] == {"small": 4, "empty": 0, "one": 1, "hostile": 9, "dead": 4, "stacks": 100000}[kind]


@pytest.mark.parametrize("kinds", [("small", "one"), ("hostile", "small"), ("empty", "empty"), ("stacks", "small")])
def test_sums_of_two(make_db, html, kinds):
    for kind in kinds:
        make_db(kind)
    check_sums(page.read(html("1", "2")))


def test_stacks(make_db, html):
    make_db("small")
    data = page.read(html())
    found = {path: values[0][1] for path, values in page.stacks(data) if values[0][1]}
    assert found[("main", "load", "read_record")] == 40000 * 48 + 500 * 24
    assert found[("[cut]", "std::vector<[int; 2]>::grow()")] == 50000 * 16
    assert sum(data["runs"][0]["sizes"]) == data["runs"][0]["facts"]["allocations"]


def test_folding(make_db, html):
    make_db("stacks")
    data = page.read(html())
    stacks = page.stacks(data)
    assert 5000 < len(stacks) <= 32000
    assert any(path[-1] == "" for path, _ in stacks)  # what was folded


def test_source(make_db, html, tmp_path):
    source = tmp_path / "list.c"
    source.write_text("".join(f"\tline {i};  \n" for i in range(1, 60)))
    os.utime(source, (1e9, 1e9))
    make_db("small", env={"MAKE_DB_SOURCE": source})
    assert "line 20;" in page.read(html())["texts"]
    assert "line 20;" not in html("--no-source").read_text(encoding="utf-8")


def test_nothing_of_a_name_is_markup(make_db, html):
    db = make_db("hostile")
    sqlite3.connect(db).executescript(
        "UPDATE run SET label = '</script><script>alert(1)</script>', command = '<!--<script>'")
    text = html().read_text(encoding="utf-8")
    assert "<script>alert" not in text and text.count("</script>") == 2 and text.count("<script") == 2
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", text)


@pytest.mark.parametrize("kind", ["small", "hostile", "one", "empty", "dead"])
def test_sanitized(make_db, html, kind):
    db = make_db(kind)
    if kind == "small":
        add_times(db)
    html(sanitized=True)
    make_db("small")
    html("1", "2", sanitized=True)


def test_mistakes(make_db, html, run):
    make_db("small")
    html()
    assert "no run of number or label '7'" in run("html", "7", status=1).stderr
    assert "one argument too many" in run("html", "1", "1", "1", status=2).stderr
    assert json.loads(run("html", "-o", "two.html", "1", "1", "--json", status=0).stdout)["format"] == "html"
    assert run("html", "-o", "-", status=0).stdout.startswith("<!doctype html>")


def test_times(make_db, html):
    add_times(make_db("small"))
    data = page.read(html())
    assert data["slices"] == 128 and data["slices_end_s"] == pytest.approx(1.23456789)


# ---- in a browser


def test_opens(make_db, html, browser):
    make_db("small")
    seen = browser(html(), ["title"], ["total"], ["table"], ["pixels"], ["focus"], ["text", "#facts"])["seen"]
    assert seen[0] == "list \u2014 libtrace" and seen[1] == "3.36 MiB held when the run held most"
    assert [row[7] for row in seen[2]] == ["read_record", "build_index", "libz.so.1+0x1050", "main"]
    assert seen[3] > 10 and seen[4] == "list" and "3.36 MiB" in seen[5]


def test_measures_agree(make_db, html, browser, as_json):
    make_db("small")
    whole = as_json("top")["run"]
    steps = []
    for by in BY:
        steps += [["measure", by], ["hoverAt", "#stacks canvas", 30, 8], ["table"]]
    seen = browser(html(), *steps)["seen"]
    for i, by in enumerate(BY):
        tip, rows = seen[3 * i + 1], seen[3 * i + 2]
        shown = {"bytes": "5.00 MiB", "allocations": f"{whole['allocations']:,}", "peak": "3.36 MiB",
                 "live": "400 KiB", "temporary": f"{whole['temporary']:,}"}[by]
        assert shown in tip and "100 % of all" in tip, tip
        column = list(BY).index(by)
        values = [float(re.search(r"([\d.]+) %", row[column])[1]) for row in rows if "%" in row[column]]
        assert sum(values) == pytest.approx(100, abs=0.3) and values == sorted(values, reverse=True)


def test_search_click_and_sort(make_db, html, browser):
    make_db("small")
    seen = browser(html("--by", "bytes"),
                   ["type", "#row-search", "READ_rec"], ["table"], ["text", "#rows"], ["type", "#row-search", ""],
                   ["press", "[data-key=function] button"], ["table"], ["press", "[data-key=function] button"], ["table"],
                   ["type", "#stack-search", "build_index"], ["text", "#stacks-note"], ["type", "#stack-search", ""],
                   ["clickAt", "#stacks canvas", 300, 47], ["focus"], ["disabled", "#stack-reset"],
                   ["press", "#stack-reset"], ["focus"], ["press", "[data-value=flame]"], ["pixels"],
                   ["key", "#stacks canvas", "ArrowUp"], ["focus"], ["key", "#stacks canvas", "Escape"], ["focus"])["seen"]
    assert [row[7] for row in seen[1]] == ["read_record"] and "1 of 4 found" in seen[2]
    assert [row[7] for row in seen[5]] == sorted(row[7] for row in seen[5])
    assert [row[7] for row in seen[7]] == sorted((row[7] for row in seen[7]), reverse=True)
    assert seen[9].startswith("2.00 MiB found, 40.")
    assert seen[12] == "build_index" and seen[13] is False and seen[15] == "list"
    assert seen[17] > 5 and seen[19] == "main" and seen[21] == "list"


def test_brush(make_db, html, browser):
    db = make_db("small")
    before = html("--by", "bytes")
    add_times(db)
    seen = browser(html("--by", "bytes"), ["drag", 0.5, 0.95], ["total"], ["table"], ["text", "#window"],
                   ["hoverAt", "#stacks canvas", 30, 8], ["measure", "live"], ["total"], ["measure", "temporary"], ["total"],
                   ["press", "#widen"], ["total"], ["count", "#widen"])["seen"]
    # After 0.5 s only the second half of read_record is left.
    assert seen[1] == f"{(20000 * 48 + 250 * 24) / 1024:.0f} KiB allocated in this time"
    assert [row[7] for row in seen[2] if row[7] == "read_record"] and "Only from" in seen[3]
    assert "943 KiB" in seen[4] and seen[6].startswith("400 KiB held at the end") and seen[8].startswith("490 temporary allocations, in this")
    assert seen[10].startswith("50,490 temporary allocations, freed") and seen[11] == 0
    seen = browser(before, ["drag", 0.5, 0.95], ["total"], ["text", "#chart-note"], ["count", "#widen"])["seen"]
    assert seen[1].startswith("5.00 MiB") and "cannot narrow" in seen[2] and seen[3] == 0


def test_brush_of_a_sampled_run(make_db, add_sampling, html, browser):
    """Of a part no errors are stored: the model tells them, of blocks that are all as small."""
    db = make_db("small")
    add_times(db)
    add_sampling(db, interval=1 << 12)
    size = 20000 * 48 + 250 * 24
    seen = browser(html("--by", "bytes"), ["drag", 0.5, 0.95], ["total"], ["hoverAt", "#stacks canvas", 30, 8], ["table"])["seen"]
    error = f"{size / 1024:.0f} KiB +-{math.sqrt(size * 4096) / 1024:.1f} KiB"
    assert seen[1] == f"{error} allocated in this time" and f"Bytes: {error}, 100" in seen[2]
    assert any(error in row[0] for row in seen[3])


PHASES = """
import time
kept = [bytes(1000) for _ in range(2000)]
time.sleep(0.5)
kept += [bytes(100000) for _ in range(30)]
time.sleep(0.3)
"""


def test_brush_of_a_real_run(trace, html, browser):
    """A range that begins between the two sleeps contains only the large blocks, however long the sleeps really took."""
    db = trace(["/usr/bin/python3", "-c", PHASES]).database
    connection = sqlite3.connect(db)
    [[large]] = connection.execute("SELECT min(t_ns) FROM site_sample WHERE node = (SELECT node FROM site ORDER BY bytes DESC LIMIT 1)")
    [[small]] = connection.execute("SELECT max(t_ns) FROM site_sample WHERE t_ns < ?", (large,))
    [[end]] = connection.execute("SELECT max(t_ns, (SELECT wall_ns FROM run)) FROM sample ORDER BY t_ns DESC LIMIT 1")
    connection.close()
    seen = browser(html("--by", "bytes"), ["total"], ["table"], ["drag", (small + large) / 2 / end, 0.995], ["total"], ["table"],
                   ["text", "#window"])["seen"]
    whole, part = [float(re.match(r"([\d.]+) MiB allocated", text)[1]) for text in (seen[0], seen[3])]
    assert 2.85 < part < 3.2 and whole > part + 1.5 and "Only from" in seen[5], seen
    assert [row[6] for row in seen[4] if "MiB" in row[0]] == ["<string>:5"] and len(seen[4]) <= len(seen[1])


@pytest.mark.parametrize("kind", ["c", "c++", "python", "hostile c", "hostile c++", "hostile python"])
def test_real_run(ask, database, browser, kind):
    ask = ask(database(kind))
    path = ask.folder / "page.html"
    ask("html", "-o", path)
    seen = browser(path, ["total"], ["pixels"], ["table"], ["count", "img"], ["count", "script"])["seen"]
    assert " held when the run held most" in seen[0] and seen[1] > 5 and seen[2] and seen[3:] == [0, 2]


@pytest.mark.parametrize("width", [360, 720, 1000])
def test_narrow_screens(ask, database, browser, width):
    """Only the stacks scroll sideways; lines and functions of the table stay visible."""
    ask = ask(database("hostile c++"))
    path = ask.folder / "page.html"
    ask("html", "-o", path)
    seen = browser(path, ["resize", width], ["overflow"], ["visible", "#rows td:last-child"], ["visible", "#rows .function"], ["pixels"])["seen"]
    assert seen[1] <= 0 and seen[3] is True and seen[4] > 5 and seen[2] is (width > 720)


def test_filtered(make_db, html, browser):
    db = make_db("small")
    add_times(db)
    path = html("--by", "bytes", "--function", "read_*")
    data = page.read(path)
    assert data["only"] == "function read_*" and data["runs"][0]["facts"]["bytes"] == 5241600
    assert data["runs"][0]["passing"]["bytes"] == 40000 * 48 + 500 * 24 == sum(v[0][1] for _, v in page.stacks(data))
    seen = browser(path, ["text", "#only"], ["total"], ["text", "#chart-note"], ["drag", 0.5, 0.95], ["total"], ["table"])["seen"]
    assert seen[0] == "Only function read_*" and seen[1].startswith("1.84 MiB") and "whatever is left out" in seen[2]
    assert seen[4].startswith("943 KiB") and [row[7] for row in seen[5]] == ["read_record"]
    make_db("one")
    assert [run["passing"]["bytes"] for run in page.read(html("1", "2", "--file", "list.c", "--process", "1"))["runs"]] == [
        40000 * 48 + 2100000 + 800000, 1]


def test_heap_beside_much_that_is_resident(make_db, html, browser):
    db = make_db("small")
    connection = sqlite3.connect(db)
    connection.execute("UPDATE sample SET rss_bytes = 1 << 30")
    connection.commit()
    connection.close()
    seen = browser(html(), ["text", "#chart-note"], ["text", "#chart"], ["press", ".u-legend .u-series:nth-child(3) th"], ["text", "#chart"])["seen"]
    assert "press its name" in seen[0]


def test_hostile(make_db, html, browser):
    db = make_db("hostile")
    sqlite3.connect(db).executescript("UPDATE run SET label = '<img src=x onerror=alert(1)>', command = '</script><script>alert(2)</script>'")
    add_times(make_db("small", db="second.db"))
    seen = browser(html(), ["text", "h1"], ["table"], ["count", "img"], ["count", "script"], ["text", "#subtitle"])["seen"]
    assert seen[0] == "<img src=x onerror=alert(1)>" and seen[2] == 0 and seen[3] == 2
    assert any("<script>alert(1)</script>" in cell for row in seen[1] for cell in row)
    assert "</script><script>alert(2)</script>" in seen[4]


def test_themes(make_db, html, browser):
    make_db("small")
    seen = browser(html(), ["theme", "light"], ["background"], ["theme", "dark"], ["background"],
                   ["press", "#theme [data-value=light]"], ["background"], ["press", "#theme [data-value=dark]"],
                   ["theme", "light"], ["background"], ["pixels"])["seen"]
    light, dark = seen[1], seen[3]
    assert light != dark and seen[5] == light and seen[8] == dark and seen[9] > 5


def test_two_runs(make_db, html, browser):
    make_db("small", "list")
    make_db("small", "stream", 3)
    make_db("one", db="other.db")
    seen = browser(html("1", "2"), ["title"], ["text", "h1"], ["total"], ["table"], ["measure", "temporary"], ["total"],
                   ["press", "#widths [data-value=before]"], ["hoverAt", "#stacks canvas", 30, 8],
                   ["press", "#widths [data-value=after]"], ["pixels"], ["type", "#row-search", "index"], ["table"])["seen"]
    assert seen[0] == "stream compared with list" and seen[1] == "list \u2192 stream"
    assert seen[2] == "stream peaks at 3.0 times list (3.36 MiB \u2192 10.1 MiB)"
    assert seen[3][0][0].startswith("+") and seen[5].startswith("stream makes 3.0 times the temporary")
    assert "50,490 \u2192 151,470" in seen[7] and seen[9] > 5
    assert [row[5] for row in seen[11]] == ["build_index"]


def test_new_and_gone(make_db, html, browser):
    make_db("small")
    make_db("hostile")
    seen = browser(html("1", "2"), ["table"], ["hoverAt", "#stacks canvas", 30, 28], ["text", "#legend"], ["focus"])["seen"]
    assert {row[3] for row in seen[0]} == {"new", "gone"} and "\u2192 0 B" in seen[1] and "gone" in seen[2]


@pytest.mark.parametrize("kind", ["empty", "one"])
def test_little(make_db, html, browser, kind):
    make_db(kind)
    seen = browser(html(), ["text", "#rows"], ["measure", "live"], ["total"], ["text", "#histograms"])["seen"]
    assert ("Nothing was allocated" in seen[0]) == (kind == "empty") and seen[2].startswith("0 B" if kind == "empty" else "1 B")


def test_many_stacks(make_db, html, browser, say):
    make_db("stacks", 100000)
    path = html()
    seen = browser(path, ["total"], ["measure", "live"], ["type", "#stack-search", "stage_12"], ["text", "#stacks-note"])
    say(f"a page of 100,000 stacks: {path.stat().st_size / 1e6:.2f} MB, ready after {seen['ready_ms']:.0f} ms")
    assert seen["ready_ms"] > 0  # less than 1000 on an idle machine; the log shows if it becomes too slow
    assert "found" in seen["seen"][3]
