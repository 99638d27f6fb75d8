"""Resident memory in other reports: the lines that keep or pin it in top, check --max-rss, and changed parts in compare."""

import json
import re
import sqlite3

import pytest

from test_rss import END, FILES, FREE, HIGH, LIVE, MARK, MIB, PINNED, ROUNDING, add, add_mark

AMOUNTS = ["live", "rounding", "pinned"]


def oracle(path, moment, order, where="1"):
    """Lines by how much they keep, from the view alone."""
    with sqlite3.connect(path) as connection:
        found = connection.execute(
            f"SELECT file, line, function, {', '.join(f'sum(iif(part = ?{i + 2}, bytes, 0))' for i in range(3))}, "
            "sum(iif(part = 'live', blocks, 0)) FROM resident WHERE run = 1 AND moment = ?1 AND part IN (?2, ?3, ?4) "
            f"AND {where} GROUP BY 1, 2, 3, module", (moment, *AMOUNTS)).fetchall()
    key = (lambda row: row[5]) if order == "pinned" else (lambda row: sum(row[3:6]))
    return sorted((row for row in found if any(row[3:6])), key=lambda row: (-key(row), row[0] or "", row[1]))


def taken(rows):
    return [(row["file"], row["line"], row["function"], row["live_bytes"], row["rounding_bytes"], row["pinned_bytes"], row["blocks"])
            for row in rows]


# ---- top


@pytest.mark.parametrize("order", ["resident", "pinned"])
def test_top(make_db, run, as_json, order):
    path = make_db("resident")
    found = as_json("top", "--by", order)
    assert (found["schema"], found["by"], found["group"]) == ("libtrace.top/1", order, "line")
    assert found["moment"] == as_json("rss")["moment"] == {"t_s": 1.2000001, "kind": "end", "mark": None, "processes": 2}
    assert taken(found["rows"]) == oracle(path, 4, order) and found["rows_in_all"] == 3
    for row in [*found["rows"], found["total"]]:
        assert row["resident_bytes"] == sum(row[f"{part}_bytes"] for part in AMOUNTS)
    parts = {part["part"]: part["bytes"] for part in as_json("rss")["parts"]}
    assert [found["total"][f"{part}_bytes"] for part in AMOUNTS] == [parts[part] for part in AMOUNTS]
    out = run("top", "--by", order, "--limit", "1", status=0).stdout.splitlines()
    assert out[1].endswith("of the 334 MiB that were resident at the end (1.20 s):") and out[2].split()[0] == order.upper()
    assert re.search(r"list\.c:20 +read_record$", out[3]) and "(2 more lines)" in out[4] and len(out) == 5
    assert taken(as_json("top", "--by", order, "--limit", "2")["rows"]) == oracle(path, 4, order)[:2]


def test_top_of_a_part(make_db, run, as_json):
    path = make_db("resident")
    found = as_json("top", "--by", "resident", "--file", "list.c")
    assert taken(found["rows"]) == oracle(path, 4, "resident", "file LIKE '%list.c'") and len(found["rows"]) == 2
    assert taken(as_json("top", "--by", "resident", "--process", "2")["rows"]) == oracle(path, 4, "resident", "process = 2")
    assert "Nothing in it matches" in run("top", "--by", "pinned", "--file", "nope", status=0).stdout
    for other in (["--stacks", "1"], ["--inclusive"], ["--leaf"], ["--group", "file"], ["--watch"], ["--from", "0.1"],
                  ["--function", "main"], ["--below", "main"], ["--mine"]):
        assert "at one moment: it goes with" in run("top", "--by", "pinned", *other, status=2).stderr, other
    assert "tree: --by takes one of" in run("tree", "--by", "pinned", status=2).stderr  # tree knows nothing of pages


def test_top_without_a_moment(make_db, run, as_json):
    make_db("small")
    assert "its pages were not looked at" in run("top", "--by", "resident", status=0).stdout
    found = as_json("top", "--by", "resident")
    assert found["moment"] is None and found["rows"] == [] and "new highs" in found["missing"][0]
    add(make_db("small", db="later.db"), 1, END, [(LIVE, 2, "", 1000, 1)], missing="it may not be looked at")
    assert "Not all could be seen: it may not be looked at" in run("top", "--by", "resident", "--db", "later.db", status=0).stdout


# ---- check


def limits(found):
    return {limit["measure"]: limit for limit in found["limits"]}


