"""What scripts/verify compares libtrace with. Each oracle is a function (bench, case) that runs a program under both, and returns
a Row."""

import dataclasses
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "e2e"), str(HERE.parent / "python")]

import conftest  # noqa: E402
import oracle  # noqa: E402

MEMUSAGE = "/lib/x86_64-linux-gnu/libmemusage.so"
TIMEOUT = 900


class NotHere(Exception):
    """What a row needs is not installed."""


@dataclasses.dataclass
class Case:
    """A program and the oracle that it is compared with. argv: its first word may be a program to be looked for; prepare(folder)
    fills the folder that it runs in."""

    name: str
    oracle: str
    argv: list
    prepare: object = None
    env: dict = dataclasses.field(default_factory=dict)
    more: dict = dataclasses.field(default_factory=dict)  # of the oracle alone
    known: dict = dataclasses.field(default_factory=dict)  # {measure: ours - theirs}, by definition
    note: tuple = ()


@dataclasses.dataclass
class Row:
    """What came out. values: (measure, ours, theirs) each; known: {measure: ours - theirs by definition}."""

    program: str
    oracle: str
    values: list = dataclasses.field(default_factory=list)
    known: dict = dataclasses.field(default_factory=dict)
    note: tuple = ()  # a letter, and how the two count differently
    missing: str = ""
    failure: str = ""

    def wrong(self):
        return bool(self.failure) or any(ours != theirs + self.known.get(measure, 0) for measure, ours, theirs in self.values)

    def cells(self):
        if self.missing:
            return "", "", "", f"not here: {self.missing}"
        if self.failure:
            return "", "", "", f"WRONG: {self.failure}"
        measure, ours, theirs = self.values[0]
        apart = ", ".join(f"{measure} {ours - theirs:+,}" for measure, ours, theirs in self.values if ours != theirs)
        said = apart or "0"
        if self.wrong():
            said = f"WRONG: {apart}"
        if self.note:
            said += f"  ({self.note[0]})"
        also = len(self.values) - 1
        return measure + (f", {also} more" if also else ""), f"{ours:,}", f"{theirs:,}", said

    def as_json(self):
        return {"program": self.program, "oracle": self.oracle, "not_here": self.missing or None, "failure": self.failure or None,
                "measures": [{"measure": measure, "ours": ours, "theirs": theirs, "known_difference": self.known.get(measure, 0)}
                             for measure, ours, theirs in self.values],
                "wrong": self.wrong(), "note": self.note[1] if self.note else None}


class Bench:
    """Where programs are run: always in the same folder, which is made afresh each time, and in the same environment."""

    def __init__(self, build, scratch, broken):
        self.build, self.scratch = build, scratch
        self.library = build.library
        if broken:
            self.library = build.library.with_name("libtrace-drops.so")
            if not self.library.exists():
                sys.exit(f"scripts/verify: {self.library} is not there: configure the build with -DBUILD_TESTING=ON, and build it")
        self.folder, self.database = scratch / "work", scratch / "trace.db"
        self.own_calls = {}  # see own_of_heaptrack()

    def program(self, *names):
        """The path of a program of the build, or of the system."""
        for place in (self.build.workloads, self.build.root / "tests" / "bench", self.build.targets):
            if (place / names[0]).exists():
                return str(place / names[0])
        for name in names:
            path = name if "/" in name else shutil.which(name)
            if path and os.path.exists(path):
                return path
        raise NotHere(names[0])

    def environment(self, case, extra=None):
        usual = {"HOME": self.folder, "TZ": "UTC", "TERM": "dumb", "PYTHONHASHSEED": "0", "PERL_HASH_SEED": "0",
                 "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"], "PWD": self.folder, "RUSTUP_HOME": os.path.expanduser("~/.rustup")}
        bare = {name: None for name in os.environ}
        return conftest.clean_environment({**bare, **usual, "LC_ALL": "C.UTF-8", **case.env, **(extra or {})})

    def fresh(self, case):
        """Makes the folder, and goes into it."""
        os.chdir(self.scratch)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        os.chdir(self.folder)
        if case.prepare:
            case.prepare(self.folder)
        return [self.program(case.argv[0]), *map(str, case.argv[1:])]

    def execute(self, argv, env):
        done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT)
        if done.returncode:
            raise RuntimeError(f"exit status {done.returncode}: {done.stderr.decode(errors='replace').strip()[-200:]}")
        return done

    def traced(self, case, extra=None, below=()):
        """Runs the program under libtrace; returns conftest.Trace. below: libraries preloaded behind it."""
        for left in self.scratch.glob("trace.db*"):
            left.unlink(missing_ok=True)
        argv = self.fresh(case)
        env = self.environment(case, {"LD_PRELOAD": ":".join(map(str, [self.library, *below])), "LIBTRACE_DB": self.database,
                                      **(extra or {})})
        trace = conftest.Trace(self.database, self.execute(argv, env))
        if trace.run["state"] != "complete" or trace.run["events_lost"]:
            raise RuntimeError(f"the record is {trace.run['state']}, {trace.run['events_lost']} events are lost")
        return trace

    def run(self, case):
        row = Row(case.name, case.oracle)
        try:
            found = ORACLES[case.oracle](self, case)
            if case.known:
                found.known, found.note = case.known, case.note
            return found
        except NotHere as missing:
            row.missing = str(missing)
        except (RuntimeError, AssertionError, OSError, subprocess.SubprocessError) as error:
            row.failure = " ".join(str(error).split())[:300]
        return row


