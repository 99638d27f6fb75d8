"""leaks of Python programs shows what was live when the interpreter began its shutdown, except what its start and imports keep.
That moment is exact, and is not listed among the program's marks. Tested with each interpreter found; what does not depend on its
version, with one of each kind, or with all of them if LIBTRACE_LONG=1."""

import json
import os
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "python"))
from interpreters import interpreters, one_of_each  # noqa: E402

EACH = interpreters()
SOME = EACH if os.environ.get("LIBTRACE_LONG") else one_of_each(EACH)
LINE = 'CACHE.append("value number %d" % i)'

CACHE = f"""import sys
CACHE = []


def fill():
    for i in range(50000):
        {LINE}


fill()
print(sum(map(sys.getsizeof, CACHE)), sys.getsizeof(CACHE))
"""

CLEAN = {
    "hello": "print('hello')",
    "imports": "import json, argparse, re, asyncio, unittest\n"
               "print(json.dumps({'a': [1, 2]}), re.sub('a+', 'b', 'aaa'))\n"
               "argparse.ArgumentParser().parse_args([])\n"
               "async def nothing():\n    return await asyncio.sleep(0)\n"
               "asyncio.run(nothing())\n",
    "unittest": "import unittest\nclass Test(unittest.TestCase):\n    def test(self):\n        self.assertTrue(1)\n"
                "unittest.main()\n",
}


@pytest.fixture
def run(trace, report, tmp_path):
    """run(interpreter, files, options): writes the files and runs main.py; returns its output, what leaks --fail prints, and
    its status."""

    def go(python, files, *options, env=None):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
        traced = trace([python.path, "-B", tmp_path / "main.py"], env={"PYTHONPATH": "", **(env or {})})
        assert traced.returncode == 0, traced.stderr
        done = report(traced.database, "leaks", "--fail", "--json", "--limit", "0", *options, check=False)
        return traced, json.loads(done.stdout), done.returncode

    return go


def at(found, text, files):
    """Bytes and blocks that the lines with this text have left."""
    rows = [row for row in found["rows"] if pathlib.Path(row["file"] or "").name in files and
            text in files[pathlib.Path(row["file"]).name].split("\n")[row["line"] - 1]]
    return sum(row["live_bytes"] for row in rows), sum(row["live_allocations"] for row in rows)


@pytest.mark.parametrize("python, name", [(python, name) for name in CLEAN for python in (EACH if name == "imports" else SOME)],
                         ids=str)
def test_clean(python, name, run):
    traced, found, status = run(python, {"main.py": CLEAN[name]})
    assert traced.returncode == 0 and status == 0 and found["python_ends"] == 1 and found["lines_above_min"] == 0, found["rows"][:3]
    assert sum(kind["live_bytes"] for kind in found["kept"] if kind["by"] == "interpreter") > 100000


@pytest.mark.parametrize("where, python", [(where, python) for where, of in (("main.py", EACH), ("cache.py", SOME)) for python in of], ids=repr)
def test_cache(where, python, run, report):
    files = {"main.py": "import cache\n", where: CACHE}
    traced, found, status = run(python, files)
    strings, array = map(int, traced.stdout.split())
    held, blocks = at(found, LINE, files)
    assert status == 3 and strings <= held <= strings + array and 50000 <= blocks <= 50001
    out = report(traced.database, "leaks", "--fail", check=False).stdout
    assert "were live when Python began to end" in out and f"{where}:7" in out and LINE in out
    assert "Kept by the interpreter (--all shows it)" in out and "leaves more than 64.0 KiB" in out
    assert report(traced.database, "leaks", "--fail", "--min", "15MiB", check=False).returncode == 0
    everything = json.loads(report(traced.database, "leaks", "--all", "--json").stdout)
    assert everything["kept"] == [] and everything["live_bytes"] > found["live_bytes"] + 100000