def test_check(make_db, run):
    make_db("resident")
    assert run("check", "--max-rss", "500MiB", "--max-peak", "4MiB", status=0).stdout == (
        "run 1 list is within its limits: peak 3.36 MiB of 4.00 MiB, resident 400 MiB of 500 MiB\n")
    out = run("check", "--max-rss", "300MiB", status=3).stdout
    assert out.splitlines() == ["resident: 400 MiB, the limit is 300 MiB (+33.3 %)", "  at 600 ms, the highest until then:",
                                "  400 MiB  live  400 MiB  list.c:40  build_index"]
    assert "resident: 419430400 B, the limit is 419430399 B" in run("check", "--max-rss", "419430399", status=3).stdout
    run("check", "--max-rss", "419430400", status=0)


def test_check_names_parts(make_db, run, as_json):
    """The parts are those of the highest moment, whatever the marks are called; the limit applies to the run's own maximum."""
    path = make_db("small")
    add_mark(path, 9, "peak", 0.1)
    add(path, 1, MARK, [(LIVE, 3, "", MIB, 1)], t_s=0.1, mark=9)
    add(path, 2, HIGH, [(PINNED, 2, "", 20 * MIB, 7), (FREE, 0, "", 6 * MIB, 0), (FILES, 0, "/lib/libm.so", 3 * MIB, 1),
                        (ROUNDING, 3, "", 1000, 2)], t_s=0.3)
    found = run("check", "--max-rss", "10MiB", "--annotations", "github", status=3)
    assert found.stdout.splitlines() == [
        "resident: 40.0 MiB, the limit is 10.0 MiB (+300.0 %)", "  of 29.0 MiB at 300 ms, the highest until then:",
        "  20.0 MiB  pinned  20.0 MiB  list.c:20  read_record", "  6.00 MiB  free", "  3.00 MiB  files  3.00 MiB  /lib/libm.so"]
    assert re.fullmatch(r"::error file=/src/demo/list.c,line=20,title=resident size above its limit::resident: 40.0 MiB, the limit is "
                        r"10.0 MiB \(\+300.0 %25\); this line: 20.0 MiB of what is pinned, in read_record\n", found.stderr)
    limit = limits(json.loads(run("check", "--max-rss", "10MiB", "--json", status=3).stdout))["resident_bytes"]
    assert (limit["value"], limit["limit"], limit["exceeded"]) == (40 * MIB, 10 * MIB, True)
    assert limit["moment"]["kind"] == "high" and [(part["part"], part["bytes"]) for part in limit["parts"]] == [
        ("pinned", 20 * MIB), ("free", 6 * MIB), ("files", 3 * MIB)]
    assert limit["parts"][0]["lines"][0]["line"] == 20 and limit["parts"][1]["lines"] == []
    limit = limits(as_json("check", "--max-rss", "1GiB", "--max-live", "1GiB"))["resident_bytes"]
    assert limit == {"measure": "resident_bytes", "value": 40 * MIB, "limit": 1 << 30, "exceeded": False}


def test_check_without_moments(make_db, run):
    """Without a look at the pages, the size of the whole run is known nevertheless."""
    path = make_db("small")
    assert run("check", "--max-rss", "1MiB", status=3).stdout == "resident: 40.0 MiB, the limit is 1.00 MiB (+3900.0 %)\n"
    found = run("check", "--max-rss", "1MiB", "--annotations", "github", status=3).stderr
    assert found.startswith("::error title=resident size above its limit::resident: 40.0 MiB")
    assert "cannot be checked. Nobody looked at the pages of these processes." in run(
        "check", "--max-rss", "1MiB", "--process", "1", status=1).stderr
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE run SET peak_rss_bytes = 0")
    assert "was never seen" in run("check", "--max-rss", "1MiB", status=1).stderr


def test_check_of_a_part(make_db, run):
    make_db("resident")
    assert "resident 8.00 KiB of 8.00 KiB" in run("check", "--max-rss", "8KiB", "--process", "2", status=0).stdout
    for other in (["--file", "x"], ["--function", "main"], ["--from", "0.1"]):
        assert "whole processes" in run("check", "--max-rss", "1M", *other, status=2).stderr, other
    assert "takes bytes" in run("check", "--max-rss", "much", status=2).stderr


# ---- compare


