"""What a Python program can tell libtrace about itself, and ask it.

    import libtrace

    libtrace.mark("loaded")                  # a name for this moment: trace-report top --from loaded
    with libtrace.part("parse") as parse:    # two of them, and what the part took
        table = load()
    print(parse.peak_bytes, parse.left_bytes)

In a program that is not traced, marks, pauses and parts do nothing, so that the calls can stay in; traced() tells.

A script that was written for tracemalloc runs with one import changed, and sees native memory as well:

    import libtrace as tracemalloc           # and: trace-run python3 script.py

This file needs nothing but Python 3.8 or newer: copy it, or put its folder on PYTHONPATH. Snapshots and parts ask
trace-report, which must be installed.
"""

import ctypes
import fnmatch
import itertools
import json
import os
import pickle
import shutil
import subprocess
import threading
import time
from pathlib import Path
from tracemalloc import DomainFilter, Filter, Frame, Statistic, StatisticDiff, Traceback

__all__ = [
    "DomainFilter", "Error", "Filter", "Frame", "Part", "Snapshot", "Statistic", "StatisticDiff", "Traceback",
    "clear_traces", "get_object_traceback", "get_traceback_limit", "get_traced_memory", "get_tracemalloc_memory",
    "is_tracing", "mark", "measure", "part", "pause", "paused", "reset_peak", "resume", "snapshot", "start", "stop",
    "take_snapshot", "traced",
]


class Error(RuntimeError):
    """The program is not traced, or trace-report could not answer; the text says what to do."""


# ---- what the library exports ------------------------------------------------------------------------------------


_process_exports = ctypes.CDLL(None)


def _function(name):
    """An export of libtrace.so; None where it was not preloaded."""
    return getattr(_process_exports, name, None)


def _call(name, *arguments):
    function = _function(name)
    if function:
        function(*arguments)


def traced():
    """Whether the calls of this module reach libtrace."""
    return _function("libtrace_mark") is not None


NAME_MAX = 200  # bytes


def _cut(name):
    """A mark's name as it is kept: not more than so many bytes of UTF-8, and no half of a character."""
    return name.encode(errors="replace")[:NAME_MAX].decode(errors="ignore")


def _set(function, name):
    """Marks this moment; how often that name was set by now."""
    name = _cut(name)
    with _names_lock:
        _names[name] = _names.get(name, 0) + 1
        _call(function, name.encode())
        return _names[name]


def mark(name):
    """Names this moment of the run, for the whole process; at most 200 bytes of UTF-8 are kept. Returns how often it
    was set by now: "tick#3" is the third "tick"."""
    return _set("libtrace_mark", name)


def pause():
    """From here on the calling thread's allocations are not counted; frees of counted blocks still are. Nests."""
    _call("libtrace_pause")


def resume():
    """Undoes one pause of the calling thread."""
    _call("libtrace_resume")


class paused:
    """with paused(): what is allocated in the block, by this thread, is not counted."""

    def __enter__(self):
        pause()

    def __exit__(self, *_):
        resume()


_names = {}  # how often each mark was set, to tell the third "tick" from the first
_names_lock = threading.Lock()
_numbers = itertools.count(1)


def _forget():
    """A child of fork has no marks yet, and another thread may have held the lock."""
    global _names_lock
    _names.clear()
    _names_lock = threading.Lock()


os.register_at_fork(after_in_child=_forget)

# ---- asking trace-report -----------------------------------------------------------------------------------------


def _database():
    """The run's database, as the collector has opened it; else where it would be by the environment."""
    collector = os.environ.get("LIBTRACE_SESSION", "").split(":")[0].strip()
    try:
        path = os.fsdecode(Path(f"/proc/{int(collector)}/cmdline").read_bytes().split(b"\0")[5])
    except (OSError, ValueError, IndexError):
        path = os.environ.get("LIBTRACE_DB", "trace.db")
    return path


