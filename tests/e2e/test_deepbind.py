"""A library loaded with RTLD_DEEPBIND calls the C library's allocator directly, while strdup() calls ours."""

import json
import sys

import pytest

TIMES = 100


@pytest.mark.parametrize("binding", ["lazy", "now"])
def test_counted(binding, build, trace):
    traced = trace([build.target("deepbind"), build.target("bound.so"), binding])
    assert (traced.returncode, traced.stdout, traced.stderr) == (0, b"", b"")
    assert traced.run["state"] == "complete" and traced.run["foreign_frees"] == 0
    found = {row["function"]: (row["allocations"], row["bytes"], row["live_allocations"]) for row in traced.rows(
        "SELECT function, sum(allocations) AS allocations, sum(bytes) AS bytes, sum(live_allocations) AS live_allocations"
        " FROM lines WHERE file LIKE '%/bound.c' GROUP BY function")}
    assert found == {
        "bound_load": (2, 513, 0),
        "bound_copy": (TIMES, 7 * TIMES, 0),
        "bound_make": (2 * TIMES, 220 * TIMES, 0),
        "bound_grow": (2 * TIMES, 800 * TIMES, 0),
    }
    mapped = traced.rows("SELECT function, sum(allocations), sum(bytes), sum(live_allocations) FROM mapped GROUP BY 1")
    assert [tuple(row) for row in mapped] == [("bound_map", 3, 3 * 40960, 1)]
    [row] = traced.rows("SELECT allocations, live_allocations FROM functions WHERE function = 'main'")
    assert tuple(row) == (2 * TIMES + 1, 0)


def test_nothing_leaks(build, trace, report, tmp_path):
    trace([build.target("deepbind"), build.target("bound.so"), "now"])
    shown = json.loads(report(tmp_path / "trace.db", "leaks", "--json").stdout)
    assert not [row for row in shown["rows"] if row["file"].endswith(("bound.c", "deepbind.c"))]


def test_python(trace, build):
    """An interpreter loads its extensions with RTLD_DEEPBIND. Their blocks are freed by other libraries."""
    script = ("import sys, ctypes; sys.setdlopenflags(10);"  # RTLD_DEEPBIND | RTLD_NOW
              "import _bz2, _lzma, _decimal;"
              "bound, everybody = ctypes.CDLL(sys.argv[1], mode=10), ctypes.CDLL(None);"
              "bound.bound_make.restype = ctypes.c_void_p;"
              "[everybody.free(ctypes.c_void_p(bound.bound_make(77777))) for _ in range(100)];"
              "print(len(_bz2.BZ2Compressor().flush()) > 0)")
    traced = trace([sys.executable, "-c", script, build.target("bound.so")])
    assert (traced.returncode, traced.stdout, traced.stderr) == (0, b"True\n", b"")
    assert traced.run["state"] == "complete" and traced.run["foreign_frees"] == 0
    [row] = traced.rows("SELECT sum(bytes), sum(live_bytes) FROM site WHERE largest = 77777")
    assert row[0] >= TIMES * 77777 > 77777 > row[1]
