"""The first questions: what takes the memory, and what the first screen says about it."""

import json
import os
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
NUMBERS = {"PEAK": "peak_bytes", "BLOCKS": "peak_allocations", "LIVE": "live_bytes", "BYTES": "bytes",
           "OWN PEAK": "own_peak_bytes"}


def table(text):
    """The table in a report's plain text, as [{heading: cell}]; headings and cells are two spaces apart."""
    lines = text.splitlines()
    head = next(i for i, line in enumerate(lines) if re.search(r"\bPEAK\b", line) and "%" in line)
    headings = re.split(r"  +", lines[head].strip())
    end = lines.index("", head) if "" in lines[head:] else len(lines)
    rows = [re.split(r"  +", line.strip()) for line in lines[head + 1:end]]
    return headings, [dict(zip(headings, row)) for row in rows]


def test_top_is_about_the_peak(make_db, run, as_json):
    """top sorts by the peak and shows the other measures beside it, with the same numbers as in JSON."""
    make_db("small")
    found = as_json("top")
    assert found["by"] == "peak" and found["rows"] == as_json("top", "--by", "peak")["rows"]
    headings, rows = table(run("top", "--bytes", status=0).stdout)
    assert headings[:6] == ["PEAK", "%", "BLOCKS", "LIVE", "BYTES", "OWN PEAK"] and headings[6:8] == ["LINE", "FUNCTION"]
    assert len(rows) == len(found["rows"]) > 3
    for shown, row in zip(rows, found["rows"]):
        for heading, measure in NUMBERS.items():
            assert int(re.sub(r"<= |,", "", shown[heading])) == row[measure], (heading, row["function"])
    assert run("top").stdout == run("top", "--by", "peak").stdout
    assert as_json("tree")["by"] == "peak"


def test_a_part_has_no_peak_of_lines(make_db, run, as_json):
    make_db("small")
    assert "known of a whole run only" in run("top", "--by", "peak", "--to", "0.25", status=2).stderr
    assert as_json("top", "--to", "0.25")["by"] == "bytes"
    assert as_json("tree", "--to", "0.25")["by"] == "bytes"


@pytest.mark.parametrize("width, shown", [
    (60, ["PEAK", "%", "BLOCKS"]), (80, ["PEAK", "%", "BLOCKS", "LIVE", "BYTES"]),
    (160, ["PEAK", "%", "BLOCKS", "LIVE", "BYTES", "OWN PEAK"])])
def test_columns_by_width(make_db, terminal, width, shown):
    """Names get their room first, then the numbers, in the order of their importance."""
    make_db("small", env={"MAKE_DB_SOURCE": "/src/a/path/that/is/rather/long/list.c"})
    out = terminal(width, "top", "--color", "never")
    headings, rows = table(out)
    assert headings[:len(shown)] == shown and headings[len(shown):len(shown) + 2] == ["LINE", "FUNCTION"]
    assert any("build" in row["FUNCTION"] for row in rows)


def test_words_are_explained_on_a_terminal(make_db, terminal, run):
    make_db("small")
    for command in ("top", "summary"):
        out = terminal(80, command)
        assert "\033[2mpeak: held when the run held most; live: never freed; temporary: freed at once\033[0m" in out
        assert "peak: held" not in run(command).stdout
    assert "\033[2mpeak: held when the run held most; live: never freed\033[0m" in terminal(60, "top")


def test_paths_without_what_all_share(make_db, terminal, run):
    """On a narrow terminal the folder that all paths share is left out first; on a wide one it stays."""
    make_db("small", env={"MAKE_DB_SOURCE": "/home/somebody/projects/2026/a-long-name-of-it/source/list.c"})
    narrow = terminal(80, "top", "--color", "never")
    assert "/list.c:40" in narrow and "somebody" not in narrow
    assert "/home/somebody/projects/2026/a-long-name-of-it/source/list.c:40" in terminal(200, "top", "--color", "never")
    assert "/home/somebody/projects/2026/a-long-name-of-it/source/list.c:40" in run("top").stdout


def test_brief(make_db, run, as_json, terminal):
    make_db("small")
    whole = as_json("summary")
    lines = run("summary", "--brief", "--bytes", status=0).stdout.splitlines()
    first = whole["top_peak"][0]
    assert lines[0].split()[:2] == ["peak", str(whole["run"]["peak_bytes"])]
    assert lines[1].split()[:2] == ["where", str(first["peak_bytes"])] and lines[1].endswith(first["function"])
    assert lines[2].split()[:2] == ["live", str(whole["run"]["live_bytes"])] and len(lines) == 3
    for width in (60, 80, 120, 200):
        assert all(len(re.sub(r"\033\[\d*m", "", line)) <= width for line in terminal(width, "summary", "--brief").splitlines())


def test_brief_of_a_process(make_db, run, as_json):
    make_db("small", "first")
    make_db("small", "second", 3)
    pids = {row[0] for row in as_json("sql", "SELECT pid FROM processes WHERE run = 2")["rows"]}
    for pid in pids:
        assert run("summary", "--brief", "--pid", pid, status=0).stdout == run("summary", "--brief", "2").stdout
    assert "no run with a process 99999" in run("summary", "--pid", "99999", status=1).stderr
    begun = "SELECT CAST(strftime('%s', max(started)) AS INTEGER) FROM runs"
    [[second]] = as_json("sql", begun)["rows"]
    assert run("summary", "--pid", min(pids), "--since", second, status=0).stdout
    assert "no run with a process" in run("summary", "--pid", min(pids), "--since", second + 1, status=1).stderr


def test_the_readme_shows_what_is_printed(make_db, run):
    """The README's tables have the same headings as today's reports."""
    make_db("small", "one")
    make_db("small", "two", 3)
    shown = re.findall(r"\$ trace-report (top|compare)[^\n]*\n(.*?)(?=\n\$|\n```)", (ROOT / "README.md").read_text(), re.S)
    assert {command for command, _ in shown} == {"top", "compare"}
    for command, text in shown:
        headings = next(line.split() for line in text.splitlines() if "LINE" in line and "FUNCTION" in line)
        printed = next(line.split() for line in run(command, status=0).stdout.splitlines() if "LINE" in line)
        assert [h for h in headings if h != "SOURCE"] == [h for h in printed if h != "SOURCE"]
