"""Recursions in Python: stacks are whole up to LIBTRACE_DEPTH frames; deeper ones keep the innermost frames and are marked as
cut."""

import pathlib

import pytest

from interpreters import interpreters, one_of_each

DEEP = pathlib.Path(__file__).resolve().parent / "programs" / "deep.py"
PATHS = DEEP.parent / "paths.py"
BASE = 900000
LIMIT = 128
OWN = ("even", "odd")
WHOLE, CUT = (10, 100), (200, 3000, 10000)

each = pytest.mark.parametrize("interpreter", one_of_each(interpreters()), ids=str)


class Nodes:
    """The stacks of a trace."""

    def __init__(self, trace):
        self.nodes = {row["id"]: (row["parent"], row["frame"]) for row in trace.rows("SELECT id, parent, frame FROM node")}
        self.names = {frame: (function or "").rpartition(".")[2] for frame, function in trace.rows(
            """SELECT f.frame, l.function FROM frame_line AS f
               JOIN line AS l ON l.run = f.run AND l.id = f.line WHERE l.language = 'python'""")}
        self.met = set()

    def functions(self, node):
        """The Python functions, innermost first, with "" for other frames; and whether the stack is cut."""
        functions = []
        while node in self.nodes:
            self.met.add(node)
            node, frame = self.nodes[node]
            functions.append(self.names.get(frame, ""))
        return functions, node == -1


def stack_of(trace, nodes, size):
    """The functions of the stack that a block of this size comes from, innermost first, and whether it is cut."""
    # Blocks of other depths may have the same stack, if what is kept of it is the same.
    node = trace.rows("SELECT node FROM site WHERE largest BETWEEN ? AND ? ORDER BY largest", size, BASE + CUT[-1])[0]["node"]
    return nodes.functions(node)


@pytest.mark.parametrize("mode", ["auto", "both"])
@each
def test_recursion(interpreter, mode, trace):
    traced = trace([interpreter.path, DEEP, *WHOLE, *CUT], {"LIBTRACE_STACK": mode, "LIBTRACE_DEPTH": LIMIT})
    assert (traced.returncode, traced.stdout, traced.stderr) == (0, b"%d\n" % len(WHOLE + CUT), b"")
    nodes = Nodes(traced)
    for depth in WHOLE + CUT:
        functions, cut = stack_of(traced, nodes, BASE + depth)
        own = [name for name in functions if name in OWN]
        if mode == "both":  # up to 3.10 there may be too many frames in C
            assert len(own) == depth or (cut and len(own) >= LIMIT / 8), (depth, len(own))
            assert len(functions) <= 2 * LIMIT and (cut or depth in WHOLE)
        elif depth in WHOLE:
            assert not cut and own == functions[:depth] and len(own) == depth and len(functions) == depth + 3
        else:
            assert cut and own == functions and LIMIT * 2 / 3 <= len(own) <= LIMIT, (depth, cut, len(functions))


@pytest.mark.parametrize("mode", ["auto", "both"])
@each
def test_stacks_have_nodes_in_common(interpreter, mode, trace):
    """In whatever way a recursion goes, its stacks share most of what is kept of them: a new node for each frame of each stack
    would cost as much time as memory."""
    traced = trace([interpreter.path, PATHS, 1000, 1], {"LIBTRACE_STACK": mode, "LIBTRACE_DEPTH": LIMIT})
    assert (traced.returncode, traced.stderr) == (0, b"") and traced.run["events_lost"] == 0
    nodes, blocks, cut = Nodes(traced), 0, 0
    for site in traced.rows("SELECT node, smallest, largest, allocations FROM site WHERE largest >= ?", BASE):
        functions, is_cut = nodes.functions(site["node"])
        own = [name for name in functions if name in ("left", "right")]
        known = min(len(own) - (not is_cut), 12)  # the first level is no choice
        path = site["largest"] - BASE
        assert site["smallest"] == site["largest"]
        assert len(own) >= LIMIT / 8 or not is_cut
        assert own[:known] == [("left", "right")[path >> i & 1] for i in range(known)]
        blocks += site["allocations"]
        cut += is_cut
    assert blocks == int(traced.stdout) and cut > 1000
    assert len(nodes.met) < 25 * blocks, len(nodes.met)
