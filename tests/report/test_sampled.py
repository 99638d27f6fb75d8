"""Sampled runs: every report says so, and how far its numbers may be off. The errors are compared with the table site_error."""

import csv
import gzip
import json
import math
import sqlite3

import pytest

import page
import pprof
from conftest import MEASURED

SAID = "sampled: one in 4.00 KiB; 1,234 samples; exact totals: 90,000 allocations, 4.77 MiB"
SAMPLING = {"interval_bytes": 4096, "samples": 1234, "allocations": 90000, "bytes": 5_000_000}


def query(database, sql, *arguments):
    with sqlite3.connect(database) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql, arguments)]


def errors(database, where="1"):
    """The standard error of each measure's sum over sites."""
    sums = ", ".join(f"total(e.{m}) AS {m}" for m in MEASURED)
    row = query(database, f"SELECT {sums} FROM site_error AS e JOIN site AS s USING (run, node, process, thread) WHERE {where}")[0]
    return {m: round(math.sqrt(row[m])) for m in MEASURED}


def told(row):
    return {m: row[f"{m}_error"] for m in MEASURED}


@pytest.fixture(params=["small", "stacks"])
def sampled(request, make_db, add_sampling):
    database = make_db(*{"small": ["small"], "stacks": ["stacks", 3000]}[request.param])
    add_sampling(database)
    return database


def test_it_is_said(make_db, add_sampling, run, as_json):
    database = make_db("small")
    for command in ("top", "summary", "runs"):
        assert "sampled" not in run(command, status=0).stdout
    assert as_json("top")["run"]["sampling"] is None
    assert not [key for key in as_json("top")["rows"][0] if key.endswith("_error") or "samples" in key]
    add_sampling(database)
    for command in ("top", "summary"):
        assert SAID in run(command, status=0).stdout.splitlines()[0]
    assert "complete, sampled" in run("runs", status=0).stdout
    assert SAID in run("runs", status=0).stdout
    assert as_json("top")["run"]["sampling"] == SAMPLING
    assert as_json("summary")["run"]["sampling"] == SAMPLING
    assert as_json("runs")["runs"][0]["sampling"] == SAMPLING


def test_totals_that_are_not_known(make_db, add_sampling, run, as_json):
    add_sampling(make_db("small"), allocations=None, in_bytes=None)
    assert "sampled: one in 4.00 KiB; 1,234 samples\n" in run("top", status=0).stdout
    assert as_json("top")["run"]["sampling"] == {**SAMPLING, "allocations": None, "bytes": None}


@pytest.mark.parametrize("options", [[], ["--group", "function"], ["--group", "file"], ["--group", "module"], ["--group", "stack"],
                                     ["--group", "type"], ["--leaf"], ["--inclusive"], ["--by", "live"], ["--mine"]])
def test_errors_add_up(sampled, as_json, options):
    found = as_json("top", "--limit", 0, *options)
    assert told(found["total"]) == errors(sampled)
    if "--inclusive" in options:
        return
    for measure in MEASURED:
        together = math.sqrt(sum(row[f"{measure}_error"] ** 2 for row in found["rows"]))
        assert together == pytest.approx(found["total"][f"{measure}_error"], rel=0.01, abs=1 + len(found["rows"]) ** 0.5)


def test_errors_of_stacks(sampled, as_json):
    for row in as_json("top", "--group", "stack", "--limit", 20)["rows"]:
        assert told(row) == errors(sampled, f"node = {row['stack']}")


def test_errors_of_lines(sampled, as_json):
    """Also below a filter, in a part of the processes, and with the stacks of a row."""
    for options in ([], ["--process", "1"], ["--function", "*"]):
        for row in as_json("top", "--stacks", 1, *options)["rows"]:
            line = query(sampled, "SELECT id FROM line WHERE file IS ? AND line = ? AND function = ?", row["file"], row["line"], row["function"])
            if line and row["file"] is not None:
                owner = "process = 1" if "--process" in options else "1"
                assert told(row) == errors(sampled, f"{owner} AND s.line IN ({', '.join(str(r['id']) for r in line)})")
            for stack in row["stacks"]:
                assert stack["bytes_error"] > 0