def _report():
    """trace-report: of the installation that the library is of, or on the PATH."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
            paths = {line.split(None, 5)[5].rstrip("\n") for line in maps if line.rstrip().endswith("/libtrace.so")}
    except OSError:
        paths = set()
    for library in paths:
        for folder in Path(library).parents:
            if os.access(folder / "bin" / "trace-report", os.X_OK):
                return str(folder / "bin" / "trace-report")
    return shutil.which("trace-report")


def _ask(*arguments):
    """What trace-report says, as JSON. It runs untraced, and what it takes here is not counted."""
    with paused():
        return _ask_now(*arguments)


def _ask_now(*arguments):
    if not traced():
        raise Error("this program is not traced: start it with trace-run")
    program = _report()
    if not program:
        raise Error("trace-report was not found: put it on the PATH")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LD_PRELOAD", "LIBTRACE_"))}
    done = subprocess.run([program, *arguments, "--json", "--db", _database()], stdin=subprocess.DEVNULL,
                          capture_output=True, env=environment, check=False)
    if done.returncode not in (0, 1) or not done.stdout:
        raise Error(done.stderr.decode(errors="replace").strip() or f"trace-report ended with {done.returncode}")
    return json.loads(done.stdout)


def _sql(statement):
    return _ask("sql", statement)["rows"]


UNKNOWN_S = 10  # for a process that has just been forked to be in the database

_known = {}  # the numbers of this process in its run, by its pid


def _process():
    """This process in its run: both numbers, as trace-report knows them."""
    if os.getpid() not in _known:
        _known.clear()
        _known[os.getpid()] = _find_process()
    return _known[os.getpid()]


def _find_process():
    end = time.monotonic() + UNKNOWN_S
    while True:
        found = _sql(f"SELECT run, process FROM processes WHERE pid = {os.getpid()} ORDER BY run DESC, process DESC LIMIT 1")
        if found:
            return tuple(found[0])
        if time.monotonic() > end:
            raise Error(f"{_database()} has no run with this process; LIBTRACE_DB names the database")
        time.sleep(0.05)


def _moment(name, times):
    return name if times == 1 else f"{name}#{times}"


def _between(marks):
    """trace-report's options for up to one mark, or from one to another."""
    return [word for option, mark in zip(["--from", "--to"][-len(marks):], marks) for word in (option, _moment(*mark))]


PATIENCE_S = 60  # for a collector on a busy machine


def _recorded(marks):
    """The highest heap before each of this process's marks (name, times), once all of these are recorded."""
    for name, times in marks:
        if _names.get(name, 0) < times:
            raise Error(f"the mark '{name}' was set by another process: a forked child has none of its parent's")
    run, process = _process()
    end = time.monotonic() + PATIENCE_S
    while True:
        highest, seen = {}, {}
        for name, bytes_ in _sql(f"SELECT name, highest_bytes FROM marks WHERE run = {run} AND process = {process} ORDER BY mark"):
            seen[name] = seen.get(name, 0) + 1
            highest[name, seen[name]] = bytes_
        lost = [mark for mark in marks if mark not in highest]
        if not lost:
            return highest
        if time.monotonic() > end:
            raise Error(f"the mark '{lost[0][0]}' was not recorded within {PATIENCE_S} s: is the collector still there?")
        time.sleep(0.05)


# ---- parts -------------------------------------------------------------------------------------------------------


class Part:
    """What lies between two marks. What was counted is known once it has ended; None where nothing is traced."""

    def __init__(self, name):
        self.name = name
        self._marks = []  # (name, how often it was set by then)
        self._numbers = None

    def __enter__(self):
        self._mark(" begins")
        self._mark("")
        return self

    def __exit__(self, *_):
        self._mark(" ends")
        self._mark(" ended")

    def _mark(self, what):
        """Of two marks in a row the second knows how much was live: the highest heap since the one before."""
        name = _cut(self.name + what)
        self._marks.append((name, mark(name)))

    def _get(self):
        if self._numbers is None and traced():
            measure([self])
        return self._numbers or (None, None)

    @property
    def peak_bytes(self):
        """The most that was live at once in it, in all processes of the run, above what was live before."""
        return self._get()[0]

    @property
    def left_bytes(self):
        """How much more was live at its end; negative where more was freed."""
        return self._get()[1]

    def allocated(self, limit=20):
        """The lines that allocated most in it: rows of trace-report top --json."""
        _recorded(self._marks)
        return _ask("top", str(_process()[0]), *_between(self._marks[1:3]), "--by", "bytes", "--limit", str(limit))["rows"]

    def statistics(self, key_type="lineno"):
        """What is still live of what it allocated, see Snapshot.statistics()."""
        return Snapshot(self._marks[1:3]).statistics(key_type)


