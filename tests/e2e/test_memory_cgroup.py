"""Programs in a memory cgroup with little room survive and do the same as without us, whatever becomes of their record; and the
record says what it lacks."""

import os
import signal
import struct
import subprocess
import time

import pytest

import collector_script
from conftest import clean_environment, rows, wait_for_run
from memory_group import MemoryGroup

MIB = 1 << 20
NEAR = b"libtrace: the memory limit of the program's cgroup is near: recording has stopped, the program goes on\n"
NO_ROOM = b"libtrace: the memory limit of the program's cgroup leaves no room for recording; the program runs untraced\n"
GONE = b"libtrace: the collector is gone; the program goes on untraced\n"

# Arguments of the program `filled`: what grows, and how fast.
PROGRAMS = {
    "blocks": [40, 1000000, 1, 0, 0],
    "freed": [40, 1000000, 0, 0, 0],
    "threads": [40, 200000, 2, 8, 0],
    "rings": [40, 200000, 0, 32, 0],
    "leap": [4, 500000, 4, 0, 100],
}


@pytest.fixture
def group():
    """group(): makes a memory cgroup; all of them are removed in the end."""
    made = []

    def make():
        made.append(MemoryGroup(len(made)))
        return made[-1]

    yield make
    for one in made:
        one.remove()


class Outcome:
    """The outcome of a program that ran in a group of its own, once the program and its collector have ended."""

    def __init__(self, argv, env, group, limit=None):
        if limit:
            group.limit(limit)
        self.limit = limit
        self.done = subprocess.run([str(a) for a in argv], env=env, stdin=subprocess.DEVNULL, capture_output=True,
                                   timeout=120, preexec_fn=group.enter, check=False)
        group.wait()
        self.peak, self.killed = group.peak(), group.killed()
        self.said = self.done.stderr


@pytest.fixture
def plain_peak(build, group):
    """plain_peak(argv): how the program ends untraced, and the most memory that it uses."""
    return lambda argv: Outcome(argv, clean_environment(), group())


def run_of(database):
    """The row of the run; None if there is none."""
    found = rows(database, "SELECT * FROM run") if os.path.exists(database) else []
    return found[-1] if found else None


@pytest.fixture
def check_record(report, tmp_path):
    """check_record(outcome): checks that the record is what it claims to be; returns what became of it in one word."""

    def check(outcome):
        run = run_of(tmp_path / "trace.db")
        if run is None or outcome.killed or run["why"] is None and run["state"] != "complete":
            assert outcome.said in (NEAR, NO_ROOM, GONE)
            return "lost"
        summary = report(tmp_path / "trace.db", "summary").stdout
        if run["state"] == "complete":
            assert outcome.said == b"" and "recording was stopped" not in summary
            return "complete"
        assert (run["state"], run["phase"]) == ("interrupted", "done")
        assert outcome.said in (NEAR, b"")  # it may have ended by then
        assert "memory limit" in run["why"] and "recording was stopped" in summary and "is near" in " ".join(summary.split())
        assert "when recording was stopped" in report(tmp_path / "trace.db", "top").stdout
        return "stopped"

    return check


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_lives(name, build, group, plain_peak, preload, check_record, tmp_path, say):
    command = [build.target("filled"), *PROGRAMS[name]]
    alone = plain_peak(command)
    became = []
    for more in (16, 24, 48):
        traced = Outcome(command, preload(), group(), alone.peak + more * MIB)
        assert (traced.done.returncode, traced.done.stdout) == (alone.done.returncode, alone.done.stdout), (more, traced.done)
        assert traced.killed <= 1  # the collector
        became.append(f"+{more} MiB {check_record(traced)}")
        for file in tmp_path.glob("trace.db*"):
            file.unlink(missing_ok=True)
    say(f"{name}, {alone.peak / MIB:.0f} MiB: " + ", ".join(became))


def test_stops_in_time(build, group, plain_peak, preload, check_record, tmp_path):
    """If a program's blocks need more memory than there is, recording stops while there is room to write, and nobody is
    killed. That takes a processor while there is room, so on a busy machine it may need some tries."""
    command = [build.target("filled"), *PROGRAMS["blocks"]]
    alone = plain_peak(command)
    for _ in range(10):
        for file in tmp_path.glob("trace.db*"):
            file.unlink(missing_ok=True)
        traced = Outcome(command, preload(), group(), alone.peak + 16 * MIB)
        became = check_record(traced)
        if became != "lost" and traced.said:
            break
        assert traced.done.returncode == alone.done.returncode
    assert (became, traced.killed, traced.said) == ("stopped", 0, NEAR)
    # What was recorded by then is there, with its names.
    found = rows(tmp_path / "trace.db", "SELECT sum(allocations) AS n FROM functions WHERE function = 'leaf'")
    assert 10000 < found[0]["n"] < 1000000
    assert found[0]["n"] <= run_of(tmp_path / "trace.db")["allocations"]


def test_all_of_it(build, group, plain_peak, preload, check_record, tmp_path, say):
    """A program that needs little is recorded completely, even if there is no more room than that."""
    for command, allocations in ([build.target("hello")], 1), ([build.target("filled"), *PROGRAMS["freed"]], 1000000):
        alone = plain_peak(command)
        traced = Outcome(command, preload(), group(), alone.peak + 16 * MIB)
        assert (traced.done.returncode, traced.done.stdout) == (alone.done.returncode, alone.done.stdout)
        assert check_record(traced) == "complete"
        assert run_of(tmp_path / "trace.db")["allocations"] >= allocations
        say(f"{os.path.basename(command[0])}: {(traced.peak - alone.peak) / MIB:.1f} MiB more")
        (tmp_path / "trace.db").unlink()


