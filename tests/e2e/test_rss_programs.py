"""Every resident byte of twelve kinds of programs is explained: a table of their parts, compared with the kernel's sums."""

import contextlib
import glob
import json
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from conftest import clean_environment, wait_for_run

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))
from interpreters import interpreters  # noqa: E402

MIB = 1 << 20
PARTS = ["live", "rounding", "pinned", "free", "mapped", "stacks", "files", "tracer", "other"]

KEEPER = """
import os, sys
kept = {}
for i in range(150000):
    entry = {"name": str(i) * 3, "values": [i, i + 1, str(i)]}
    if i % 20 == 0:
        kept[i] = entry
print("ready", os.getpid(), flush=True)
sys.stdin.readline()
"""

SERVER = """
import http.server, os, sys, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        rows = [{"id": i, "text": "row %d" % i} for i in range(500)]
        body = repr(rows).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *unused):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", os.getpid(), server.server_address[1], flush=True)
sys.stdin.readline()
"""


def python(version):
    """The interpreter of this version; None if it is not installed."""
    return next((each.path for each in interpreters() if each.name.startswith(version + ".")), None)


def preloaded(name):
    return next(iter(sorted(glob.glob(f"/usr/lib/*/{name}"))), None)


def resident(pids):
    """Resident bytes, as the kernel adds them up."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            total += next(int(line.split()[1]) * 1024 for line in file if line.startswith("Rss:"))
    return total


class Program:
    """A program that prints "ready" and numbers (of its processes, say), and ends when its input does."""

    def __init__(self, argv, env, directory):
        self.process = subprocess.Popen(argv, env=env, cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        words = self.process.stdout.readline().split()
        assert words and words[0] == b"ready", words
        self.numbers = [int(word) for word in words[1:]]

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=60) == 0


@pytest.fixture
def large(build, preload, report, tmp_path):
    """large(argv, behind): starts it, with the library `behind` preloaded after ours; .ask() returns what is resident."""
    database = tmp_path / "trace.db"
    with contextlib.ExitStack() as stack:
        def start(argv, behind=None, env=None):
            library = f"{build.library}:{behind}" if behind else build.library
            program = Program([str(a) for a in argv], preload({**(env or {}), "LD_PRELOAD": library}), tmp_path)
            stack.callback(program.process.kill)
            return program

        def ask_once():
            """What is resident according to the report, and whether that is up to date."""
            answer = report(database, "rss", "--json", "--limit", "3")
            assert answer.returncode == 0 and (answer.stderr == "" or "is busy" in answer.stderr), answer.stderr
            return json.loads(answer.stdout), answer.stderr == ""

        def ask(pids=None):
            """The report, and the kernel's sum for these processes at a moment when it does not change. Without pids, at any
            moment."""
            deadline = time.monotonic() + 100
            while True:
                before = resident(pids or [])
                found, is_fresh = ask_once()
                # Under load the collector may not have looked yet. And a program that has just printed "ready" may still grow:
                # it reads its input into a buffer that it allocates for that.
                is_still = pids is None or (is_fresh and before == resident(pids))
                if (found["moment"] and is_still) or time.monotonic() > deadline:
                    break
                time.sleep(0.1)
            parts = dict.fromkeys(PARTS, 0) | {part["part"]: part["bytes"] for part in found["parts"]}
            assert list(parts) == PARTS and sum(parts.values()) == found["resident_bytes"], found
            return found, parts, before
        start.ask = ask
        start.database = database
        yield start


def written(tmp_path, text):
    path = tmp_path / "program.py"
    path.write_text(text)
    return path


# Name, command, library after ours (or Python's version), environment, and the part that must be the largest.
KINDS = [
    ("C", "large blocks", None, None, "pinned"),
    ("C++", "words", None, None, "live"),
    ("threads with arenas", "large arenas", None, None, "live"),
    ("fork server", "large forks", None, None, "live"),
    ("mapped files", "large files", None, None, "files"),
    ("jemalloc", "large blocks", "libjemalloc.so.2", None, None),
    ("tcmalloc", "large blocks", "libtcmalloc_minimal.so.4", None, None),
    ("mimalloc", "large blocks", "libmimalloc.so.2", None, None),
    ("huge pages", "large huge", None, None, "live"),
    ("huge pages of malloc", "large blocks", None, {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}, None),
    ("CPython 3.11", KEEPER, "3.11", None, None),
    ("CPython 3.13", KEEPER, "3.13", None, None),
]


def row(say, name, found, parts):
    total = found["resident_bytes"]
    say(f"{name:21} {total / MIB:6.1f} MiB  " +
        "  ".join(f"{part} {parts[part] / total:.1%}" for part in PARTS) +
        f"  untouched {found['untouched_bytes'] / MIB:.1f} MiB")


@pytest.mark.parametrize("kind", KINDS, ids=[kind[0] for kind in KINDS])
def test_explained(build, large, tmp_path, say, kind):
    name, what, behind, env, largest = kind
    if what is KEEPER:
        interpreter = python(behind)
        if not interpreter:
            pytest.skip(f"no Python {behind} is installed")
        program = large([interpreter, written(tmp_path, what)])
    else:
        command, *arguments = what.split()
        library = preloaded(behind) if behind else None
        if behind and not library:
            pytest.skip(f"{behind} is not installed")
        program = large([build.target(command), *arguments], library, env)
    found, parts, kernels = large.ask(program.numbers)
    row(say, name, found, parts)
    assert found["resident_bytes"] == kernels
    assert parts["other"] <= 0.02 * found["resident_bytes"]
    if largest:
        assert max(parts, key=parts.get) == largest
    if name == "fork server":  # what it has allocated and mapped is in its children, too, and counts for the lines
        assert [line["function"] for line in found["parts"][0]["lines"][:2]] == ["filled", "fill_heap"]
        mapped = next(part for part in found["parts"] if part["part"] == "mapped")
        assert mapped["lines"][0]["function"] == "mapped" and mapped["lines"][0]["bytes"] == len(program.numbers) * 8 * MIB
        parts["mapped"] -= mapped["lines"][0]["bytes"]
    if name != "mapped files":  # nothing of the program or of ours is taken for a mapping that the program has made itself
        assert parts["mapped"] <= 0.02 * found["resident_bytes"]
    program.end()
    assert wait_for_run(large.database)["state"] == "complete"


def get(port):
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        while client.recv(1 << 16):
            pass


def test_server_under_load(large, tmp_path, say):
    """While the server works, the parts add up to what was seen; when it is idle again, to what the kernel says."""
    program = large(["/usr/bin/python3", written(tmp_path, SERVER)])
    pid, port = program.numbers
    stop = threading.Event()

    def load():
        while not stop.is_set():
            get(port)

    clients = [threading.Thread(target=load) for _ in range(4)]
    for client in clients:
        client.start()
    try:
        for _ in range(3):
            found, parts, _ = large.ask()
            row(say, "server under load", found, parts)
            assert parts["other"] <= 0.02 * found["resident_bytes"]
    finally:
        stop.set()
        for client in clients:
            client.join()
    found, parts, kernels = large.ask([pid])
    row(say, "server, quiet", found, parts)
    assert found["resident_bytes"] == kernels
    program.end()
