"""The database belongs to its owner alone, and nobody else can choose where it is written."""

import os
import time
import shutil
import sqlite3
import stat
import subprocess
import sys

import pytest

from conftest import clean_environment, rows, wait_for_run

NOBODY = 65534
COMPANIONS = ("", "-wal", "-shm", "-journal")


def modes(database):
    """The permissions of all files that SQLite has created there."""
    return {stat.S_IMODE(os.stat(f"{database}{end}").st_mode) for end in COMPANIONS if os.path.exists(f"{database}{end}")}


@pytest.mark.parametrize("umask", (0, 0o022, 0o077))
def test_for_the_owner_alone(umask, build, trace, tmp_path):
    database = tmp_path / "trace.db"
    trace([build.target("hello")], umask=umask)
    assert modes(database) == {0o600 & ~umask}


def until(what, patience=100):
    deadline = time.monotonic() + patience
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_is_beside_it_while_it_is_recorded(steps, report, tmp_path):
    program = steps()
    program.do("keep 10")
    until(lambda: report(tmp_path / "trace.db", "top", "--json").returncode == 0)
    assert os.path.exists(tmp_path / "trace.db-wal") and modes(tmp_path / "trace.db") == {0o600}
    program.end()


def test_permissions_that_somebody_chose(build, trace, tmp_path):
    """An existing file keeps its permissions."""
    trace([build.target("hello")])
    os.chmod(tmp_path / "trace.db", 0o640)
    trace([build.target("hello")])
    assert modes(tmp_path / "trace.db") == {0o640}


def test_a_link_of_our_own(build, trace, tmp_path):
    """A symbolic link is followed, even if its target does not exist yet."""
    os.symlink("elsewhere/real.db", tmp_path / "trace.db")
    (tmp_path / "elsewhere").mkdir()
    traced = trace([build.target("hello")])
    assert traced.run["state"] == "complete" and modes(tmp_path / "elsewhere" / "real.db") == {0o600}
    assert not os.path.exists(tmp_path / "trace.db-wal")


# ---- several users -----------------------------------------------------------------------------------------

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")


def refused(build, preload, database, folder):
    """The program runs, and one line says why it is not traced; returns that line."""
    done = subprocess.run([build.target("hello")], env=preload(db=database), capture_output=True, cwd=folder, timeout=60)
    assert (done.returncode, done.stdout) == (0, b"hello world\n")
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1 and lines[0].startswith("libtrace: "), lines
    return lines[0]


@as_root
@pytest.mark.parametrize("mode", (0o1777, 0o777, 0o755), ids=oct)
def test_a_link_of_another_user(mode, build, preload, everybodys, tmp_path):
    """Neither makes a file where only we may, nor writes to one."""
    shared = everybodys / "shared"
    shared.mkdir()
    os.chown(shared, NOBODY, NOBODY)
    shared.chmod(mode)
    for name, target in (("new.db", tmp_path / "made"), ("old.db", tmp_path / "empty")):
        os.symlink(target, shared / name)
        os.lchown(shared / name, NOBODY, NOBODY)
    (tmp_path / "empty").touch()
    for name in ("new.db", "old.db"):
        assert "a symbolic link of nobody" in refused(build, preload, shared / name, everybodys)
    assert not (tmp_path / "made").exists() and (tmp_path / "empty").stat().st_size == 0
    assert sorted(os.listdir(shared)) == ["new.db", "old.db"]


@as_root
@pytest.mark.parametrize("end", COMPANIONS, ids=("database", "wal", "shm", "journal"))
@pytest.mark.parametrize("kind", ("file", "link"))
def test_a_file_of_another_user(kind, end, build, preload, everybodys, tmp_path):
    """In a folder where everybody may create files, another user's file is not written to: its owner could
    read the record."""
    shared = everybodys / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    laid = shared / f"trace.db{end}"
    if kind == "file":
        laid.touch()
        laid.chmod(0o666)
        os.chown(laid, NOBODY, NOBODY)
    else:
        os.symlink(tmp_path / "made", laid)
        os.lchown(laid, NOBODY, NOBODY)
    assert f"trace.db{end} is a " in refused(build, preload, shared / "trace.db", everybodys)
    assert kind == "link" or laid.stat().st_size == 0
    assert not (tmp_path / "made").exists()