@pytest.mark.parametrize("more", [3, 6])
def test_no_room_at_all(more, build, group, preload):
    """Memory of other programs in the group is not ours to take: recording does not even begin."""
    own = group()
    holder = subprocess.Popen([build.target("steps")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=own.enter)
    try:
        own.limit(own.usage() + more * MIB)
        done = subprocess.run([build.target("hello")], env=preload(), capture_output=True, timeout=60, preexec_fn=own.enter,
                              check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"hello world\n", NO_ROOM)
        assert own.killed() == 0
    finally:
        holder.kill()
        holder.communicate()


def test_attached(build, group, tmp_path):
    """The limit of the program's group counts, not that of trace-attach."""
    own = group()
    target = subprocess.Popen([build.target("confined"), "none"], env=clean_environment(), stdout=subprocess.PIPE,
                              preexec_fn=own.enter)
    try:
        assert target.stdout.readline() == b"ready\n"
        own.limit(own.usage() + 4 * MIB)
        done = subprocess.run([build.command("trace-attach"), "--duration", "0.2", "-o", tmp_path / "trace.db", str(target.pid)],
                              env=clean_environment(), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1 and "leaves no room for recording" in done.stderr
        assert target.poll() is None and own.killed() == 0
        own.limit(own.usage() + 64 * MIB)
        done = subprocess.run([build.command("trace-attach"), "--duration", "0.2", "-o", tmp_path / "trace.db", str(target.pid)],
                              env=clean_environment(), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert target.poll() is None and own.killed() == 0
    finally:
        target.kill()
        target.communicate()
    assert run_of(tmp_path / "trace.db")["state"] == "complete"


FULL = r"""
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
static void __attribute__((noinline)) take(volatile uint64_t *count)
{
    for (;;) {
        memset(malloc(60000), 1, 60000);
        if (++*count == 500)
            raise(SIGSTOP);
    }
}
int main(int argc, char **argv)
{
    int group = open(argv[2], O_WRONLY), file = open(argv[1], O_RDWR | O_CREAT, 0666);
    if (argc != 3 || group < 0 || write(group, "0", 1) != 1 || ftruncate(file, 4096) != 0)
        return 1;
    take(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
}
"""


def test_it_begins_late(build, group, preload, report, tmp_path):
    """A collector that is no member of the group, and begins when the program has hardly any memory left: what the program
    did by then is recorded, and what it does until it is killed for its memory."""
    (tmp_path / "full.c").write_text(FULL)
    subprocess.run(["gcc", "-g", "-O1", "-o", tmp_path / "full", tmp_path / "full.c"], check=True)
    library = collector_script.install(build, tmp_path, f"while ! [ -e {tmp_path}/begin ]; do sleep 0.01; done")
    own = group()
    program = subprocess.Popen([tmp_path / "full", tmp_path / "page", own.folder / "cgroup.procs"],
                               env=preload({"LD_PRELOAD": library}), stderr=subprocess.PIPE)
    try:
        assert os.waitid(os.P_PID, program.pid, os.WSTOPPED | os.WEXITED).si_code == os.CLD_STOPPED
        own.limit(own.usage() + 2 * MIB)
        (tmp_path / "begin").touch()
        assert report(tmp_path / "trace.db", "top").returncode == 0
        program.send_signal(signal.SIGCONT)
        _, err = program.communicate(timeout=60)
    finally:
        program.kill()
        program.wait()
    assert (program.returncode, err) == (-signal.SIGKILL, b"")
    assert wait_for_run(tmp_path / "trace.db")["state"] == "complete"
    count = struct.unpack("Q", (tmp_path / "page").read_bytes()[:8])[0]
    made = rows(tmp_path / "trace.db", "SELECT allocations FROM functions WHERE function = 'take'")[0]["allocations"]
    assert 500 < count <= made <= count + 1


def arena_of(pid):
    """Bytes of the memory that a program shares with its collector, seen from the program."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
        ranges = [line.split()[0] for line in file if "/memfd:libtrace " in line]
    first, last = (int(part, 16) for part in ranges[0].split("-"))
    return os.stat(f"/proc/{pid}/map_files/{first:x}-{last:x}").st_blocks * 512


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to see how much memory a mapping has")
def test_collector_killed(build, preload):
    """The collector is killed, as the kernel may do when memory runs out: the shared memory, which counts as the program's, is
    freed."""
    threads = 8
    crowd = subprocess.Popen([build.target("crowd"), str(threads), "60000"], env=preload(), stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert crowd.stdout.readline() == b"waiting\n"
    with open(f"/proc/{crowd.pid}/maps", encoding="utf-8") as file:
        inode = next(int(line.split()[4]) for line in file if "/memfd:libtrace " in line)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/exe").endswith("/trace-collector") and any(
                    os.stat(f"/proc/{pid}/fd/{d}").st_ino == inode for d in os.listdir(f"/proc/{pid}/fd")):
                os.kill(int(pid), 9)
        except OSError:
            continue
    time.sleep(0.1)
    crowd.stdin.write(b"\n")
    crowd.stdin.flush()
    assert crowd.stdout.readline() == b"waiting\n"
    assert arena_of(crowd.pid) < 2 * MIB  # the header, and pages that were in use at that moment
    out, err = crowd.communicate(timeout=60)
    assert (out, err, crowd.returncode) == (b"done\n", GONE, 0)
