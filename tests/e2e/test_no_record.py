"""Runs that cannot be recorded: one message says so, whatever the program does, and the program is hardly slowed down."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time

import pytest

from conftest import clean_environment, rows, wait_for_run

FAMILY = "for i in 1 2 3 4; do sh -c 'true; true' & done; wait; {hello}; exit 3"


@pytest.fixture
def trace_run(build, tmp_path):
    def run(*argv, database=None, env=None):
        command = [build.command("trace-run"), *(["-o", database] if database else []), *argv]
        return subprocess.run([str(a) for a in command], env=clean_environment(env), cwd=tmp_path, capture_output=True, text=True,
                              timeout=60, check=False)

    return run


def said(ended):
    assert ended.stderr.count("\n") == 1 and ended.stderr.startswith("trace-run: "), ended.stderr
    assert "runs untraced" in ended.stderr
    return ended.stderr


def small(tmp_path, free):
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "none", folder], capture_output=True).returncode:
        pytest.skip("cannot mount here")
    (folder / "fill").write_bytes(bytes(200 * 1024 - free))
    return folder


@pytest.mark.parametrize("path, why", [("/nowhere/trace.db", "no such directory"), ("/proc/trace.db", "no file can be made"), ("/tmp", "is a directory"),
                                       ("text", "no SQLite database")])
@pytest.mark.parametrize("silent", [False, True], ids=["", "closes its standard error"])
def test_unwritable(path, why, silent, build, trace_run, tmp_path):
    (tmp_path / "text").write_text("This is a text.\n")
    hello = build.target("hello")
    ended = trace_run("sh", "-c", f"{'exec 2>&-;' if silent else ''} {hello}; exit 3", database=path)
    assert (ended.returncode, ended.stdout) == (3, "hello world\n")
    assert why in said(ended)
    assert (tmp_path / "text").read_text() == "This is a text.\n"


def test_full_disk(build, trace_run, tmp_path):
    folder = small(tmp_path, 60 * 1024)
    try:
        for env in ({"LIBTRACE_DB": folder / "trace.db"}, {}):
            ended = trace_run(build.target("hello"), database=None if env else folder / "trace.db", env=env)
            assert (ended.returncode, ended.stdout) == (0, "hello world\n")
            assert "space" in said(ended)
        assert not (folder / "trace.db").exists()
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_within_another_run(build, trace_run, tmp_path):
    """trace-run in a traced program belongs to the outer run, so its own database does not matter."""
    ended = trace_run("sh", "-c", f"{build.command('trace-run')} -o /nowhere/x.db {build.target('hello')}; exit 3")
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "hello world\n", "")
    assert wait_for_run(tmp_path / "trace.db")["state"] == "complete"


@pytest.mark.parametrize("path", ["/nowhere/trace.db", "/proc/trace.db"])
def test_one_line_for_a_family(path, build, preload):
    """With LD_PRELOAD alone, libtrace prints the message, once for all processes of the run."""
    ended = subprocess.run(["sh", "-c", FAMILY.format(hello=build.target("hello"))], env=preload(db=path), capture_output=True,
                           text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (3, "hello world\n")
    assert ended.stderr.count("\n") == 1 and ended.stderr.startswith("libtrace: ")


def test_locked(build, preload, tmp_path):
    """The program is not delayed for long and gets a message; its allocations are written when the lock is gone. On a busy machine
    it may have ended before the collector knows: then there is none."""
    database = tmp_path / "trace.db"
    subprocess.run([build.target("hello")], env=preload(), capture_output=True, timeout=60, check=True)
    wait_for_run(database)
    holder = sqlite3.connect(database, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    started, message = 0, b""
    try:
        while started < 10 and not message:
            ended = subprocess.run([build.target("hello"), "you", "5"], env=preload(), capture_output=True, timeout=60, check=False)
            assert (ended.returncode, ended.stdout) == (5, b"hello you\n")
            message = ended.stderr
            started += 1
        assert message.count(b"\n") == 1 and b"locked" in message
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    for number in range(started):
        run = wait_for_run(database, 2 + number)
        assert (run["state"], run["allocations"], run["exit_status"]) == ("complete", 2, 5)


@pytest.mark.parametrize("what", ["missing", "no program", "no library"])
def test_collector_that_cannot_start(what, build, tmp_path):
    """Whatever is wrong with the collector, only our one line is printed, and the program does not wait for it."""
    root = tmp_path / "root"
    for path in (build.library, build.collector):
        (root / os.path.relpath(path, build.root)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / os.path.relpath(path, build.root))
    collector = root / os.path.relpath(build.collector, build.root)
    if what == "missing":
        collector.unlink()
    elif what == "no program":
        collector.write_bytes(b"\x7fELF" + bytes(100))
    else:
        (tmp_path / "needs.c").write_text("int main(void) { return 0; }\n")
        (tmp_path / "gone.c").write_text("int gone;\n")
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", tmp_path / "libgone.so", tmp_path / "gone.c"], check=True)
        subprocess.run(["gcc", "-o", collector, tmp_path / "needs.c", "-Wl,--no-as-needed", tmp_path / "libgone.so"], check=True)
        (tmp_path / "libgone.so").unlink()
    env = clean_environment({"LD_PRELOAD": root / os.path.relpath(build.library, build.root), "LIBTRACE_DB": tmp_path / "trace.db"})
    begin = time.monotonic()
    ended = subprocess.run([sys.executable, "-c", "print('done')"], env=env, capture_output=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (0, b"done\n")
    assert ended.stderr.count(b"\n") == 1 and ended.stderr.startswith(b"libtrace: "), ended.stderr
    assert not (tmp_path / "trace.db").exists()
    assert time.monotonic() - begin < 20  # less than the wait for a collector that hangs


def test_runs_are_as_they_were(build, trace_run, report, tmp_path):
    """A run that could not be recorded is not listed, and the recorded ones are intact."""
    trace_run(build.target("hello"))
    wait_for_run(tmp_path / "trace.db")
    (tmp_path / "trace.db").chmod(0o444)
    if os.access(tmp_path / "trace.db", os.W_OK):
        pytest.skip("root may write to it all the same")
    assert "read-only" in said(trace_run(build.target("hello")))
    assert len(rows(tmp_path / "trace.db", "SELECT * FROM run")) == 1
