"""Runs a task plain, plain and traced, and compares what it leaves."""

import dataclasses
import os
import re
import shutil
import subprocess

import conftest
import inputs

TIMEOUT = 400
NUMBERS = re.compile(rb"(0x)?[0-9][0-9a-f]*|\b[0-9a-f]{6,}\b")


@dataclasses.dataclass
class Outcome:
    """What a run left. files: {path: (kind and mode, content)}."""

    status: int
    stdout: bytes
    stderr: bytes
    files: dict

    def parts(self):
        """{what it is called: its value}; how it ended is compared in any case."""
        return {"stdout": self.stdout, "stderr": self.stderr, "names of files": b"\n".join(sorted(n.encode() for n in self.files)),
                **{f"{name}: mode": kind.encode() for name, (kind, _) in self.files.items()},
                **{name: content for name, (_, content) in self.files.items()}}


@dataclasses.dataclass
class Found:
    task: object
    missing: bool = False
    different: str = ""
    not_compared: str = ""
    outcome: Outcome = None
    run: dict = None
    record: str = ""

    def cells(self):
        if self.missing:
            return self.task.name, "not here", "", "", "", "", "", "", ""
        run = self.run or {"allocations": 0, "processes": 0}
        return (self.task.name, f"DIFFERENT: {self.different}" if self.different else "the same", f"{run['allocations']:,}",
                f"{run['processes']:,}", self.record, f"{len(self.outcome.stdout):,}", f"{len(self.outcome.stderr):,}", f"{len(self.outcome.files):,}",
                self.not_compared)


def files_of(folder):
    found = {}
    for path in sorted(folder.rglob("*")):
        name, state = str(path.relative_to(folder)), path.lstat()
        content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found[name] = (oct(state.st_mode), content)
    return found


def masked(value):
    return NUMBERS.sub(b"#", value)


def compare(first, second, traced):
    """(what is different, what could not be compared): first and second are of two plain runs."""
    different, not_compared = [], []
    if len({first.status, second.status}) > 1:
        not_compared.append("exit status")
    elif first.status != traced.status:
        different.append(f"exit status {first.status} -> {traced.status}")
    a, b, c = first.parts(), second.parts(), traced.parts()
    for name in sorted(set(a) | set(c)):
        one, two, three = a.get(name, b""), b.get(name, b""), c.get(name, b"")
        if one == two:
            if one != three:
                different.append(f"{name} {first_difference(one, three)}")
        elif masked(one) == masked(two):
            not_compared.append(f"numbers in {name}")
            if masked(one) != masked(three):
                different.append(f"{name} {first_difference(masked(one), masked(three))}")
        else:
            not_compared.append(name)
    return "; ".join(different[:3]), ", ".join(not_compared)


def first_difference(one, other):
    at = next((i for i, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))
    start = max(at - 20, 0)
    return f"{one[start : at + 40]!r} -> {other[start : at + 60]!r}"


class Runner:
    """Runs tasks, always in the same folder, as programs print and hash its path."""

    def __init__(self, build, scratch):
        self.build, self.scratch = build, scratch
        self.folder, self.input, self.database = scratch / "work", scratch / "input", scratch / "trace.db"
        inputs.write(self.input)

    def environment(self, extra):
        return conftest.clean_environment({"HOME": self.folder, "INPUT": self.input, "TZ": "UTC", "PYTHONHASHSEED": "0", "PERL_HASH_SEED": "0",
                                           "SOURCE_DATE_EPOCH": "1700000000", "TERM": "dumb", "MANWIDTH": "80", "COLUMNS": "80",
                                           "PYTHONDONTWRITEBYTECODE": "1", "RUSTUP_HOME": os.path.expanduser("~/.rustup"), **extra})

    def outcome(self, task, extra):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        done = subprocess.run(["bash", "-c", task.script], cwd=self.folder, env=self.environment(extra), stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=TIMEOUT)
        return Outcome(done.returncode, done.stdout, done.stderr, files_of(self.folder))

    def compare(self, task):
        if not shutil.which(task.needs()):
            return Found(task, missing=True)
        try:
            first, second = self.outcome(task, {}), self.outcome(task, {})
            for left in self.scratch.glob("trace.db*"):
                left.unlink(missing_ok=True)
            traced = self.outcome(task, {"LD_PRELOAD": self.build.library, "LIBTRACE_DB": self.database})
            conftest.wait_for_run(self.database, timeout=TIMEOUT)
        except (subprocess.TimeoutExpired, AssertionError) as error:
            return Found(task, different=f"{error}"[:200], outcome=Outcome(0, b"", b"", {}))
        different, not_compared = compare(first, second, traced)
        runs = conftest.rows(self.database, "SELECT sum(allocations) AS allocations, sum(processes) AS processes FROM runs")[0]
        record, lost = self.recorded()
        different = "; ".join(filter(None, [different, lost]))
        if not runs["allocations"]:
            different = different or "nothing was recorded"
        return Found(task, False, different, not_compared, first, dict(runs), record)

    def recorded(self):
        """(what the record is, what it should not lack). Processes with an allocator of their own are not traced, which it says."""
        [row] = conftest.rows(self.database, """SELECT sum(state != 'complete') AS broken, sum(untraced) AS untraced, group_concat(why) AS why,
                                                sum(events_lost + damaged + stopped) AS lost, sum(state != 'complete' AND untraced = 0) AS odd FROM run""")
        if row["lost"] or row["why"] or row["odd"]:
            return "incomplete", f"the record lacks something: {row['why'] or row['lost'] or 'not said'}"
        return (f"{row['untraced']} untraced", "") if row["broken"] else ("complete", "")
