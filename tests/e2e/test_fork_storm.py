"""Forks while other threads hold the loader's lock. glibc leaves that lock as it is in the child, so nothing of ours may wait
for it there."""

import pytest


@pytest.mark.parametrize("mode", (["held"], ["asked", "plugin.so"], ["storm", "60", "plugin.so"],
                                  ["load", "40", "plugin.so"]), ids=lambda mode: mode[0])
def test_no_child_hangs(mode, build, trace, plain):
    """Each child can do what it can do untraced, and is traced."""
    argv = [build.target("forks"), *(build.target(a) if a.endswith(".so") else a for a in mode)]
    assert plain(argv).stdout == b"0 stuck\n"
    traced = trace(argv)
    assert (traced.returncode, traced.stdout, traced.stderr) == (0, b"0 stuck\n", b"")
    assert traced.run["state"] == "complete"
    children = int(mode[1]) if mode[1:2] and mode[1].isdigit() else {"held": 4, "asked": 1}[mode[0]]
    assert len(traced.rows("SELECT 1 FROM processes")) == 1 + children


def test_what_a_child_allocates_is_named(build, trace):
    """Blocks of a child are named even if the loader cannot be asked: the modules known before the fork are used."""
    traced = trace([build.target("forks"), "held"])
    found = {(row["process"], row["n"]) for row in traced.rows(
        "SELECT process, sum(allocations) AS n FROM sites WHERE function = 'blocks' AND process IN"
        " (SELECT process FROM processes WHERE parent_pid <> 0) GROUP BY process")}
    counts = sorted(n for _, n in found)
    assert counts == [10, 100, 100, 120], counts


def test_plugins_of_a_child(build, trace):
    """A plugin that was loaded before the fork, and one that the child loads itself."""
    traced = trace([build.target("forks"), "plugins", build.target("second.so"), build.target("first.so")])
    assert traced.stdout == b"0 stuck\n"
    made = {(row["process"], row["function"]): row["n"] for row in traced.rows(
        "SELECT process, function, sum(allocations) AS n FROM sites"
        " WHERE file LIKE '%/named.c' GROUP BY process, function")}
    parent, child = (row["process"] for row in traced.rows("SELECT process FROM processes ORDER BY process"))
    assert made == {(parent, "second_make"): 5, (child, "second_make"): 10, (child, "first_make"): 20}
