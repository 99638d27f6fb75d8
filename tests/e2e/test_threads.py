"""Threads that come and go: none of their events is lost, and nothing that they leave is in the way."""

import pytest


def blocks(traced):
    return traced.one("SELECT sum(allocations) AS n, sum(live_allocations) AS live FROM functions WHERE function = 'blocks'")


@pytest.mark.parametrize("mode, expected, threads", [("short", 10_000, 1001), ("many", 64_000, 65)])
def test_counts(mode, expected, threads, build, trace):
    traced = trace([build.target("threads"), mode])
    assert (traced.stdout, traced.stderr, traced.returncode) == (b"done\n", b"", 0)
    assert blocks(traced)["n"] == expected and blocks(traced)["live"] == 0
    own = traced.rows("SELECT allocations FROM threads")
    assert len(own) == threads and sum(t["allocations"] for t in own) == traced.run["allocations"]


def test_destructors(build, trace):
    """Each of three destructors runs at least twice for each thread, after the recorder has been told of the thread's end."""
    traced = trace([build.target("threads"), "destructor"])
    assert traced.stdout == b"done\n" and traced.stderr == b""
    assert blocks(traced)["n"] >= 100 * (10 + 3 * 10) and blocks(traced)["live"] == 0


def test_killed_by_the_end(build, trace, tmp_path):
    for number in range(5):
        traced = trace([build.target("threads"), "left"], db=tmp_path / f"{number}.db")
        assert traced.stdout == b"done\n" and traced.stderr == b"" and traced.returncode == 0
        assert traced.run["state"] == "complete" and blocks(traced)["live"] <= 8


def test_cancelled(build, trace):
    traced = trace([build.target("threads"), "cancel"])
    assert traced.stdout == b"done\n" and traced.stderr == b"" and traced.returncode == 0
    assert blocks(traced)["live"] == 0


def test_more_than_eight_thousand_at_once(build, trace):
    threads, each = 8400, 100
    traced = trace([build.target("crowd"), str(threads), str(each)])
    if traced.returncode == 3:
        pytest.skip(f"no {threads} threads here")
    assert (traced.returncode, traced.run["state"]) == (0, "complete"), traced.stderr
    assert blocks(traced)["n"] == threads * each
    least = f"SELECT count(*) AS threads FROM threads WHERE allocations >= {each}"
    assert traced.rows(least)[0]["threads"] >= threads
