"""A program under the tracer one of whose system calls fails: which there are, and what must hold whichever it is.

Used by test_failing_calls.py, which tries some, and by scripts/test-syscalls, which tries all or as many as it is told.
targets/injector.c has them fail.
"""

import collections
import errno
import os
import pathlib
import re
import sqlite3
import subprocess
import time

from conftest import clean_environment
from scribbles import _collectors

LATE_S = 3.0  # a program this much later than usual was held up: a busy machine does not do that twice
PATIENCE_S = 25  # until everything has ended

Call = collections.namedtuple("Call", "task name nth owner function first second")
Failure = collections.namedtuple("Failure", "call error")

# Errors of these calls on a system that is short of something, or restrictive. Calls that are in none of the
# lists are tried with EPERM, as a seccomp filter would make them fail.
ERRORS = {
    "access": ["EACCES"],
    "clone": ["EAGAIN", "ENOSYS"],
    "clone3": ["EAGAIN", "ENOSYS"],
    "close": ["EIO", "EINTR"],
    "dup2": ["EBUSY"],
    "execve": ["ENOENT", "EACCES", "ENOMEM"],
    "fallocate": ["ENOSPC", "EOPNOTSUPP"],
    "fcntl": ["EMFILE", "ENOLCK", "EINVAL"],
    "fdatasync": ["EIO", "ENOSPC"],
    "fstatfs": ["EIO"],
    "fsync": ["EIO"],
    "futex": ["EINTR", "EAGAIN"],
    "ftruncate": ["ENOSPC", "EFBIG"],
    "getcwd": ["ENOENT"],
    "getrandom": ["ENOSYS", "EAGAIN"],
    "madvise": ["EINVAL", "ENOMEM"],
    "memfd_create": ["EMFILE", "ENOMEM", "ENOSYS"],
    "mmap": ["ENOMEM"],
    "mprotect": ["ENOMEM"],
    "mremap": ["ENOMEM", "EINVAL"],
    "munmap": ["ENOMEM"],
    "newfstatat": ["EACCES", "EIO"],
    "open": ["EMFILE", "EACCES"],
    "openat": ["EMFILE", "EACCES"],
    "pidfd_open": ["ENOSYS", "EMFILE"],
    "pread64": ["EIO"],
    "pwrite64": ["ENOSPC", "EIO"],
    "read": ["EIO"],
    "readlink": ["EACCES"],
    "unlink": ["EPERM"],
    "wait4": ["ECHILD", "EINTR"],
    "waitid": ["EPERM"],
    "write": ["EIO", "ENOSPC"],
}
WAITS = {"nanosleep", "clock_nanosleep", "ppoll", "poll"}  # fail by a signal only
WAITING = WAITS | {"futex", "kill"}  # repeated while something is waited for
# These do not return, are not real calls, or cannot lack anything. And brk: after one that fails, the
# malloc() of glibc 2.36 crashes by itself.
NEVER = {"exit", "exit_group", "rt_sigreturn", "restart_syscall", "getpid", "getppid", "gettid", "getuid", "geteuid", "brk"}

# Functions of the library that do what the program asked the C library for: calls made below them are the
# program's. All other calls in the library are its own.
FORWARDS = re.compile(r"(m|c|re)alloc(array)?$|free|memalign|aligned_alloc|valloc|_?_exit|_Exit|quick_exit|prctl$|syscall$|_Z(nw|na|dl|da)")
CLONE_VM_VFORK = 0x4100  # used by the tracer only


def _numbers():
    """Numbers of system calls, by name."""
    header = pathlib.Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h").read_text()
    return {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)", header)}


def errors_of(call):
    """Names of errors that it can fail with; none if it cannot."""
    if call.name in NEVER:
        return []
    if call.name in WAITS:
        return ["EINTR"]
    errors = ERRORS.get(call.name, ["EPERM"])
    if call.function == "join_run":  # the run is another user's, or over: it is right to begin another
        errors = [error for error in errors if error not in ("EACCES", "EINVAL")]
    return errors


