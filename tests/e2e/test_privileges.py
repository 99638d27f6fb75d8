"""Root attaches to another user's program. The process that reads the program's data has only that user's rights; the process
that writes the database has root's, and sees checked rows only. The other user is nobody."""

import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from conftest import clean_environment, rows, wait_for_run

NOBODY = 65534
PYTHON = "/usr/bin/python3"  # an interpreter that everybody can run
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to attach to another user's program")


@pytest.fixture(scope="module")
def installed(build):
    """A copy of what is needed of the build where nobody can read it, as the build may be in root's home."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="privileges.") as folder:
        os.chmod(folder, 0o755)
        files = [build.command("trace-attach"), build.command("trace-report"), build.library, build.target("churn"),
                 *build.collector.parent.iterdir()]
        for file in map(Path, files):
            copy = Path(folder) / file.resolve().relative_to(build.root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)
        for path in Path(folder).rglob("*"):
            path.chmod(0o755)
        yield Path(folder)


@pytest.fixture
def database():
    """A database in a folder that only root can enter, and whose files are all known."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="root-only.") as folder:
        yield Path(folder) / "trace.db"


@pytest.fixture
def as_nobody():
    started = []

    def run(argv, **options):
        process = subprocess.Popen(list(map(str, argv)), env=clean_environment(), user=NOBODY, group=NOBODY, extra_groups=[],
                                   cwd="/", stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def target(installed, as_nobody):
    """A program of user nobody that allocates all the time."""
    process = as_nobody([next(installed.rglob("churn")), 2, 300])
    assert process.stdout.readline()
    return process


class Attached:
    """A program that is attached to in the background, and the processes that record it: the parser and the writer."""

    def __init__(self, installed, pid, database, *arguments):
        self.command = next(installed.rglob("trace-attach"))
        done = subprocess.run([self.command, "--background", "-o", database, *arguments, str(pid)], capture_output=True, text=True,
                              timeout=120, env=clean_environment({"SECRET": "of root"}))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        self.pid, self.database = pid, database
        self.writer = rows(database, "SELECT collector_pid FROM run ORDER BY id DESC LIMIT 1")[0][0]
        self.parser = [p for p in processes() if p != pid and maps_arena(p, pid)][0]

    def detach(self):
        done = subprocess.run([self.command, "--detach", str(self.pid)], capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def attach(installed, database):
    return lambda pid, *arguments: Attached(installed, pid, database, *arguments)


def processes():
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


def arenas(pid):
    """Inodes of our shared memory that a process has mapped."""
    try:
        lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    except OSError:
        return set()
    return {line.split()[4] for line in lines if line.endswith("/memfd:libtrace (deleted)")}


def maps_arena(pid, target):
    return bool(arenas(pid) & arenas(target))


def status(pid):
    return dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)


def gone(pid):
    try:
        return status(pid)["State"].startswith(("Z", "X"))
    except OSError:
        return True


def wait_until(what, seconds=60):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.01)


def assert_one_file(database):
    assert [path.name for path in database.parent.iterdir()] == ["trace.db"]
    file = database.stat()
    assert (file.st_uid, file.st_gid) == (os.geteuid(), os.getegid())
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA journal_mode").fetchall() == [("delete",)]
    connection.close()


