"""Processes and their ends: children, several recorders of one file, kills."""

import os
import select
import signal
import sqlite3
import struct
import subprocess
import time
from pathlib import Path

import pytest

from conftest import rows, same_exit, wait_for_run
from test_live import until_recording


def test_a_tree_of_processes(build, trace, plain):
    """One run has every process, each with what it allocated, and the program sees no children but its own."""
    expected = plain([build.target("tree")])
    traced = trace([build.target("tree")])
    assert (traced.stdout, traced.returncode) == (expected.stdout, expected.returncode) == (b"done\n", 0)
    assert traced.stderr == b""
    loop = traced.one("SELECT * FROM lines WHERE file LIKE '%/tree.c' AND function = 'blocks'")
    assert loop["allocations"] == 1000 + 2000 + 3000 + 4000 + 5000 + 6000 + 7000 and loop["live_allocations"] == 0
    processes = traced.rows("SELECT * FROM processes ORDER BY process")
    first = processes[0]
    assert first["pid"] != 0 and first["executable"].endswith("targets/tree") and first["exit_status"] == 0
    # The loops of each process, whatever else it allocated.
    sizes = sorted(p["allocations"] // 1000 for p in processes)
    assert set(range(1, 8)) <= set(sizes), sizes
    assert all(p["parent_pid"] in {q["pid"] for q in processes} for p in processes[1:])
    for size in (3, 4, 5, 6):
        leaf = next(p for p in processes if p["allocations"] // 1000 == size)
        assert leaf["command"].endswith(f"leaf {size}000") and leaf["exit_status"] == 7


def test_only_the_first_process(build, trace):
    traced = trace([build.target("tree")], env={"LIBTRACE_FOLLOW": "0"})
    assert traced.stdout == b"done\n"
    assert traced.one("SELECT * FROM lines WHERE file LIKE '%/tree.c' AND function = 'blocks'")["allocations"] == 1000
    assert traced.run["state"] == "complete"


@pytest.mark.parametrize("pause", (0, 60, 700))
@pytest.mark.parametrize("kind", ("child", "daemon"))
def test_a_child_that_allocates_late(kind, pause, build, trace):
    """The child outlives the first process and is known only from its first allocation on: the run waits for it."""
    traced = trace([build.target("late"), kind, str(pause)])
    assert (traced.returncode, traced.stderr, traced.run["state"]) == (0, b"", "complete")
    late = traced.one("SELECT sum(allocations) AS blocks, sum(bytes) AS bytes FROM lines WHERE file LIKE '%/late.c'")
    assert (late["blocks"], late["bytes"]) == (1001, 1000 * 777 + 5)
    assert len(traced.rows("SELECT 1 FROM processes")) == 2


def test_a_child_that_never_allocates(build, trace):
    """The run lasts as long as this child, unless children are not followed."""
    alone = trace([build.target("late"), "silent", "60000"], env={"LIBTRACE_FOLLOW": "0"})
    os.kill(int(alone.stdout), signal.SIGKILL)  # the child still runs
    assert alone.run["state"] == "complete"
    traced = trace([build.target("late"), "silent", "1000"])
    child = Path(f"/proc/{int(traced.stdout)}/stat")  # a zombie, or gone
    assert traced.run["state"] == "complete" and (not child.exists() or ") Z " in child.read_text())
    # Nothing is known of the child's memory, so the time series ends with the process that reported itself.
    ended = traced.one("SELECT ended_s FROM processes WHERE run = 2")["ended_s"]
    points = traced.rows("SELECT * FROM timeline WHERE run = 2")
    assert points and sum(point["t_s"] > ended for point in points) < 5, "one every 100 ms would be ten"


def test_two_runs_at_once(build, preload, tmp_path):
    """Eight programs that record into the same new file at the same time are all recorded completely."""
    database = tmp_path / "trace.db"
    started = [
        subprocess.Popen([build.workload(name), "20000"], env=preload({"LIBTRACE_LABEL": f"{name}{i}"}),
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for i in range(2) for name in ("list", "stream", "dict", "slots")
    ]
    for process in started:
        _, err = process.communicate(timeout=200)
        assert process.returncode == 0 and err == b"", err
    runs = [wait_for_run(database, number) for number in range(1, 9)]
    per_item = {"list": (60000, 12 + 1), "stream": (60000, 1), "dict": (100000, 2), "slots": (20000, 2)}
    for run in runs:
        base, more = per_item[run["label"][:-1]]
        assert run["state"] == "complete" and base < run["allocations"] <= base + more, dict(run)
    assert len({r["label"] for r in runs}) == 8
    assert rows(database, "PRAGMA integrity_check")[0][0] == "ok"
    assert rows(database, "PRAGMA journal_mode")[0][0] == "delete"


def page(path):
    return struct.unpack("QQ", path.read_bytes()[:16])


def until(path, count):
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline:
        if path.exists() and path.stat().st_size >= 16 and page(path)[0] >= count:
            return
        time.sleep(0.005)
    raise AssertionError("the program made no progress")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT])
@pytest.mark.parametrize("arguments", [[], ["--close"]])
def test_killed(number, arguments, build, preload, tmp_path):
    """What was recorded of a killed program is what it counted itself, in a page that outlives it."""
    path = tmp_path / "page"
    process = subprocess.Popen([build.target("storm"), path, *arguments], env=preload(), stderr=subprocess.PIPE,
                               preexec_fn=lambda: __import__("resource").setrlimit(4, (0, 0)))
    until(path, 200_000)
    process.send_signal(number)
    assert process.wait() == -number
    assert process.stderr.read() == b""
    run = wait_for_run(tmp_path / "trace.db")
    allocations, frees = page(path)
    line = rows(tmp_path / "trace.db", "SELECT * FROM lines WHERE function = 'main' AND file LIKE '%/storm.c'")[0]
    # If it was killed between an event and its count, they differ by one.
    assert allocations <= line["allocations"] <= allocations + 1
    assert allocations - frees - 1 <= line["live_allocations"] <= allocations - frees + 1
    assert run["state"] == "complete" and same_exit(run["exit_status"], -number)
    assert rows(tmp_path / "trace.db", "PRAGMA integrity_check")[0][0] == "ok"


def test_killed_many_times(build, preload, tmp_path, say):
    path, database = tmp_path / "page", tmp_path / "trace.db"
    for number in range(1, 26):
        if path.exists():
            path.unlink(missing_ok=True)
        process = subprocess.Popen([build.target("storm"), path], env=preload())
        until(path, 1 + number * 1777)
        process.kill()
        process.wait()
        run = wait_for_run(database, number)
        allocations, _ = page(path)
        line = rows(database, "SELECT * FROM lines WHERE run = ? AND function = 'main'", number)[0]
        assert 0 <= line["allocations"] - allocations <= 1, f"kill {number}"
        assert same_exit(run["exit_status"], -9)
    assert rows(database, "PRAGMA integrity_check")[0][0] == "ok"
    say("25 kills at different moments: each time the last published event is in the database")


def memory_cgroup(name, limit):
    """A control group with a memory limit; its file cgroup.procs takes processes. The test is skipped if none can be made."""
    v1, v2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
    try:
        if (v1 / "memory.limit_in_bytes").exists():
            folder, files = v1 / name, {"memory.limit_in_bytes": limit, "memory.swappiness": 0}
        elif "memory" in (v2 / "cgroup.subtree_control").read_text():
            folder, files = v2 / name, {"memory.max": limit, "memory.swap.max": 0}
        else:
            pytest.skip("no control group for memory is there")
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"control groups cannot be made here: {error}")
    for file, value in files.items():
        if (folder / file).exists():
            (folder / file).write_text(str(value))
    return folder