def test_few_samples(make_db, add_sampling, run, as_json):
    """M bytes of small blocks are M / interval samples: 400 KiB are 12 or 13 here."""
    add_sampling(make_db("small"), interval=1 << 15)
    for row in as_json("top", "--by", "bytes")["rows"]:
        assert row["too_few_samples"] == (row["bytes"] < 20 * (1 << 15))
    assert "too few samples" in run("top", "--by", "bytes", status=0).stdout
    assert "+-" in run("top", "--by", "bytes", status=0).stdout


def test_text(make_db, add_sampling, run):
    database = make_db("stacks", 3000)
    add_sampling(database, interval=1 << 20)
    lines = run("top", "--by", "bytes", "--limit", 3, "--bytes", status=0).stdout.splitlines()[4:7]
    rows = query(database, "SELECT sum(bytes) AS bytes FROM site GROUP BY line ORDER BY 1 DESC")
    for line, row in zip(lines, rows):
        assert line.split()[:2] == [str(row["bytes"]), f"+-{round(math.sqrt(row['bytes'] * (1 << 20)))}"]


def test_part_of_a_run(make_db, add_sampling, as_json):
    """Of parts no variances are stored: those of small blocks stand for them, and blocks that are large are exact."""
    add_sampling(make_db("small"), interval=1 << 20)
    for row in as_json("top", "--to", "0.02", "--by", "bytes")["rows"]:
        assert row["bytes_error"] == round(math.sqrt(row["bytes"] * (1 << 20)))
        assert row["peak_bytes_error"] is None
    assert as_json("leaks", "--from", "0.01")["run"]["sampling"]["samples"] == 1234


def test_what_a_program_maps_is_exact(make_db, add_sampling, as_json):
    add_sampling(make_db("resident"))
    found = as_json("top", "--kind", "mapped")
    assert found["run"]["sampling"] is None
    assert "bytes_error" not in found["total"]


@pytest.mark.parametrize("value", [-1.0, float("inf"), float("nan"), 1e308, "x"])
def test_of_a_stranger(make_db, add_sampling, as_json, run, value):
    database = make_db("small")
    add_sampling(database)
    with sqlite3.connect(database) as connection:
        connection.executescript("DROP TABLE site_error; CREATE TABLE site_error(run, node, process, thread, allocations, bytes, live_allocations, "
                                 "live_bytes, peak_allocations, peak_bytes); INSERT INTO site_error SELECT run, node, process, thread, "
                                 "0, 0, 0, 0, 0, 0 FROM site")
        connection.execute("UPDATE site_error SET bytes = ?", [value])
    for row in as_json("top", "--by", "bytes")["rows"]:
        assert 0 <= row["bytes_error"] <= 1e19
    run("top", "--by", "bytes", status=0)


def test_compare(make_db, add_sampling, run, as_json):
    """A difference below two standard errors of it is within the noise."""
    database = make_db("small", "a")
    make_db("small", "b", 1)
    make_db("small", "c", 40)
    exact = as_json("compare", "1", "3")["comparisons"][0]
    assert "within_noise" not in exact["rows"][0] and "within_noise" not in exact["totals"]["bytes"]
    add_sampling(database, interval=1 << 15)
    for measure, by in (("peak_bytes", "peak"), ("allocations", "allocations")):
        found = as_json("compare", "1", "3", "--by", by, "--limit", 0)["comparisons"][0]
        before, after = errors(database, "run = 1")[measure], errors(database, "run = 3")[measure]
        total = found["totals"][measure]
        assert (round(total["before_error"]), round(total["after_error"])) == (before, after)
        assert total["within_noise"] == (0 < abs(total["change"]) < 2 * math.hypot(total["before_error"], total["after_error"]))
        what = "bytes" if by == "peak" else "allocations"
        for row in found["rows"]:
            noise = 2 * math.hypot(row[f"{what}_before_error"], row[f"{what}_after_error"])
            assert row["within_noise"] == (0 < abs(row[f"{what}_change"]) < noise)
    assert not as_json("compare", "1", "2")["comparisons"][0]["totals"]["bytes"]["within_noise"]  # there is no difference
    out = run("compare", "1", "3", status=0).stdout
    assert out.count("Run 1: sampled: one in 32.0 KiB") == out.count("Run 3: sampled: one in 32.0 KiB") == 1


