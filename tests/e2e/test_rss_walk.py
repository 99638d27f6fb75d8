"""What is resident, by part and line: the parts are compared with the kernel's sums, at all moments at which pages are looked
at."""

import contextlib
import json
import os
import signal
import subprocess
import time

import pytest

from conftest import clean_environment, rows, wait_for_run

MIB = 1 << 20
PARTS = ["live", "rounding", "pinned", "free", "mapped", "stacks", "files", "tracer", "other"]


def kernels(pid):
    """Resident bytes, and how many of them are anonymous, as the kernel adds them up."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        found = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in file if "kB" in line}
    return found["Rss"], found["Anonymous"]


class Talking:
    """A program that answers each line with a line."""

    def __init__(self, argv, env):
        self.process = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.resident = int(self.process.stdout.readline().split()[1])

    def say(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        before, self.resident = self.resident, int(self.process.stdout.readline().split()[1])
        return before - self.resident

    def end(self):
        out, err = self.process.communicate(timeout=60)
        assert (self.process.returncode, err, out) == (0, b"", b"")


@pytest.fixture
def walked(build, preload, report, tmp_path):
    """Starts a program, and asks what is resident of it."""
    database = tmp_path / "trace.db"

    def ask(*arguments, **options):
        found = report(database, "rss", "--json", *arguments, **options)
        assert (found.returncode, found.stderr) == (0, "")
        found = json.loads(found.stdout)
        parts = {part["part"]: part for part in found["parts"]}
        assert sum(part["bytes"] for part in found["parts"]) == found["resident_bytes"] and set(parts) <= set(PARTS)
        for part in found["parts"]:
            assert sum(line["bytes"] for line in part["lines"]) <= part["bytes"]
        return found, parts

    def ask_as_the_kernel(program):
        """The answer, and the kernel's sums, taken when these are the same before and after it. The
        collector gives back shared memory, and the kernel pages of files, at any time."""
        for _ in range(20):
            before = kernels(program.process.pid)
            found, parts = ask()
            after = kernels(program.process.pid)
            if before == after:
                break
        return found, parts, *after

    def start(*argv, env=None):
        return Talking(list(argv), preload(env or {}))

    with contextlib.ExitStack() as stack:
        def started(*argv, env=None):
            talking = start(*argv, env=env)
            stack.callback(talking.process.kill)
            return talking
        started.ask, started.ask_as_the_kernel = ask, ask_as_the_kernel
        started.database = database
        yield started


def until_old(process, seconds):
    """Waits until the program is old enough for a walk to fit into its share of the program's time."""
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as file:
        started = int(file.read().rsplit(")", 1)[1].split()[19]) / os.sysconf("SC_CLK_TCK")
    while time.clock_gettime(time.CLOCK_BOOTTIME) - started < seconds:
        time.sleep(0.05)


def test_moments(build, walked):
    """A mark, a new high, and the end of a program each give a moment of that kind."""
    program = walked(build.target("fragments"), "20000")
    until_old(program.process, 2)
    program.say("mark loaded")
    deadline = time.monotonic() + 60
    while "mark" not in [m["kind"] for m in moments(walked)] and time.monotonic() < deadline:
        time.sleep(0.05)
    program.end()
    wait_for_run(walked.database)
    kinds = [m["kind"] for m in moments(walked)]
    assert "mark" in kinds and kinds.count("high") <= 1
    found, _ = walked.ask("--at", "loaded")
    assert (found["moment"]["kind"], found["moment"]["mark"]) == ("mark", "loaded")
    if "end" in kinds:  # if a busy machine left time for it
        found, parts = walked.ask()
        assert found["moment"]["kind"] == "end" and parts["pinned"]["lines"][0]["function"] == "keep"


def moments(walked):
    """The moments known so far, each once."""
    with contextlib.suppress(Exception):
        return rows(walked.database, "SELECT DISTINCT moment, kind FROM resident ORDER BY moment")
    return []