HOG = r"""
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
static void __attribute__((noinline)) hog(volatile uint64_t *count)
{
    for (;;) { void *p = malloc(60000); memset(p, 1, 60000); ++*count; }
}
int main(int argc, char **argv)
{
    int group = open(argv[2], O_WRONLY), file = open(argv[1], O_RDWR | O_CREAT, 0666);
    (void)argc;
    if (group < 0 || write(group, "0", 1) != 1 || ftruncate(file, 4096) != 0)
        return 1;
    hog(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
}
"""


def test_killed_for_its_memory(build, preload, report, tmp_path):
    """The kernel's OOM killer kills the program: what the program had counted by then is recorded."""
    (tmp_path / "hog.c").write_text(HOG)
    subprocess.run(["gcc", "-g", "-O1", "-o", tmp_path / "hog", tmp_path / "hog.c"], check=True)
    group = memory_cgroup(f"libtrace-test-{os.getpid()}", 60 << 20)
    try:
        # The program enters the group itself, without its collector.
        killed = subprocess.run([tmp_path / "hog", tmp_path / "page", group / "cgroup.procs"], env=preload(), capture_output=True, timeout=120)
    finally:
        group.rmdir()
    assert killed.returncode == -signal.SIGKILL and killed.stderr == b""
    assert report(tmp_path / "trace.db", "top").returncode == 0
    run = wait_for_run(tmp_path / "trace.db")
    count = struct.unpack("Q", (tmp_path / "page").read_bytes()[:8])[0]
    line = rows(tmp_path / "trace.db", "SELECT * FROM functions WHERE function = 'hog'")[0]
    assert count > 500 and count <= line["allocations"] <= count + 1 and line["live_bytes"] == 60000 * line["allocations"]
    assert run["state"] == "complete" and same_exit(run["exit_status"], -signal.SIGKILL)


