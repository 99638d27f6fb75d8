"""trace-attach refuses programs that would be killed by what it does in them, at once and for the right
reason."""

import os
import resource
import signal
import subprocess
import time

import pytest

from conftest import clean_environment, wait_for_run


@pytest.fixture
def start():
    """start(argv): starts a program in the background, and waits for its first line."""
    started = []

    def run(*argv, **options):
        process = subprocess.Popen(argv, env=clean_environment(), stdout=subprocess.PIPE, **options)
        started.append(process)
        assert process.stdout.readline() == b"ready\n"
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def ptrace_calls(build, program, folder, pid, *arguments):
    """Runs trace-attach on a process: the result, and how often it called ptrace."""
    log = folder / "ptrace.log"
    done = subprocess.run([program("strace"), "-o", log, "-e", "trace=ptrace", build.command("trace-attach"), "-o",
                           folder / "trace.db", *arguments, str(pid)],
                          env=clean_environment(), capture_output=True, text=True, timeout=60)
    return done, log.read_text().count("ptrace(")


@pytest.fixture
def refused(build, program, tmp_path):
    """refused(process, words): it is refused with one line, before anything was touched, and lives."""

    def check(process, words):
        done, calls = ptrace_calls(build, program, tmp_path, process.pid)
        assert done.returncode == 1 and words in done.stderr and done.stderr.count("\n") == 1, done.stderr
        assert calls == 0 and process.poll() is None

    return check


@pytest.mark.parametrize("who", ["all", "thread"])
def test_seccomp(build, start, refused, who):
    refused(start(build.target("confined"), who), "seccomp filter")


def test_without_a_filter(build, start, program, tmp_path):
    """The same program is accepted without a filter: so it is the filter that is detected."""
    process = start(build.target("confined"), "none")
    done, calls = ptrace_calls(build, program, tmp_path, process.pid, "--duration", "0.2")
    assert done.returncode == 0 and calls > 0 and process.poll() is None, done.stderr


def default_xfsz():
    """For preexec_fn: a file that is too large ends the program (python ignores it, and children inherit that)."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)


@pytest.fixture
def attached(build, program, tmp_path):
    """attached(process): it is attached to and let go again, lives, and is in the record."""

    def check(process):
        done, calls = ptrace_calls(build, program, tmp_path, process.pid, "--duration", "0.2")
        assert done.returncode == 0 and calls > 0 and process.poll() is None, done.stderr
        run = wait_for_run(tmp_path / "trace.db")
        assert run["state"] == "complete" and run["allocations"] > 10

    return check


# How much more than it has the program may use, measured as the limit does.
LITTLE = 40 << 20
ENOUGH = 128 << 20


@pytest.mark.parametrize("size", [0, 1 << 20, 6 << 20])
def test_file_size_limit(size, build, start, refused):
    """Shared memory is a file: if it gets too large, SIGXFSZ ends the program."""
    process = start(build.target("confined"), "none", preexec_fn=default_xfsz)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, size))
    refused(process, "ulimit -f")


@pytest.mark.parametrize("size", [16 << 20, 1 << 30])
def test_file_size_that_suffices(size, build, start, attached):
    """The memory is as large as it may be."""
    process = start(build.target("confined"), "none", preexec_fn=default_xfsz)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, size))
    attached(process)


def used(process, field):
    with open(f"/proc/{process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[field]) * resource.getpagesize()


@pytest.mark.parametrize("which, field, word", [("RLIMIT_AS", 0, "ulimit -v"), ("RLIMIT_DATA", 5, "ulimit -d")])
def test_memory_limit(which, field, word, build, start, refused, attached):
    """We use only a small part of the address space that the program has left."""
    process = start(build.target("confined"), "none")
    has = used(process, field)
    resource.prlimit(process.pid, getattr(resource, which), (has + LITTLE, has + ENOUGH))
    refused(process, word)
    resource.prlimit(process.pid, getattr(resource, which), (has + ENOUGH, has + ENOUGH))
    attached(process)


def test_no_descriptor_left(build, start, refused):
    process = start(build.target("confined"), "none")
    open_files = len(os.listdir(f"/proc/{process.pid}/fd"))
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (open_files, open_files))
    refused(process, "descriptor")


def test_confined_while_it_is_traced(build, start, tmp_path):
    """A program that confines itself later cannot be detached from: it continues, and the user is told."""
    process = start(build.target("confined"), "none")
    database = tmp_path / "trace.db"
    attach = subprocess.Popen([build.command("trace-attach"), "--duration", "1", "-o", database, str(process.pid)],
                              env=clean_environment(), stderr=subprocess.PIPE, text=True)
    while "memfd:libtrace" not in open(f"/proc/{process.pid}/maps").read():
        assert attach.poll() is None, attach.stderr.read()
        time.sleep(0.01)
    process.send_signal(signal.SIGUSR1)
    assert process.stdout.readline() == b"confined\n"
    assert "seccomp filter" in attach.stderr.readline()
    time.sleep(0.2)
    assert process.poll() is None
    process.kill()
    assert attach.wait(timeout=60) == 1
    assert wait_for_run(database)["allocations"] > 10
