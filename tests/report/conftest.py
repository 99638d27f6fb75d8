"""Fixtures for testing reports, most of them on databases that make_db writes without a traced program."""

import contextlib
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import shutil
import sqlite3
import struct
import subprocess
import termios
import time

import pytest

BUILD = pathlib.Path(os.environ.get("LIBTRACE_BUILD", "build/release")).resolve()
STORE = pathlib.Path(__file__).resolve().parents[2] / "analyzer" / "store"
BROWSER = pathlib.Path(__file__).parent / "browser"


def environment(**extra):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("LIBTRACE_", "GITHUB_")) and k not in ("COLUMNS", "NO_COLOR")}
    env.update({"LC_ALL": "C.UTF-8", "TERM": "xterm", "PAGER": "cat"} | {k: str(v) for k, v in extra.items()})
    return env


def await_said(process, words, times):
    """Waits until the process has said so this often; on a busy machine there are other lines in between."""
    while times:
        line = process.stderr.readline()
        assert line
        times -= words in line


def until_recording(database):
    """Waits until a run has begun, which a program does not wait for."""
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline:
        try:
            with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as file:
                if file.execute("SELECT * FROM run").fetchall():
                    return
        except sqlite3.OperationalError:  # the file is not there yet, or is being created
            pass
        time.sleep(0.01)
    raise AssertionError("no run was begun")


@pytest.fixture
def make_db(tmp_path):
    """make_db(kind, ...): adds a run to trace.db (or db=...) and returns its path."""

    def make(kind, *arguments, db="trace.db", env=None):
        path = tmp_path / db
        subprocess.run([BUILD / "tests/make_db", path, kind, *map(str, arguments)], check=True, timeout=60,
                       env=environment(**(env or {})))
        return path

    return make


@pytest.fixture
def add_types():
    """add_types(database): stacks with an even number allocate what is called 'type' and that number."""

    def add(database):
        with sqlite3.connect(database) as connection:
            connection.executescript((STORE / "type_rows.sql").read_text(encoding="utf-8"))
            connection.execute("INSERT INTO stack_type SELECT DISTINCT run, node, 'type ' || node, 2 FROM site WHERE node % 2 = 0")

    return add


MEASURED = ("allocations", "bytes", "peak_allocations", "peak_bytes", "live_allocations", "live_bytes")


def make_sampled(database, interval=4096, samples=1234, allocations=90000, in_bytes=5_000_000):
    """As if a sample had been taken of its runs, one block in `interval` bytes; variances are those of small blocks."""
    with sqlite3.connect(database) as connection:
        tables = (STORE / "sampling_rows.sql").read_text(encoding="utf-8")
        for name, words in (("key", ("node", "process", "thread")), ("estimated", MEASURED)):
            tables = re.sub(rf"{{{name}: (.*?)}}", lambda found: ", ".join(found[1].replace("#", w) for w in words), tables)  # noqa: B023
        connection.executescript(tables)
        connection.execute("INSERT INTO sampling SELECT id, ?, ?, ?, ? FROM run", (interval, samples, allocations, in_bytes))
        variances = [f"CASE WHEN {kind}bytes > 0 THEN 1.0 * {kind}allocations * {kind}allocations * {interval} / {kind}bytes ELSE 0.0 END, "
                     f"{interval}.0 * {kind}bytes" for kind in ("", "live_", "peak_")]
        connection.execute("INSERT INTO site_error(run, node, process, thread, allocations, bytes, live_allocations, live_bytes, "
                           f"peak_allocations, peak_bytes) SELECT run, node, process, thread, {', '.join(variances)} FROM site")


@pytest.fixture
def add_sampling():
    """add_sampling(database, ...): see make_sampled()."""
    return make_sampled