MOMENT = """import atexit, gc, threading, sys
gc.disable()


class Ring:
    def __init__(self):
        self.me, self.data = self, bytes(1000)  # collected by the end alone


def made_by_atexit():
    global late
    freed.clear()
    late = [bytes(1000) for _ in range(300)]  # stays


def daemon():
    held = [bytes(1000) for _ in range(500)]  # of a thread that waits for ever
    ready.set()
    threading.Event().wait()


freed = [bytes(1000) for _ in range(400)]  # given back by atexit
atexit.register(made_by_atexit)
ready = threading.Event()
threading.Thread(target=daemon, daemon=True).start()
ready.wait()
for _ in range(200):
    Ring()
"""


@pytest.mark.parametrize("python", EACH, ids=repr)
def test_the_moment(python, run, report):
    """After atexit handlers, and before anything is torn down: before garbage is collected and threads end."""
    files = {"main.py": MOMENT}
    traced, found, status = run(python, files)
    assert status == 3
    for text, blocks in (("collected by the end", 200), ("stays", 300), ("of a thread", 500)):
        held, count = at(found, text, files)
        assert 1000 * blocks <= held < 1000 * blocks + 90000 and blocks <= count <= 3 * blocks + 20, text
    assert at(found, "given back", files)[0] < 64 << 10
    # It is not listed among the program's marks.
    assert traced.rows("SELECT * FROM marks") == []
    assert json.loads(report(traced.database, "timeline", "--json").stdout)["marks"] == []
    assert report(traced.database, "top", "--to", "", check=False).returncode == 1


CHILDREN = """import os, subprocess, sys
KEPT = []


def fill(count):
    KEPT.append(bytes(1000 * count))


if len(sys.argv) > 1:
    fill(300)
elif os.fork() == 0:
    fill(200)
    os._exit(0)
else:
    os.wait()
    fill(100)
    subprocess.run([sys.executable, __file__, "again"], check=True)
"""


@pytest.mark.parametrize("python", SOME, ids=repr)
def test_processes(python, run):
    """Each process has its own moment; a process that leaves by os._exit has freed nothing."""
    files = {"main.py": CHILDREN}
    _, found, status = run(python, files)
    assert status == 3 and found["python_ends"] == 2
    held, _ = at(found, "KEPT.append", files)
    assert 600000 <= held < 610000


@pytest.mark.parametrize("python", sorted({SOME[0], SOME[-1]}, key=EACH.index), ids=repr)
@pytest.mark.parametrize("env", [{"LIBTRACE_STACK": "both"}, {"LIBTRACE_THREADS": "1"}, {"PYTHONMALLOC": "malloc"}], ids=str)
def test_other_ways(env, python, run):
    files = {"main.py": CACHE}
    traced, found, status = run(python, files, env=env)
    strings, array = map(int, traced.stdout.split())
    held, _ = at(found, LINE, files)
    assert status == 3 and strings <= held <= strings + array
    assert run(python, {"main.py": CLEAN["hello"]}, env=env)[2] == 0


def test_whose_import(run):
    """What an installed module makes while it is imported is kept by the module; what it makes when it is called is the
    program's."""
    library = "TABLE = [bytes(1000) for _ in range(200)]\nMADE = []\ndef more():\n    MADE.append(bytes(300000))\n"
    files = {"main.py": "import os, sys\nsys.path.append(os.path.join(os.path.dirname(__file__), 'site-packages'))\nimport installed\n", "site-packages/installed.py": library}
    python = EACH[-1]
    _, found, status = run(python, files)
    assert status == 0 and found["live_bytes"] < 64 << 10, found["rows"][:2]
    _, found, status = run(python, {**files, "main.py": files["main.py"] + "installed.more()\n"})
    assert status == 3 and 300000 < at(found, "MADE.append", {"installed.py": library})[0] < 301000
    _, found, status = run(python, {"main.py": "import own\n", "own.py": library})
    assert status == 3 and 200000 <= at(found, "TABLE =", {"own.py": library})[0] < 220000


def test_native(trace, report):
    """If stacks have the interpreter's native frames only, there is no such moment."""
    traced = trace([EACH[-1].path, "-c", "print(1)"], env={"LIBTRACE_STACK": "native"})
    assert json.loads(report(traced.database, "leaks", "--json").stdout)["python_ends"] == 0
