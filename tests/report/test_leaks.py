"""trace-report leaks: what is live at the end, suppressions, and exit statuses for CI jobs."""

import pytest


@pytest.fixture
def supp(tmp_path):
    def write(text):
        (tmp_path / "known.supp").write_text(text)
        return ["--suppressions", "known.supp"]

    return write


def test_rows(make_db, as_json, run):
    make_db("small")
    found = as_json("leaks")
    assert found["schema"] == "libtrace.leaks/1"
    assert [(r["live_bytes"], r["live_allocations"]) for r in found["rows"]] == [(409600, 100), (240, 10)]
    assert [f["function"] for f in found["rows"][1]["frames"]] == ["read_record", "load", "main"]
    assert found["live_bytes"] == as_json("runs")["runs"][0]["live_bytes"]
    out = run("leaks", "--limit", "1").stdout
    assert "from 2 stacks" in out and "(1 more stack)" in out


@pytest.mark.parametrize("pattern, left", [
    ("load", 1), ("libz", 1), ("list.c", 0), ("libz.so.1+0x", 1), ("^libz", 1), ("^ibz", 2), ("main$", 0), ("mai$", 2),
    ("r*record", 1), ("/src/demo/list$", 0), ("^/usr/lib/libz*1$", 1), ("nothing", 2), ("[x]", 2), ("lib?", 2)])
def test_patterns(make_db, as_json, supp, pattern, left):
    make_db("small")
    found = as_json("leaks", *supp(f"# known\n\n  leak:{pattern}  \n"))
    assert len(found["rows"]) == left
    hidden = sum(s["live_bytes"] for s in found["suppressed"])
    assert hidden + found["live_bytes"] == found["run"]["live_bytes"]


def test_fail(make_db, run, supp):
    make_db("small")
    run("leaks", status=0)
    run("leaks", "--fail", status=3)
    assert run("leaks", "--fail", *supp("leak:load"), status=3).stdout.count("read_record") == 0
    out = run("leaks", "--fail", *supp("leak:load\nleak:libz\n"), status=0).stdout
    assert "but what is suppressed" in out and "leak:" not in out and "100 blocks  libz" in out
    make_db("dead")
    assert "interrupted" in run("leaks", "--fail", status=1).stderr


def test_files_that_are_none(make_db, run, supp):
    make_db("small")
    assert "known.supp:2: a suppression is written leak:PATTERN, not 'race:x'" in run(
        "leaks", *supp("leak:a\nrace:x\n"), status=1).stderr
    assert "cannot read the suppressions" in run("leaks", "--suppressions", "none", status=1).stderr


def test_empty_one_and_hostile(make_db, run, as_json, supp):
    make_db("empty")
    assert "allocated nothing" in run("leaks", "--fail", status=0).stdout
    make_db("one")
    assert [r["live_bytes"] for r in as_json("leaks")["rows"]] == [1]
    assert "1 B in 1 block is live at the end, from 1 stack" in run("leaks").stdout
    make_db("hostile")
    out = run("leaks", *supp("leak:<script>\n"), status=0).stdout
    assert "\x1b" not in out and "\u202e" not in out
    assert len(as_json("leaks", *supp("leak:<script>\n"))["rows"]) == 2
