"""The collector and trace-report when one thing fails, the n-th: an allocation, or an operation of SQLite on a file; what
must hold whichever it is. targets/shortage.h says which kinds there are, and has them fail.

Used by test_shortages.py, which tries some, and by scripts/test-failures, which tries all or as many as it is told.
"""

import collections
import pathlib
import shutil
import subprocess
import time

from conftest import clean_environment, wait_for_run
from failing import PATIENCE_S, Subject
from scribbles import _collectors

COLLECTOR_KINDS = ("malloc", "mallocs", "ioerr", "full", "busy", "short", "power")
REPORT_KINDS = ("malloc", "mallocs", "ioerr", "busy", "short")
REPORTS = (["top"], ["summary", "--json"], ["tree"], ["leaks"], ["compare"], ["rss", "1"], ["timeline"], ["advise", "--all"], ["check", "--max-peak", "1G"],
           ["annotate", "*calls.c"], ["export", "--format", "pprof", "-o", "out.pb.gz"], ["html", "-o", "out.html"],
           ["export", "--format", "pprof", "-o", "-"], ["html", "-o", "-"], ["runs"], ["sql", "SELECT * FROM lines"])

NEVER = 10**12  # an n that no process comes to
EARLY = 100  # before its n-th allocation a process sets its locale: a child that is forked there would wait for the lock

Shortage = collections.namedtuple("Shortage", "kind nth")


class Collector(Subject):
    """A program whose collector is short of something."""

    process = "collector"
    kinds = COLLECTOR_KINDS

    def __init__(self, build, folder, command):
        folder = pathlib.Path(folder)
        self.place = folder / "libexec/libtrace"
        self.place.mkdir(parents=True)
        (folder / "lib").mkdir()
        (folder / "db").mkdir()
        shutil.copy(build.library, folder / "lib")
        shutil.copy(build.target("understudy"), self.place / "trace-collector")
        self.collector = build.root / "tests/shared/trace-collector"  # whose SQLite is a library
        self.shortage = build.target("shortage.so")
        self.report = folder / "report"
        super().__init__(build, folder / "db", command, "collector")
        self.library = str(folder / "lib/libtrace.so")

    def _undisturbed(self):
        self.library = str(self.place.parents[1] / "lib/libtrace.so")
        return self._run(Shortage("none", 0))

    def _wait(self):
        """Until the collector has ended; those that do not."""
        deadline = time.monotonic() + PATIENCE_S
        while (left := list(_collectors(self.database))) and time.monotonic() < deadline:
            time.sleep(0.005)
        return left

    def _run(self, shortage):
        self._forget()
        self.report.unlink(missing_ok=True)
        (self.place / "plan").write_text(f"{self.collector}\n{self.shortage}\n{shortage.kind} {shortage.nth} {self.report}\n")
        began = time.monotonic()
        try:
            done = subprocess.run(self.command, env=clean_environment({"LD_PRELOAD": self.library, "LIBTRACE_DB": self.database}),
                                  stdin=subprocess.DEVNULL, capture_output=True, timeout=2 * PATIENCE_S)
            status, stdout, stderr = done.returncode, done.stdout, done.stderr
        except subprocess.TimeoutExpired as late:
            status, stdout, stderr = None, late.stdout or b"", late.stderr or b""
        seconds = time.monotonic() - began
        left = self._wait()
        if shortage.kind == "power":
            (self.folder / "trace.db-shm").unlink(missing_ok=True)  # is gone with the machine's memory
        return {"stdout": stdout, "stderr": stderr, "status": status, "seconds": seconds, "left": left}

    def count(self, kind):
        """How often the collector does that."""
        self._run(Shortage(kind, NEVER))
        return _count(self.report)

    def _record_wrong(self, run, ends_collector=False):
        """Where a collector has failed, a program of the family that is executed right then may begin a run of its own."""
        wrong = super()._record_wrong(run, ends_collector)
        if wrong and wrong.startswith("2 runs: ") and self._record()[0]["state"] == "interrupted" and run["stderr"]:
            return self._report_wrong("runs", [1, 2])
        return wrong

    def attempt(self, shortage):
        """(whether it came to that, None or what is wrong)"""
        run = self._run(shortage)
        met, what = _met(self.report)
        wrong = self._wrong(run)
        if wrong == "nothing is recorded, and nobody says so" and shortage.kind == "power":
            wrong = None  # the machine stopped before anything was synced
        return met, wrong and f"collector: {shortage.kind} #{shortage.nth} ({what}): {wrong}"


