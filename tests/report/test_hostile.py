"""Files from strangers: they may be wrong in any way, and must do no harm. Read under AddressSanitizer."""

import os
import random
import sqlite3

import pytest

COMMANDS = (["top"], ["top", "--stacks", "2", "--by", "peak"], ["top", "--group", "stack"], ["summary"], ["compare"],
            ["runs"], ["sql", "SELECT * FROM leaks"], ["top", "--json", "--leaf"], ["tree"], ["leaks", "--json"],
            ["tree", "--inverted", "--min", "0", "--group", "function"], ["timeline"], ["histogram"], ["temporary"], ["rss"],
            ["top", "--group", "stack", "--function", "m*", "--file", "*.c"], ["check", "--max-peak", "1G"],
            ["leaks", "--suppressions", "known.supp"], ["merge", "trace.db", "--db", "merged.db"],
            ["export", "--format", "pprof", "-o", "out.pprof"], ["export", "--format", "dhat"], ["export", "--format", "massif"],
            ["export", "--format", "folded"], ["export", "--format", "speedscope"], ["html", "-o", "out.html"], ["summary", "--json"],
            ["function", "main"], ["top", "--inclusive", "--group", "function", "--all-frames"],
            ["tree", "--below", "m*"], ["top", "--mine"], ["top", "--skip-wrappers", "auto", "--by", "live"],
            ["leaks", "--fail", "--min", "1", "--all"], ["check", "--against", "1", "--annotations", "github"])
MUTATIONS = int(os.environ.get("LIBTRACE_MUTATIONS", 500))


@pytest.fixture(autouse=True)
def suppressions(tmp_path):
    (tmp_path / "known.supp").write_text("leak:^main$\nleak:red*[\nleak:.c\n")


def fine(done):
    assert done.returncode in (0, 1, 3), (done.returncode, done.stderr)
    assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
    assert done.returncode != 1 or done.stderr.startswith("trace-report"), done.stderr


def test_sanitized_on_good_files(make_db, run):
    for kind in ("small", "hostile", "one", "empty", "dead"):
        make_db(kind)
        for command in COMMANDS:
            fine(run(*command, sanitized=True))


def test_mutations(make_db, run, tmp_path):
    make_db("small", db="good.db")
    good = make_db("hostile", db="good.db").read_bytes()
    rng = random.Random(2)
    for i in range(MUTATIONS):
        data = bytearray(good)
        for _ in range(rng.choice((1, 1, 3, 30, 300))):
            at = rng.randrange(len(data)) if rng.random() < 0.7 else rng.randrange(4096)
            if rng.random() < 0.2:
                at = min(at, len(data) - 64)
                other = rng.randrange(len(data) - 64)
                data[at : at + 64] = data[other : other + 64]
            else:
                data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        if rng.random() < 0.1:
            del data[rng.randrange(len(data)) :]
        data[:16] = good[:16] if rng.random() < 0.95 else data[:16]
        (tmp_path / "trace.db").write_bytes(data)
        fine(run(*COMMANDS[i % len(COMMANDS)], sanitized=True, errors="replace"))


def poison(path, *statements):
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA writable_schema = ON")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize("statements", [
    # Views in place of ours, that never end, read files, or load code.
    ["DROP VIEW runs", "CREATE VIEW runs AS WITH RECURSIVE a(x) AS (SELECT 1 UNION ALL SELECT x FROM a) SELECT * FROM a"],
    ["DROP VIEW lines", "CREATE VIEW lines AS SELECT load_extension('/tmp/evil.so') AS run"],
    ["DROP VIEW frame_names", "CREATE VIEW frame_names AS SELECT writefile('/tmp/libtrace-evil', 'x') AS name"],
    ["CREATE TRIGGER t INSTEAD OF INSERT ON runs BEGIN SELECT load_extension('/tmp/evil.so'); END"],
    # Values that no collector writes.
    ["UPDATE node SET parent = id"],
    ["UPDATE node SET parent = 1 WHERE id = 1"],
    ["UPDATE site SET sizes = x'ffffffffffffffffffffffff', lifetimes = zeroblob(100000)"],
    ["UPDATE site SET bytes = 9223372036854775807, allocations = 9223372036854775807"],
    ["UPDATE site SET bytes = -1, allocations = -1, largest = -1, sizes = NULL"],
    ["UPDATE line_total SET peak_bytes = -9223372036854775808"],
    ["UPDATE line SET line = -5, file = '/dev/stdin'"],
    ["UPDATE run SET wall_ns = -1, exit_status = -2147483648, peak_ns = 9223372036854775807"],
    ["UPDATE run SET exit_status = -999, state = 'recording', collector_pid = 1, phase = 'symbols'"],
    ["UPDATE run SET label = '', command = char(0, 27), started = 'yesterday'"],
    ["UPDATE run SET id = 9223372036854775807 WHERE id = 1"],
    ["UPDATE run SET id = 9223372036854775807, state = 'recording' WHERE id = 1"],
    ["UPDATE frame_line SET line = 99999"],
    ["INSERT OR REPLACE INTO mark SELECT 1, id, 9223372036854775807, id, '', 2, 1, 0, 0 FROM process WHERE run = 1"],
    ["INSERT OR REPLACE INTO mark SELECT 1, id, -1, id, char(10), 2, 1, 0, 0 FROM process WHERE run = 1",
     "UPDATE line SET language = 'python'", "UPDATE site_sample SET live_bytes = 9223372036854775807"],
    ["DELETE FROM line"],
    ["DELETE FROM frame"],
    ["DELETE FROM node"],
])
def test_poisoned(make_db, run, statements):
    path = make_db("small")
    make_db("small")
    try:
        poison(path, *statements)
    except sqlite3.Error as error:
        pytest.skip(f"this SQLite does not let itself be poisoned: {error}")
    for command in COMMANDS:
        fine(run(*command, sanitized=True, errors="replace"))
    assert not os.path.exists("/tmp/libtrace-evil")


def test_view_in_place_of_a_table(make_db, run):
    path = make_db("small")
    poison(path, "DROP TABLE mark", "CREATE VIEW mark AS SELECT 1")
    done = run("top", status=1)
    assert "tables of libtrace are missing" in done.stderr