@as_root
def test_our_own_file_where_everybody_may_write(build, trace, everybodys):
    shared = everybodys / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    for _ in range(2):
        traced = trace([build.target("hello")], db=shared / "trace.db")
        assert traced.run["state"] == "complete" and traced.stderr == b""
    assert os.listdir(shared) == ["trace.db"] and modes(shared / "trace.db") == {0o600}


@as_root
@pytest.mark.parametrize("command", (["top"], ["sql", "SELECT 1"], ["rename", "1", "other"]), ids=lambda words: words[0])
def test_root_reads_it_as_a_run_of_its_owner_begins(command, build, preload, trace, everybodys):
    """The files that SQLite creates beside the database for root belong to its owner from the start; otherwise the owner's next
    run would be lost."""
    home = everybodys / "home"
    home.mkdir()
    database = home / "trace.db"
    trace([build.target("hello")], db=database)
    for path in (home, database):
        os.chown(path, NOBODY, NOBODY)
    connection = sqlite3.connect(database)
    assert connection.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
    connection.close()
    shared_memory = home / "trace.db-shm"
    assert not shared_memory.exists()
    reader = subprocess.Popen(["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fchown", "-e",
                               "inject=fchown:delay_enter=3000000", build.command("trace-report"), *command, "--db",
                               database], stdout=subprocess.DEVNULL)
    until(lambda: shared_memory.exists() or reader.poll() is not None)
    done = subprocess.run([build.target("hello")], env=preload(db=database), user=NOBODY, group=NOBODY, extra_groups=[],
                          capture_output=True, cwd="/", timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"hello world\n", b"")
    assert reader.wait(timeout=60) == 0
    assert wait_for_run(database)["state"] == "complete"


@as_root
def test_who_may_not_read_it_is_told_what_to_do(build, trace, everybodys):
    """As after a trace-attach by root: the message names the owner and says what to do."""
    database = everybodys / "trace.db"
    trace([build.target("hello")], db=database)
    program = everybodys / "trace-report"
    shutil.copy(build.command("trace-report"), program)
    done = subprocess.run([program, "top", "--db", database], env=clean_environment(), capture_output=True, text=True,
                          user=NOBODY, group=NOBODY, extra_groups=(), cwd=everybodys, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert "it belongs to root, and nobody may not read it" in done.stderr and f"sudo chown nobody {database}" in done.stderr
    os.chown(database, NOBODY, NOBODY)
    done = subprocess.run([program, "top", "--db", database], env=clean_environment(), capture_output=True, text=True,
                          user=NOBODY, group=NOBODY, extra_groups=(), cwd=everybodys, timeout=60)
    assert done.returncode == 0, done.stderr


@as_root
def test_anothers_database_in_ones_own_directory(build, trace, everybodys):
    """Root records into a file of the directory's owner: this is not refused, and the file stays the user's."""
    database = everybodys / "trace.db"
    trace([build.target("hello")], db=database)
    os.chown(database, NOBODY, NOBODY)
    os.chown(everybodys, NOBODY, NOBODY)
    assert trace([build.target("hello")], db=database).stderr == b""
    assert os.stat(database).st_uid == NOBODY and wait_for_run(database)["id"] == 2


def test_removed_between_runs(preload, recorded, tmp_path):
    """The next run starts while the previous collector is still at work: what that leaves is not taken for the new run's."""
    database = tmp_path / "trace.db"
    for _ in range(8):
        database.unlink(missing_ok=True)
        ended = subprocess.run([sys.executable, "-c", "import json, asyncio, unittest"], env=preload(), capture_output=True,
                               timeout=60, check=False)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")
    run = recorded(database)
    assert run["state"] == "complete" and run["allocations"] > 1000
    assert rows(database, "PRAGMA integrity_check")[0]["integrity_check"] == "ok"