def add_two_percent(database, column):
    """To what each site of the second run has."""
    with sqlite3.connect(database) as connection:
        for table in ("site", "line_total"):
            connection.execute(f"UPDATE {table} SET {column} = {column} * 102 / 100 WHERE run = 2")
        connection.execute(f"UPDATE run SET {column} = (SELECT sum({column}) FROM site WHERE run = 2) WHERE id = 2")


def test_compare_says_what_is_noise(make_db, add_sampling, run, as_json):
    database = make_db("small", "a")
    make_db("small", "b")
    add_two_percent(database, "peak_bytes")
    assert "noise" not in run("compare", "1", "2", status=0).stdout
    add_sampling(database, interval=1 << 15)
    found = as_json("compare", "1", "2")["comparisons"][0]
    assert "within the noise of sampling" in found["sentence"] and found["totals"]["peak_bytes"]["within_noise"]
    assert all(row["within_noise"] for row in found["rows"] if row["bytes_change"] != 0)
    out = run("compare", "1", "2", status=0).stdout
    assert "within noise" in out and "within the noise of sampling" in out


def test_check(make_db, add_sampling, run, as_json):
    """A limit is exceeded only where the estimate is two standard errors above it."""
    database = make_db("small")
    add_sampling(database, interval=1 << 15)
    peak, error = as_json("top")["total"]["peak_bytes"], errors(database)["peak_bytes"]
    for limit, status in ((peak - 3 * error, 3), (peak - error, 0), (peak + error, 0)):
        found = run("check", "--max-peak", limit, "--json")
        assert found.returncode == status
        out = run("check", "--max-peak", limit, status=status).stdout
        assert ("within the noise of sampling (+-" in out) == (limit == peak - error)
    found = as_json("check", "--max-peak", peak - error)
    assert found["within_limits"] and not found["limits"][0]["exceeded"]
    assert found["limits"][0]["within_noise"] and found["limits"][0]["error"] == pytest.approx(error, abs=1)


def test_check_against_another_run(make_db, add_sampling, run):
    database = make_db("small", "a")
    make_db("small", "b")
    for table in ("site", "line_total"):
        with sqlite3.connect(database) as connection:
            connection.execute(f"UPDATE {table} SET peak_bytes = peak_bytes * 115 / 100 WHERE run = 2")
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE run SET peak_bytes = (SELECT sum(peak_bytes) FROM site WHERE run = 2) WHERE id = 2")
    run("check", "2", "--against", "1", status=3)
    add_sampling(database, interval=1 << 15)
    assert "within the noise of sampling" in run("check", "2", "--against", "1", status=0).stdout
    run("check", "2", "--against", "1", "--tolerance", "20%", status=0)


