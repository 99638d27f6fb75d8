"""make -j2 of a whole project, which takes minutes: run by scripts/test-make."""

import collections
import hashlib
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from conftest import clean_environment, rows, wait_for_run

SOURCE = Path(os.environ["LIBTRACE_MAKE_SOURCE"])
LEFT_OUT = {"build", ".git", "node_modules"}


def configure(source, folder):
    """Copies the source afresh, and configures it in that folder, because artefacts contain its path."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder, ignore=lambda _, names: LEFT_OUT & set(names), symlinks=True)
    if (source / "configure").exists():
        argv = ["sh", "./configure"]
    else:
        argv = ["cmake", "-G", "Unix Makefiles", "-DCMAKE_BUILD_TYPE=Release", "."]
    subprocess.run(argv, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean_environment())


def is_artefact(path):
    return path.is_file() and not path.is_symlink() and path.read_bytes()[:4] in (b"\x7fELF", b"!<ar")


def artefacts(folder):
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if is_artefact(p)}


def image(path):
    """The program that runs if this file is executed: for a script its interpreter; None for a static program, which cannot be
    traced."""
    path = os.path.realpath(path)
    with open(path, "rb") as file:
        head = file.read(256)
    if head[:2] == b"#!":
        return image(head[2:].split()[0].decode())
    kinds = subprocess.run(["readelf", "-lW", path], capture_output=True, text=True).stdout
    return path if "INTERP" in kinds else None


def make(argv, folder, env=None):
    started = time.monotonic()
    done = subprocess.run(argv, cwd=folder, env=env or clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout.decode()[-2000:]
    return time.monotonic() - started


def test_make(build, preload, program, tmp_path):
    folder, log, database = tmp_path / "project", tmp_path / "strace", tmp_path / "trace.db"
    log.mkdir()
    configure(SOURCE, folder)
    seconds = make([program("strace"), "-ff", "-qq", "-e", "trace=execve", "-o", log / "x", "make", "-j2"], folder)
    expected = artefacts(folder)
    executed, processes = collections.Counter(), set()
    for file in log.iterdir():
        paths = re.findall(r'execve\("([^"]+)".* = 0$', file.read_text(), re.M)
        executed.update(image(p) for p in paths)
        if paths:
            processes.add(file.suffix)
    configure(SOURCE, folder)
    traced = make(["make", "-j2"], folder, preload(db=database))
    assert artefacts(folder) == expected and len(expected) > 10
    run = wait_for_run(database, timeout=600)
    assert run["state"] == "complete" and run["exit_status"] == 0
    found = rows(database, "SELECT * FROM processes ORDER BY process")
    by_path = collections.Counter(p["executable"] for p in found)
    # A process that allocates between fork and exec has a row of its own, with its parent's program.
    static = executed.pop(None, 0)
    missing = {path: (times, by_path[path]) for path, times in executed.items() if by_path[path] < times}
    assert not missing and set(by_path) <= set(executed), (missing, set(by_path) - set(executed))
    assert len({p["pid"] for p in found}) >= len(processes) - static
    assert all(p["ended_s"] is not None for p in found)
    print(f"\n{len(expected)} artefacts are the same; {sum(executed.values())} programs executed in {len(processes)} processes, as strace "
          f"counts them, and {static} static ones that cannot be traced; the run has {len(found)} images in {len({p['pid'] for p in found})} processes and {run['allocations']:,} "
          f"allocations, {run['events_lost']} lost. strace: {seconds:.0f} s, traced: {traced:.0f} s")
