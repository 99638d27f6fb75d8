"""trace-report check: what CI jobs see."""

import json
import re
import sqlite3

import pytest


def test_limits(make_db, run):
    make_db("small")
    fine = run("check", "--max-peak", "50MiB", "--max-live", "1 MiB", "--max-allocations", "90603", status=0).stdout
    assert fine == ("run 1 list is within its limits: peak 3.36 MiB of 50.0 MiB, live at the end 400 KiB of 1.00 MiB, "
                    "allocations 90,603 of 90,603\n")
    out = run("check", "--max-peak", "3m", "--max-live", "100kB", "--max-allocations", "90602", "--max-temporary", "0",
              "--max-bytes", "1G", status=3).stdout
    assert [line.split(":")[0] for line in out.splitlines() if not line.startswith(" ")] == [
        "peak", "live at the end", "allocations", "temporary allocations"]
    assert "peak: 3.36 MiB, the limit is 3.00 MiB (+12.1 %)" in out


@pytest.mark.parametrize("text, bytes", [("4096", 4096), ("4k", 4096), ("4KiB", 4096), ("4kB", 4000), ("1.5 MiB", 1572864),
                                         ("0", 0), ("2G", 2 << 30)])
def test_bytes(make_db, as_json, text, bytes, run):
    make_db("one")
    found = json.loads(run("check", "--max-bytes", text, "--json").stdout)
    [limit] = found["limits"]
    assert [row["value"] for row in limit.pop("lines", [])] == [1] * (bytes == 0)
    assert limit == {"measure": "bytes", "value": 1, "limit": bytes, "exceeded": bytes == 0}


def test_usage(make_db, run):
    make_db("small")
    assert "no limit to check" in run("check", status=2).stderr
    for text in ("", "x", "-1", "1XB", "1e99", "nan", "1 MiB of"):
        assert "takes bytes" in run("check", "--max-peak", text, status=2).stderr
    assert "takes a share" in run("check", "--against", "1", "--tolerance", "-1%", status=2).stderr


def test_against(make_db, run, as_json):
    make_db("small", "main", db="main.db")
    make_db("small", "main")
    make_db("small", "main", 2)
    assert run("check", "1", "--against", "main.db", status=0).stdout == (
        "run 1 main is within its limits: no more than run 1 main, 5 % tolerated\n")
    out = run("check", "--against", "1", "--tolerance", "99%", status=3).stdout
    assert sum(not line.startswith(" ") for line in out.splitlines()) == 5 and "+100.0 %, 99 % tolerated" in out
    assert run("check", "--against", "main", status=3).stdout.count("run 1 main") == 5  # the other run of that label
    run("check", "--against", "main.db", "--tolerance", "100%", status=0)
    for nothing in ("nope", "99"):
        assert "no other run" in run("check", "--against", nothing, status=1).stderr
    make_db("empty", db="zero.db")
    assert "allocations: 90,603, run 1 list has 0\n" in run("check", "1", "--against", "zero.db", status=3).stdout


def test_numbers_that_round_alike(make_db, run):
    make_db("small")
    assert "peak: 3524816 B, the limit is 3520015 B (+0.1 %)" in run("check", "--max-peak", "3520015", status=3).stdout


def test_filters(make_db, run):
    make_db("small")
    run("check", "--max-live", "300", "--file", "list.c", status=0)
    assert "live at the end: 400 KiB" in run("check", "--max-live", "300", "--module", "libz*", status=3).stdout


def test_unfinished_runs_are_no_answer(make_db, run):
    make_db("dead")
    assert "not final" in run("check", "--max-peak", "1G", status=1).stderr


@pytest.mark.parametrize("kind", ["empty", "one", "large", "hostile"])
def test_any(make_db, run, kind):
    make_db(kind)
    out = run("check", "--max-allocations", "1000000000", status=0).stdout
    assert "within its limits" in out and "\x1b" not in out and len(out.splitlines()) == 1