def test_collector_killed(build, preload, tmp_path, report):
    """The program continues; the run is shown as interrupted; the file stays sound and takes the next run."""
    path, database = tmp_path / "page", tmp_path / "trace.db"
    process = subprocess.Popen([build.target("storm"), path], env=preload(), stderr=subprocess.PIPE)
    try:
        until(path, 100_000)
        until_recording(database)
        os.kill(rows(database, "SELECT collector_pid FROM run")[0][0], signal.SIGKILL)
        count = page(path)[0]
        until(path, count + 500_000)  # more than any ring holds
    finally:
        process.kill()
        process.wait()
    err = process.stderr.read().decode()
    assert err.count("\n") == 1 and "libtrace" in err, err
    assert "interrupted" in report(database, "runs").stdout
    assert report(database, "top").returncode == 0
    assert subprocess.run([build.target("hello")], env=preload(), capture_output=True).returncode == 0
    assert wait_for_run(database, 2)["state"] == "complete"
    states = [r["state"] for r in rows(database, "SELECT state FROM runs ORDER BY run")]
    assert states == ["interrupted", "complete"]
    assert rows(database, "PRAGMA integrity_check")[0][0] == "ok"


def test_no_child_and_no_descriptor_too_many(build, trace, tmp_path):
    """The program sees no child, no signal and no descriptor that it would not see without the tracer."""
    source = tmp_path / "look.c"
    source.write_text(r"""
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static volatile int signals;
static void on(int n) { (void)n; signals++; }
int main(void) {
    signal(SIGCHLD, on);
    for (int i = 0; i < 200000; i++) { void *volatile p = malloc(i % 100); free(p); }
    usleep(100000);
    int waited = waitpid(-1, NULL, WNOHANG | __WALL);
    printf("wait %d %d, signals %d, fd %d\n", waited, errno == ECHILD, signals, dup(0));
    char line[100] = ""; FILE *f = fopen("/proc/self/task/self/children", "r"); (void)f;
    snprintf(line, sizeof line, "/proc/self/task/%d/children", getpid());
    f = fopen(line, "r"); line[0] = 0; if (f && fgets(line, sizeof line, f)) printf("children %s\n", line);
    return 0; }
""")
    subprocess.run(["gcc", "-w", "-o", tmp_path / "look", source], check=True)
    traced = trace([tmp_path / "look"])
    assert traced.stdout == b"wait -1 1, signals 0, fd 3\n"


