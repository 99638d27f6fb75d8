"""What real programs map themselves, by the place of each call, compared with strace -k. LIBTRACE_LONG=1 adds the slow ones."""

import collections
import os
import pathlib
import shutil
import struct
import subprocess

import pytest

from conftest import clean_environment, rows, wait_for_run
from test_mapped import Straced

SLOW = {"apt-cache", "clang"} if not os.environ.get("LIBTRACE_LONG") else set()
PLACES = """SELECT m.path, f.offset, sum(s.allocations), sum(s.bytes) FROM mapped_site s
              JOIN node n ON n.run = s.run AND n.id = s.node
              JOIN frame f ON f.run = n.run AND f.id = n.frame
              JOIN module m ON m.run = f.run AND m.id = f.module
             WHERE s.run = 1 GROUP BY 1, 2"""

SOURCE = "int first(int a) { return a * 3; }\n" + "".join(f"int f{i}(int a) {{ return first(a) + {i}; }}\n" for i in range(3000))


def repository(folder):
    """A repository with a pack file, which git maps."""
    def git(*arguments):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=folder, check=True, capture_output=True,
                       env=clean_environment())
    git("init", "-q")
    for i in range(20):
        (folder / f"file{i}").write_text(f"{i}\n" * 1000)
        git("add", ".")
        git("commit", "-q", "-m", str(i))
    git("gc", "-q")
    return ["git", "-C", str(folder), "log", "--stat", "--oneline"]


def compiled(folder, *command):
    (folder / "source.c").write_text(SOURCE)
    return [*command, str(folder / "source.c"), "-o", str(folder / "out")]


def compiler_proper(folder):
    """The program that gcc starts: it has a garbage collector, which maps its pages."""
    path = subprocess.run(["gcc", "-print-prog-name=cc1"], capture_output=True, text=True, check=True).stdout.strip()
    return compiled(folder, path, "-quiet", "-O1")


def gold(folder):
    subprocess.run(["gcc", "-c", *compiled(folder)], check=True)
    return ["ld.gold", "-r", "-o", str(folder / "linked"), str(folder / "out")]


def database(folder):
    subprocess.run(["sqlite3", str(folder / "a.db"), "CREATE TABLE t(a); INSERT INTO t VALUES(randomblob(1000000))"], check=True)
    return ["sqlite3", str(folder / "a.db"), "PRAGMA mmap_size = 100000000; SELECT count(*), sum(length(a)) FROM t"]


PROGRAMS = {
    "git": repository,
    "cc1": compiler_proper,
    "clang": lambda folder: compiled(folder, "clang", "-c", "-O1"),
    "ld.gold": gold,
    "sqlite3": database,
    "file": lambda folder: ["file", "/bin/ls"],  # its table of magic numbers
    "apt-cache": lambda folder: ["apt-cache", "policy", "gcc"],  # its list of packages
    "fc-list": lambda folder: ["fc-list"],  # its caches of fonts
}


def first_address(path):
    """The address of a file that is loaded at a fixed address (0 for others): strace's offsets begin there, ours are file
    addresses."""
    header = pathlib.Path(path).read_bytes()[:4096]
    kind, programs = struct.unpack_from("<H", header, 16)[0], struct.unpack_from("<Q", header, 32)[0]
    assert header[4] == 2  # 64 bits
    if kind != 2:  # ET_EXEC
        return 0
    size, number = struct.unpack_from("<HH", header, 54)
    segments = (struct.unpack_from("<IIQQ", header, programs + i * size) for i in range(number))
    return min(address for kind, _, _, address in segments if kind == 1)  # PT_LOAD


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is missing")
@pytest.mark.parametrize("name", [name for name in PROGRAMS if name not in SLOW])
def test_as_strace(preload, tmp_path, say, name):
    if not shutil.which(name) and name != "cc1":
        pytest.skip(f"{name} is missing")
    argv = PROGRAMS[name](tmp_path)
    subprocess.run(argv, check=True, capture_output=True, env=clean_environment())  # so that its caches already exist
    straced = Straced(argv, tmp_path / "log")
    process = subprocess.run(argv, env=preload(), capture_output=True, timeout=100, check=False)
    assert process.returncode == 0
    assert wait_for_run(tmp_path / "trace.db")["state"] == "complete"
    expected = collections.Counter()
    for (path, _, offset), (calls, size) in straced.mapped.items():
        place = os.path.realpath(path), offset + first_address(path)
        expected[(*place, "calls")] += calls
        expected[(*place, "bytes")] += size
    found = collections.Counter()
    for path, offset, calls, size in rows(tmp_path / "trace.db", PLACES):
        found[os.path.realpath(path), offset, "calls"] += calls
        found[os.path.realpath(path), offset, "bytes"] += size
    assert expected and found == expected
    calls = sum(count for (_, _, what), count in found.items() if what == "calls")
    size = sum(count for (_, _, what), count in found.items() if what == "bytes")
    modules = ", ".join(sorted({pathlib.Path(path).name for path, _, _ in found}))
    say(f"{name}: {len(found) // 2} places in {modules}, {calls} calls, {size >> 10} KiB, as strace -k shows them")
