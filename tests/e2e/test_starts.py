"""Programs that are started as containers and services start them, traced from inside and from outside. Each has one run, which
is complete and has names right after the end; no program hangs, and no collector is left. scripts/test-starts tries more."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from conftest import clean_environment, rows

TIMES = int(os.environ.get("LIBTRACE_STARTS", "1"))
LOAD = int(os.environ.get("LIBTRACE_LOAD", "0"))

PID = ["unshare", "--pid", "--fork", "--mount-proc"]
SHELL = ["sh", "-c", '"$@"; exit $?', "sh"]  # does not replace itself by the command
# What comes before the program; REAPER and ENTRY stand for files.
KINDS = {
    "pid namespace": [*PID, *SHELL],
    "user namespace": ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", *SHELL],
    "mount namespace": ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs /mnt && exec "$@"', "sh"],
    "bubblewrap": ["bwrap", "--bind", "/", "/", "--dev", "/dev", "--unshare-pid", "--proc", "/proc", "--die-with-parent"],
    "chroot": ["unshare", "--mount", "sh", "-c", 'mount --rbind / "$0" && exec chroot "$0" "$@"', "ROOT"],
    "setpriv": ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
    "number 1": PID,
    "number 1 that waits for all": [*PID, "REAPER"],
    "entrypoint script": [*PID, "ENTRY"],
}


@pytest.fixture(scope="module", autouse=True)
def busy():
    """Other programs that use the processors, too."""
    started = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(LOAD)]
    yield
    for process in started:
        process.kill()
        process.wait()


def folder_for_all():
    """A folder outside pytest's, which other users cannot enter."""
    folder = Path(tempfile.mkdtemp(dir="/tmp", prefix="starts."))
    folder.chmod(0o777)
    return folder


@pytest.fixture(scope="module")
def installed(build):
    """A copy of the build that every user can use, as the build may be in root's home; and the programs that it starts."""
    folder = folder_for_all()
    for file in [build.command("trace-run"), build.library, build.target("hello"), build.target("reaper"),
                 *build.collector.parent.iterdir()]:
        copy = folder / Path(file).resolve().relative_to(build.root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    (folder / "root").mkdir()
    (folder / "entry").write_text('#!/bin/sh\nset -e\ntest -n "$1"\nexec "$@"\n')
    for path in folder.rglob("*"):
        path.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def database():
    folder = folder_for_all()
    yield folder / "trace.db"
    shutil.rmtree(folder, ignore_errors=True)


def collectors(database):
    """The collectors that write to it, or will."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
            if command[0].endswith(b"trace-collector") and os.fsencode(database) in command:
                found.append(int(process.name))
        except OSError:
            pass
    return found


def command(kind, side, installed, database):
    """The command and its environment."""
    find = lambda name: next(path for path in installed.rglob(name) if path.is_file())
    stand_ins = {"REAPER": find("reaper"), "ENTRY": installed / "entry", "ROOT": installed / "root"}
    before = [str(stand_ins.get(word, word)) for word in KINDS[kind]]
    run = [find("trace-run"), "-o", database]
    program = [find("hello"), "you"]
    if side == "outside":
        return [*run, *before, *program], clean_environment()
    if side == "inside":
        return [*before, *run, *program], clean_environment()
    preload = ["env", f"LD_PRELOAD={find('libtrace.so')}", f"LIBTRACE_DB={database}"]
    words = before.index(str(stand_ins["REAPER"])) if "REAPER" in KINDS[kind] else len(before)
    return [*before[:words], *preload, *before[words:], *program], clean_environment()  # as an image's environment has it


@pytest.mark.parametrize("side", ["outside", "inside", "image"])
@pytest.mark.parametrize("kind", KINDS)
def test_start(kind, side, installed, database, report):
    argv, env = command(kind, side, installed, database)
    alone = [word for word in command(kind, "inside", installed, database)[0] if word not in (database, "-o")]
    alone = [word for word in alone if not str(word).endswith("trace-run")]
    if not shutil.which(alone[0]) or subprocess.run(alone, env=clean_environment(), capture_output=True).returncode != 0:
        pytest.skip(f"cannot be done here: {' '.join(map(str, alone))}")
    for number in range(TIMES):
        for file in database.parent.iterdir():
            file.unlink(missing_ok=True)
        ended = subprocess.run(argv, env=env, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"hello you\n", b""), number
        shown = report(database, "top", "--json", "--limit", "0")
        # On a machine that is busy enough it says that it waits.
        assert shown.returncode == 0 and (not shown.stderr or shown.stderr.endswith("and is waited for\n")), (number, shown.stderr)
        document = json.loads(shown.stdout)
        assert document["run"]["state"] == "complete", (number, document["run"])
        found = [row["allocations"] for row in document["rows"] if str(row["file"]).endswith("hello.c") and row["function"] == "main"]
        assert found == [1, 1], (number, document["rows"])
        assert len(rows(database, "SELECT * FROM run")) == 1, number
        end = time.monotonic() + 100
        while collectors(database) and time.monotonic() < end:
            time.sleep(0.01)
        assert not collectors(database), number
        assert [file.name for file in database.parent.iterdir()] == ["trace.db"], number
