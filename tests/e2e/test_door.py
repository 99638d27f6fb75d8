"""Programs that cannot open the collector's files in /proc, because they are in another PID namespace,
have no /proc, or have changed their user: they are part of their run all the same."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

from conftest import clean_environment, rows, wait_for_run
from stopping import stop

UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc"]
BWRAP = ["bwrap", "--bind", "/", "/", "--dev", "/dev", "--die-with-parent"]
WAYS = {
    "namespace": UNSHARE,
    "bubblewrap": [*BWRAP, "--unshare-pid", "--proc", "/proc"],
    "user namespace": ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"],
    "no proc": [*BWRAP, "--tmpfs", "/proc"],
    "another user": ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
    "another user in a namespace": [*UNSHARE, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
    "another network": ["unshare", "--net"],
    "no rights": ["setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"],
}


@pytest.fixture
def anywhere(build, everybodys):
    """The program where another user may run it, and a place for the database."""
    shutil.copy(build.target("hello"), everybodys / "hello")
    return everybodys


def run(argv, env, cwd=None):
    return subprocess.run([str(a) for a in argv], env=env, cwd=cwd, capture_output=True, timeout=60, check=False)


def possible(argv):
    if not shutil.which(argv[0]) or run([*argv, "true"], clean_environment()).returncode != 0:
        pytest.skip(f"this cannot be done here: {' '.join(argv)}")


@pytest.mark.parametrize("way", WAYS)
def test_part_of_the_run(way, build, anywhere, preload):
    possible(WAYS[way])
    env = preload(db=anywhere / "trace.db")
    ended = run(["sh", "-c", '"$@"; exit 3', "sh", *WAYS[way], anywhere / "hello", "you"], env)
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, b"hello you\n", b"")
    run_of = wait_for_run(anywhere / "trace.db")
    assert run_of["state"] == "complete"
    assert len(rows(anywhere / "trace.db", "SELECT * FROM run")) == 1
    lines = rows(anywhere / "trace.db", "SELECT function, sum(allocations) AS n FROM lines WHERE file LIKE '%hello.c' GROUP BY 1")
    assert [tuple(row) for row in lines] == [("main", 2)]


@pytest.mark.parametrize("way", ["namespace", "another user"])
def test_executed_by_the_first_process(way, build, anywhere):
    """trace-run unshare ... PROGRAM: the collector may be only just starting."""
    possible(WAYS[way])
    for number in range(5):
        database = anywhere / f"{number}.db"
        ended = run([build.command("trace-run"), "-o", database, *WAYS[way], anywhere / "hello", "you"], clean_environment())
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"hello you\n", b"")
        assert wait_for_run(database)["state"] == "complete"
        found = rows(database, "SELECT run, sum(allocations) AS n FROM lines WHERE file LIKE '%hello.c' GROUP BY 1")
        assert [tuple(row) for row in found] == [(1, 2)]
        assert len(rows(database, "SELECT * FROM run")) == 1


def test_out_of_reach(build, anywhere, preload):
    """Neither /proc nor the network is shared: a message says that this becomes another run."""
    argv = [*UNSHARE, "unshare", "--net"]
    possible(argv)
    ended = run(["sh", "-c", '"$@"; exit 3', "sh", *argv, anywhere / "hello", "you"], preload(db=anywhere / "trace.db"))
    assert (ended.returncode, ended.stdout) == (3, b"hello you\n")
    assert ended.stderr.count(b"\n") == 1 and b"network namespace" in ended.stderr
    assert wait_for_run(anywhere / "trace.db", 1)["state"] == "complete"
    assert wait_for_run(anywhere / "trace.db", 2)["state"] == "complete"


PASSES_ON = """
import os, sys
kernels = open("/proc/self/environ", "rb").read().split(b"\\0")
env = dict(entry.split(b"=", 1) for entry in kernels if b"=" in entry)
if os.fork() == 0:
    os.execve(sys.argv[1], [sys.argv[1]], env)
os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def test_passes_on_the_kernels_environment(build, tmp_path):
    """As programs in Go, which do not use the C library's environment."""
    command = [build.command("trace-run"), "-o", tmp_path / "trace.db", sys.executable, "-c", PASSES_ON, build.target("hello")]
    ended = run(command, clean_environment())
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"hello world\n", b"")
    assert wait_for_run(tmp_path / "trace.db")["state"] == "complete"
    assert len(rows(tmp_path / "trace.db", "SELECT * FROM run")) == 1
    assert rows(tmp_path / "trace.db", "SELECT sum(allocations) AS n FROM lines WHERE file LIKE '%hello.c'")[0]["n"] == 2


