"""Programs that overwrite the memory that their tracer shares with them, and what must hold for each, whatever they overwrite.

Used by test_scribbles.py, which tries some, and by scripts/test-scribbles, which tries as many as it is told.
"""

import pathlib
import sqlite3
import subprocess
import time

PLACES = ("anywhere", "process", "ring", "header", "notes", "nodes", "frames", "words")


def _collectors(database):
    """Processes that record into a database: its path is one of their arguments."""
    wanted = str(database).encode()
    for folder in pathlib.Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and wanted in (folder / "cmdline").read_bytes().split(b"\0"):
                yield int(folder.name)
        except OSError:
            pass


def _wait_for_collectors(database, seconds):
    deadline = time.monotonic() + seconds
    while list(_collectors(database)):
        if time.monotonic() > deadline:
            return f"the collector does not end ({list(_collectors(database))})"
        time.sleep(0.02)
    return None


def _integrity(database):
    connection = sqlite3.connect(database, timeout=30)
    try:
        found = connection.execute("PRAGMA integrity_check").fetchall()
        runs = connection.execute("SELECT state FROM run").fetchall()
    finally:
        connection.close()
    if found != [("ok",)]:
        return f"the database is damaged: {found[:3]}"
    return None if runs else "there is no run"


def expected(program, environment):
    """The output of the untraced program, after the word that says that it is untraced."""
    plain = subprocess.run([program, "1", "anywhere"], env=environment, capture_output=True, timeout=60)
    assert plain.returncode == 9 and plain.stdout.startswith(b"untraced "), plain
    return plain.stdout.removeprefix(b"untraced ")


def scribble(program, seed, environment, database, right, seconds=60):
    """Traces one run into a new database; returns None, or what is wrong."""
    place = PLACES[seed % len(PLACES)]
    what = f"seed {seed}, {place}"
    try:
        done = subprocess.run([program, str(seed), place], env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return f"{what}: the program hangs"
    if done.returncode != 9 or done.stdout.removeprefix(b"traced ") != right or not done.stdout.startswith(b"traced "):
        return f"{what}: the program is another one: {done.returncode}, {done.stdout!r}, {done.stderr[-300:]!r}"
    if done.stderr.count(b"\n") > 2:  # one line for each of its two processes at most
        return f"{what}: {done.stderr[-600:]!r}"
    wrong = _wait_for_collectors(database, seconds)
    if not wrong and not pathlib.Path(database).exists():
        wrong = "nothing was recorded"
    wrong = wrong or _integrity(database)
    return f"{what}: {wrong}" if wrong else None
