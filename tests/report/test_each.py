"""Each subcommand as text, as JSON and on terminals, with runs of every kind: the numbers agree, and no name does harm.

Each argument list is tried with all hostile runs; with half of the others, another half for each, but for LIBTRACE_LONG=1. So
are readers of totals with filters and exports.
"""

import json
import os
import re
import shutil
import subprocess
import unicodedata

import pytest

import totals
from conftest import BUILD

COMMANDS = [line.split("\t")[0] for line in subprocess.run(
    [BUILD / "bin/trace-report", "help", "--words"], capture_output=True, text=True, check=True).stdout.splitlines()]
REAL = ["c", "c++", "python", "threads", "hostile c", "hostile c++", "hostile python"]
MADE = ["small", "empty", "one", "hostile", "stacks 33000", "dead", "small much 1000000"]  # stacks: more than a page keeps apart
LONG = bool(os.environ.get("LIBTRACE_LONG"))
FORMATS = ["pprof", "folded", "speedscope", "dhat", "massif", "csv", "json"]

# The arguments of each subcommand that shows a run; "0" stands for the run, FILE for one of its files.
READING = {
    "top": [["0"], ["--stacks", "2"], ["--group", "stack", "--by", "peak"], ["--group", "function"], ["--group", "module"], ["--group", "type"],
            ["--by", "resident"]],
    "tree": [["0"], ["--inverted", "--by", "peak"], ["--group", "function", "--min", "5%"]],
    "leaks": [["0"]],
    "annotate": [["FILE", "0"], ["FILE", "0", "--all", "--by", "bytes"]],
    "rss": [["0"]],
    "advise": [["0"], ["0", "--all", "--limit", "0"]],
    "function": [["main", "0"], ["*", "0", "--by", "bytes"]],
    "timeline": [["0"], ["0", "--to", "0.25"], ["0", "--from=0.00001", "--to", "0.02"]],
    "histogram": [["0"]],
    "temporary": [["0"]],
    "compare": [["0", "0"], ["0", "0", "--by", "allocations"], ["0", "0", "--group", "type"]],
    "diff": [["0", "0"]],
    "check": [["0", "--max-allocations", "1000000000000", "--against", "0"]],
    "summary": [["0"]],
    "runs": [[]],
    "sql": [["SELECT * FROM lines LIMIT 50"], ["SELECT frames FROM stacks LIMIT 5"], ["SELECT * FROM runs"]],
}
WRITING = ["merge", "prune", "rename", "export", "html"]

# What no terminal may get: control characters, and characters that change the direction of writing.
HARMFUL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
COLORS = re.compile(r"\033\[[0-9;]*[mK]")


def calls(command):
    return [pytest.param(command, arguments, id=" ".join([command, *arguments])) for arguments in READING[command]]


def with_kinds(rows):
    """Each row with the kinds of runs that it is tried with: hostile ones, and every other one of the others."""
    rows, odd, fine = list(rows), [k for k in MADE + REAL if "hostile" in k], [k for k in MADE + REAL if "hostile" not in k]
    return [(row, kind) for i, row in enumerate(rows) for kind in odd + (fine if LONG else fine[i % 2::2])]


NUMBERS = {}  # by database: the number of its run


def named(ask, arguments):
    """Replaces 0 by the run's number, and FILE by the largest file, if there is any that a command line can name."""
    if ask.database not in NUMBERS:
        run = str(ask.run())
        files = [row["file"] for row in ask.json("top", run, "--group", "file")["rows"] if row["file"] is not None]
        NUMBERS[ask.database] = {"0": run, "FILE": next((file for file in files if "\ufffd" not in file), "*")}
    return [NUMBERS[ask.database].get(word, word) for word in arguments]