def test_who_does_what(attach, target, database, installed):
    run = attach(target.pid)
    assert [p for p in processes() if maps_arena(p, target.pid)].count(run.writer) == 0

    parser = status(run.parser)
    assert parser["Uid"].split() == parser["Gid"].split() == [str(NOBODY)] * 4 and parser["Groups"].strip() == ""
    assert {parser[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert parser["NoNewPrivs"] == "1"
    assert Path(f"/proc/{run.parser}/environ").read_bytes() == b""
    opened = {os.readlink(path) for path in Path(f"/proc/{run.parser}/fd").iterdir()}  # programs and libraries among them
    assert not [name for name in opened if name.startswith(("pipe:", "/dev/pts", "/dev/tty", str(database.parent)))], opened

    writer = status(run.writer)
    assert writer["Uid"].split() == [str(os.geteuid())] * 4
    opened = [os.readlink(path) for path in Path(f"/proc/{run.writer}/fd").iterdir()]
    assert str(database) in opened and not any("memfd" in name for name in opened)
    assert os.stat(f"/proc/{run.writer}/mem").st_uid == 0

    # Names are there while the program runs and afterwards; a report shows what was counted up to then.
    report = next(installed.rglob("trace-report"))

    def shows_what_was_counted():  # on a busy machine it may not yet, and says so
        done = subprocess.run([report, "top", "--db", database], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return "churn.c" in done.stdout and done.stderr == ""

    wait_until(shows_what_was_counted)
    run.detach()
    row = wait_for_run(database)
    wait_until(lambda: gone(run.parser))
    assert row["state"] == "complete" and row["allocations"] > 1000 and row["collector_pid"] == run.writer
    lines = rows(database, "SELECT l.file, l.function FROM line_total t JOIN line l ON l.id = t.line ORDER BY t.bytes DESC")
    assert lines[0]["file"].endswith("churn.c") and lines[0]["function"] == "storm"
    assert_one_file(database)
    assert target.poll() is None


TRY_EVERYTHING = """
import ctypes, errno, os, signal, sys
pid = int(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
def refused(what):
    try:
        what()
    except OSError as error:
        return error.errno in (errno.EPERM, errno.EACCES, errno.ENOENT)
def call(*arguments):
    if libc.syscall(*arguments) < 0:
        raise OSError(ctypes.get_errno(), "")
SEIZE, PIDFD_GETFD, PROCESS_VM_READV = 0x4206, 438, 310
print(*[refused(what) for what in (
    lambda: os.kill(pid, 0), lambda: os.kill(pid, signal.SIGKILL), lambda: call(101, SEIZE, pid, 0, 0),
    lambda: open(f"/proc/{pid}/mem", "rb"), lambda: os.listdir(f"/proc/{pid}/fd"), lambda: os.readlink(f"/proc/{pid}/exe"),
    lambda: call(PIDFD_GETFD, os.pidfd_open(pid), 3, 0))])
"""


def test_nothing_is_rotated(installed, target, database):
    """Which files are renamed, and when, is not for the other user to say: it is refused before the program is touched."""
    command = next(installed.rglob("trace-attach"))
    done = subprocess.run([command, "--rotate", "1s", "-o", database, str(target.pid)], capture_output=True, text=True, timeout=120,
                          env=clean_environment())
    assert done.returncode == 1 and "is not rotated: leave --rotate out" in done.stderr and len(done.stderr.splitlines()) == 1
    assert arenas(target.pid) == set() and not database.exists()


def test_writer_is_out_of_reach(attach, target, as_nobody, database):
    run = attach(target.pid)
    out, err = as_nobody([PYTHON, "-c", TRY_EVERYTHING, run.writer]).communicate(timeout=60)
    assert out.split() == [b"True"] * 7, err
    run.detach()
    assert wait_for_run(database)["state"] == "complete"
    assert_one_file(database)


def test_same_user_has_one_process(attach, installed, database):
    program = subprocess.Popen([next(installed.rglob("churn")), "1", "300"], stdout=subprocess.PIPE)
    try:
        assert program.stdout.readline()
        run = attach(program.pid)
        assert run.parser == run.writer
        run.detach()
        assert wait_for_run(database)["state"] == "complete"
    finally:
        program.kill()
        program.communicate()
    assert_one_file(database)


def in_front(installed, pid, database, *arguments):
    """Starts trace-attach in the foreground, and waits until the run has begun."""
    process = subprocess.Popen([next(installed.rglob("trace-attach")), "-o", database, *arguments, str(pid)],
                               stderr=subprocess.PIPE, text=True, env=clean_environment())
    wait_until(lambda: latest(database) and latest(database)["state"] == "recording" and latest(database)["allocations"])
    return process


def latest(database):
    """The row of the latest run; None if there is none yet."""
    try:
        return dict(rows(database, "SELECT * FROM run ORDER BY id DESC LIMIT 1")[0])
    except (sqlite3.OperationalError, IndexError):
        return None


def recorders(pid, database):
    writer = rows(database, "SELECT collector_pid FROM run ORDER BY id DESC LIMIT 1")[0][0]
    return [p for p in processes() if p != pid and maps_arena(p, pid)][0], writer


def test_parser_killed(installed, target, database):
    command = in_front(installed, target.pid, database)
    parser, writer = recorders(target.pid, database)
    os.kill(parser, signal.SIGKILL)
    _, said = command.communicate(timeout=60)
    assert command.returncode == 1 and "has ended before its time" in said and said.count("\n") == 1, said
    assert gone(writer)
    assert rows(database, "SELECT state FROM run")[0][0] == "interrupted"
    assert rows(database, "SELECT count(*) FROM site")[0][0] > 0
    assert_one_file(database)
    assert target.poll() is None


def test_writer_killed(installed, target, database):
    """Nobody can write the end of the run, but nothing waits for that, and the next run goes into the same file."""
    command = in_front(installed, target.pid, database)
    parser, writer = recorders(target.pid, database)
    os.kill(writer, signal.SIGKILL)
    _, said = command.communicate(timeout=60)
    assert command.returncode == 1 and "the collector was killed" in said, said
    wait_until(lambda: gone(parser))
    assert target.poll() is None
    command = in_front(installed, target.pid, database, "--duration", "0.3")
    assert command.communicate(timeout=60) == (None, "") and command.returncode == 0
    assert [row[0] for row in rows(database, "SELECT state FROM run ORDER BY id")] == ["interrupted", "complete"]
    assert_one_file(database)


def test_target_killed(installed, target, database):
    command = in_front(installed, target.pid, database)
    parser, writer = recorders(target.pid, database)
    target.kill()
    target.wait()
    assert command.communicate(timeout=60) == (None, "") and command.returncode == 0
    wait_until(lambda: gone(parser) and gone(writer))
    assert rows(database, "SELECT state, exit_status FROM run")[0]["state"] == "complete"
    assert_one_file(database)


def test_told_to_end(installed, target, database):
    """As at a shutdown: SIGTERM is sent to the process that the database names."""
    command = in_front(installed, target.pid, database)
    parser, writer = recorders(target.pid, database)
    os.kill(writer, signal.SIGTERM)
    command.communicate(timeout=60)
    wait_until(lambda: gone(parser) and gone(writer))
    assert rows(database, "SELECT state, phase FROM run")[0]["state"] == "interrupted"
    assert rows(database, "SELECT count(*) FROM line_total")[0][0] > 0  # with names
    assert_one_file(database)
    assert target.poll() is None


TAKE_OVER = """
import ctypes, os, random, socket, sys
parser, seed = int(sys.argv[1]), int(sys.argv[2])
process = os.pidfd_open(parser)
taken = ctypes.CDLL(None, use_errno=True).syscall(438, process, 5, 0)
if taken < 0:
    sys.exit(77)
random.seed(seed)
rows = socket.socket(fileno=taken)
os.kill(parser, 19)  # SIGSTOP: it holds its tongue
message = lambda kind, fields: len(fields).to_bytes(4, "little") + kind.to_bytes(4, "little") + fields
number = lambda value: value.to_bytes(8, "little", signed=True)
text = lambda value: (len(value) + 1).to_bytes(4, "little") + value + bytes(1)
attempts = [
    random.randbytes(random.randrange(1, 5000)),
    message(1, b"") + message(9, number(1) + text(b"/etc/shadow") + bytes(4) + number(0)) * 300 + message(2, b""),
    message(1, b"") + message(10, number(99) + text(b"/root/x.c") + number(1) + text(b"f") + text(b"/x") + number(0) * 2),
    message(21, b""),
    (2**32 - 1).to_bytes(4, "little") * 2,
]
try:
    rows.sendall(attempts[seed % len(attempts)])
except OSError:
    pass
rows.close()
os.kill(parser, 9)
"""


def test_parser_taken_over(installed, as_nobody, target, database):
    """Whoever has taken over the parser can send anything: then the run is over, and nothing else happens."""
    sentinel = database.parent / "root's"
    sentinel.write_text("as it was")
    # The attacker can get descriptors of the parser because it belongs to the same user: this is what the test is about.
    for seed in range(5):
        command = in_front(installed, target.pid, database)
        parser, writer = recorders(target.pid, database)
        attacker = as_nobody([PYTHON, "-c", TAKE_OVER, parser, seed])
        _, complaint = attacker.communicate(timeout=60)
        _, said = command.communicate(timeout=60)
        if attacker.returncode == 77:
            pytest.skip("pidfd_getfd is not allowed here")
        assert attacker.returncode == 0, complaint
        wait_until(lambda: gone(writer) and gone(parser))
        assert command.returncode == 1 and "recorded until then is in" in said and said.count("\n") == 1, said
        state, runs = rows(database, "SELECT state, (SELECT count(*) FROM run) FROM run ORDER BY id DESC LIMIT 1")[0]
        assert (state, runs) == ("interrupted", seed + 1)
        assert sentinel.read_text() == "as it was"
        assert {path.name for path in database.parent.iterdir()} == {"trace.db", "root's"}
        assert target.poll() is None
    sentinel.unlink()
    assert_one_file(database)
    assert rows(database, "SELECT count(*) FROM frame_line WHERE line NOT IN (SELECT id FROM line)")[0][0] == 0


BEGETTER = """
import subprocess, sys
print("ready", flush=True)
kept = []
for line in sys.stdin:
    kept.append(bytearray(100000))
    done = subprocess.run(line.split(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(done.stdout.strip(), flush=True)
"""


def ask(program, line):
    program.stdin.write(f"{line}\n".encode())
    program.stdin.flush()
    return program.stdout.readline().decode().strip()


def test_what_it_executes_is_recorded(attach, installed, as_nobody, database, build):
    hello = installed / "hello"
    shutil.copy(build.target("hello"), hello)
    program = as_nobody([PYTHON, "-c", BEGETTER], stdin=subprocess.PIPE)
    assert program.stdout.readline() == b"ready\n"
    assert ask(program, f"{hello} before") == "hello before"
    run = attach(program.pid)
    assert ask(program, f"{hello} during") == "hello during"
    assert ask(program, f"/bin/sh -c {hello}") == "hello world"
    run.detach()
    row = wait_for_run(database)
    assert row["state"] == "complete"
    assert ask(program, f"{hello} after") == "hello after"
    assert program.poll() is None
    found = rows(database, "SELECT command, allocations FROM process WHERE executable = ? ORDER BY id", str(hello))
    assert [(r["command"], r["allocations"]) for r in found] == [(f"{hello} during", 2), (str(hello), 2)]
    assert rows(database, "SELECT count(*) FROM run")[0][0] == 1
    assert_one_file(database)


def test_environment_is_left_as_it_was(attach, as_nobody, database):
    tell = f"{PYTHON} -c print(*[__import__('os').environ.get(n)for(n)in('LD_PRELOAD','LIBTRACE_SESSION')])"
    program = as_nobody([PYTHON, "-c", BEGETTER], stdin=subprocess.PIPE)
    assert program.stdout.readline() == b"ready\n"
    assert ask(program, tell) == "None None"
    run = attach(program.pid)
    library, session = ask(program, tell).split()
    assert library.endswith("libtrace.so") and session.startswith(f"{run.parser}:3:") and session.endswith(":attached")
    run.detach()
    wait_for_run(database)
    assert ask(program, tell) == "None None"


def test_children_that_are_too_late(attach, as_nobody, database):
    """Their run is over: they do not begin one of their own, and print nothing."""
    program = as_nobody([PYTHON, "-c", BEGETTER], stdin=subprocess.PIPE)
    assert program.stdout.readline() == b"ready\n"
    run = attach(program.pid)
    assert ask(program, "/bin/true") == ""
    os.kill(run.parser, signal.SIGKILL)
    wait_until(lambda: gone(run.writer))
    late = f"{PYTHON} -c __import__('subprocess').run(['/bin/ls','-d','/'])"
    assert ask(program, late) == "/" and program.poll() is None
    assert not Path("/trace.db").exists()
    assert rows(database, "SELECT state FROM run")[0][0] == "interrupted"
    assert_one_file(database)