@pytest.fixture
def run(tmp_path):
    """run(arguments...): runs trace-report in the test's directory, not on a terminal."""

    def call(*arguments, sanitized=False, status=None, env=None, **options):
        program = BUILD / ("tests/trace-report-sanitized" if sanitized else "bin/trace-report")
        done = subprocess.run([program, *map(str, arguments)], cwd=tmp_path, capture_output=True, text=True, timeout=60,
                              env=environment(**(env or {})), stdin=options.pop("stdin", subprocess.DEVNULL), **options)
        if status is not None:
            assert done.returncode == status, done.stderr
        return done

    return call


@pytest.fixture
def sanitized(tmp_path):
    """sanitized(arguments..., leaks): runs trace-report under sanitizers in the test's directory, and looks for what it leaks if
    `leaks`. Each call is forked from a process that has already started: see many.c."""
    process = subprocess.Popen([BUILD / "tests/trace-report-sanitized"], cwd=tmp_path, env=environment(LIBTRACE_MANY=1),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def call(*arguments, leaks=True):
        process.stdin.write("\x1f".join(["1" if leaks else "0", *arguments]) + "\n")
        process.stdin.flush()
        status = int(process.stdout.readline())
        said = [(tmp_path / name).read_text(errors="replace") for name in ("said.out", "said.err")]
        return subprocess.CompletedProcess(arguments, status, *said)

    yield call
    process.stdin.close()
    assert process.wait(timeout=60) == 0


@pytest.fixture
def as_json(run):
    def call(*arguments):
        return json.loads(run(*arguments, "--json", status=0).stdout)

    return call


@pytest.fixture
def html(run, tmp_path):
    """html(arguments...): writes the page and returns its path."""

    def make(*arguments, **options):
        path = tmp_path / f"page{len(list(tmp_path.glob('page*')))}.html"
        done = run("html", "-o", path, *arguments, **options)
        if "was built without the page" in done.stderr:
            pytest.skip("built without node and npm: there is no page")
        assert done.returncode == 0 and not done.stderr, done.stderr
        return path

    return make


@pytest.fixture(scope="session")
def browser():
    """browser(page, [what, ...]...): takes these steps in a browser and returns what page.mjs saw."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    node, npm = shutil.which("node"), shutil.which("npm")
    if not chromium or not node or not npm:
        pytest.skip("the page's tests need chromium, node and npm (scripts/setup --browser-tests)")
    folder = BUILD / "tests" / "browser"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "page.mjs"):
        shutil.copy(BROWSER / name, folder / name)
    if not (folder / "node_modules" / "playwright-core").exists():
        done = subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, capture_output=True,
                              text=True, timeout=300)
        if done.returncode != 0:
            pytest.skip(f"npm could not install playwright-core: {done.stderr.strip().splitlines()[-1:]}")

    # One browser for all pages of the session; each page gets a profile of its own.
    process = subprocess.Popen([node, "page.mjs", chromium], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def look(path, *steps):
        process.stdin.write(json.dumps([str(path), steps]) + "\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], 120)
        assert ready, "the browser does not answer"
        seen = json.loads(process.stdout.readline())
        assert "failed" not in seen, seen["failed"]
        assert seen["errors"] == []
        assert seen["requests"][0] == f"file://{path}" and all(r.startswith("data:") for r in seen["requests"][1:])
        return seen

    yield look
    process.stdin.close()
    process.wait(timeout=100)


class Ask:
    """ask(arguments...): returns what trace-report prints about one database; ask.json(...) returns it parsed, ask.file(...)
    the path of the file that it wrote."""

    def __init__(self, database, folder, more=()):
        self.database, self.folder, self.more = database, folder, list(more)

    def __call__(self, *arguments, status=0):
        done = subprocess.run([BUILD / "bin/trace-report", *map(str, arguments), *self.more], cwd=self.folder,
                              capture_output=True, timeout=120, stdin=subprocess.DEVNULL,
                              env=environment(LIBTRACE_DB=self.database))
        if b"was built without the page" in done.stderr:
            pytest.skip("built without node and npm: there is no page")
        assert done.returncode in (status if isinstance(status, tuple) else (status,)), done.stderr
        assert done.stderr == b""
        return done.stdout.decode("utf-8")

    def json(self, *arguments, **options):
        return json.loads(self(*arguments, "--json", **options))

    def run(self):
        """The number of the latest run."""
        return Ask(self.database, self.folder).json("runs")["runs"][-1]["run"]

    def file(self, *arguments):
        self(*arguments, "-o", "written")
        return self.folder / "written"


@pytest.fixture
def ask(tmp_path):
    """ask(database, more...): returns an Ask that adds the arguments `more` to each call."""
    return lambda database, *more: Ask(database, tmp_path, more)


# Names that do harm if they are printed unchanged. Without a slash, which no file name can contain.
HOSTILE = b"new\nline\ttab \x1b[31m\x1b]0;title\x07 <script>alert(1)<!-- \"'`$(touch evil)\\ \xff\xc0\xaf \xe2\x80\xae;a;b %s"

PYTHON = """
import sys
def rename(function, name, file):
    function.__code__ = function.__code__.replace(co_name=name, co_filename=file)
    return function
def work(n):
    return [bytes(1000 + i) for i in range(n)]
name = sys.argv[1] if len(sys.argv) > 1 else "work"
kept = rename(work, name, "/tmp/" + name + ".py" if name != "work" else work.__code__.co_filename)(2000)
print(len(kept))
"""


@pytest.fixture(scope="session")
def database(tmp_path_factory, build, recorded, run_crew):
    """database(kind): a database with one run, made once. kind is one of make_db's, or a language, whose program is traced.

    'hostile c' and the like trace a program whose files, functions, arguments and label are chosen by an attacker.
    """
    made = {}

    def traced(kind, folder):
        language, odd = kind.split()[-1], kind.startswith("hostile")
        place = folder / os.fsdecode(HOSTILE) if odd else folder
        place.mkdir(exist_ok=True)
        if language == "python":
            argv = ["/usr/bin/python3", place / "work.py", *([os.fsdecode(HOSTILE.replace(b"\xff\xc0\xaf", b""))] if odd else [])]
            argv[1].write_text(PYTHON)
        elif language != "threads":
            program = {"c": build.workload("list"), "c++": build.target("names") if odd else build.workload("shapes")}[language]
            argv = [shutil.copy(program, place), *({"c": ["5000"], "c++": ["500"]}[language]), *([HOSTILE] if odd else [])]
        env = environment(LD_PRELOAD=build.library, LIBTRACE_DB=folder / "trace.db")
        if odd:
            env["LIBTRACE_LABEL"] = os.fsdecode(HOSTILE)
        if language == "threads":
            run_crew(folder / "trace.db", {**env, "LIBTRACE_THREADS": "1"})
        else:
            subprocess.run(argv, cwd=place, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=True)
        recorded(folder / "trace.db")

    def get(kind):
        if kind not in made:
            folder = tmp_path_factory.mktemp("database")
            if kind.split()[-1] in ("c", "c++", "python", "threads"):
                traced(kind, folder)
            else:
                subprocess.run([BUILD / "tests/make_db", folder / "trace.db", *kind.split()], check=True, timeout=120,
                               env=environment())
            made[kind] = folder / "trace.db"
        return made[kind]

    return get


@pytest.fixture
def terminal(tmp_path):
    """terminal(width, arguments...): returns what trace-report shows on a terminal with so many columns."""

    def call(width, *arguments, env=None):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
        process = subprocess.Popen([BUILD / "bin/trace-report", *map(str, arguments)], cwd=tmp_path, stdin=slave,
                                   stdout=slave, stderr=slave, env=environment(**(env or {})))
        os.close(slave)
        out = b""
        while True:
            ready, _, _ = select.select([master], [], [], 100)
            assert ready, "nothing more came"
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            out += piece
        os.close(master)
        process.wait()
        return out.decode().replace("\r\n", "\n")

    return call