@pytest.mark.parametrize("closed, extra", [((), 0), ((0,), 0), ((0, 1, 2), 0), ((1,), 4), ((), 7)])
def test_descriptors_as_without_us(closed, extra, preload, tmp_path):
    """Descriptors 0 to 9, and the next that is opened, are as they would be without us, both at the start and after
    allocations."""
    (tmp_path / "look.c").write_text(r"""
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static char seen[256];
static int length;
static void look(void)
{
    for (int i = 0; i < 10; i++)
        seen[length++] = fcntl(i, F_GETFD) < 0 ? '-' : fcntl(i, F_GETFD) & FD_CLOEXEC ? 'c' : 'o';
    seen[length++] = ' ';
}
int main(int argc, char **argv)
{
    (void)argc;
    look();
    for (int i = 0; i < 100000; i++) { void *volatile p = malloc(i % 100); free(p); }
    usleep(50000);
    look();
    int next = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0666);
    seen[length++] = (char)('0' + next);
    return write(next, seen, (size_t)length) != length;
}
""")
    subprocess.run(["gcc", "-w", "-o", tmp_path / "look", tmp_path / "look.c"], check=True)

    def prepare():
        for number in range(3, 3 + extra):
            os.dup2(2, number)
            os.set_inheritable(number, True)
        for number in closed:
            os.close(number)

    found = []
    for name, env in (("plain", None), ("traced", preload())):
        done = subprocess.run([tmp_path / "look", tmp_path / name], env=env, preexec_fn=prepare, close_fds=False)
        assert done.returncode == 0
        found.append((tmp_path / name).read_text())
    assert found[0] == found[1]
    assert wait_for_run(tmp_path / "trace.db")["state"] == "complete"


def test_more_processes_than_slots(preload, tmp_path):
    """Each process keeps its slot until the database has it. While the database is locked, the next processes wait, and none is
    left out, as in a build of thousands of processes on a slow disk."""
    database = tmp_path / "trace.db"
    script = "i=0; while [ $i -lt 1200 ]; do /bin/true; i=$((i+1)); [ $((i % 40)) != 0 ] || echo $i; done"
    family = subprocess.Popen(["/bin/sh", "-c", script], env=preload(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert family.stdout.readline() == b"40\n"
    wait_for_state = time.monotonic() + 100
    while not (database.exists() and rows(database, "SELECT 1 FROM sqlite_schema WHERE name = 'run'")):
        assert time.monotonic() < wait_for_state
    lock = sqlite3.connect(database, isolation_level=None, timeout=30)
    lock.execute("BEGIN IMMEDIATE")
    seen, child, since = 40, None, time.monotonic()
    while seen < 1200 and time.monotonic() - since < 4:  # one child waits, for 10 s at most
        if select.select([family.stdout], [], [], 0.1)[0]:
            seen = int(family.stdout.readline())
        now = Path(f"/proc/{family.pid}/task/{family.pid}/children").read_text()
        if now != child:
            child, since = now, time.monotonic()
    lock.execute("COMMIT")
    lock.close()
    out, err = family.communicate(timeout=120)
    assert family.returncode == 0 and err == b"", err
    run = wait_for_run(database)
    found = rows(database, "SELECT executable FROM processes")
    assert sum(p["executable"].endswith("/true") for p in found) == 1200 and run["state"] == "complete"
    assert 960 <= seen < 1200, "all places were taken, and the next ones waited"


def test_environment_and_label(build, trace, tmp_path):
    traced = trace(["env"], env={"LIBTRACE_LABEL": "a label with spaces"})
    assert traced.run["label"] == "a label with spaces"
    names = {line.split("=")[0] for line in traced.stdout.decode().splitlines()}
    added = names - set(os.environ) - {"LC_ALL", "LD_PRELOAD"}
    assert all(name.startswith("LIBTRACE_") for name in added), added
    script = tmp_path / "job.sh"
    script.write_text("#!/bin/bash\necho from a script\n")
    script.chmod(0o755)
    assert trace([script], db=tmp_path / "script.db").run["label"] == "job.sh"


def test_a_preload_of_the_users_own(build, trace, tmp_path):
    """LD_PRELOAD with another library besides ours: both are loaded."""
    (tmp_path / "other.c").write_text('#include <unistd.h>\n__attribute__((constructor)) static void on(void) { write(1, "other\\n", 6); }\n')
    subprocess.run(["gcc", "-w", "-shared", "-fPIC", "-o", tmp_path / "other.so", tmp_path / "other.c"], check=True)
    for order in (f"{tmp_path}/other.so:{build.library}", f"{build.library}:{tmp_path}/other.so"):
        traced = trace([build.target("hello")], env={"LD_PRELOAD": order})
        assert traced.stdout == b"other\nhello world\n" and traced.run["allocations"] == 2
