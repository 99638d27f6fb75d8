"""Recursions in Python: whole up to LIBTRACE_DEPTH frames; beyond, the innermost frames, and they are marked as cut."""

import pathlib

import pytest

from interpreters import interpreters, one_of_each

DEEP = pathlib.Path(__file__).resolve().parent / "programs" / "deep.py"
BASE = 900000
LIMIT = 128
OWN = ("even", "odd")
WHOLE, CUT = (10, 100), (200, 3000, 10000)

each = pytest.mark.parametrize("interpreter", one_of_each(interpreters()), ids=str)


def stack_of(trace, size):
    """The functions of the stack that a block of this size comes from, innermost first, and whether it is cut."""
    # Blocks of other depths may come from the same stack, as far as it is kept.
    node = trace.rows("SELECT node FROM site WHERE largest BETWEEN ? AND ? ORDER BY largest", size, BASE + CUT[-1])[0]["node"]
    nodes = {row["id"]: (row["parent"], row["frame"]) for row in trace.rows("SELECT id, parent, frame FROM node")}
    names = dict(trace.rows("""SELECT f.frame, l.function FROM frame_line AS f
                               JOIN line AS l ON l.run = f.run AND l.id = f.line WHERE l.language = 'python'"""))
    functions = []
    while node in nodes:
        functions.append((names.get(nodes[node][1]) or "").rpartition(".")[2])
        node = nodes[node][0]
    return functions, node == -1


@pytest.mark.parametrize("mode", ["auto", "both"])
@each
def test_recursion(interpreter, mode, trace):
    traced = trace([interpreter.path, DEEP, *WHOLE, *CUT], {"LIBTRACE_STACK": mode, "LIBTRACE_DEPTH": LIMIT})
    assert (traced.returncode, traced.stdout, traced.stderr) == (0, b"%d\n" % len(WHOLE + CUT), b"")
    for depth in WHOLE + CUT:
        functions, cut = stack_of(traced, BASE + depth)
        own = [name for name in functions if name in OWN]
        if mode == "both":  # up to 3.10 it may be that the frames in C are too many
            assert len(own) == depth or (cut and len(own) >= LIMIT / 8), (depth, len(own))
            assert len(functions) <= 2 * LIMIT and (cut or depth in WHOLE)
        elif depth in WHOLE:
            assert not cut and own == functions[:depth] and len(own) == depth and len(functions) == depth + 3
        else:
            assert cut and own == functions and LIMIT * 2 / 3 <= len(own) <= LIMIT, (depth, cut, len(functions))