class Subject:
    """A command to be traced, and what must hold however it is disturbed.

    name: for messages. through: `trace-run` before the command, instead of the preload."""

    def __init__(self, build, folder, command, name, through=()):
        self.library, self.report_tool = str(build.library), build.command("trace-report")
        self.folder, self.name = pathlib.Path(folder), name
        self.command, self.through = [str(c) for c in command], [str(t) for t in through]
        plain = subprocess.run(self.command, env=clean_environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        self.status, self.stdout = plain.returncode, plain.stdout
        self.usual = self._undisturbed()
        self.record = self._record()

    def _forget(self):
        for file in self.folder.glob("*"):
            file.unlink(missing_ok=True)

    @property
    def database(self):
        return self.folder / "trace.db"

    def _record(self):
        """The part of the record that is the same every time: a list of rows, one for each run."""
        if not self.database.exists() or not self.database.stat().st_size:
            return []
        connection = sqlite3.connect(self.database, timeout=30)
        connection.row_factory = sqlite3.Row
        try:
            if connection.execute("PRAGMA integrity_check").fetchall()[0][0] != "ok":
                raise sqlite3.DatabaseError("integrity_check")
            if not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                return []
            found = connection.execute(
                "SELECT run.id, state, phase, allocations, bytes, frees, events_lost, damaged,"
                " (SELECT count(*) FROM process WHERE run = run.id) AS processes,"
                " (SELECT count(*) FROM thread WHERE run = run.id) AS threads,"
                " (SELECT sum(allocations) FROM site WHERE run = run.id) AS in_sites,"
                " (SELECT count(DISTINCT function) FROM line WHERE run = run.id AND file LIKE '%calls.c') AS named,"
                " (SELECT count(*) FROM sample WHERE run = run.id) > 0 AS sampled,"
                " (SELECT count(*) FROM module WHERE run = run.id AND symbols > 0) AS without_lines"
                " FROM run ORDER BY run.id").fetchall()
            return [dict(row) for row in found]
        finally:
            connection.close()

    def _wrong(self, run, of_trace_run=False, ends_collector=False):
        """None, or what is wrong after a run: of its status, stdout, stderr, seconds, and processes that are left.

        ends_collector: the C library ends the collector, so that a run may have begun that another one follows."""
        return (self._program_wrong(run, of_trace_run) or self._collector_wrong(run)
                or self._record_wrong(run, ends_collector))

    def _program_wrong(self, run, of_trace_run):
        lines = run["stderr"].splitlines()
        known = all(line.startswith((b"libtrace: ", b"trace-run: ")) for line in lines)
        if of_trace_run and run["status"] in (125, 126, 127):
            # It prints one line that says why it cannot do its work, and does not do half of it; or it cannot
            # report the program's status.
            right = len(lines) == 1 and known and run["stdout"] in (b"", self.stdout)
            return None if right else f"says {run['stderr']!r}, prints {run['stdout']!r}"
        if (run["status"], run["stdout"]) != (self.status, self.stdout):
            return f"ends with {run['status']}, prints {run['stdout']!r}, says {run['stderr']!r}"
        if len(lines) > 1 or not known:
            return f"says {run['stderr']!r}"
        if run["seconds"] > self.usual["seconds"] + LATE_S:
            return f"ends late, after {run['seconds']:.1f} s instead of {self.usual['seconds']:.1f} s; says {run['stderr']!r}"
        return None

    def _collector_wrong(self, run):
        if run["left"]:
            return f"{run['left']} is still there after {PATIENCE_S} s"
        left = list(_collectors(self.database))
        return f"the collector {left} is still there" if left else None

    def _record_wrong(self, run, ends_collector=False):
        try:
            runs = self._record()
        except sqlite3.DatabaseError as error:
            return f"the database is damaged: {error}"
        if not runs and not run["stderr"]:
            return "nothing is recorded, and nobody says so"
        for row in runs:
            lacking = {key: value for key, value in row.items() if value != self.record[0][key]}
            if lacking.pop("without_lines", 0) > self.record[0]["without_lines"]:
                lacking.pop("named", None)  # and why is said of that module
            if row["state"] == "complete" and lacking and not row["events_lost"] and not run["stderr"]:
                return f"is called complete, but differs: {lacking}"
        if len(runs) > 1 and not (ends_collector and self._is_followed(runs)):
            return f"{len(runs)} runs: {runs}"
        return self._report_wrong("runs", runs) or self._report_wrong("top", runs)

    @staticmethod
    def _is_followed(runs):
        """True if the first of two runs is not called whole and has nothing, and the second has everything."""
        first, *rest = runs
        return (len(rest) == 1 and first["state"] == "interrupted" and not first["allocations"]
                and rest[0]["state"] == "complete" and not rest[0]["events_lost"])

    def _report_wrong(self, command, runs):
        done = subprocess.run([self.report_tool, command, "--db", str(self.database)], env=clean_environment(),
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        if done.returncode == 0 and (done.stdout or not runs):
            return None
        if done.returncode > 0 and done.stderr.startswith(b"trace-report") and done.stderr.count(b"\n") == 1:
            return None
        return f"trace-report {command} ends with {done.returncode}: {done.stdout!r}, {done.stderr!r}"


class CallsSubject(Subject):
    """One of whose system calls fails."""

    def __init__(self, build, *arguments):
        self.injector, self.numbers = build.target("injector"), _numbers()
        super().__init__(build, *arguments)
        self.calls = self._list()

    # ---- running it

    def _undisturbed(self):
        return self._run("none", "close", 1, 0, "-")

    def _injected(self, *arguments):
        """Runs it under the injector: its result, and the lines of the injector's report."""
        self._forget()
        environment = clean_environment({"LIBTRACE_DB": self.database})
        if not self.through:
            environment["INJECTOR_PRELOAD"] = self.library
        report = self.folder / "report"
        done = subprocess.run([self.injector, str(report), str(PATIENCE_S), *arguments, *self.through, *self.command],
                              env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=2 * PATIENCE_S)
        return done, [line.split() for line in report.read_text().splitlines()]

    def _run(self, task, name, nth, error, function):
        done, lines = self._injected(task, str(self.numbers[name]), str(nth), str(error), function)
        ends = [line for line in lines if line[0] == "end"]
        return {
            "stdout": done.stdout,
            "stderr": done.stderr,
            "met": any(line[0] == "fail" for line in lines),
            "status": os.waitstatus_to_exitcode(int(ends[0][1])) if ends else None,
            "seconds": int(ends[0][2]) / 1e9 if ends else PATIENCE_S,
            "left": [line[1] for line in lines if line[0] == "left"],
        }

    # ---- the calls

    def _list(self):
        names = {number: name for name, number in self.numbers.items()}
        _, lines = self._injected("list")
        self.images = {line[1]: line[2] for line in lines if line[0] == "exec"}
        calls = [Call(line[1], names[int(line[2])], int(line[3]), line[4], line[5], int(line[6], 16), int(line[7], 16))
                 for line in lines if line[0] == "call"]
        waits = collections.Counter()
        ours = []
        for call in calls:
            if not self.part_of(call):
                continue
            if call.name in WAITING:
                waits[call.task, call.name, call.function] += 1
                if waits[call.task, call.name, call.function] > 4:
                    continue  # how often it looks again differs from run to run
            ours.append(call)
        return ours

    def _image_of(self, task):
        """The program of a task, and the task that executed it."""
        executed = task[:task.rindex("!") + 1]
        return pathlib.Path(self.images.get(executed, "")).name, executed

    def part_of(self, call):
        """The part of libtrace that makes the call: None if the program itself does, or its loader."""
        if "!" not in call.task:
            return None
        image, executed = self._image_of(call.task)
        if image == "trace-collector":
            return "collector"
        if image == "trace-run":
            return None if call.owner == "-" and call.name not in ("clone", "vfork") else "trace-run"
        if call.owner == "libtrace.so":
            if FORWARDS.match(call.function):
                return None
            return "helper" if self._is_helper(call.task, executed) else "library"
        if self._is_helper(call.task, executed) or (call.name == "clone" and call.first == CLONE_VM_VFORK):
            return "helper"
        return None

    def _is_helper(self, task, executed):
        """The processes that become, or start, the collector: the first that the first of a run starts."""
        first = next((t for t, path in self.images.items() if path.endswith("/" + pathlib.Path(self.command[0]).name)), None)
        return executed == first and (task + ".").startswith(f"{first}.1.")

    def failures(self):
        """All failures to try."""
        return [Failure(call, error) for call in self.calls for error in errors_of(call)]

    # ---- what must hold

    def attempt(self, failure):
        """Makes the call fail: (whether it was made at all, None or what is wrong)."""
        met, wrong = self._attempt(failure)
        for pause in (1, 5, 25):  # the machine may have been busy
            if wrong and ("late" in wrong or "still there" in wrong):
                time.sleep(pause)
                met, wrong = self._attempt(failure)
        if not wrong:
            return met, None
        call = failure.call
        return met, f"{self.name}: {self.part_of(call)} {call.task} {call.name} #{call.nth} {failure.error} ({call.function}): {wrong}"

    def _attempt(self, failure):
        call = failure.call
        run = self._run(call.task, call.name, call.nth, getattr(errno, failure.error), call.function)
        part = self.part_of(call)
        # A kernel has it for all threads or for none: glibc ends a process in which only some threads have it.
        ends_collector = part == "collector" and call.name == "rseq"
        return run["met"], self._wrong(run, part == "trace-run", ends_collector)


def subjects(build, folder):
    """The programs to be tried, each in a folder of its own."""
    command = [build.target("calls")]
    found = []
    for name, through in (("preload", ()), ("trace-run", (build.command("trace-run"), "--"))):
        place = pathlib.Path(folder) / name
        place.mkdir()
        found.append((name, place, command, through))
    return [CallsSubject(build, place, command, name, through) for name, place, command, through in found]


def all_failures(found):
    """(subject, failure) for all; for trace-run only its own calls, as the rest is the same as with the
    preload."""
    return [(subject, failure) for subject in found for failure in subject.failures()
            if not subject.through or subject.part_of(failure.call) == "trace-run"]


def can_trace(build, folder):
    """None, or why processes cannot be traced here."""
    done = subprocess.run([build.target("injector"), f"{folder}/report", "20", "none", "0", "1", "1", "-", "/bin/true"],
                          env=clean_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    return None if done.returncode == 0 else f"no process can be traced here: {done.stderr.strip()}"
