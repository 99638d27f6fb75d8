"""Fixtures for all end-to-end tests: where the build is, how to run a program under the tracer, how to read what it
recorded.

LIBTRACE_BUILD names the build (ctest sets it). What a test wants to tell the reader of the log (counts, skipped programs) goes
through the fixture `say`; scripts/test prints it at the end.
"""

import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import tempfile
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent


def _build():
    build = pathlib.Path(os.environ.get("LIBTRACE_BUILD", ROOT / "build" / "release")).resolve()
    if not (build / "CMakeCache.txt").exists():
        pytest.exit(f"{build} is no build directory: set LIBTRACE_BUILD, or run ./scripts/test", 2)
    return build


def _one(build, pattern):
    found = sorted(build.glob(pattern))
    assert found, f"{build}/{pattern} was not built"
    return found[0]


class Build:
    """Paths of what was built."""

    def __init__(self):
        self.root = _build()
        self.library = _one(self.root, "lib*/**/libtrace.so")
        self.collector = _one(self.root, "libexec/libtrace/trace-collector")
        self.bin = self.root / "bin"
        self.workloads = self.root / "workloads"
        self.targets = self.root / "targets"

    def workload(self, name):
        return str(_one(self.workloads, name))

    def target(self, name):
        return str(_one(self.targets, name))

    def command(self, name):
        return str(_one(self.bin, name))


class Trace:
    """A traced command that has ended, and its run in the database."""

    def __init__(self, database, process):
        self.database = database
        self.returncode, self.stdout, self.stderr = process.returncode, process.stdout, process.stderr
        self.run = wait_for_run(database)

    def rows(self, query, *arguments):
        return rows(self.database, query, *arguments)

    def one(self, query, *arguments):
        found = self.rows(query, *arguments)
        assert len(found) == 1, f"{query}: {len(found)} rows"
        return found[0]


def rows(database, query, *arguments):
    """All rows of a query, the database opened read-only for just that."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)
    connection.row_factory = sqlite3.Row
    try:
        return connection.execute(query, arguments).fetchall()
    finally:
        connection.close()


def collector_of(database, timeout=100):
    """The process that records the latest run, once the database has the run."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            found = rows(database, "SELECT collector_pid FROM run ORDER BY id DESC LIMIT 1")
            if found and found[0][0]:
                return found[0][0]
        except sqlite3.OperationalError:
            pass
        time.sleep(0.01)
    raise AssertionError("no collector")


def wait_for_run(database, run=None, timeout=120):
    """Waits until the latest (or the given) run is recorded completely, with its names; returns its row."""
    deadline = time.monotonic() + timeout
    state = "no database"
    while time.monotonic() < deadline:
        if os.path.exists(database):
            try:
                where = "id = (SELECT max(id) FROM run)" if run is None else f"id = {run}"
                found = rows(database, f"SELECT * FROM run WHERE {where}")
                if found:
                    state = f"{found[0]['state']}, {found[0]['phase']}"
                    if found[0]["phase"] == "done" and found[0]["state"] != "recording":
                        _wait_for_end(found[0]["collector_pid"], deadline)
                        return found[0]
            except sqlite3.OperationalError as error:
                state = str(error)  # being created, or busy
        time.sleep(0.01)
    raise AssertionError(f"{database} was not complete after {timeout} s: {state}")


def _wait_for_end(collector, deadline):
    """Waits for the end of the collector, whose last act is to turn the database into one plain file."""
    while time.monotonic() < deadline:
        try:
            _, name, rest = re.split(r"[()]", pathlib.Path(f"/proc/{collector}/stat").read_text(), maxsplit=2)
            if not name.startswith("trace-collec") or rest.split()[0] == "Z":
                return  # it has ended, though an init may take its time to reap it
        except OSError:
            return
        time.sleep(0.002)
    raise AssertionError(f"the collector {collector} does not end")


def kernel_keeps_exit_status():
    """Whether other processes can get a process's exit status after its parent has collected it (PIDFD_INFO_EXIT)."""
    return tuple(map(int, os.uname().release.split("-")[0].split(".")[:2])) >= (6, 15)


def same_exit(recorded, expected):
    """Whether a recorded exit status is right. Older kernels tell of a death by a signal only the parent."""
    return recorded == expected or (recorded is None and expected < 0 and not kernel_keeps_exit_status())