def grown(database, total):
    """As if line list.c:20 of run 1 had grown to `total` bytes at twelve marks."""
    with sqlite3.connect(database) as connection:
        connection.row_factory = sqlite3.Row
        key = connection.execute("SELECT node, process, thread FROM site WHERE run = 1 AND bytes = (SELECT max(s.bytes) FROM site AS s JOIN line AS l "
                                 "ON l.run = s.run AND l.id = s.line WHERE l.file LIKE '%list.c' AND l.line = 20)").fetchone()
        connection.execute("DELETE FROM site_sample")
        connection.execute("DELETE FROM moment")
        connection.execute("DELETE FROM mark")
        for i in range(12):
            t_ns = (i + 1) * 50_000_000
            connection.execute("INSERT INTO mark VALUES (1, ?, ?, 1, 'tick', 0, 1, 0, 0)", (i + 1, t_ns))
            connection.execute("INSERT INTO moment VALUES (1, ?, ?)", (t_ns, t_ns))
            connection.execute("INSERT INTO site_sample(run, t_ns, node, process, thread, allocations, bytes, live_allocations, live_bytes, temporary) "
                               "VALUES (1, ?, ?, ?, ?, 3000, ?, 3000, ?, 0)", (t_ns, *key, total // 12, total // 12))
        connection.execute("UPDATE site SET live_allocations = 36000, live_bytes = ? WHERE (run, node, process, thread) = (1, ?, ?, ?)", (total, *key))


def test_advise(make_db, add_sampling, run, as_json):
    """Rules that samples do not prove are left out, which is said; the others find what is beyond the noise."""
    database = make_db("small")
    grown(database, 12 * 140_000)
    rules = [f["rule"] for f in as_json("advise", "--all")["findings"]]
    assert "growing-leak" in rules
    told = {row["rule"] for row in as_json("advise")["cannot_tell"]}
    add_sampling(database, interval=1 << 12)
    found = as_json("advise", "--all")
    assert [f["rule"] for f in found["findings"]] == ["growing-leak"]
    left_out = {row["rule"]: row["why"] for row in found["cannot_tell"]}
    assert {"walked-once", "dict-per-instance", "churn", "small-blocks", "pinned-pages", "never-touched"} <= left_out.keys()
    assert {"growing-leak", "growth-by-copy"}.isdisjoint(left_out) and told <= left_out.keys()
    assert all("sampled" in why for why in left_out.values())
    out = " ".join(run("advise", status=0).stdout.split())
    assert out.count("cannot tell of this run: it is sampled") == 1


def test_advise_within_the_noise(make_db, add_sampling, as_json):
    database = make_db("small")
    grown(database, 12 * 140_000)
    add_sampling(database, interval=1 << 17)
    assert as_json("advise", "--all")["findings"] == []  # 13 samples stand behind it


def test_rss(make_db, add_sampling, run):
    add_sampling(make_db("small"))
    for command in (["rss"], ["top", "--by", "resident"], ["rss", "--json"]):
        assert "the run is sampled" in run(*command, status=0).stdout


@pytest.mark.parametrize("options", [[], ["--inverted"], ["--group", "function", "--by", "bytes"], ["--by", "live"]])
def test_tree(sampled, as_json, run, options):
    """A node's error is that of all below it; a root's, of the run."""
    found = as_json("tree", "--min", 0, *options)
    measure = {"bytes": "bytes", "live": "live_bytes"}.get(options[-1] if options else "", "peak_bytes")
    assert told(found["total"]) == errors(sampled)
    roots = [row for row in found["rows"] if row["depth"] == 1]
    assert math.sqrt(sum(row["value_error"] ** 2 for row in roots)) == pytest.approx(errors(sampled)[measure], rel=0.01)
    for row in found["rows"]:
        assert row["too_few_samples"] == (row["value_error"] > 0 and row["value"] ** 2 < 20 * row["value_error"] ** 2) or \
            row["value"] ** 2 == pytest.approx(20 * row["value_error"] ** 2, rel=0.01)
    assert "+-" in run("tree", "--min", "0.1%", *options, status=0).stdout


def test_leaks(sampled, as_json, run):
    found = as_json("leaks", "--all", "--limit", 0)
    assert found["live_bytes_error"] == errors(sampled)["live_bytes"]
    assert [row["live_bytes_error"] for row in found["rows"]] == [errors(sampled, f"node = {row['stack']}")["live_bytes"] for row in found["rows"]]
    assert SAID in run("leaks", status=0).stdout


def test_function(sampled, as_json):
    found = as_json("function", "*", "--by", "bytes")
    assert told(found["total"]) == errors(sampled)


def test_pprof_has_the_period(make_db, add_sampling, run, tmp_path):
    database = make_db("small")
    for period, comment in ((1, None), (4096, SAID)):
        run("export", "--format", "pprof", "-o", "out.pb.gz", status=0)
        profile = pprof._message(gzip.decompress((tmp_path / "out.pb.gz").read_bytes()), strings=[6], comments=[13], period=12)
        assert profile["period"] == period
        assert (comment is None) or comment in [profile["strings"][i].decode() for i in profile["comments"]]
        if period == 1:
            add_sampling(database)


def test_csv_and_json(make_db, add_sampling, run, as_json, tmp_path):
    database = make_db("small")
    run("export", "--format", "csv", "-o", "exact.csv", status=0)
    add_sampling(database)
    run("export", "--format", "csv", "-o", "out.csv", status=0)
    with open(tmp_path / "exact.csv", newline="", encoding="utf-8") as exact, open(tmp_path / "out.csv", newline="", encoding="utf-8") as out:
        before, rows = list(csv.DictReader(exact)), list(csv.DictReader(out))
    assert [{key: row[key] for key in before[0]} for row in rows] == before
    assert [int(row["peak_bytes_error"]) for row in rows] == [row["peak_bytes_error"] for row in as_json("top", "--limit", 0, "--by", "bytes")["rows"]]
    run("export", "--format", "json", "-o", "out.json", status=0)
    exported = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert told(exported["total"]) == errors(database)
    assert all(stack["bytes_error"] > 0 for stack in exported["stacks"])


def test_page(make_db, add_sampling, html, as_json):
    """The errors of a page's rows are those of top; an exact run's page has none."""
    database = make_db("small")
    assert "errors" not in page.read(html())
    add_sampling(database)
    data = page.read(html("--by", "bytes"))
    names = [measure["column"] for measure in data["measures"]]
    found = {row["line"]: row for row in as_json("top", "--limit", 0)["rows"]}
    for i in range(1, len(data["rows"]) // page.ROW):
        row = data["errors"][i * len(names) : (i + 1) * len(names)]
        assert dict(zip(names, row)) == {name: found[data["rows"][i * page.ROW + 1]][f"{name}_error"] for name in names}
    assert data["runs"][0]["facts"]["sampling"] == SAMPLING


def near(found, expected):
    """Errors that were added up from sixteenths."""
    return dict(found) == {key: pytest.approx(value, rel=0.01, abs=1) for key, value in expected.items()}


def added(rows):
    return {name: math.sqrt(sum(row[i] ** 2 for row in rows)) for i, name in enumerate(page.VALUES) if name in MEASURED}


def test_page_of_stacks(sampled, html, as_json):
    """The errors of a page's stacks add up to the run's, whatever is folded; those of a line's stacks to the line's."""
    data = page.read(html("--by", "bytes"))
    assert near(added([row for [row] in page.stack_errors(data)]), errors(sampled))
    assert near(told(data["runs"][0]["errors"]), errors(sampled))
    names = [measure["column"] for measure in data["measures"]]
    seen = 0
    for row, (in_all, found) in page.row_stacks(data).items():
        if in_all == len(found):
            of_row = dict(zip(names, data["errors"][row * len(names) : (row + 1) * len(names)]))
            assert near(added([stack[2] for stack in found]), {name: of_row[name] for name in MEASURED})
            seen += 1
    assert seen > 0


def test_page_of_classes(make_db, add_sampling, html, as_json):
    add_sampling(make_db("small"))
    run, found = page.read(html())["runs"][0], as_json("histogram")
    assert [n for n in run["sizes_errors"] if n] == [row["allocations_error"] for row in found["sizes"] if row["allocations_error"]]
    assert [n for n in run["lifetimes_errors"] if n] == [row["blocks_error"] for row in found["lifetimes"] if row["blocks_error"]]


def test_page_of_two(make_db, add_sampling, html, as_json):
    """Of runs of which one is sampled, that one alone has errors."""
    database = make_db("small", "a")
    make_db("small", "b", 40)
    exact = page.read(html("1", "2"))
    assert "stack_errors" not in exact
    add_sampling(database, interval=1 << 15)
    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM sampling WHERE run = 1")
    data = page.read(html("1", "2"))
    assert near(added([after for _, after in page.stack_errors(data)]), errors(database, "run = 2"))
    assert all(before is None for before, _ in page.stack_errors(data)) and "errors" not in data["runs"][0]
    found = {(row["line"], row["function"]): row for row in as_json("compare", "1", "2", "--by", "bytes", "--limit", 0)["comparisons"][0]["rows"]}
    rows = data["changes"]["bytes"]
    for i in range(page.CHANGE, len(rows), page.CHANGE):
        row = found[rows[i + 1], data["texts"][rows[i + 3]]]
        assert rows[i + 11 : i + 13] == [round(row["bytes_before_error"]), round(row["bytes_after_error"])]


def test_page_shows_errors(make_db, add_sampling, html, browser, as_json):
    """In tips, on cards, on the bars of lines and of classes; not of an exact run."""
    path = make_db("stacks", 3000)
    widths = [["count", "#rows td .fill.faint"], ["count", "#histograms .fill.faint"]]
    seen = browser(html("--by", "bytes"), ["hoverAt", "#stacks canvas", 300, 5], ["text", "#facts"], *widths)["seen"]
    assert "+-" not in seen[0] + seen[1] and seen[2:] == [0, 0]
    add_sampling(path, interval=1 << 12)
    whole = as_json("top", "--by", "bytes", "--limit", 0)
    steps = [["hoverAt", "#stacks canvas", 300, 5], ["text", "#facts"], *widths, ["total"], ["press", "#rows tbody tr"], ["text", "#rows .row-stacks"]]
    tip, facts, rows, classes, total, _, stacks = browser(html("--by", "bytes"), *steps)["seen"]
    error = f"+-{whole['total']['bytes_error'] / (1 << 20):.2f} MiB"
    assert tip.count(error) == 1 and "blocks" not in tip and tip.count("+-") == 2
    assert error in facts and error in total
    assert rows == sum(row["bytes_error"] > 0 for row in whole["rows"][:30])
    assert classes == sum(row["allocations_error"] > 0 for row in as_json("histogram")["sizes"]) + \
        sum(row["blocks_error"] > 0 for row in as_json("histogram")["lifetimes"])
    assert "+-" in stacks or "too few samples" in stacks


def test_page_of_two_shows_errors(make_db, add_sampling, html, browser):
    database = make_db("small", "a")
    make_db("small", "b")
    add_two_percent(database, "bytes")
    add_sampling(database, interval=1 << 15)
    steps = [["hoverAt", "#stacks canvas", 300, 5], ["text", "#facts"], ["total"], ["table"]]
    tip, facts, total, table = browser(html("1", "2", "--by", "bytes"), *steps)["seen"]
    assert tip.count("+-") == 2 and "within the noise of sampling" in tip
    assert "within the noise of sampling" in facts and "within the noise of sampling)" in total
    assert any("within noise" in row[0] and ("+-" in row[1] or "too few samples" in row[1]) for row in table)


def test_page_in_a_browser(make_db, add_sampling, html, browser):
    add_sampling(make_db("small"), interval=1 << 15)
    warning, table = browser(html("--by", "bytes"), ["text", "#facts"], ["table"])["seen"]
    assert "Sampled: one block in 32.0 KiB" in warning and "90,000 allocations" in warning
    assert any("+-256 KiB" in " ".join(row) for row in table) and any("too few samples" in " ".join(row) for row in table)


def test_histograms(make_db, add_sampling, as_json, run):
    """A class's error is that of blocks which are all as small as the class allows."""
    database = make_db("small")
    assert "_error" not in run("histogram", "--json", status=0).stdout and "+-" not in run("histogram", status=0).stdout
    add_sampling(database)
    interval, found = SAMPLING["interval_bytes"], as_json("histogram")
    assert [row for row in found["sizes"] if row["from"] >= interval or row["allocations_error"] > 0] == found["sizes"]
    spread = 0
    for row in found["sizes"]:
        stands_for = 1 if row["from"] >= interval else math.ceil(1 / -math.expm1(-(row["from"] + 1) / interval))
        assert row["allocations_error"] == round(math.sqrt(row["allocations"] * (stands_for - 1)))
        spread += row["allocations"] * (stands_for - 1) / sum(row["allocations"] for row in found["sizes"])
    for row in found["lifetimes"]:
        assert row["blocks_error"] == pytest.approx(math.sqrt(row["blocks"] * spread), abs=1)
    assert f"+-{found['sizes'][0]['allocations_error']:,} " in run("histogram", status=0).stdout
    assert as_json("summary")["sizes"] == found["sizes"]


def test_timeline(make_db, add_sampling, as_json, run):
    """The model's error at each moment: of blocks smaller than the interval, on average."""
    database = make_db("small")
    assert "_error" not in run("timeline", "--json", status=0).stdout and "+-" not in run("timeline", status=0).stdout
    add_sampling(database)
    interval, found = SAMPLING["interval_bytes"], as_json("timeline")
    assert found["samples"]
    for row in found["samples"]:
        small = row["live_bytes"] < row["live_allocations"] * interval
        assert row["live_bytes_error"] == (round(math.sqrt(row["live_bytes"] * interval)) if small else 0)
    assert " +-" in run("timeline", status=0).stdout
