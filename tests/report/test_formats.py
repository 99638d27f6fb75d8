"""Databases of older formats can be read and merged, and are not changed. formats/ has one file of each format."""

import pathlib
import sqlite3

import pytest

FORMATS = sorted((pathlib.Path(__file__).parent / "formats").glob("*.sql"))
SUMS = ["allocations", "bytes", "peak_allocations", "peak_bytes", "live_allocations", "live_bytes", "temporary"]
REPORTS = (["summary"], ["top"], ["top", "--by", "peak", "--stacks", "2"], ["top", "--group", "stack"], ["tree"], ["leaks"],
           ["timeline"], ["histogram"], ["temporary"], ["runs"], ["compare", "1", "1"], ["export", "--format", "csv", "-o", "-"],
           ["export", "--format", "json", "-o", "-"], ["export", "--format", "dhat", "-o", "-"], ["check", "--max-peak", "1GiB"])


def version(database):
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    [[number]] = connection.execute("PRAGMA user_version")
    connection.close()
    return number


def make(source, path):
    connection = sqlite3.connect(path)
    connection.executescript(source.read_text(encoding="utf-8"))
    connection.close()
    return path


@pytest.fixture(params=FORMATS, ids=lambda path: path.stem)
def old(request, tmp_path):
    """A database of an older format, named trace.db."""
    return make(request.param, tmp_path / "trace.db")


@pytest.fixture
def newest(make_db):
    return version(make_db("one", db="newest.db"))


def raw(database, sql):
    """Reads the file with plain SQLite, without libtrace."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    found = [dict(row) for row in connection.execute(sql)]
    connection.close()
    return found


def test_there_is_one_of_each(newest):
    """Whoever raises the format's version adds a file of the previous format."""
    assert {int(path.stem.split("-")[1]) for path in FORMATS} >= set(range(1, newest))


def test_sums(old, as_json):
    """Lines, functions, stacks and sites add up to the sums over the file's table of sites."""
    [expected] = raw(old, f"SELECT {', '.join(f'sum({m}) AS {m}' for m in SUMS)} FROM site")
    for view in ("lines", "functions", "stacks", "sites"):
        [row] = as_json("sql", f"SELECT {', '.join(f'sum({m})' for m in SUMS)} FROM {view}")["rows"]
        assert dict(zip(SUMS, row)) == expected, view
    for group in ("line", "function", "module", "stack"):
        assert {m: as_json("top", "--group", group)["total"][m] for m in SUMS} == expected
    assert expected["allocations"] == as_json("runs")["runs"][0]["allocations"] > 0


def test_every_report(old, run):
    before = old.read_bytes()
    for i, arguments in enumerate(REPORTS):
        done = run(*arguments, sanitized=i % 5 == 1)
        assert done.returncode == 0 and done.stdout and not done.stderr, (arguments, done.stderr)
    assert old.read_bytes() == before


def test_merged(old, as_json, newest, tmp_path):
    """Merged into a file of the current format, the run has the same rows and totals."""
    ask = lambda by, *more: as_json("top", "--group", "stack", "--by", by, "--limit", "0", *more)
    before = {by: ask(by) for by in ("bytes", "peak")}
    assert len(as_json("merge", old, "--db", "new.db")["runs"]) == 1
    assert version(tmp_path / "new.db") == newest and version(old) < newest
    for by, expected in before.items():
        found = ask(by, "--db", "new.db")
        assert found["rows"] == expected["rows"] and found["total"] == expected["total"]
    assert as_json("merge", old, "--db", "new.db")["known"] == 1


def test_merged_with_each_other(as_json, tmp_path, make_db):
    make_db("small", "today", db="all.db")
    for i, source in enumerate(FORMATS):
        as_json("merge", make(source, tmp_path / f"{i}.db"), "--db", "all.db", "--label", f"format {i}")
    runs = as_json("runs", "--db", "all.db")["runs"]
    assert len(runs) == 1 + len(FORMATS) and all(run["allocations"] > 0 for run in runs)
    assert as_json("compare", "1", "2", "--db", "all.db")["comparisons"]


def test_parts(old, run):
    """A part of a run is shown if the format has recorded it; if not, a message says so."""
    done = run("top", "--from", "0", "--to", "0.5")
    assert done.returncode == 0 and "From" in done.stdout or "is not known" in done.stderr, done


def test_nothing_is_written(old, run, newest):
    before = old.read_bytes()
    for arguments in (["rename", "1", "other"], ["prune", "1"], ["merge", "newest.db"]):
        said = run(*arguments, status=1).stderr
        assert f"format {version(old)}, this one writes {newest}" in said and "trace-report merge" in said, said
    assert old.read_bytes() == before
