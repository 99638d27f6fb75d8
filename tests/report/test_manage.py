"""merge, prune, rename: what they write, and what they leave unchanged."""

import os
import signal
import sqlite3
import subprocess
import time

import pytest

from conftest import BUILD, environment


def all_rows(path, table, run):
    key = "id" if table == "run" else "run"
    with sqlite3.connect(path) as connection:
        return [row[1:] for row in connection.execute(f"SELECT * FROM {table} WHERE {key} = ? ORDER BY 1, 2, 3", (run,))]


def tables(path):
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "delete"
        # Where a run was recorded is not merged, as a merged file may be from a stranger.
        return [r[0] for r in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT IN ('origin', 'recorder')")]


def runs(as_json, db):
    return [(r["run"], r["label"]) for r in as_json("runs", "--db", db)["runs"]]


# ---- merge


def test_merge(make_db, run, as_json):
    make_db("small", "ours")
    other = make_db("small", "list", db="other.db")
    make_db("hostile", db="other.db")
    out = run("merge", "other.db", status=0).stdout
    assert out.splitlines()[0] == "run 2 list (run 1 there)" and "\x1b" not in out
    mine = other.parent / "trace.db"
    for table in tables(mine):
        for there, here in ((1, 2), (2, 3)):
            assert all_rows(mine, table, here) == all_rows(other, table, there), table
    assert as_json("top", "2", "--db", "trace.db")["total"] == as_json("top", "1", "--db", "other.db")["total"]
    assert run("merge", "other.db", status=0).stdout == "2 runs were here already\n"
    run("rename", "2", "renamed", status=0)
    assert "here already" in run("merge", "other.db", status=0).stdout


def test_merge_some_into_a_new_file(make_db, run, as_json):
    for label in ("a", "b", "b"):
        make_db("small", label)
    assert run("merge", "trace.db", "b", "1", "--db", "new.db", "--label", "before", status=0).stdout == (
        "run 1 before (run 3 there)\nrun 2 before (run 1 there)\n")
    assert runs(as_json, "new.db") == [(1, "before"), (2, "before")]
    assert "no run" in run("merge", "trace.db", "none", "--db", "new.db", status=1).stderr


def test_merge_what_cannot_be(make_db, run, tmp_path):
    make_db("small")
    assert "into itself" in run("merge", "trace.db", status=2).stderr
    assert "there is no database" in run("merge", "none.db", status=1).stderr
    (tmp_path / "text").write_text("hello " * 1000)
    assert "is not a database" in run("merge", "text", status=1).stderr
    assert "name the database" in run("merge", status=2).stderr
    assert "digits only" in run("merge", "text", "--label", "12", status=2).stderr


def test_merge_is_all_or_nothing(make_db, run, as_json, tmp_path):
    make_db("small")
    bad = make_db("small", "x", db="bad.db")
    make_db("small", "y", db="bad.db")
    with sqlite3.connect(bad) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_schema SET sql = replace(sql, 'rss_bytes', 'other') WHERE name = 'sample'")
    assert run("merge", "bad.db").returncode == 1
    assert runs(as_json, "trace.db") == [(1, "list")]
    assert tables(tmp_path / "trace.db")


# ---- prune


def test_prune(make_db, run, as_json, tmp_path):
    for label in ("a", "b", "a", "a", "ci-1"):
        make_db("small", label)
    path = tmp_path / "trace.db"
    assert run("prune", "--label", "a", "--keep", "1", "--dry-run", status=0).stdout == (
        "would remove run 3 a of 2026-06-01\nwould remove run 1 a of 2026-06-01\n"
        f"2 runs in all; the file has {path.stat().st_size / 1024:.0f} KiB now\n")
    assert len(runs(as_json, "trace.db")) == 5
    run("prune", "--label", "a", "--keep", "1", status=0)
    assert runs(as_json, "trace.db") == [(2, "b"), (4, "a"), (5, "ci-1")]
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA freelist_count").fetchone()[0] == 0
    for table in tables(path):
        assert all_rows(path, table, 1) == [] and (table not in ("site", "node") or all_rows(path, table, 2))
    run("prune", "--label", "ci-*", status=0)
    run("prune", "4", status=0)
    assert runs(as_json, "trace.db") == [(2, "b")]
    assert as_json("prune", "--keep", "0")["removed"][0]["label"] == "b"
    make_db("small", "next")
    assert runs(as_json, "trace.db") == [(6, "next")]  # numbers of deleted runs are not used again


def test_prune_by_age(make_db, run, as_json, tmp_path):
    make_db("small", "old")
    make_db("small", "new")
    with sqlite3.connect(tmp_path / "trace.db") as connection:
        connection.execute("UPDATE run SET started = strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-3 days') WHERE id = 1")
        connection.execute("UPDATE run SET started = strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-1 hour') WHERE id = 2")
    assert "no run to remove" in run("prune", "--older", "1w", status=0).stdout
    run("prune", "--older", "2d", status=0)
    assert runs(as_json, "trace.db") == [(2, "new")]
    run("prune", "--older", "30m", status=0)
    assert runs(as_json, "trace.db") == []


def test_prune_usage(make_db, run):
    make_db("small")
    assert "say which runs" in run("prune", status=2).stderr
    assert "not both" in run("prune", "1", "--keep", "1", status=2).stderr
    assert "takes an age" in run("prune", "--older", "long", status=2).stderr
    assert "no run" in run("prune", "7", status=1).stderr


def test_running_ones_stay(tmp_path, run, as_json, make_db):
    make_db("small", "done")
    process = subprocess.Popen([BUILD / "tests/make_db", tmp_path / "trace.db", "unresolved"], env=environment())
    try:
        for _ in range(200):
            time.sleep(0.05)
            if len(as_json("runs")["runs"]) == 2:
                break
        assert "still being recorded" in run("prune", "2", status=1).stderr
        assert "1 run is still being recorded, and left out" in run("merge", "trace.db", "--db", "b.db", status=0).stdout
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    run("prune", "2", status=0)  # its collector is gone, so the run will never end
    assert runs(as_json, "trace.db") == [(1, "done")]


# ---- rename


def test_rename(make_db, run, as_json):
    for label in ("list", "list", "other"):
        make_db("small", label)
    assert run("rename", "list", "before", status=0).stdout == "run 2 list is now before\n"
    assert run("rename", "1", "ev\x1bil", status=0).stdout == "run 1 list is now ev^[il\n"
    run("rename", "2", "other", status=0)
    assert run("rename", "--all", "other", "x", status=0).stdout == "2 runs other are now x\n"
    assert runs(as_json, "trace.db") == [(1, "ev\x1bil"), (2, "x"), (3, "x")]
    for arguments in (["1"], [], ["1", ""], ["1", "77"]):
        run("rename", *arguments, status=2)
    run("rename", "9", "x", status=1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_read_only(make_db, run):
    db = make_db("small")
    os.chmod(db, 0o444)
    assert run("rename", "1", "x").returncode == 1