class Report:
    """trace-report, short of something."""

    process = "trace-report"
    kinds = REPORT_KINDS

    def __init__(self, build, folder, command, database):
        self.folder, self.command = pathlib.Path(folder), command
        self.report_tool, self.shortage = build.command("trace-report"), build.target("shortage.so")
        self.database, self.report = database, self.folder / "report"
        self.usual = self._run(Shortage("none", 0))

    def _run(self, shortage, first=1):
        self.report.unlink(missing_ok=True)
        environment = clean_environment({"LIBTRACE_DB": self.database, "LD_PRELOAD": self.shortage,
                                         "SHORTAGE": f"{shortage.kind} {shortage.nth} {self.report} {first}"})
        with open(self.folder / "stdout", "w+b") as out, open(self.folder / "stderr", "w+b") as messages:
            done = subprocess.run([self.report_tool, *self.command], env=environment, cwd=self.folder, stdin=subprocess.DEVNULL,
                                  stdout=out, stderr=messages, timeout=3600 if shortage.nth == 0 else 60)
        done.stdout, done.stderr = (self.folder / "stdout").read_bytes(), (self.folder / "stderr").read_bytes()
        return done

    def count(self, kind):
        self._run(Shortage(kind, NEVER))
        return _count(self.report)

    def opening(self, kind):
        """How often a report does that which finds no run in the database: any other does the same until there."""
        command, self.command = self.command, ["top", str(NEVER)]
        count = self.count(kind)
        self.command = command
        return count

    def each(self, kind, first):
        """Lets each allocation from there on fail in a child of the process. The numbers of those that have to be looked at by themselves,
        as that was not the end of it, and None, or what is wrong. A report that writes a file cannot be tried like that."""
        done = self._run(Shortage(kind, 0), max(first, EARLY))
        unlike = [*range(first, EARLY), *(int(number) for what, number in _lines(self.report) if what == "unlike")]
        return unlike, self._wrong(done) and f"{self._name()}: {kind}, each in a child: {self._wrong(done)}"

    def writes_file(self):
        return "-o" in self.command and self.command[-1] != "-"

    def _name(self):
        return f"trace-report {' '.join(self.command)}"

    def _wrong(self, done):
        wrong = None
        if done.returncode == self.usual.returncode and done.stderr == self.usual.stderr:
            if done.stdout != self.usual.stdout:
                wrong = f"prints {_difference(done.stdout, self.usual.stdout)}, and says nothing"
        elif done.returncode != 1 or not done.stderr.startswith(b"trace-report") or done.stderr.count(b"\n") != 1:
            wrong = f"ends with {done.returncode}, says {done.stderr[:400]!r}"
        for left in self.folder.glob("*.unfinished-*"):
            wrong = f"leaves {left.name}"
            left.unlink()
        return wrong

    def attempt(self, shortage):
        try:
            wrong = self._wrong(self._run(shortage))
        except subprocess.TimeoutExpired:
            wrong = "does not end"
        met, what = _met(self.report)
        return met, wrong and f"{self._name()}: {shortage.kind} #{shortage.nth} ({what}): {wrong}"


def _difference(one, other):
    """The first line that differs."""
    for a, b in zip(one.splitlines() + [b"(nothing)"], other.splitlines() + [b"(nothing)"]):
        if a != b:
            return f"{a[:200]!r} instead of {b[:200]!r}"
    return "something else"


def _lines(report):
    return [line.split() for line in report.read_text().splitlines()] if report.exists() else []


def _count(report):
    """How many there were in the process that had the most."""
    return max((int(number) for what, number in _lines(report) if what == "all"), default=0)


def _met(report):
    found = [what for what, _ in _lines(report) if what != "all"]
    return bool(found), found[0] if found else "-"


def subjects(build, folder):
    """The processes to be tried, each in a folder of its own. The reports are about two runs, of which the first knows its pages."""
    folder = pathlib.Path(folder)
    (folder / "collector").mkdir()
    collector = Collector(build, folder / "collector", [build.target("calls")])
    database = folder / "trace.db"
    for command, told in (([build.target("fragments"), "20000"], b"mark kept\n"), ([build.target("calls")], b"")):
        subprocess.run(command, env=clean_environment({"LD_PRELOAD": str(build.library), "LIBTRACE_DB": database}), input=told,
                       capture_output=True, timeout=60, check=False)
        wait_for_run(database)
    found = [collector]
    for number, command in enumerate(REPORTS):
        place = folder / f"report{number}"
        place.mkdir()
        found.append(Report(build, place, command, database))
    return found
