"""check: what CI jobs see."""

import pytest


def test_limits(make_db, run):
    make_db("small")
    fine = run("check", "--max-peak", "50MiB", "--max-live", "1 MiB", "--max-allocations", "90603", status=0).stdout
    assert fine == ("run 1 list is within its limits: peak 3.36 MiB of 50.0 MiB, live at the end 400 KiB of 1.00 MiB, "
                    "allocations 90,603 of 90,603\n")
    out = run("check", "--max-peak", "3m", "--max-live", "100kB", "--max-allocations", "90602", "--max-temporary", "0",
              "--max-bytes", "1G", status=3).stdout
    assert [line.split(":")[0] for line in out.splitlines()] == [
        "peak", "live at the end", "allocations", "temporary allocations"]
    assert "peak: 3.36 MiB, the limit is 3.00 MiB (+12.1 %)" in out


@pytest.mark.parametrize("text, bytes", [("4096", 4096), ("4k", 4096), ("4KiB", 4096), ("4kB", 4000), ("1.5 MiB", 1572864),
                                         ("0", 0), ("2G", 2 << 30)])
def test_bytes(make_db, as_json, text, bytes, run):
    make_db("one")
    import json
    found = json.loads(run("check", "--max-bytes", text, "--json").stdout)
    assert found["limits"] == [{"measure": "bytes", "value": 1, "limit": bytes, "exceeded": bytes == 0}]


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
    assert len(out.splitlines()) == 5 and "+100.0 %, 99 % tolerated" in out
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