def test_killed(build, walked):
    """For a program that is killed, the last look at its pages is kept."""
    program = walked(build.target("fragments"), "20000")
    seen, _ = walked.ask()
    program.process.send_signal(signal.SIGKILL)
    program.process.wait()
    wait_for_run(walked.database)
    found, _ = walked.ask()
    assert found["moment"]["t_s"] >= seen["moment"]["t_s"] and found["resident_bytes"] > 0


def test_sampled(build, walked, report):
    """Of a sampled run all is known but what the allocator's memory holds: that is as much as in an exact run."""
    of_allocator = {}
    for sample in ("0", "4KiB"):
        program = walked(build.target("fragments"), "20000", env={"LIBTRACE_SAMPLE": sample})
        found, parts, *_ = walked.ask_as_the_kernel(program)
        assert parts["files"]["bytes"] > 0 and parts["tracer"]["bytes"] > 0 and parts["stacks"]["bytes"] > 0
        of_allocator[sample] = sum(parts.get(part, {"bytes": 0})["bytes"] for part in ("live", "rounding", "pinned", "free"))
        text = report(walked.database, "rss").stdout
        assert ("the program asked for" in text) == (sample == "0")
        program.end()
        wait_for_run(walked.database)
    assert of_allocator["4KiB"] == 0 and "the allocator's pages cannot be told apart by line" in json.dumps(found["missing"])
    [known] = [line["bytes"] for line in parts["other"]["lines"] if (line["name"] or "").startswith("the allocator's")]
    assert abs(known - of_allocator["0"]) < of_allocator["0"] / 10


def test_snapshot_before_the_request(walked, program, tmp_path):
    """A snapshot that the collector happened to take when a report had just begun to ask is no answer: it has no look."""
    (tmp_path / "busy.py").write_text("""
import time
print("ready", 1, flush=True)
while True:
    time.sleep(0.01)
    list(map(str, range(100)))
""")
    walked("/usr/bin/python3", str(tmp_path / "busy.py"))
    inject = "inject=pidfd_send_signal:delay_enter=1000000"
    found, _ = walked.ask(before=[program("strace"), "-f", "-qq", "-o", "/dev/null", "-e", "trace=pidfd_send_signal", "-e", inject])
    assert found["moment"]["kind"] == "asked" and found["resident_bytes"] > 0


def test_python(walked, tmp_path):
    """The Python line that keeps arenas is named, because of the objects that it keeps in them."""
    (tmp_path / "keeper.py").write_text("""
import sys
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
kept, dropped = [], []
for i in range(200000):
    dropped.append(str(i) * 3)
    if i % 100 == 0:
        kept.append(str(i) * 4)
dropped = None
print("ready", resident(), flush=True)
sys.stdin.readline()
""")
    program = walked("/usr/bin/python3", str(tmp_path / "keeper.py"))
    found, parts, rss, _ = walked.ask_as_the_kernel(program)
    assert found["resident_bytes"] == rss
    line = parts["pinned"]["lines"][0]
    assert (os.path.basename(line["file"]), line["line"]) == ("keeper.py", 9)
    assert parts.get("other", {"bytes": 0})["bytes"] <= 0.02 * found["resident_bytes"]
    program.end()


def test_forbidden(build, walked, preload, tmp_path):
    """A program that we may not look into: the resident size is shown, with the reason why there is no
    more. Even root needs a capability for that."""
    source = tmp_path / "shut.c"
    source.write_text("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <sys/prctl.h>\n"
                      "int main(void) { memset(malloc(9000000), 1, 9000000); prctl(PR_SET_DUMPABLE, 0);"
                      " puts(\"ready 1\"); fflush(stdout); getchar(); return 0; }\n")
    subprocess.run(["gcc", "-O1", "-g", "-w", "-o", tmp_path / "shut", source], check=True, env=clean_environment())
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.getuid() == 0 else []
    settings = [f"{name}={value}" for name, value in preload().items() if name.startswith(("LIBTRACE_", "LD_PRELOAD"))]
    program = Talking([*drop, "env", *settings, str(tmp_path / "shut")], clean_environment())
    found, parts = walked.ask()
    program.end()
    assert "does not let" in json.dumps(found["missing"]) and set(parts) <= {"other"}
