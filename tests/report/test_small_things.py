"""Small things that are used often: what compare leaves out, how runs ended, sums, names that are still looked up."""

import os
import re
import sqlite3
import subprocess
import time

import pytest

import page
from conftest import BUILD, environment


@pytest.fixture
def two(make_db):
    """Two runs that differ much in line 30, and hardly in two other lines."""
    make_db("small", "before")
    path = make_db("small", "after")
    with sqlite3.connect(path) as db:
        db.execute("UPDATE line_total SET peak_bytes = peak_bytes + 50000000 WHERE run = 2 AND line = "
                   "(SELECT id FROM line WHERE run = 2 AND function = 'read_record')")
        for function, more in (("main", 30), ("build_index", -40)):
            db.execute("UPDATE line_total SET peak_bytes = peak_bytes + ? WHERE run = 2 AND line = "
                       "(SELECT id FROM line WHERE run = 2 AND function = ?)", (more, function))
    return path


def test_compare_leaves_out_what_hardly_changed(two, run, as_json):
    out = run("compare", "1", "2", status=0).stdout
    below = out[out.index("By line"):]
    assert "read_record" in below and "build_index" not in below
    assert "2 more lines changed by less than 0.1 % (all: --limit 0).\n" in out
    everything = run("compare", "1", "2", "--limit", "0", status=0).stdout
    assert "build_index" in everything and "more line" not in everything
    assert len(as_json("compare", "1", "2")["comparisons"][0]["rows"]) > 2  # JSON has all rows
    one = run("compare", "1", "2", "-n", "1").stdout
    assert "2 more lines changed by less than" in one


def test_who_was_killed_by_what(two, run, as_json, ask):
    with sqlite3.connect(two) as db:
        db.execute("UPDATE run SET exit_status = CASE id WHEN 1 THEN -2 ELSE 7 END")
    shown = run("runs", status=0).stdout
    assert re.search(r"complete +SIGINT ", shown) and re.search(r"complete +7 ", shown)
    assert "killed by SIGINT (Interrupt)" in run("summary", "1").stdout
    out = run("compare", "1", "2").stdout
    assert "before: run 1 ended with SIGINT\n" in out and "after: run 2 ended with status 7\n" in out
    found = as_json("runs")["runs"]
    assert [(r["exit_status"], r["exit_signal"]) for r in found] == [(-2, "SIGINT"), (7, None)]
    data = page.read(ask(two).file("html", "1"))
    assert data["runs"][0]["facts"]["exit_signal"] == "SIGINT"


def test_source_on_the_page_of_two(make_db, tmp_path, ask):
    source = tmp_path / "list.c"
    source.write_text("".join(f"line {i};\n" for i in range(1, 60)))

    os.utime(source, (1e9, 1e9))
    make_db("small", "before", env={"MAKE_DB_SOURCE": source})
    path = make_db("small", "after", 3, env={"MAKE_DB_SOURCE": source})
    data = page.read(ask(path, "--source", tmp_path).file("html", "1", "2"))
    rows = data["changes"]["peak"]
    texts = {(data["texts"][rows[i + 3]], rows[i + 1]): data["texts"][rows[i + 10]] for i in range(page.CHANGE, len(rows), page.CHANGE)}
    assert texts[("read_record", 20)] == "line 20;" and texts[("build_index", 40)] == "line 40;"
    assert texts[("libz.so.1+0x1050", 0)] == data["texts"][0]


def test_prune_adds_up(two, run):
    before = two.stat().st_size
    out = run("prune", "1", "2", "--bytes", status=0).stdout.splitlines()
    after = two.stat().st_size
    assert len(out) == 3 and out[2] == f"2 runs in all: {before} -> {after}, {before - after} given back"


@pytest.mark.parametrize("command", [["runs"], ["sql", "SELECT state, function FROM runs JOIN lines USING (run)"]])
def test_waits_for_names(tmp_path, run, terminal, command):
    """Like the other reports, runs and sql wait until names are looked up, and show the progress on a terminal."""
    process = subprocess.Popen([BUILD / "tests/make_db", tmp_path / "trace.db", "symbols", "3"], env=environment())
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline:
        try:
            with sqlite3.connect(f"file:{tmp_path}/trace.db?mode=ro", uri=True) as db:
                if db.execute("SELECT count(*) FROM run WHERE phase = 'symbols'").fetchone()[0]:
                    break
        except sqlite3.OperationalError:
            pass
        time.sleep(0.01)
    out = terminal(120, *command)
    assert "looking up names [" in out and "complete" in out
    assert process.wait(100) == 0


def test_names_are_short_alike(make_db, terminal, run):
    """Either all names on a screen have their arguments or none has, however short they are."""
    make_db("large")
    for command in (["top"], ["top", "--stacks", "1"], ["tree"], ["leaks"], ["temporary"]):
        out = terminal(200, *command, "--color", "never")
        assert not re.search(r"\w\((?!\u2026\)|\))[\w:]+.*\)", "\n".join(
            line for line in out.splitlines() if "expand" in line)), command
    assert "(\u2026)" in terminal(200, "top") and "\u2026" not in run("top").stdout


def test_which_package_has_the_names(ask, database, program):
    """Debian's Python is stripped: the reports name the package with its debug information, if dpkg is there to ask."""
    program("dpkg-query")
    executable = os.path.realpath("/usr/bin/python3")
    owner = subprocess.run(["dpkg-query", "-S", executable], capture_output=True, text=True)
    if owner.returncode != 0:
        pytest.skip(f"no package has {executable}")
    ask = ask(database("python"))
    nameless = ask.json("sql", "SELECT sum(bytes) FROM lines WHERE file IS NULL AND language = 'native'")["rows"][0][0]
    share = 100 * nameless / ask.json("top")["total"]["bytes"]
    package = owner.stdout.split(":")[0].replace("-minimal", "") + "-dbg"
    out = ask("top", "--by", "bytes", "-n", "1")
    if share >= 5:
        assert re.search(rf"^{share:.1f} % without lines: install {re.escape(package)}", out, re.M), out
    else:
        assert "without lines" not in out
    assert package in ask("summary") or share < 1
