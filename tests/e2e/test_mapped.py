"""What programs map themselves, by line: calls and bytes are compared with strace -k, resident bytes with what was touched."""

import collections
import ctypes.util
import json
import re
import shutil
import subprocess

import pytest

from conftest import clean_environment, rows, wait_for_run

PAGE = 4096
MIB = 1 << 20
MAPPED = "SELECT file, line, function, sum(allocations), sum(bytes) FROM mapped WHERE run = 1 GROUP BY 1, 2, 3"
WRAPPERS = {"mmap", "mmap64", "__mmap", "__mmap64", "mremap", "__mremap", "brk", "__brk", "sbrk", "__sbrk", "shmat", "__shmat", "syscall"}
OWN = re.compile(r"/(libc\.so\.6|ld-linux[^/]*)$")  # the C library and the loader

strace = pytest.mark.skipif(not shutil.which("strace"), reason="strace is missing")


def whole_pages(size):
    return -(-size // PAGE) * PAGE


class Call:
    """A call in strace's output, with the frames of its stack: (module, function, offset), the innermost first."""

    def __init__(self, text):
        found = re.match(r"(\w+)\((.*)\) += (-?\w+)", text)
        self.name, self.arguments, self.result = found.groups() if found else ("", "", "-1")
        self.frames = []

    def add(self, text):
        found = re.match(r" > ([^(]*)\((.*?)(?:\+0x[0-9a-f]+)?\) \[0x([0-9a-f]+)\]$", text)
        if found:
            self.frames.append((found[1], found[2], int(found[3], 16)))

    def caller(self):
        """The innermost frame outside the C library if it called a function that maps memory, else None."""
        for module, function, offset in self.frames:
            if not OWN.search(module):
                return module, function, offset
            if re.sub("^__GI_", "", function) not in WRAPPERS:  # glibc also uses this name for them
                return None
        return None


class Straced:
    """What a program maps itself, according to strace: number of calls and bytes, by module and place of the call."""

    def __init__(self, argv, log, env=None):
        subprocess.run(["strace", "-ff", "-k", "-o", log, "-e", "trace=%memory,shmat,shmdt,shmget", *argv], env=clean_environment(env),
                       check=True, capture_output=True, timeout=60)
        self.mapped = collections.defaultdict(lambda: [0, 0])
        self.end, self.segments = 0, {}
        for path in sorted(log.parent.glob(log.name + ".*")):  # a file for each thread
            self.read(path)

    def read(self, path):
        call = Call("")
        for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if text.startswith(" > "):
                call.add(text)
            else:
                self.take(call)
                call = Call(text)
        self.take(call)

    def bytes_of(self, call):
        if call.result == "-1":
            return 0
        arguments = call.arguments.split(", ")
        if call.name == "mmap":
            return whole_pages(int(arguments[1]))
        if call.name == "mremap":
            return whole_pages(int(arguments[2]))
        if call.name == "shmget":
            self.segments[call.result] = int(arguments[1])
        if call.name == "shmat":
            return whole_pages(self.segments[arguments[0]])
        if call.name == "brk":
            before, self.end = self.end, int(call.result, 16)
            return max(self.end - before, 0) if before else 0
        return 0

    def take(self, call):
        size, caller = self.bytes_of(call), call.caller()
        if size and caller:
            count = self.mapped[caller]
            count[0] += 1
            count[1] += size

    def by_line(self, module):
        """The calls in one module, by file name and line."""
        found = {place: count for place, count in self.mapped.items() if place[0].endswith(module)}
        lines = collections.defaultdict(lambda: [0, 0])
        for (path, _, offset), (calls, size) in found.items():
            text = subprocess.run(["addr2line", "-e", path, hex(offset - 1)], capture_output=True, text=True, check=True).stdout
            place = re.sub(r" \(discriminator.*", "", text.strip()).rsplit("/", 1)[-1]
            lines[place][0] += calls
            lines[place][1] += size
        return {place: tuple(count) for place, count in lines.items()}


def traced_by_line(database):
    return {f"{file.rsplit('/', 1)[-1] if file else ''}:{line}": (calls, size)
            for file, line, _, calls, size in rows(database, MAPPED)}


def trace_it(preload, tmp_path, argv, env=None):
    database = tmp_path / "trace.db"
    process = subprocess.run(argv, env=preload(env), capture_output=True, timeout=60, check=False)
    assert (process.returncode, process.stderr) == (0, b"")
    run = wait_for_run(database)
    assert run["state"] == "complete"
    return database, run


@strace
@pytest.mark.parametrize("what", ["maps", "threads", "heap", "shared", "numbers", "failing"])
def test_as_strace(build, preload, tmp_path, what, say):
    path = tmp_path / "file"
    path.write_bytes(bytes(2 * PAGE))
    argv = [str(build.target("mapper")), what, str(path)]
    straced = Straced(argv, tmp_path / "log")
    database, run = trace_it(preload, tmp_path, argv)
    expected = straced.by_line("/mapper")
    say(f"{what}: {len(expected)} lines, {sum(calls for calls, _ in expected.values())} calls, as strace -k shows them")
    assert expected and traced_by_line(database) == expected
    # Nothing of it counts as heap.
    assert run["bytes"] == rows(database, "SELECT coalesce(sum(bytes), 0) FROM sites WHERE run = 1")[0][0] < 2 * MIB


@strace
def test_python(build, preload, tmp_path):
    """Python lines have the mappings; the native ones are in the module mmap."""
    script = tmp_path / "maps.py"
    script.write_text("import mmap\n"
                      "kept = [mmap.mmap(-1, 10000 * (i + 1)) for i in range(7)]\n"
                      "with open(__file__, 'rb') as file:\n"
                      "    text = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)\n"
                      "text.close()\n")
    env = {"PYTHONMALLOC": "malloc"}  # otherwise it maps arenas, which count as its allocator's
    argv = ["/usr/bin/python3", str(script)]
    straced = Straced(argv, tmp_path / "log", env)
    database, _ = trace_it(preload, tmp_path, argv, env)
    native = [count for (module, _, _), count in straced.mapped.items() if "mmap" in module.rsplit("/", 1)[-1]]
    found = traced_by_line(database)
    if not native:  # mmap is built into the interpreter
        native = [count for (module, _, _), count in straced.mapped.items() if "python" in module.rsplit("/", 1)[-1]]
    assert found["maps.py:2"] == (7, sum(whole_pages(10000 * (i + 1)) for i in range(7)))
    assert found["maps.py:4"] == (1, PAGE)
    assert [sum(numbers) for numbers in zip(*native)] == [8, found["maps.py:2"][1] + PAGE]


@strace
def test_allocators_are_not_counted(build, preload, tmp_path):
    """What jemalloc maps for its blocks, in whatever thread, is its own; the program's lines have the same numbers as without
    it."""
    found = ctypes.util.find_library("jemalloc")
    if not found:
        pytest.skip("jemalloc is missing")
    argv = [str(build.target("mapper")), "threads"]
    straced = Straced(argv, tmp_path / "log", {"LD_PRELOAD": found})
    assert any("jemalloc" in module for module, _, _ in straced.mapped)
    env = preload()
    env["LD_PRELOAD"] += f":{found}"
    subprocess.run(argv, env=env, check=True, capture_output=True, timeout=60)
    wait_for_run(tmp_path / "trace.db")
    assert traced_by_line(tmp_path / "trace.db") == straced.by_line("/mapper")


def test_handler(build, preload, tmp_path):
    """Signal handlers that map memory may interrupt anything. Each mapping is counted once, and so is its end, except while the
    tracer sets itself up for a thread."""
    process = subprocess.run([build.target("mapper"), "handler"], env=preload(), capture_output=True, text=True, timeout=60, check=True)
    wait_for_run(tmp_path / "trace.db")
    calls = {function: count for function, count in rows(tmp_path / "trace.db", "SELECT function, sum(allocations) FROM mapped GROUP BY 1")}
    live = tuple(rows(tmp_path / "trace.db", "SELECT sum(live_allocations), sum(live_bytes) FROM mapped")[0])
    assert int(process.stdout) - 3 <= calls["handle"] <= int(process.stdout) and live == (0, 0)


def test_what_is_left(build, preload, tmp_path):
    """What is still mapped at the end: parts, moved and replaced mappings, and what could not be unmapped."""
    path = tmp_path / "file"
    path.write_bytes(bytes(2 * PAGE))
    trace_it(preload, tmp_path, [str(build.target("mapper")), "maps", str(path)])
    left = rows(tmp_path / "trace.db", "SELECT allocations, bytes, live_allocations, live_bytes FROM mapped ORDER BY line")
    kib = [(calls, size // 1024, live, live_bytes // 1024) for calls, size, live, live_bytes in left]
    assert kib == [(3, 36, 1, 12), (1, 4, 1, 4), (1, 4, 1, 4), (1, 20, 1, 20),
                   (1, 65536, 1, 65536 - 5 * 1024), (1, 1024, 1, 1024),  # 1 MiB was replaced, 4 were unmapped
                   (1, 8, 0, 0), (1, 80, 0, 0), (1, 28, 1, 16), (1, 8, 1, 8), (1, 8, 1, 8), (1, 24, 1, 24)]


def mapped_lines(report, database):
    found = report(database, "rss", "--json")
    assert (found.returncode, found.stderr) == (0, "")
    found = json.loads(found.stdout)
    assert sum(part["bytes"] for part in found["parts"]) == found["resident_bytes"]
    part = next(part for part in found["parts"] if part["part"] == "mapped")
    return {line["line"]: line["bytes"] for line in part["lines"] if line.get("file") and line["file"].endswith("mapper.c")}


@pytest.mark.parametrize("what, expected", [
    ("resident", [12 * MIB, 3 * MIB, MIB]),
    ("touching", [MIB, 2 * MIB]),  # the block beside them is not a mapping of the program's
])
def test_resident(build, preload, report, tmp_path, what, expected):
    with subprocess.Popen([build.target("mapper"), what], env=preload(), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        lines = mapped_lines(report, tmp_path / "trace.db")
        text = report(tmp_path / "trace.db", "rss").stdout
        process.stdin.close()
        assert process.wait(timeout=60) == 0
    assert [size for _, size in sorted(lines.items())] == expected
    assert all(re.search(rf"by .*mapper\.c:{line}  {what}  1 mapping\n", text) for line in lines)


def test_reports(build, preload, report, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(2 * PAGE))
    database, run = trace_it(preload, tmp_path, [str(build.target("mapper")), "maps", str(path)])
    heap = json.loads(report(database, "top", "--json", "--limit", "0").stdout)
    mapped = json.loads(report(database, "top", "--kind", "mapped", "--json", "--limit", "0").stdout)
    assert (heap["kind"], mapped["kind"]) == ("heap", "mapped")
    assert heap["total"]["bytes"] == run["bytes"] and not [row for row in heap["rows"] if row["bytes"] > 8 * MIB]
    wanted = tuple(rows(database, "SELECT sum(allocations), sum(bytes), sum(live_bytes) FROM mapped")[0])
    assert tuple(mapped["total"][name] for name in ("allocations", "bytes", "live_bytes")) == wanted
    assert {row["line"]: row["bytes"] for row in mapped["rows"]} == {line: size for _, line, _, _, size in rows(database, MAPPED)}
    tree = report(database, "tree", "--kind", "mapped", "--min", "0%")
    assert tree.returncode == 0 and "mapper.c" in tree.stdout and "mappings by itself" in tree.stdout
    part = report(database, "top", "--kind", "mapped", "--from", "0")
    assert part.returncode == 2 and "goes without --from" in part.stderr


def test_attached(build, tmp_path):
    """Mappings are counted while trace-attach is attached. Older ones are unknown, and ignored when they are unmapped."""
    script = "import mmap, sys\nold = mmap.mmap(-1, 8192)\nprint('ready', flush=True)\nsys.stdin.readline()\n" \
             "new = [mmap.mmap(-1, 12288) for i in range(5)]\nold.close()\nprint('done', flush=True)\nsys.stdin.readline()\n"
    database = tmp_path / "trace.db"

    def attach(*arguments):
        subprocess.run([build.command("trace-attach"), "-o", str(database), *arguments, str(process.pid)], check=True,
                       env=clean_environment(), capture_output=True, timeout=60)

    with subprocess.Popen(["/usr/bin/python3", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          env=clean_environment()) as process:
        def say(line):
            process.stdin.write(line)
            process.stdin.flush()

        assert process.stdout.readline() == "ready\n"
        attach("--background")
        say("go\n")
        assert process.stdout.readline() == "done\n"
        attach("--detach")
        say("go\n")
        assert process.wait(timeout=60) == 0
    wait_for_run(database)
    found = rows(database, "SELECT sum(allocations), sum(bytes), sum(live_bytes) FROM mapped WHERE file LIKE '%<string>'")[0]
    assert tuple(found) == (5, 5 * 12288, 5 * 12288)
