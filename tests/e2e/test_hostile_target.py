"""Root attaches to another user's program that tries to use root's rights: it gains none of them.

Each attack worked against an earlier version; see targets/hostile.c. Needs root, to have two users.
"""

import os
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile

import pytest

NOBODY = 65534
TRIES = int(os.environ.get("LIBTRACE_HOSTILE_TRIES", 6))  # of each attack
CONTENT = b"root's\n" * 4096

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be two users")


@pytest.fixture
def places(build):
    """The hostile program where everybody may run it, and a directory and files that only root may write to."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)
        shutil.copy(build.target("hostile"), folder)
        mine = folder / "mine"
        mine.mkdir(mode=0o755)
        for name, mode in ("secret", 0o600), ("readable", 0o644):
            (mine / name).write_bytes(CONTENT)
            (mine / name).chmod(mode)
        (folder / "records").mkdir(mode=0o700)
        yield folder


def attack(build, places, kind, file, seed):
    """Root attaches to the hostile program, which runs as nobody; returns the result of trace-attach, and the database."""
    database = places / "records" / f"{kind}-{seed}.db"
    target = subprocess.Popen([places / "hostile", kind, file, str(seed), build.library], user=NOBODY, group=NOBODY,
                              extra_groups=[], cwd="/", stdout=subprocess.PIPE)
    try:
        assert target.stdout.readline() == b"ready\n"
        done = subprocess.run([build.command("trace-attach"), "-o", database, str(target.pid)],
                              cwd=places / "records", capture_output=True, text=True, timeout=60)
    finally:
        target.kill()
        target.communicate()
    return done, database


def sound(database):
    connection = sqlite3.connect(database, timeout=30)
    try:
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    finally:
        connection.close()


@pytest.mark.parametrize("name", ["secret", "readable"])
def test_names_a_descriptor_of_roots_file(name, build, places):
    """The program passes off a descriptor of root's file, which it may at most read, as that of the shared memory."""
    for seed in range(TRIES // 2):
        file = places / "mine" / name
        done, _ = attack(build, places, "descriptor", file, seed)
        assert done.returncode == 1 and "did not answer as libtrace.so does" in done.stderr, done.stderr
        assert file.read_bytes() == CONTENT and sorted(os.listdir(places / "mine")) == ["readable", "secret"]


def test_writes_a_path_into_the_shared_memory(build, places):
    """Root alone decides where the database is: nothing is created in a directory that only root may write to."""
    for seed in range(TRIES):
        done, database = attack(build, places, "path", places / "mine" / "made.db", seed)
        assert "killed" not in done.stderr, done.stderr
        assert sorted(os.listdir(places / "mine")) == ["readable", "secret"]
        assert (places / "mine" / "secret").read_bytes() == CONTENT
        assert sound(database)


def test_leads_out_of_the_shared_memory(build, places):
    """Impossible offsets, numbers and counts are detected, whenever the program writes them: the collector ends normally, and
    its database is sound."""
    for seed in range(TRIES):
        done, database = attack(build, places, "offsets", "/", seed)
        assert "killed" not in done.stderr and done.returncode == 0, f"seed {seed}: {done.stderr}"
        assert sound(database)
        assert not list(database.parent.glob("*-wal"))
