"""trace-attach to running programs. LIBTRACE_ATTACH_CYCLES and LIBTRACE_ATTACH_PYTHON_CYCLES set the
number of cycles (see scripts/test-attach)."""

import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from conftest import ROOT, clean_environment, collector_of, rows, wait_for_run

CYCLES = int(os.environ.get("LIBTRACE_ATTACH_CYCLES", 20))
PYTHON_CYCLES = int(os.environ.get("LIBTRACE_ATTACH_PYTHON_CYCLES", 5))
BUSY_PYTHON = """
import threading
print("ready", flush=True)
def make():
    return [[i] for i in range(200)]
def churn():
    while True:
        make()
threading.Thread(target=churn, daemon=True).start()
churn()
"""


@pytest.fixture
def attach(build, tmp_path):
    def run(pid, *arguments, **options):
        return subprocess.run(
            [build.command("trace-attach"), "--verbose", "-o", str(tmp_path / "trace.db"), *arguments, str(pid)],
            env=clean_environment(options.pop("env", None)), capture_output=True, text=True, timeout=120, **options)

    return run


@pytest.fixture
def start():
    """start(argv): starts a program in the background, and waits for its first line."""
    started = []

    def run(argv, **options):
        env = clean_environment(options.pop("env", None))
        process = subprocess.Popen(list(map(str, argv)), env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        started.append(process)
        assert process.stdout.readline()
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def pauses(text, what):
    return [float(ms) for ms in re.findall(rf"{what}: the program was stopped for ([\d.]+) ms", text)]


def pointers_into(pid, library):
    """Pointers into a library's code in the mapped files of a process, except the library's own."""
    code, others = [], []
    for line in open(f"/proc/{pid}/maps"):
        span, rights, _, _, inode, *path = line.split(None, 5)
        start, end = (int(x, 16) for x in span.split("-"))
        if path and path[0].strip() == str(library):
            code.append((start, end))
        elif inode != "0" and "r" in rights:
            others.append((start, end, path[0].strip()))
    low, high = min(c[0] for c in code), max(c[1] for c in code)
    found = []
    with open(f"/proc/{pid}/mem", "rb") as memory:
        for start, end, path in others:
            memory.seek(start)
            try:
                data = memory.read(end - start)
            except OSError:  # unloaded since the maps were read
                continue
            words = struct.unpack(f"{len(data) // 8}Q", data[: len(data) // 8 * 8])
            found += [f"{path}+{i * 8:#x}" for i, word in enumerate(words) if low <= word < high]
    return found


def test_threads_are_told_apart(build, attach, start, report, tmp_path):
    program = start([build.target("churn"), 4, 3600])
    assert attach(program.pid, "--threads", "--duration", "0.3").returncode == 0
    threads = rows(tmp_path / "trace.db", """SELECT *, (SELECT sum(s.allocations) FROM sites s WHERE s.thread = t.thread) AS n
                                             FROM threads t WHERE allocations > 0""")
    tids = {int(tid) for tid in os.listdir(f"/proc/{program.pid}/task")}
    assert len(threads) >= 4 and {t["tid"] for t in threads} <= tids and {t["name"] for t in threads} == {"churn"}
    assert [t["n"] for t in threads] == [t["allocations"] for t in threads]
    done = report(tmp_path / "trace.db", "top", "--thread", threads[-1]["tid"])
    assert done.returncode == 0 and f"Only thread {threads[-1]['tid']}" in done.stdout


def test_cycles_on_a_storm(build, attach, start, tmp_path, say):
    """Attaches and detaches many times while four threads allocate and a library is loaded and unloaded."""
    program = start([build.target("churn"), 4, 3600, build.target("plugin.so")])
    stops = []
    for cycle in range(CYCLES):
        done = attach(program.pid, "--duration", "0.05")
        assert program.poll() is None, f"cycle {cycle}: the program ended: {program.returncode}; {done.stderr}"
        assert (done.returncode, done.stdout) == (0, ""), f"cycle {cycle}: {done.stderr}"
        stops += pauses(done.stderr, "attach")
        if cycle % 10 == 0:
            assert pointers_into(program.pid, build.library) == []
    assert pointers_into(program.pid, build.library) == []
    runs = rows(tmp_path / "trace.db", "SELECT * FROM run")
    assert len(runs) == CYCLES and all(r["state"] == "complete" for r in runs)
    assert sum(r["allocations"] > 100 for r in runs) >= CYCLES * 0.9
    assert rows(tmp_path / "trace.db", "PRAGMA integrity_check")[0][0] == "ok"
    # No more is live than the program's threads keep: every free of a counted block was seen.
    kept = max(r["live_allocations"] for r in runs)
    assert kept <= 4 * 256 + 50, kept
    say(f"{CYCLES} cycles on 4 threads: stopped for {statistics.median(stops):.2f} ms (median), {max(stops):.2f} ms at most; "
        "no pointer left")
    assert min(stops) < 20  # other programs make some of the stops longer


def test_what_is_recorded(build, attach, start, tmp_path):
    """A module that is loaded during tracing is traced from its constructor on."""
    program = start([build.target("churn"), 1, 3600, build.target("plugin.so")])
    assert attach(program.pid, "--duration", "1", "--label", "mine").returncode == 0
    database = tmp_path / "trace.db"
    run = wait_for_run(database)
    assert run["label"] == "mine" and run["state"] == "complete" and run["exit_status"] is None
    functions = {r["function"]: r for r in rows(database, "SELECT * FROM functions")}
    assert functions["storm"]["allocations"] > 1000
    # plugin_make jumps to malloc, and leaves no frame.
    made, loaded = functions["use_plugin"]["allocations"], functions["plugin_load"]["allocations"]
    assert loaded > 0 and abs(made - 10 * loaded) <= 20
    assert functions["plugin_load"]["live_allocations"] <= 1


def test_nothing_is_left(build, attach, start):
    """After detaching there is no pointer to us, no shared memory and no descriptor left: so no cost
    either."""
    program = start([build.target("churn"), 1, 3600])

    assert attach(program.pid, "--duration", "0.2").returncode == 0
    assert pointers_into(program.pid, build.library) == []
    descriptors = os.listdir(f"/proc/{program.pid}/fd")
    assert sorted(descriptors, key=int)[:3] == ["0", "1", "2"] and len(descriptors) <= 4
    assert "memfd:libtrace" not in open(f"/proc/{program.pid}/maps").read()


def interpreter():
    return "/usr/bin/python3"


def other_pythons():
    """Those that python/interpreters.py finds besides Debian's."""
    sys.path.insert(0, str(ROOT / "tests" / "python"))
    try:
        from interpreters import interpreters
    finally:
        sys.path.pop(0)
    return [i for i in interpreters() if not i.path.startswith("/usr/bin/")]


@pytest.mark.parametrize("python", other_pythons() or [pytest.param(None, marks=pytest.mark.skip("no other python is installed"))], ids=repr)
def test_other_pythons(python, attach, start, tmp_path):
    """Shared or static, position-independent or not: their lines are seen, and they go on."""
    program = start([python.path, "-c", BUSY_PYTHON])
    for _ in range(3):
        done = attach(program.pid, "--duration", "0.5")
        assert done.returncode == 0 and program.poll() is None, done.stderr
    lines = rows(tmp_path / "trace.db", "SELECT * FROM lines WHERE language = 'python' AND run = (SELECT max(id) FROM run) "
                 "ORDER BY bytes DESC")
    top = lines[0]  # the comprehension in make(), a function of its own before 3.12
    assert (top["file"], top["line"]) == ("<string>", 5) and top["allocations"] > 1000, [dict(r) for r in lines[:5]]
    assert any("make" in r["function"] for r in lines)


OWN_LOCKS = """
import select, sys, threading
import _interpreters as interpreters
made = [interpreters.create("isolated") for i in range(3)]
churn = "while True: lists = [[i] for i in range(500)]"
for one in made:
    threading.Thread(target=interpreters.exec, args=(one, churn), daemon=True).start()
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    lists = [[i] for i in range(500)]
print("blocks", flush=True)
lock = threading.Lock()
lock.acquire()
lock.acquire()
"""


@pytest.mark.parametrize("python", [one for one in other_pythons() if one.version >= (3, 13)]
                         or [pytest.param(None, marks=pytest.mark.skip("no Python 3.13 is installed"))], ids=repr)
def test_interpreters_with_their_own_locks(python, attach, start):
    """While the main thread is blocked, a detach cannot give the allocators back: so other interpreters' threads are in ours
    when the next trace begins."""
    program = start([python.path, "-c", OWN_LOCKS], stdin=subprocess.PIPE)
    assert attach(program.pid, "--duration", "0.5").returncode == 0
    program.stdin.write(b"\n")
    program.stdin.flush()
    assert program.stdout.readline() == b"blocks\n"
    for cycle in range(CYCLES):
        done = attach(program.pid, "--duration", "0.05")
        assert done.returncode == 0 and program.poll() is None, f"cycle {cycle}: {done.stderr}"


def test_python(attach, start, tmp_path, say):
    """Debian's python3 is not position-independent: its own entry is the address of malloc."""
    program = start([interpreter(), "-c", BUSY_PYTHON])
    stops = []
    for cycle in range(PYTHON_CYCLES):
        done = attach(program.pid, "--duration", "0.1")
        assert done.returncode == 0, f"cycle {cycle}: {done.stderr}"
        assert program.poll() is None, f"cycle {cycle}"
        stops += pauses(done.stderr, "attach")
    done = attach(program.pid, "--duration", "0.5")
    assert done.returncode == 0 and program.poll() is None
    lines = rows(tmp_path / "trace.db", "SELECT * FROM functions WHERE run = (SELECT max(id) FROM run) ORDER BY bytes DESC")
    assert any("make" in r["function"] for r in lines[:3]), [dict(r) for r in lines[:5]]
    say(f"{PYTHON_CYCLES} cycles on a busy python3: stopped for {statistics.median(stops):.2f} ms (median)")
    assert min(stops) < 20


CLASSES = """
class Thing:
    __slots__ = ("a",)
print("ready", flush=True)
while True:
    things = [Thing() for i in range(100)]
"""


@pytest.mark.parametrize("options, how", [([], {"exact"}), (["--no-types"], set())])
def test_types_of_python(options, how, attach, start, report, tmp_path):
    """Classes that were made before the trace are known as well."""
    program = start([interpreter(), "-c", CLASSES])
    assert attach(program.pid, "--duration", "0.5", *options).returncode == 0
    found = report(tmp_path / "trace.db", "sql", "--json", "SELECT how, allocations FROM types WHERE type = '__main__.Thing' AND line = 6")
    things = json.loads(found.stdout)["rows"]
    assert {row[0] for row in things} == how and all(row[1] > 100 for row in things)


def test_a_sleeper_sleeps_on(attach, start):
    """A thread in a system call is borrowed, and the call continues: epoll_wait, nanosleep and read notice
    nothing."""
    script = """
import select, time, sys
print("ready", flush=True)
poll = select.epoll()
start = time.monotonic()
print(poll.poll(1.5), time.monotonic() - start >= 1.4, flush=True)
time.sleep(0.5)
print("slept", flush=True)
sys.stdin.readline()
"""
    program = start([interpreter(), "-c", script], stdin=subprocess.PIPE)
    time.sleep(0.3)
    assert attach(program.pid, "--duration", "0.2").returncode == 0
    out, err = program.communicate(b"\n", timeout=60)
    assert out == b"[] True\nslept\n" and err == b"" and program.returncode == 0


def test_background_and_detach(build, attach, start, tmp_path):
    program = start([build.target("churn"), 2, 3600])
    assert attach(program.pid, "--background").returncode == 0
    again = attach(program.pid)
    assert again.returncode == 1 and "already" in again.stderr and "--detach" in again.stderr
    time.sleep(0.3)
    assert attach(program.pid, "--detach").returncode == 0
    assert wait_for_run(tmp_path / "trace.db")["state"] == "complete"
    assert pointers_into(program.pid, build.library) == []
    twice = attach(program.pid, "--detach")
    assert twice.returncode == 1 and "not being traced" in twice.stderr


STARTS_SHELLS = """
import os, subprocess, sys
print("ready", flush=True)
for line in sys.stdin:
    if line.strip():
        os.environ["LD_PRELOAD"] = line.strip()
    print(subprocess.run(["sh", "-c", "echo $LD_PRELOAD"], stdout=subprocess.PIPE, text=True).stdout.strip(), flush=True)
"""


@pytest.mark.parametrize("own, changed", [(False, False), (True, False), (True, True)])
def test_what_children_preload(own, changed, build, attach, start, tmp_path):
    """While it is attached to, a program's children load our library before what they load by themselves; then it is as before, or
    as the program has set it meanwhile."""
    for name in "ab":
        (tmp_path / f"{name}.c").write_text(f"int of_{name};\n")
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", tmp_path / f"{name}.so", tmp_path / f"{name}.c"], check=True)
    before = str(tmp_path / "a.so") if own else ""
    program = start(["/usr/bin/python3", "-c", STARTS_SHELLS], env={"LD_PRELOAD": before or None}, stdin=subprocess.PIPE)

    def preloaded(by_itself=""):
        program.stdin.write(by_itself.encode() + b"\n")
        program.stdin.flush()
        return program.stdout.readline().decode().strip()

    assert preloaded() == before
    assert attach(program.pid, "--background").returncode == 0
    ours, _, others = preloaded().partition(":")
    assert ours.endswith("libtrace.so") and others == before
    after = before
    if changed:
        after = str(tmp_path / "b.so")
        assert preloaded(after) == after
    assert attach(program.pid, "--detach").returncode == 0
    assert wait_for_run(tmp_path / "trace.db")["state"] == "complete"
    deadline = time.monotonic() + 60
    while preloaded() != after and time.monotonic() < deadline:
        time.sleep(0.01)
    assert preloaded() == after


def until_attached(program, command):
    while "memfd:libtrace" not in open(f"/proc/{program.pid}/maps").read():
        assert command.poll() is None, command.stderr.read()
        time.sleep(0.01)


def test_interrupted(build, start, tmp_path):
    """Ctrl-C detaches, the program goes on."""
    program = start([build.target("churn"), 2, 3600])
    command = subprocess.Popen([build.command("trace-attach"), "-o", tmp_path / "trace.db", str(program.pid)],
                               env=clean_environment(), stderr=subprocess.PIPE)
    until_attached(program, command)
    time.sleep(0.3)
    command.send_signal(signal.SIGINT)
    assert command.wait(timeout=60) == 0 and command.stderr.read() == b""
    assert program.poll() is None and pointers_into(program.pid, build.library) == []
    assert wait_for_run(tmp_path / "trace.db")["state"] == "complete"


def test_the_program_ends_first(build, start, tmp_path):
    program = start([build.target("churn"), 2, 3600])
    command = subprocess.Popen([build.command("trace-attach"), "-o", tmp_path / "trace.db", str(program.pid)],
                               env=clean_environment(), stderr=subprocess.PIPE)
    until_attached(program, command)
    time.sleep(0.3)
    program.send_signal(signal.SIGUSR2)
    assert program.wait(timeout=60) == 0
    _, said = command.communicate(timeout=60)
    assert (command.returncode, said) == (0, b"")
    run = wait_for_run(tmp_path / "trace.db")
    assert run["state"] == "complete" and run["exit_status"] == 0


def test_the_collector_dies(build, start, attach, tmp_path):
    program = start([build.target("churn"), 2, 3600])
    assert attach(program.pid, "--background").returncode == 0
    os.kill(collector_of(tmp_path / "trace.db"), signal.SIGKILL)
    time.sleep(0.2)
    assert attach(program.pid, "--detach").returncode == 0
    assert program.poll() is None and pointers_into(program.pid, build.library) == []
    assert attach(program.pid, "--duration", "0.2").returncode == 0


def refused(attach, pid, *words, **options):
    done = attach(pid, **options)
    assert done.returncode == 1 and done.stdout == "", done
    assert all(word in done.stderr for word in words), done.stderr
    assert done.stderr.count("\n") == 1


@contextlib.contextmanager
def visible_build(build):
    """A copy of trace-attach and what it needs, as other users may not be able to read the build."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        for file in build.command("trace-attach"), build.library:
            copy = Path(folder) / Path(file).parent.name / Path(file).name
            copy.parent.mkdir()
            shutil.copy(file, copy)
        yield Path(folder)


def kernel_threads():
    """Processes with PF_KTHREAD among their flags, the ninth field of stat."""
    stats = (path.read_text() for path in Path("/proc").glob("[0-9]*/stat"))
    return [int(stat.split()[0]) for stat in stats if int(stat.rpartition(")")[2].split()[6]) & 0x200000]


def test_refusals(build, attach, start, preload, tmp_path):
    refused(attach, 4194303, "does not exist")
    for kernel_thread in kernel_threads()[:1]: # a container has none
        refused(attach, kernel_thread, "kernel")
    zombie = subprocess.Popen(["/bin/true"])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    refused(attach, zombie.pid, "zombie")
    zombie.wait()
    stopped = start([build.target("churn"), 1, 3600])
    stopped.send_signal(signal.SIGSTOP)
    assert os.waitid(os.P_PID, stopped.pid, os.WSTOPPED | os.WNOWAIT)  # all of its threads are
    refused(attach, stopped.pid, "stopped")
    stopped.send_signal(signal.SIGCONT)
    traced = start([build.target("churn"), 1, 3600], env={"LD_PRELOAD": str(build.library), "LIBTRACE_DB": str(tmp_path / "p.db")})
    refused(attach, traced.pid, "started under libtrace")


def test_refuses_what_is_static(build, attach, tmp_path):
    (tmp_path / "s.c").write_text("#include <unistd.h>\nint main(void) { pause(); }")
    subprocess.run(["gcc", "-static", "-o", tmp_path / "s", tmp_path / "s.c"], check=True)
    program = subprocess.Popen([tmp_path / "s"])
    try:
        refused(attach, program.pid, "statically linked")
    finally:
        program.kill()
        program.wait()


def test_refuses_other_machines(attach, program, tmp_path):
    """A program of 32 bits, of one system call: pause."""
    (tmp_path / "p.s").write_text(".globl _start\n_start: mov $29, %eax\n int $0x80\n jmp _start\n")
    subprocess.run([program("as"), "--32", "-o", tmp_path / "p.o", tmp_path / "p.s"], check=True)
    subprocess.run([program("ld"), "-m", "elf_i386", "-o", tmp_path / "p", tmp_path / "p.o"], check=True)
    try:
        other = subprocess.Popen([tmp_path / "p"])
    except OSError as error:
        pytest.skip(f"this kernel runs no programs of 32 bits: {error}")
    try:
        time.sleep(0.1)
        assert other.poll() is None
        refused(attach, other.pid, "not a 64-bit x86-64 program")
    finally:
        other.kill()
        other.wait()


def test_refuses_musl(attach, program, tmp_path):
    (tmp_path / "m.c").write_text("#include <unistd.h>\nint main(void) { pause(); }")
    subprocess.run([program("musl-gcc"), "-o", tmp_path / "m", tmp_path / "m.c"], check=True)
    other = subprocess.Popen([tmp_path / "m"])
    try:
        time.sleep(0.1)
        refused(attach, other.pid, "musl")
    finally:
        other.kill()
        other.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to show another /proc/sys/kernel")
@pytest.mark.parametrize("user, scope, words", [(65534, 1, "ptrace_scope is 1"), (0, 3, "ptrace_scope is 3")])
def test_ptrace_scope(user, scope, words, build, program, tmp_path):
    """As if Yama forbade it: strace makes the system call fail, and a mount namespace of our own has the
    file with the setting."""
    run = [program("unshare"), "--mount", "sh", "-c",
           f"mount -t tmpfs none /proc/sys/kernel && mkdir /proc/sys/kernel/yama && echo {scope} >/proc/sys/kernel/yama/ptrace_scope && "
           f'exec {program("setpriv")} --reuid {user} --clear-groups "$@"', "sh"]
    if subprocess.run([*run, "true"], capture_output=True).returncode != 0:
        pytest.skip("mount namespaces cannot be made here")
    with visible_build(build) as folder:
        shutil.copy(build.target("churn"), folder)
        target = subprocess.Popen([folder / "churn", "1", "60"], user=user, stdout=subprocess.PIPE, cwd="/")
        try:
            target.stdout.readline()
            done = subprocess.run([*run, program("strace"), "-o", "/dev/null", "-e", "inject=ptrace:error=EPERM",
                                   folder / "bin/trace-attach", "-o", "/tmp/nobody.db", str(target.pid)],
                                  cwd="/", capture_output=True, text=True, timeout=60)
        finally:
            target.kill()
            target.communicate()
    assert done.returncode == 1 and words in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_refuses_what_a_debugger_traces(build, attach, start):
    program = start([build.target("churn"), 1, 3600])
    libc = ctypes.CDLL(None, use_errno=True)
    seize = 0x4206
    assert libc.ptrace(seize, program.pid, None, None) == 0
    refused(attach, program.pid, "being traced by process")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_refuses_other_users_processes(build, start):
    program = start([build.target("churn"), 1, 3600])
    with visible_build(build) as folder:
        done = subprocess.run([folder / "bin" / "trace-attach", "-o", "/tmp/nobody.db", str(program.pid)],
                              cwd="/", user=65534, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "another user" in done.stderr


def test_mistakes(build):
    def run(*arguments):
        return subprocess.run([build.command("trace-attach"), *arguments], capture_output=True, text=True)

    assert run().returncode == 2 and run("x").returncode == 2 and run("--duration", "x", "1").returncode == 2
    assert run("--help").returncode == 0 and run("--version").returncode == 0
    assert run("-o", "/nowhere/trace.db", str(os.getpid())).returncode == 1


ALONE = """
import time
print("ready", flush=True)
while True:
    kept = [bytes(1000) for _ in range(100)]
    time.sleep(0.001)
"""


def test_late_thread(build, start, program, tmp_path):
    """On a busy machine the only thread may need longer to stop than is waited for: it is taken when it has stopped."""
    target = start(["/usr/bin/python3", "-c", ALONE])
    late = [program("strace"), "-f", "-qq", "-o", "/dev/null", "-e", "trace=wait4", "-e", "inject=wait4:error=EINTR:delay_exit=300000:when=1"]
    done = subprocess.run([*late, build.command("trace-attach"), "-o", tmp_path / "trace.db", "--duration", "0.1", str(target.pid)],
                          env=clean_environment(), capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert rows(tmp_path / "trace.db", "SELECT state FROM run")[0]["state"] == "complete"


@pytest.fixture
def guests(build, start):
    """A program whose threads make blocks when told so, and how to tell it."""
    program = start([build.target("guests"), 300], stdin=subprocess.PIPE)

    def tell(what):
        program.stdin.write(what)
        program.stdin.flush()
        assert program.stdout.read(1) == b".", f"it ended: {program.wait()}"

    return program, tell


def attached_again(build, guests, database, depths, letters):
    """Attaches as often as there are depths, and has the threads make blocks each time."""
    program, tell = guests
    for depth in depths:
        done = subprocess.run([build.command("trace-attach"), "--background", "-o", database, str(program.pid)],
                              env=clean_environment({"LIBTRACE_DEPTH": str(depth)}), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        for letter in letters:
            tell(letter)
            time.sleep(0.2)  # the ring of a thread that is gone can be another's then
        done = subprocess.run([build.command("trace-attach"), "--detach", str(program.pid)],
                              env=clean_environment(), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        wait_for_run(database)
        assert "memfd:libtrace" not in open(f"/proc/{program.pid}/maps").read()
    return [row["n"] for row in rows(database, "SELECT sum(allocations) AS n FROM functions WHERE function = 'make' GROUP BY run ORDER BY run")]


def test_takes_the_ring_of_a_thread_that_is_gone(build, guests, tmp_path):
    """A thread that has recorded before takes the ring of one that began and ended in this run: nothing stays mapped."""
    guests[1](b"m")
    assert attached_again(build, guests, tmp_path / "trace.db", [128, 128, 128], [b"m", b"g"]) == [2000] * 3
    assert attached_again(build, guests, tmp_path / "trace2.db", [128, 128], [b"g", b"m"]) == [2000] * 2


def test_deeper_than_before(build, guests, tmp_path):
    """Threads that have recorded before get as much memory as deeper stacks need."""
    assert attached_again(build, guests, tmp_path / "trace.db", [1, 1024, 4, 1000], [b"m", b"g"]) == [2000] * 4