def clean_environment(extra=None):
    """This environment without the tracer's variables, changed by `extra`, in which None removes a variable."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("LIBTRACE_") and k != "LD_PRELOAD"}
    env["LC_ALL"] = "C.UTF-8"
    for key, value in (extra or {}).items():
        if value is None:
            env.pop(key, None)
        else:
            env[key] = str(value)
    return env


def pytest_collection_modifyitems(items):
    """@pytest.mark.may_fail_counting(WHY): in a build that counts how often its lines run (scripts/test --coverage) a test is run,
    as it reaches lines, but what it asserts need not hold."""
    settings = _build() / "CMakeCache.txt"
    if settings.exists() and "LIBTRACE_COVERAGE:BOOL=ON" in settings.read_text():
        for item in items:
            for mark in item.iter_markers("may_fail_counting"):
                item.add_marker(pytest.mark.xfail(reason=mark.args[0]))


@pytest.fixture(scope="session")
def build():
    return Build()


@pytest.fixture(scope="session")
def run_crew(build):
    """run_crew(database, env): runs targets/crew, returns what it printed. By thread it may end when a report knows the name that
    its last thread got late: a collector that gets no processor may not see that any more when the program ends."""

    def run(database, env, timeout=120):
        ask = [build.command("trace-report"), "sql", "--db", database, "SELECT name FROM threads WHERE name = 'late-name'"]
        with subprocess.Popen([build.target("crew")], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True) as crew:
            deadline = time.monotonic() + timeout
            while env.get("LIBTRACE_THREADS") and "late-name" not in subprocess.run(ask, capture_output=True, text=True, check=False).stdout:
                assert crew.poll() is None and time.monotonic() < deadline
                time.sleep(0.01)
            printed, said = crew.communicate(timeout=timeout)
        assert (crew.returncode, said) == (0, "")
        return printed

    return run


@pytest.fixture(scope="session")
def recorded():
    """recorded(database): waits until its latest run is recorded completely; returns its row."""
    return wait_for_run


@pytest.fixture
def preload(build, tmp_path):
    """preload(env, db): returns an environment in which programs are traced into db."""

    def make(env=None, db=None):
        return clean_environment(
            {"LD_PRELOAD": build.library, "LIBTRACE_DB": db or tmp_path / "trace.db", **(env or {})}
        )

    return make


@pytest.fixture
def started(preload):
    """started(program, argument...): runs it traced until it has said "ready" so many times; it ends when its stdin is closed."""
    processes = []

    def start(*command, env=None, before=(), ready=1, **options):
        environment = preload(env)
        library = environment.pop("LD_PRELOAD")
        process = subprocess.Popen([*before, "env", f"LD_PRELOAD={library}", *command], env=environment, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True, **options)
        processes.append(process)
        assert [process.stdout.readline() for _ in range(ready)] == ["ready\n"] * ready
        return process

    yield start
    for process in processes:
        process.stdin.close()
        process.stdout.close()
        process.wait(timeout=100)


@pytest.fixture
def everybodys():
    """A directory that all may enter. It is not below pytest's, which every pytest that starts closes to others anew."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="libtrace-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def trace(preload, tmp_path):
    """trace(argv): runs argv under the preload and waits for the end of its run. Output is returned as bytes."""

    def run(argv, env=None, db=None, timeout=300, **options):
        database = db or tmp_path / "trace.db"
        process = subprocess.run(
            [str(a) for a in argv],
            env=preload(env, database),
            stdin=options.pop("stdin", subprocess.DEVNULL),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=timeout,
            **options,
        )
        return Trace(database, process)

    return run


@pytest.fixture
def plain():
    """plain(argv): runs argv untraced."""

    def run(argv, env=None, timeout=300, **options):
        return subprocess.run(
            [str(a) for a in argv],
            env=clean_environment(env),
            stdin=options.pop("stdin", subprocess.DEVNULL),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=timeout,
            **options,
        )

    return run


@pytest.fixture
def report(build):
    """report(database, arguments...): runs trace-report, and again if it says that the collector did not answer in time, as on
    a busy machine, so that the report may not be up to date. before: a command that starts it."""

    def run(database, *arguments, before=(), **options):
        env = clean_environment(options.pop("env", None))
        for _ in range(20):
            done = subprocess.run(
                [*before, build.command("trace-report"), *map(str, arguments), "--db", str(database)],
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=120,
                **options,
            )
            if ") is busy: " not in done.stderr:
                break
        return done

    return run


class Steps:
    """A traced program that obeys commands, see targets/steps.c."""

    def __init__(self, argv, env):
        self.process = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def do(self, *commands):
        for command in commands:
            self.process.stdin.write(command.encode() + b"\n")
            self.process.stdin.flush()
            assert self.process.stdout.readline() == b"done\n"

    def end(self):
        """Ends the program; returns its exit status."""
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(timeout=60)


@pytest.fixture
def steps(build, preload):
    """steps(): the program `steps`, started under the preload."""
    started = []

    def start(**arguments):
        started.append(Steps([build.target("steps")], preload(**arguments)))
        return started[-1]

    yield start
    for program in started:
        if program.process.poll() is None:
            program.end()


@pytest.fixture
def program():
    """program(name): returns its path; if it is missing, the test is skipped with a message."""

    def find(name):
        path = shutil.which(name)
        if not path:
            pytest.skip(f"{name} is not installed")
        return path

    return find


def _seen(request, lines):
    folder = _build() / "tests" / "seen"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{pathlib.Path(request).stem}.txt"
    with open(path, "a", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)


@pytest.fixture
def say(request):
    """say(text): adds a line to the end of scripts/test's output."""

    def write(text):
        print(text)
        _seen(request.node.fspath, [text])

    return write


def pytest_runtest_logreport(report):
    if report.skipped and isinstance(report.longrepr, tuple):
        _seen(report.nodeid.split("::")[0], [f"skipped {report.nodeid.split('::')[-1]}: {report.longrepr[2]}"])
    elif report.skipped and hasattr(report, "wasxfail"):
        _seen(report.nodeid.split("::")[0], [f"failed where lines are counted {report.nodeid.split('::')[-1]}: {report.wasxfail}"])
