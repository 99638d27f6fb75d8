"""Programs and libraries that are not where their path says: in memory, in other namespaces, replaced while they run."""

import os
import shutil
import subprocess
import sys
import threading
import time

import pytest

from conftest import clean_environment, wait_for_run
from module_folder import IDS, folder

__all__ = ["folder"]


@IDS
def test_from_memory(folder):
    folder.run(folder.host, "memory", folder.piece, "work", 4001)
    assert folder.lines() == {100: 10}


@IDS
def test_executable_removed(folder):
    folder.run(folder.host, "unlink", folder.host, "own", 4001, "sleep", 100)
    assert folder.lines() == {100: 10}


@IDS
def test_executable_replaced(folder):
    """An untraced process replaces the file as soon as the program runs."""
    (folder.path / "go").mkdir()

    def replace():
        while not any((folder.path / "go").iterdir()):
            time.sleep(0.002)
        folder.other_host.rename(folder.host)
        (folder.path / "replaced").touch()

    if folder.user:
        os.chown(folder.path / "go", folder.user, folder.user)
    (folder.path / "here").touch()
    thread = threading.Thread(target=replace)
    thread.start()
    folder.run(folder.host, "own", 4001, "rename", "here", "go/here", "wait", "replaced", "own", 4002)
    thread.join()
    assert folder.lines() == {100: 20}


@IDS
def test_executable_in_memory(folder):
    """As runc does: the program is executed from a descriptor of a file without a name."""
    read, write = os.pipe()
    memory = os.memfd_create("host", os.MFD_CLOEXEC)
    os.write(memory, folder.host.read_bytes())
    folder.run(f"/proc/self/fd/{memory}", "own", 4001, "sleep", 100, pass_fds=(memory,))
    os.close(memory)
    os.close(read)
    os.close(write)
    assert folder.lines() == {100: 10}


@pytest.fixture
def namespace(folder, program):
    """The first words of a command that runs a shell in a new mount namespace, as the folder's user."""
    command = [program("unshare"), *(["--user", "--map-root-user"] if folder.user else []), "--mount", "/bin/sh", "-c"]
    user = {"user": folder.user, "group": folder.user} if folder.user else {}
    if subprocess.run([*command, "true"], capture_output=True, **user).returncode != 0:
        pytest.skip("mount namespaces cannot be made here")
    return command


@IDS
def test_bind_mount(folder, namespace):
    """For the children the same paths lead to other files than for the collector, which is outside."""
    inside = folder.path / "inside"
    inside.mkdir()
    shutil.copy(folder.piece, inside / "piece.so")
    seen = folder.path / "seen"
    seen.mkdir()
    shutil.copy(folder.other, seen / "piece.so")
    host = f"{folder.host} load {seen}/piece.so work"
    folder.run("/bin/sh", "-c", f"{host} 4002; {' '.join(namespace)} 'mount --bind {inside} {seen} && {host} 4001'")
    assert folder.lines() == {100: 10, 200: 10}


@IDS
def test_changed_root(folder, namespace):
    """After chroot() a path means another file than it does for the collector."""
    root = folder.path / "root"
    (root / "plugins").mkdir(parents=True)
    shutil.copy(folder.piece, root / "plugins" / "real.so")
    (root / "plugins" / "piece.so").symlink_to("/plugins/real.so")  # a path in that root
    folder.run("/bin/sh", "-c", f"{' '.join(namespace)} '{folder.host} root {root} cd / load /plugins/piece.so work 4001'")
    assert folder.lines() == {100: 10}


@IDS
def test_unmounted(folder, namespace):
    """The file system is unmounted while the library is loaded."""
    mount = folder.path / "mounted"
    mount.mkdir()
    script = (f"mount -t tmpfs none {mount} && cp {folder.piece} {mount}/piece.so && "
              f"exec {folder.host} load {mount}/piece.so work 4001 sleep 100 unmount {mount} work 4002")
    folder.run(*namespace, script)
    assert folder.lines() == {100: 20}


COUNT_RUNS = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM run').fetchone())"


def has_run(database, user):
    """Looked at by the user: what root's SQLite makes beside the database is root's for a moment, and the collector may not write to it then."""
    if not database.exists():
        return False
    return subprocess.run([sys.executable, "-c", COUNT_RUNS, database], capture_output=True, **user).stdout.strip() not in (b"", b"0")


@IDS
def test_attached_too_late(folder):
    """A file that was removed before tracing began can be read only by those who may look into the mappings; others get a
    message."""
    user = {"user": folder.user, "group": folder.user, "extra_groups": []} if folder.user else {}
    free = {"cwd": folder.path, "text": True, "env": clean_environment(), **user}
    program = subprocess.Popen([folder.host, "load", folder.piece, "unlink", folder.piece, "rename", folder.other, folder.piece, "say", "ready",
                                "wait", "go", "work", "4001", "sleep", "100"], stdout=subprocess.PIPE, **free)
    try:
        assert program.stdout.readline() == "ready\n"
        tracer = subprocess.Popen([folder.path / "bin" / "trace-attach", "-o", folder.database, str(program.pid)], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, **free)
        while tracer.poll() is None and not has_run(folder.database, user):
            time.sleep(0.01)
        (folder.path / "go").touch()
        said = tracer.communicate(timeout=60)[1]
    finally:
        program.kill()
        program.communicate()
    assert tracer.returncode == 0, said
    wait_for_run(folder.database)
    if os.geteuid() == 0 and not folder.user:
        assert folder.lines() == {100: 10}
        return
    assert folder.lines() == {} and folder.state("piece.so") <= {4, 5}
    said = subprocess.run([folder.path / "bin" / "trace-report", "summary", "--db", folder.database], capture_output=True, text=True, timeout=60).stdout
    words = " ".join(said.split())  # lines break where the terminal's width wants them to
    assert "count for callers of" in words and "piece.so: its file was re" in words, said  # removed, or replaced