def compared(case, ours, theirs, measures, **more):
    return Row(case.name, case.oracle, [(measure, ours[measure], theirs[measure]) for measure in measures], **more)


# ---- those that count allocations ---------------------------------------------------------------------------

TOTALS = ("allocations", "frees", "bytes", "live_allocations", "live_bytes")


def totals(trace):
    found = {measure: trace.run[measure] for measure in (*TOTALS, "peak_bytes", "peak_allocations", "temporary")}
    # For others a block from before the trace is a block.
    return {**found, "frees": found["frees"] + trace.run["foreign_frees"]}


# What valgrind puts into the program's environment, and about what libtrace does: for programs that copy theirs, both get both.
OF_VALGRIND = {"LD_LIBRARY_PATH": "/usr/lib/debug", "GLIBCPP_FORCE_NEW": "1", "GLIBCXX_FORCE_NEW": "1"}
OF_LIBTRACE = {"LIBTRACE_DB": "x" * 40, "LIBTRACE_SESSION": "x" * 140}
PRELOAD_SIZE = 1000
PRELOAD_OF_VALGRIND = len("/usr/libexec/valgrind/vgpreload_core-amd64-linux.so:/usr/libexec/valgrind/vgpreload_memcheck-amd64-linux.so:")


def valgrind(bench, case):
    """Its totals. valgrind's run has as many libraries with thread-local storage as ours, for each of which the loader's vector in
    each thread is 16 bytes larger."""
    if not shutil.which("valgrind"):
        raise NotHere("valgrind")
    folder = bench.scratch / "tls"
    folder.mkdir(exist_ok=True)
    stand_ins = ":".join(oracle.tls_stand_ins(bench.library, folder))
    argv = bench.fresh(case)
    env = bench.environment(case, {"LD_PRELOAD": stand_ins.ljust(PRELOAD_SIZE - PRELOAD_OF_VALGRIND, ":"), **OF_LIBTRACE})
    _, theirs = oracle.valgrind_totals(argv, env)
    ours = bench.traced(case, {"LD_PRELOAD": str(bench.library).ljust(PRELOAD_SIZE, ":"), **OF_VALGRIND})
    return compared(case, totals(ours), theirs, TOTALS)


MEMUSAGE_CALLS = re.compile(r"^\s*(malloc|realloc|calloc)\|\s*(\d+)\s+\d+\s+(\d+)", re.M)