def measure(parts):
    """The numbers of many parts at once: a list of (peak_bytes, left_bytes)."""
    parts = list(parts)
    for each in parts:
        if len(each._marks) != 4:
            raise Error(f"the part '{each.name}' has not ended")
    highest = _recorded([mark for each in parts for mark in each._marks])
    for each in parts:
        _, before, peak, after = (highest[mark] for mark in each._marks)
        each._numbers = (peak - before, after - before)
    return [each._numbers for each in parts]


def part(name):
    """with part("parse") as parse: marks where the block begins and ends."""
    return Part(name)


# ---- snapshots ---------------------------------------------------------------------------------------------------


def _passes(condition, frames):
    """Whether a filter lets a stack through, innermost frame first."""
    if isinstance(condition, DomainFilter):
        return condition.inclusive == (condition.domain == 0)
    pattern = condition.filename_pattern
    found = any(fnmatch.fnmatch(name, pattern) and condition.lineno in (None, line)
                for name, line in (frames if condition.all_frames else frames[:1]))
    return condition.inclusive == found


def _pass(filters, frames):
    """Whether some inclusive filter lets a stack through (if there are any), and no exclusive one keeps it out."""
    wanted = [f for f in filters if f.inclusive]
    return ((not wanted or any(_passes(f, frames) for f in wanted))
            and all(_passes(f, frames) for f in filters if not f.inclusive))


class Snapshot:
    """What was live at one moment: blocks of Python and of native code. As tracemalloc.Snapshot.

    To take one is quick: what it holds is asked for when it is wanted, and stacks only where lines do not do."""

    def __init__(self, marks=(), filters=(), lines=None, stacks=None):
        self._marks = marks  # (name, times): the last one is its moment, what was allocated before the other is left out
        self._filters = filters  # lists of them: what passes each of the lists is in the snapshot
        self._lines = lines  # each (bytes, blocks, ((file, line), ...)), the innermost frame first; lines have one
        self._stacks = stacks

    def _fetch(self, group):
        with paused():
            return self._fetch_now(group)

    def _fetch_now(self, group):
        _recorded(self._marks)
        rows = _ask("top", str(_process()[0]), "--process", str(os.getpid()), *_between(self._marks), *self._one_file(), "--by", "live",
                    "--group", group, "--limit", "0")["rows"]
        traces = []
        for row in rows:
            frames = [(frame.get("file") or row["module"] or "<unknown>", frame.get("line") or 0)
                      for frame in row.get("frames", [row])]
            if row["live_allocations"]:
                traces.append((row["live_bytes"], row["live_allocations"], tuple(frames) or (("<unknown>", 0),)))
        return [trace for trace in traces if all(_pass(filters, trace[2]) for filters in self._filters)]

    def _one_file(self):
        """Where only one file is wanted there is no need to hear of the others."""
        for filters in self._filters:
            wanted = [f for f in filters if f.inclusive]
            if len(wanted) == 1 and isinstance(wanted[0], Filter) and not wanted[0].all_frames:
                pattern = wanted[0].filename_pattern
                if os.path.isabs(pattern) and not set(pattern) & set("*?[]\\"):
                    return ["--file", pattern]
        return []

    @property
    def traces(self):
        """What was live, by stack: (bytes, blocks, ((file, line), ...)), the innermost frame first."""
        if self._stacks is None:
            self._stacks = self._fetch("stack")
        return self._stacks

    def _by_line(self):
        if self._lines is None:
            needs_stacks = any(getattr(f, "all_frames", False) for filters in self._filters for f in filters)
            self._lines = self.traces if needs_stacks or self._stacks is not None else self._fetch("line")
        return self._lines

    @property
    def traceback_limit(self):
        """Frames of the deepest stack."""
        return max((len(frames) for _, _, frames in self.traces), default=1)

    def _grouped(self, key_type, cumulative):
        if key_type not in ("traceback", "filename", "lineno"):
            raise ValueError(f"unknown key_type: {key_type!r}")
        if cumulative and key_type == "traceback":
            raise ValueError("cumulative mode cannot be used with key type 'traceback'")
        sums = {}
        for size, count, frames in self.traces if cumulative or key_type == "traceback" else self._by_line():
            if key_type == "traceback":
                keys = [frames]
            else:
                chosen = frames if cumulative else frames[:1]
                keys = {((name, line if key_type == "lineno" else 0),) for name, line in chosen}
            for key in keys:
                before = sums.get(key, (0, 0))
                sums[key] = (before[0] + size, before[1] + count)
        return sums

    def statistics(self, key_type, cumulative=False):
        """Statistics by 'lineno', 'filename' or 'traceback', the largest first."""
        found = [Statistic(Traceback(key), size, count) for key, (size, count) in self._grouped(key_type, cumulative).items()]
        return sorted(found, key=lambda s: (s.size, s.count, s.traceback), reverse=True)

    def compare_to(self, old_snapshot, key_type, cumulative=False):
        """What has changed since an older one, the largest change first."""
        new, old = self._grouped(key_type, cumulative), old_snapshot._grouped(key_type, cumulative)
        found = []
        for key in new.keys() | old.keys():
            (size, count), (old_size, old_count) = new.get(key, (0, 0)), old.get(key, (0, 0))
            found.append(StatisticDiff(Traceback(key), size, size - old_size, count, count - old_count))
        return sorted(found, key=lambda s: (abs(s.size_diff), s.size, abs(s.count_diff), s.count, s.traceback), reverse=True)

    def filter_traces(self, filters):
        """A new one with what some inclusive filter lets through (if there are any) and no exclusive one keeps out."""
        filters = list(filters)
        known = {name: [trace for trace in traces if _pass(filters, trace[2])]
                 for name, traces in (("stacks", self._stacks), ("lines", self._lines)) if traces is not None}
        if any(getattr(f, "all_frames", False) for f in filters):
            known.pop("lines", None)
        return Snapshot(self._marks, [*self._filters, filters], **known)

    def dump(self, filename):
        """Writes it to a file, for load()."""
        whole = Snapshot(stacks=self.traces)
        with open(filename, "wb") as file:
            pickle.dump(whole, file, pickle.HIGHEST_PROTOCOL)

    @staticmethod
    def load(filename):
        """Reads what dump() wrote. As with any pickle: only files that you trust."""
        with open(filename, "rb") as file:
            return pickle.load(file)