def test_compare(make_db, run, as_json):
    """Compares the moments at which each run was highest; the parts that changed most come first."""
    path = make_db("small", "before")
    add(path, 1, HIGH, [(LIVE, 2, "", 10 * MIB, 9), (FREE, 0, "", 30 * MIB, 0), (FILES, 0, "/lib/a.so", MIB, 1)], t_s=0.2)
    add(path, 2, END, [(LIVE, 2, "", MIB, 9)], t_s=0.9)
    make_db("small", "after")
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO page_moment SELECT 2, id, process, t_ns + 1000000, took_ns, kind, mark, resident, pss, untouched, swapped, "
                           "missing FROM page_moment WHERE id = 1")
        connection.execute("INSERT INTO page_row SELECT 2, moment, process, part, node, line, name, iif(part = ?, bytes / 2, iif(part = ?, "
                           "bytes + 100, bytes)), blocks FROM page_row WHERE moment = 1", (FREE, LIVE))
        connection.execute("INSERT INTO page_row VALUES (2, 1, 1, ?, 2, 0, '', ?, 1)", (PINNED, 40 * MIB))
        connection.execute("UPDATE page_moment SET resident = (SELECT sum(bytes) FROM page_row WHERE run = 2) WHERE run = 2")
    out = run("compare", "1", "2", status=0).stdout
    told = out[out.index("Resident, by part"):out.index("By line")].split("\n")
    assert told[1] == "Where most was seen: before at 200 ms, the highest until then, after at 201 ms, the highest until then."
    assert [line.split() for line in told[3:6]] == [
        ["+25.0", "MiB", "41.0", "MiB", "66.0", "MiB", "all", "of", "it"], ["+40.0", "MiB", "0", "B", "40.0", "MiB", "pinned"],
        ["-15.0", "MiB", "30.0", "MiB", "15.0", "MiB", "free"]]
    assert "files" not in out and "  live\n" not in out  # these parts hardly changed
    found = as_json("compare", "1", "2")["comparisons"][0]["resident"]
    assert found["before"]["moment"]["kind"] == "high" and found["bytes_after"] - found["bytes_before"] == 25 * MIB + 100
    assert [(part["part"], part["bytes_change"]) for part in found["parts"]] == [
        ("pinned", 40 * MIB), ("free", -15 * MIB), ("live", 100), ("files", 0)]
    assert sum(part["bytes_after"] for part in found["parts"]) == found["bytes_after"]


def test_compare_without(make_db, run, as_json):
    """There is no comparison by part if one run has no look at its pages, or if lines are compared."""
    make_db("resident", "with")
    make_db("small", "without")
    assert "Resident, by part" not in run("compare", "1", "2", status=0).stdout
    assert as_json("compare", "1", "2")["comparisons"][0]["resident"] is None
    make_db("resident", "again")
    assert "Resident, by part" in run("compare", "1", "3", status=0).stdout
    assert "Resident, by part" not in run("compare", "1", "3", "--file", "list.c", status=0).stdout


# ---- timeline


def test_timeline(make_db, run, as_json):
    """The timeline lists the parts of each moment: they add up, and are those of the view."""
    path = make_db("resident")
    found = as_json("timeline")["resident"]
    with sqlite3.connect(path) as connection:
        wanted = connection.execute("SELECT max(t_s), kind, sum(bytes) FROM resident WHERE part <> 'untouched' GROUP BY moment ORDER BY 1").fetchall()
        parts = dict(connection.execute("SELECT part, sum(bytes) FROM resident WHERE moment = 4 AND part <> 'untouched' GROUP BY 1"))
    assert [(row["t_s"], row["kind"], row["resident_bytes"]) for row in found] == wanted and len(found) == 3
    for row in found:
        assert sum(row["parts"].values()) == row["resident_bytes"]
    assert found[-1]["parts"] == parts
    lines = run("timeline", status=0).stdout.split("Resident, by part\n")[1].splitlines()
    assert lines[0].split()[:2] == ["TIME", "RESIDENT"] and len(lines) == 4
    assert lines[1].startswith("102 ms  4.00 KiB") and lines[1].endswith("mark")
    assert lines[3].startswith("1.20 s   334 MiB  40.5 MiB") and lines[3].endswith("end")
    assert [row["kind"] for row in as_json("timeline", "--from", "0.2", "--to", "0.7")["resident"]] == ["high"]


def test_timeline_of_many_moments(make_db, run, as_json):
    path = make_db("small")
    assert as_json("timeline")["resident"] == [] and "Resident, by part" not in run("timeline", status=0).stdout
    for number in range(30):
        add(path, number + 1, HIGH, [(LIVE, 2, "", MIB + number, 1)], t_s=0.1 + number / 100)
    told = run("timeline", "--bytes", status=0).stdout.split("Resident, by part\n")[1].splitlines()
    assert len(told) == 14 and told[-1] == "18 more moments (all: --json)."
    assert str(MIB) in told[1] and str(MIB + 29) in told[12]
    assert len(as_json("timeline")["resident"]) == 30