def memusage(bench, case):
    """glibc's libmemusage.so: calls, and the exact peak. Of realloc it counts what a block grows by, so bytes are not compared."""
    if not os.path.exists(MEMUSAGE):
        raise NotHere("libmemusage.so")
    argv = bench.fresh(case)
    done = bench.execute(argv, bench.environment(case, {"LD_PRELOAD": MEMUSAGE}))
    text = re.sub(r"\x1b\[[\d;]*m", "", done.stderr.decode(errors="replace"))
    peak = re.search(r"heap peak: (\d+)", text)
    calls = {name: int(number) - int(failed) for name, number, failed in MEMUSAGE_CALLS.findall(text)}
    if not peak or len(calls) != 3:
        raise RuntimeError(f"memusage said: {text[-300:]}")
    theirs = {"allocations": calls["malloc"] + calls["realloc"] + calls["calloc"], "peak_bytes": int(peak[1])}
    return compared(case, totals(bench.traced(case)), theirs, ("peak_bytes", "allocations"))


def counter(bench, case):
    """counter.c, below libtrace in the same processes: so also what is never the same twice is."""
    library = bench.build.root / "tests" / "verify" / "counter.so"
    if not library.exists():
        raise NotHere("counter.so")
    file = bench.scratch / "counts"
    file.write_bytes(bytes(24))
    # Python's objects of which libtrace counts the size that was asked for never come to malloc() one by one.
    extra = {"COUNTER_FILE": file, "LIBTRACE_STACK": "native"}
    ours = totals(bench.traced(case, extra, below=[library]))
    names = ("allocations", "frees", "bytes")
    return compared(case, ours, dict(zip(names, struct.unpack("3Q", file.read_bytes()))), names)


HEAPTRACK = {"allocations": r"calls to allocation functions: (\d+)", "temporary": r"temporary memory allocations: (\d+)",
             "peak": r"peak heap memory consumption: (\S+)", "leaked": r"total memory leaked: (\S+)"}


def heaptrack_said(bench, case):
    if not shutil.which("heaptrack") or not shutil.which("heaptrack_print"):
        raise NotHere("heaptrack")
    argv = bench.fresh(case)
    out = bench.scratch / "heaptrack"
    for left in bench.scratch.glob("heaptrack.*"):
        left.unlink(missing_ok=True)
    bench.execute(["heaptrack", "-o", str(out), *argv], bench.environment(case))
    [file] = bench.scratch.glob("heaptrack.*")
    text = bench.execute(["heaptrack_print", "-f", str(file)], bench.environment(case)).stdout.decode()
    return {name: re.search(pattern, text)[1] for name, pattern in HEAPTRACK.items()}


def heaptrack(bench, case):
    said = heaptrack_said(bench, case)
    ours = totals(bench.traced(case))
    theirs = {"allocations": int(said["allocations"])}
    row = compared(case, ours, theirs, ("allocations",))
    own = own_of_heaptrack(bench, cxx="libstdc++" in run_text("ldd", bench.program(case.argv[0])))
    if own:
        row.known, row.note = {"allocations": -own}, ("h", HEAPTRACK_NOTE.format(own=own))
    return row