def test_the_lines_that_grew(make_db, run, as_json):
    """With a baseline, in the same file or another one, the lines that grew most come first; others are not named."""
    make_db("small", "main", db="main.db")
    make_db("small", "main")
    make_db("small", "main", 2)
    before = {(row["file"], row["line"], row["function"]): row for row in as_json("top", "1", "--limit", "0")["rows"]}
    grown = sorted(((2 * row["live_bytes"] - row["live_bytes"], key) for key, row in before.items() if row["live_bytes"]), reverse=True)
    for baseline in ("1", "main.db"):
        found = json.loads(run("check", "--against", baseline, "--json", status=3).stdout)
        [live] = [limit for limit in found["limits"] if limit["measure"] == "live_bytes"]
        named = live["lines"]
        assert [(row["value"] - row["before"], (row["file"], row["line"], row["function"])) for row in named] == grown[:len(named)]
        assert 1 <= len(named) <= 5 and all(row["before"] == before[row["file"], row["line"], row["function"]]["live_bytes"] for row in named)
        out = run("check", "--against", baseline, status=3).stdout.splitlines()
        at = out.index(next(line for line in out if line.startswith("live at the end")))
        assert out[at + 1].startswith("  +400 KiB (400 KiB -> 800 KiB)  ") and named[0]["function"] in out[at + 1]
        within = run("check", "--against", baseline, "--tolerance", "100%", "--json", status=0)
        assert all("lines" not in limit for limit in json.loads(within.stdout)["limits"])


def test_the_largest_lines(make_db, run):
    """Without a baseline, the largest lines are named."""
    make_db("small")
    out = run("check", "--max-peak", "1MiB", "--max-bytes", "1G", status=3).stdout.splitlines()
    assert out[0].startswith("peak: 3.36 MiB") and len(out) > 1
    assert all(line.startswith("  ") and "iB  " in line for line in out[1:])


WORKFLOW = re.compile(r"::error (?:file=([^,:]*),line=(\d+),)?title=([^,:]*)::(.*)")


def test_annotations(make_db, run, tmp_path):
    """Annotations are written on GitHub, or if they are asked for, to stderr, so that the output of --json does not change."""
    make_db("small")
    arguments = ["check", "--max-peak", "1MiB"]
    assert run(*arguments, status=3).stderr == ""
    assert run(*arguments, status=3, env={"GITHUB_ACTIONS": "false"}).stderr == ""
    assert run(*arguments, "--annotations", "none", status=3, env={"GITHUB_ACTIONS": "true"}).stderr == ""
    assert run("check", "--max-peak", "1GiB", status=0, env={"GITHUB_ACTIONS": "true"}).stderr == ""
    asked = run(*arguments, "--annotations", "github", status=3)
    done = run(*arguments, "--json", status=3, env={"GITHUB_ACTIONS": "true"})
    assert done.stderr == asked.stderr != ""
    [limit] = json.loads(done.stdout)["limits"]
    said = [WORKFLOW.fullmatch(line) for line in done.stderr.splitlines()]
    assert [(m[1], int(m[2])) for m in said] == [(row["file"], row["line"]) for row in limit["lines"] if row["file"]]
    assert all(m[3] == "peak above its limit" and m[4].startswith("peak: 3.36 MiB, the limit is 1.00 MiB (+236.2 %25); this line: ")
               for m in said)


def test_annotations_lead_into_the_repository(make_db, run, tmp_path):
    database = make_db("small")
    connection = sqlite3.connect(database)
    odd = "50%, a:b\r\n::error::x.c"
    connection.execute("UPDATE line SET file = ?", (f"{tmp_path}/src/{odd}",))
    connection.commit()
    connection.close()
    for env in ({"GITHUB_WORKSPACE": str(tmp_path) + "/"}, {}, {"GITHUB_WORKSPACE": "/elsewhere"}):
        [line] = set(re.sub("line=.*?,|;.*", "", line) for line in run(
            "check", "--max-live", "1", status=3, env={"GITHUB_ACTIONS": "true", **env}).stderr.splitlines())
        assert line.startswith("::error file=src/50%25%2C a%3Ab\\r\\n%3A%3Aerror%3A%3Ax.c,title=live at the end above"), line


def test_long_names(make_db, run):
    """On a terminal of known width, lines with long function names are cut to it; in a log they are whole."""
    db = make_db("small")
    name = "Server::set(int, std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> > const&)"
    connection = sqlite3.connect(db)
    connection.execute("UPDATE line SET function = ? WHERE function = 'read_record'", (name,))
    connection.commit()
    connection.close()
    lines = {width: [line for line in run("check", "--max-bytes", "1M", *(["--width", width] if width else []), status=3).stdout.splitlines()
                     if line.startswith(" ") and "set(" in line] for width in (0, 60, 80)}
    assert name in lines[0][0]
    for width in (60, 80):
        assert len(lines[width]) == 1 and len(lines[width][0]) <= width and "set(\u2026)" in lines[width][0], lines
