"""include/trace.h: marks, and pauses; nothing where nobody traces; from Python in one line."""


def test_marks_and_pauses(build, trace, plain):
    assert plain([build.target("marks")]).stdout == b"done 77\n"
    traced = trace([build.target("marks")])
    assert (traced.stdout, traced.stderr, traced.returncode) == (b"done 77\n", b"", 0)
    assert traced.one("SELECT sum(allocations) AS n FROM functions WHERE function = 'blocks'")["n"] == 110
    marks = traced.rows("SELECT * FROM mark ORDER BY t_ns, id")
    assert [(m["name"], m["kind"]) for m in marks] == [("loaded", 0), ("served é", 1)]


def test_from_python(trace):
    traced = trace(["/usr/bin/python3", "-c", "import ctypes; ctypes.CDLL(None).libtrace_mark(b'here')"])
    assert traced.returncode == 0 and traced.stderr == b""
    assert traced.one("SELECT name FROM mark")["name"] == "here"
