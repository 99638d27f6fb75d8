"""SIGKILL at random moments of a busy multi-threaded program: the database has everything that the program itself had counted
by then, and is sound. LIBTRACE_KILLS sets the number of kills (scripts/test-kills)."""

import os
import random
import signal
import struct
import subprocess
import time

from conftest import rows, wait_for_run

KILLS = int(os.environ.get("LIBTRACE_KILLS", 20))
THREADS = 4


def counted(path):
    words = struct.unpack("512Q", path.read_bytes()[:4096])
    return [(words[8 * i], words[8 * i + 1]) for i in range(THREADS)]


def test_kills_at_random_moments(build, preload, tmp_path, say):
    database, page = tmp_path / "trace.db", tmp_path / "page"
    chance = random.Random(int(os.environ.get("LIBTRACE_SEED", 1)))
    events = 0
    for number in range(1, KILLS + 1):
        page.unlink(missing_ok=True)
        program = subprocess.Popen([build.target("counted"), page, str(THREADS)], env=preload(), stderr=subprocess.PIPE)
        deadline = time.monotonic() + 100
        while not (page.exists() and page.stat().st_size == 4096 and counted(page)[0][0]) and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.1))
        program.kill()
        assert program.wait() == -signal.SIGKILL
        assert program.stderr.read() == b""
        run = wait_for_run(database, number)
        threads = counted(page)
        allocations, frees = sum(t[0] for t in threads), sum(t[1] for t in threads)
        events += allocations + frees
        line = rows(database, "SELECT sum(allocations) AS a, sum(allocations - live_allocations) AS f FROM functions WHERE run = ? AND function = 'run'", number)[0]
        # Each thread may have been killed between an event and its count; and a free is recorded before it happens.
        assert allocations <= line["a"] <= allocations + THREADS, f"kill {number}"
        assert frees <= line["f"] <= frees + THREADS, f"kill {number}"
        assert run["state"] == "complete" and run["exit_status"] == -signal.SIGKILL, f"kill {number}"
        assert rows(database, "PRAGMA integrity_check")[0][0] == "ok"
    say(f"{KILLS} kills of {THREADS} busy threads, {events:,} events: none is missing, the database is sound each time")