def test_untraced_programs_find_no_variable(build, tmp_path):
    (tmp_path / "p.c").write_text('#include <stdlib.h>\nint main(void) { return getenv("LIBTRACE_SESSION") != 0; }\n')
    subprocess.run(["gcc", "-static", "-o", tmp_path / "p", tmp_path / "p.c"], check=True)
    assert run([build.command("trace-run"), tmp_path / "p"], clean_environment(), tmp_path).returncode == 0


def door_of(database):
    """The name of the door of the collector that writes to it; None if there is none (yet)."""
    folder, value = os.stat(database.parent), 2166136261
    for byte in folder.st_dev.to_bytes(8, "little") + folder.st_ino.to_bytes(8, "little") + database.name.encode():
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    with open("/proc/net/unix", encoding="ascii") as table:
        found = [line.split()[-1] for line in table if f"@libtrace-{value:08x}" in line]
    return "\0" + found[0][1:] if found else None


@pytest.fixture
def sleeper(preload, tmp_path):
    """A traced shell that waits, and its door's name."""
    process = subprocess.Popen(["sh", "-c", 'read line; eval "$line"'], env=preload(), cwd=tmp_path, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 100
    while not door_of(tmp_path / "trace.db") and time.monotonic() < deadline:
        time.sleep(0.01)
    yield process, door_of(tmp_path / "trace.db")
    process.kill()
    process.communicate()


def test_strangers(sleeper, build, tmp_path):
    """A client without the key gets nothing, however often it asks, and delays nobody."""
    process, door = sleeper
    possible(UNSHARE)
    stranger = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    stranger.bind("")
    stranger.connect(door)
    stranger.settimeout(0.5)
    for message in (b"", b"x", bytes(8), bytes(100)):
        stranger.send(message)
    with pytest.raises(TimeoutError):
        stranger.recv(16)
    flood = subprocess.Popen([sys.executable, "-c", "import socket, sys\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
                              "s.connect(bytes.fromhex(sys.argv[1]))\nwhile True: s.send(bytes(8))", door.encode().hex()],
                             env=clean_environment(), stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.3)
        assert flood.poll() is None
        out, err = process.communicate(f"{' '.join(UNSHARE)} {build.target('hello')} you; exit 4\n".encode(), timeout=60)
    finally:
        flood.kill()
        flood.wait()
    assert (process.returncode, out) == (4, b"hello you\n")
    assert wait_for_run(tmp_path / "trace.db", 1)["state"] == "complete"
    if not err:  # otherwise nobody answered in time, which is reported
        assert len(rows(tmp_path / "trace.db", "SELECT * FROM run")) == 1


def test_nobody_answers(sleeper, build, report, recorded, tmp_path):
    """The collector is stopped: the program waits for a second, and runs untraced."""
    process, _ = sleeper
    possible(UNSHARE)
    report(tmp_path / "trace.db", "runs")  # which waits for it to be there
    collector = rows(tmp_path / "trace.db", "SELECT collector_pid FROM run")[0][0]
    stop(collector)
    try:
        process.stdin.write(f"{' '.join(UNSHARE)} {build.target('hello')} you; echo $?; read line; exit 0\n".encode())
        process.stdin.flush()
        assert process.stdout.readline() == b"hello you\n"
        assert process.stdout.readline() == b"0\n"
    finally:
        os.kill(collector, signal.SIGCONT)
    _, err = process.communicate(b"\n", timeout=60)
    assert err.count(b"\n") == 1 and b"does not answer" in err
    assert recorded(tmp_path / "trace.db")["state"] == "complete"
    assert len(rows(tmp_path / "trace.db", "SELECT * FROM run")) == 1


def test_after_the_run(build, preload, tmp_path):
    """The name of a run that is over is ignored: a new run begins, without waiting."""
    ended = run(["sh", "-c", "echo $LIBTRACE_SESSION; exit 0"], preload(db=tmp_path / "first.db"))
    session = ended.stdout.decode().strip()
    assert session.count(":") == 5
    wait_for_run(tmp_path / "first.db")
    ended = run([build.target("hello")], preload({"LIBTRACE_SESSION": session}))
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"hello world\n", b"")
    assert wait_for_run(tmp_path / "trace.db")["state"] == "complete"