def run_text(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout


def own_of_heaptrack(bench, cxx):
    """How many allocations more heaptrack counts of a program that does nothing, with the C++ library or without."""
    if cxx not in bench.own_calls:
        program = bench.scratch / f"empty{cxx}"
        command = ["gcc", "-x", "c", "-o", program, "-", *(["-Wl,--no-as-needed", "-lstdc++"] if cxx else [])]
        subprocess.run(command, input=b"int main(void) { return 0; }\n", check=True)
        empty = Case("empty", "heaptrack", [str(program)])
        bench.own_calls[cxx] = int(heaptrack_said(bench, empty)["allocations"]) - totals(bench.traced(empty))["allocations"]
    return bench.own_calls[cxx]


HEAPTRACK_NOTE = ("heaptrack's library is C++: {own} allocation more in a program that does nothing and is not, by the C++ library's start "
                  "(its emergency pool)")


def own_counts(bench, case):
    """What the program counted itself, in a line that it prints with no allocation."""
    trace = bench.traced(case)
    words = trace.stdout.decode().split()
    if words and words[0] == "check":  # tests/bench/bench.h
        theirs = {words[i]: int(words[i + 1]) for i in range(2, len(words) - 1, 2)}
    else:
        found = re.search(rb"(\d+) allocations, (\d+) frees, (\d+) bytes", trace.stdout)
        theirs = dict(zip(("allocations", "frees", "bytes"), map(int, found.groups())))
    row = trace.one(OF_MODULE, str(pathlib.Path(bench.program(case.argv[0])).resolve()))
    ours = {"allocations": row["allocations"], "bytes": row["bytes"], "frees": row["allocations"] - row["live_allocations"]}
    return compared(case, ours, theirs, ("allocations", "bytes", "frees"))


# Called by the program itself: what the C library allocates for it (its threads, its output) is not among its own counts.
OF_MODULE = """
SELECT sum(s.allocations) AS allocations, sum(s.bytes) AS bytes, sum(s.live_allocations) AS live_allocations
FROM site AS s JOIN node AS n ON n.run = s.run AND n.id = s.node JOIN frame AS f ON f.run = n.run AND f.id = n.frame
JOIN module AS m ON m.run = f.run AND m.id = f.module WHERE m.path = ?"""


# ---- those that know places ---------------------------------------------------------------------------------


def stacks(bench, case):
    """Every stack is walked with libunwind as well, in the program."""
    run = bench.traced(case, {"LIBTRACE_CHECK_STACKS": "1"}).run
    if not run["stacks_checked"]:
        raise RuntimeError("no stack was checked")
    checked = run["stacks_checked"]
    return Row(case.name, case.oracle, [("stacks", checked - run["stacks_different"], checked)])


def without_types(frames):
    """The same frames, but for what stands between < and > in their names."""
    def bare(name):
        while (less := re.sub(r"<[^<>]*>", "", name)) != name:
            name = less
        return name
    return [(bare(name.replace("->", "")), *place) for name, *place in frames]


def addr2line(bench, case):
    """Each frame of the program has the function, file and line of addr2line -i, inlined ones included."""
    import test_lines

    if not shutil.which("addr2line"):
        raise NotHere("addr2line")
    trace = bench.traced(case)
    executable = bench.program(case.argv[0])
    ours = test_lines.places_of(trace, executable)
    theirs = oracle.addr2line(executable, [address - 1 for address in ours])
    known = {address: theirs[address - 1] for address in ours if any(file for _, file, _ in theirs[address - 1])}
    same = sum(test_lines.agree(ours[address], frames) for address, frames in known.items())
    if not known:
        raise RuntimeError("no frame of the program was named")
    row = Row(case.name, case.oracle, [("frames", same, len(known))])
    if case.note and same < len(known):
        but_types = sum(test_lines.agree(without_types(ours[address]), without_types(frames)) for address, frames in known.items())
        row.known, row.note = {"frames": same - but_types}, case.note
    return row


TRACEMALLOC_NOTE = ("before 3.13 nothing tells of objects made in recycled memory (free lists): tracemalloc counts their bytes for "
                    "the line that made them, libtrace for the one that took the memory; lines above 64 KiB must be within 1 %")


def tracemalloc(bench, case):
    """Bytes and blocks of each line of a Python program."""
    import test_tracemalloc

    interpreter, script = case.more["interpreter"], case.more["script"]
    bench.fresh(case)
    lines = json.loads(bench.execute(case.more["theirs"], bench.environment(case)).stdout)
    ours = test_tracemalloc.lines_of(bench.traced(case), script)
    apart = test_tracemalloc.differences(interpreter, lines, ours)
    bad = [f"line {line}: {a} in tracemalloc, {b} in ours" for line, a, b, fine in apart if not fine]
    if bad or not lines:
        raise RuntimeError("; ".join(bad[:3]) or "tracemalloc saw no line")
    row = Row(case.name, case.oracle, [("lines", len(lines) - len(apart), len(lines)),
                                       ("bytes", sum(b for b, _ in ours.values()), sum(b for b, _ in lines.values()))])
    if apart:
        row.known = {measure: ours - theirs for measure, ours, theirs in row.values}
        row.note = ("p", TRACEMALLOC_NOTE) if interpreter.version < (3, 13) else (
            "q", "the two processes differ by one block of at most 64 bytes in a line")
    return row


ORACLES = {"valgrind": valgrind, "memusage": memusage, "counter below": counter, "heaptrack": heaptrack, "its own counts": own_counts,
           "libunwind": stacks, "addr2line -i": addr2line, "tracemalloc": tracemalloc}