def columns(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def test_none_is_left_out():
    assert set(COMMANDS) == {*READING, *WRITING, "help", "browse", "push"}  # these two have tests of their own


@pytest.mark.parametrize("kind, command, arguments", [
    pytest.param(kind, *call.values, id=f"{call.id}-{kind}")
    for call, kind in with_kinds(call for command in READING for call in calls(command))])
def test_text_and_json(ask, database, kind, command, arguments):
    if (kind, command) == ("dead", "check"):
        return  # a run without an end cannot be checked: test_check
    ask = ask(database(kind))
    arguments = named(ask, arguments)
    text = ask(command, *arguments)
    assert (text.strip() or (kind, command) == ("empty", "sql")) and not HARMFUL.search(text)
    text = ask(command, *arguments, "--json")
    found = json.loads(text)
    assert not HARMFUL.search(text) and found["schema"] == f"libtrace.{'compare' if command == 'diff' else command}/1"


@pytest.mark.parametrize("format, kind", with_kinds(FORMATS + ["html"]))
def test_written(ask, database, kind, format):
    """Text and JSON name the file that was written, whatever its name is. test_totals_agree reads its content."""
    ask = ask(database(kind))
    command = ["html"] if format == "html" else ["export", "--format", format]
    text = ask(*command, "-o", "a b'\n<x>.out")
    assert re.match(r"a b'\\n<x>.out: run \d+ ", text) and not HARMFUL.search(text)
    written = (ask.folder / "a b'\n<x>.out").read_bytes()
    found = ask.json(*command, "-o", "again")
    assert found["schema"] == "libtrace.written/1" and found["format"] == format and found["bytes"] == len(written)
    assert (ask.folder / "again").read_bytes() == written  # the same run gives the same file
    assert format == "pprof" or (written.decode("utf-8") != "") == ((kind, format) != ("empty", "folded"))


@pytest.mark.parametrize("kind", ["small", "empty", "one", "hostile", "c", "hostile c", "hostile c++", "hostile python"])
def test_runs_are_managed(ask, database, kind, tmp_path):
    shutil.copy(database(kind), tmp_path / "mine.db")
    ask = ask(tmp_path / "mine.db")
    whole = totals.of(ask.json("runs")["runs"][0])
    for command in (["rename", "1", "other\n\x1b[2J"], ["merge", tmp_path / "mine.db", "--db", "more.db", "--label", "x\ty"],
                    ["prune", "1", "--db", "more.db", "--dry-run"]):
        text = ask(*command)
        assert text.strip() and not HARMFUL.search(text)
    [merged] = ask.json("runs", "--db", "more.db")["runs"]
    assert totals.of(merged) == whole and merged["label"] == "x\ty"
    assert ask.json("rename", "1", "third")["schema"] == "libtrace.rename/1"
    assert ask.json("merge", "more.db")["schema"] == "libtrace.merge/1"
    assert ask.json("prune", "1")["schema"] == "libtrace.prune/1"
    assert ask.json("runs")["runs"] == []


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("kind", ["small", "hostile", "c++", "hostile c", "hostile c++", "hostile python"])
def test_fits(ask, terminal, database, kind, width):
    """Names are cut so that no line is wider than the terminal, except in the table of runs, which is mostly numbers."""
    path = database(kind)
    for command, all_arguments in READING.items():
        if command in ("check", "sql"):
            continue
        turn = [60, 80, 200].index(width)
        for arguments in all_arguments if LONG or width == 60 else all_arguments[turn % 2::2] or all_arguments:
            out = terminal(width, command, *named(ask(path), arguments), env={"LIBTRACE_DB": path})
            assert set(re.findall(r"\033[^m]*m?", out)) <= {f"\033[{n}m" for n in (0, 1, 2, 31, 32, 33)}
            out = COLORS.sub("", out)
            assert not HARMFUL.search(out.replace("\r", ""))
            for line in out.splitlines():
                assert columns(line) <= max(width, 112 if command == "runs" else 0), (command, arguments, line)


# ---- numbers agree

WHOLE = {}  # by database: the totals of its run


def whole_of(ask, database):
    if database not in WHOLE:
        WHOLE[database] = totals.of(ask(database).json("runs")["runs"][-1])
    return WHOLE[database]


@pytest.mark.parametrize("reader, kind", with_kinds(totals.READERS))
def test_totals_agree(ask, database, kind, reader):
    """The totals of each report, export and page are those that runs shows, in each measure."""
    if (kind, reader) == ("dead", "check"):
        return
    whole = whole_of(ask, database(kind))
    for which, found in totals.READERS[reader](ask(database(kind))):
        assert found == {by: whole[by] for by in found}, which


FILTERS = {
    "small": [["--function", "read_*"], ["--file", "list.c"], ["--module", "libz*"], ["--process", "2"], ["--process", "./list*"],
              ["--language", "native"], ["--file", "demo/*.c", "--function", "main"], ["--function", "nothing"]],
    "dead": [["--module", "*/list"]],
    "c": [["--function", "item_*"], ["--file", "*.h"]],
    "c++": [["--function", "shapes::*"], ["--language", "native"]],
    "python": [["--language", "python"], ["--file", "work.py"], ["--language", "native"]],
    "hostile c++": [["--function", "*pair<*"]],
    "threads": [["--thread", "reader-*"], ["--thread", "late-name"], ["--thread", "[0-9]*", "--process", "1"],
                ["--thread", "writer-1", "--function", "shared"]],
}


@pytest.mark.parametrize("kind, filter", [(kind, filter) for kind, all_of_it in FILTERS.items() for filter in all_of_it])
def test_filtered_totals_agree(ask, database, kind, filter):
    """A filter gives the same totals everywhere, and the opposite filter gives the rest."""
    part = totals.of(ask(database(kind)).json("top", *filter)["total"])
    whole = whole_of(ask, database(kind))
    assert all(part[by] <= whole[by] for by in part) and (sum(part.values()) > 0) == ("nothing" not in filter)
    readers = list(totals.NARROWED.items())
    turn = FILTERS[kind].index(filter) + list(FILTERS).index(kind)
    for name, reader in readers if LONG else readers[turn % 2::2]:
        if kind == "dead" and name == "check":
            continue
        for which, found in reader(ask(database(kind), *filter)):
            assert found == {by: part[by] for by in found}, (name, which)