def snapshot(name=None):
    """Records what is live now, and returns it. Its name is a moment for trace-report: compare @NAME @OTHER."""
    if not traced():
        raise Error("this program is not traced: start it with trace-run")
    name = _cut(name or f"snapshot {next(_numbers)}")
    return Snapshot([(name, _set("libtrace_snapshot", name))])


# ---- the rest of what tracemalloc has ----------------------------------------------------------------------------

take_snapshot = snapshot
is_tracing = traced


def start(nframe=1):
    """Nothing: libtrace counts from the program's start on. An Error where it does not."""
    if not traced():
        raise Error("this program is not traced: start it with trace-run")


def stop():
    """Nothing: libtrace counts to the program's end; pause() is for a thread."""


def clear_traces():
    """Nothing is forgotten; from here on get_traced_memory() has a peak of its own."""
    reset_peak()


def get_traceback_limit():
    """The most frames of a stack that are kept."""
    return int(os.environ.get("LIBTRACE_DEPTH", "128"))


def get_object_traceback(_):
    """None: which block an object lies in is not recorded."""
    return None


def get_tracemalloc_memory():
    """0: what libtrace needs is not in the program's heap."""
    return 0


_PEAK = "libtrace.py: peak"
_NOW = "libtrace.py: now"


def reset_peak():
    """get_traced_memory()'s peak is that from here on."""
    mark(_PEAK)


def get_traced_memory():
    """Bytes that the run's processes have live now, and the most they had, since reset_peak() or the start."""
    if not traced():
        return (0, 0)
    mark(_NOW)
    _recorded([(_NOW, mark(_NOW))])
    run, _ = _process()
    highest = _sql(f"SELECT name, highest_bytes FROM marks WHERE run = {run} ORDER BY mark DESC")
    peak = 0
    for name, bytes_ in highest:
        if name == _PEAK:
            break
        peak = max(peak, bytes_)
    return (highest[0][1], peak)
