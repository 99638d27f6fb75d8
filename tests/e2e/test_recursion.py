"""Recursions far deeper than LIBTRACE_DEPTH: what is kept of their stacks is right, and mostly shared between stacks. (A new
node for each frame of each stack would cost as much time as memory.)"""

import pytest

LIMIT, SIZE, CHOICES, DEPTH = 128, 100000, 12, 1000
OWN = ("left", "right")


def stacks(trace):
    """For each stack of the program's own blocks: functions, innermost first; whether it is cut; the choices that led there, in
    binary, which their size tells; the number of blocks."""
    nodes = {row["id"]: (row["parent"], row["frame"]) for row in trace.rows("SELECT id, parent, frame FROM node")}
    names = dict(trace.rows("""SELECT f.frame, l.function FROM frame_line AS f
                               JOIN line AS l ON l.run = f.run AND l.id = f.line ORDER BY f.depth"""))
    # Of functions that are inlined into each other the last row counts, which is the outermost function.
    for site in trace.rows("SELECT node, smallest, largest, allocations FROM site WHERE smallest >= ?", SIZE):
        functions, node = [], site["node"]
        while node in nodes:
            functions.append(names.get(nodes[node][1]) or "")
            node = nodes[node][0]
        assert site["smallest"] == site["largest"]
        yield functions, node == -1, site["smallest"] - SIZE, site["allocations"]


@pytest.mark.parametrize("mode", ["calls", "signals"])
def test_stacks_have_nodes_in_common(mode, build, trace):
    traced = trace([build.target("recursion"), mode, DEPTH, 4], {"LIBTRACE_CHECK_STACKS": "1"})
    assert (traced.returncode, traced.stderr) == (0, b"")
    assert traced.run["stacks_different"] == 0 and traced.run["events_lost"] == 0
    blocks, cut = 0, 0
    for functions, is_cut, path, allocations in stacks(traced):
        own = [name for name in functions if name in OWN]
        assert is_cut and LIMIT * 2 / 3 <= len(functions) <= LIMIT or not is_cut and len(functions) <= LIMIT
        assert not is_cut or len(own) > LIMIT * 2 / 3 - 10
        known = min(len(own) - (not is_cut), CHOICES)  # the first level is no choice
        assert own[:known] == [OWN[path >> i & 1] for i in range(known)]
        blocks += allocations
        cut += is_cut
    assert blocks == int(traced.stdout) and cut > 1000
    made = traced.one("SELECT count(*) AS n FROM node")["n"]
    assert made < 15 * blocks
