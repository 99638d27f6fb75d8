"""Database files from strangers may be wrong in any way and must do no harm. They are read under AddressSanitizer.

By default each command gets a few randomly changed files (LIBTRACE_MUTATIONS sets how many), and each poisoned file is read by
every other subcommand and format, with one of the argument lists below; the next one is read by the others. With LIBTRACE_LONG=1
each is read with all of them, and every call is checked for leaks, not only some (scripts/test-strangers).
"""

import os
import random
import sqlite3

import pytest

COMMANDS = (["top"], ["top", "--stacks", "2", "--by", "peak"], ["top", "--group", "stack"], ["summary"], ["compare"],
            ["runs"], ["sql", "SELECT * FROM leaks"], ["top", "--json", "--leaf"], ["tree"], ["leaks", "--json"],
            ["tree", "--inverted", "--min", "0", "--group", "function"], ["timeline"], ["histogram"], ["temporary"], ["rss"], ["advise", "--all", "--limit", "0"],
            ["top", "--group", "stack", "--function", "m*", "--file", "*.c"], ["check", "--max-peak", "1G"],
            ["leaks", "--suppressions", "known.supp"], ["merge", "trace.db", "--db", "merged.db"],
            ["export", "--format", "pprof", "-o", "out.pprof"], ["export", "--format", "dhat"], ["export", "--format", "massif"],
            ["export", "--format", "folded"], ["export", "--format", "speedscope"], ["html", "-o", "out.html"], ["summary", "--json"],
            ["function", "main"], ["top", "--inclusive", "--group", "function", "--all-frames"],
            ["tree", "--below", "m*"], ["top", "--mine"], ["top", "--skip-wrappers", "auto", "--by", "live"],
            ["leaks", "--fail", "--min", "1", "--all"], ["check", "--against", "1", "--annotations", "github"],
            ["check", "--advice", "all", "--annotations", "github"], ["annotate", "*.c"], ["annotate", "*", "--all", "--json"])
MUTATIONS = int(os.environ.get("LIBTRACE_MUTATIONS", 3 * len(COMMANDS)))
LONG = bool(os.environ.get("LIBTRACE_LONG"))
LEAKS_EACH = 1 if LONG else 4  # checking for leaks takes as long as the report itself


def share(number):
    """One argument list of every other subcommand and format, another one for each number; with LIBTRACE_LONG=1 all of them."""
    ways = {}
    for command in COMMANDS:
        ways.setdefault(tuple(command[:3]) if command[0] == "export" else command[0], []).append(command)
    return COMMANDS if LONG else [of[number // 2 % len(of)] for of in ways.values()][number % 2::2]


@pytest.fixture(autouse=True)
def suppressions(tmp_path):
    (tmp_path / "known.supp").write_text("leak:^main$\nleak:red*[\nleak:.c\n")


@pytest.fixture
def fine(sanitized):
    """fine(arguments..., leaks): trace-report exits with one of its own statuses, and no sanitizer reports anything."""

    def call(*arguments, leaks=True):
        done = sanitized(*arguments, leaks=leaks)
        assert done.returncode in (0, 1, 3), (arguments, done.returncode, done.stderr)
        assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, (arguments, done.stderr)
        assert done.returncode != 1 or done.stderr.startswith("trace-report"), (arguments, done.stderr)

    return call


def test_sanitized_on_good_files(make_db, fine):
    for k, kind in enumerate(("small", "hostile", "one", "empty", "dead")):
        make_db(kind)
        for i, command in enumerate(COMMANDS):
            fine(*command, leaks=LONG or (i + k) % 2 == 0)


def damaged(good, rng):
    """Returns the file with some bytes changed, and the kinds of changes that were made."""
    data, changes = bytearray(good), rng.choice((1, 1, 3, 30, 300))
    kinds = {f"{changes} changes"}
    for _ in range(changes):
        anywhere = rng.random() < 0.7
        at = rng.randrange(len(data)) if anywhere else rng.randrange(4096)
        copied = rng.random() < 0.2
        if copied:
            at = min(at, len(data) - 64)
            other = rng.randrange(len(data) - 64)
            data[at : at + 64] = data[other : other + 64]
        else:
            data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        kinds |= {"anywhere" if anywhere else "first page", "copied" if copied else "set"}
    if rng.random() < 0.1:
        del data[rng.randrange(len(data)) :]
        kinds.add("cut")
    if rng.random() < 0.95:
        data[:16] = good[:16]
    else:
        kinds.add("another header")
    return data, kinds


def test_mutations(make_db, fine, tmp_path):
    make_db("small", db="good.db")
    good = make_db("hostile", db="good.db").read_bytes()
    rng, met = random.Random(2), set()
    for i in range(MUTATIONS):
        data, kinds = damaged(good, rng)
        met |= kinds
        (tmp_path / "trace.db").write_bytes(data)
        fine(*COMMANDS[i % len(COMMANDS)], leaks=i % LEAKS_EACH == 0)
    assert len(met) == 4 + 2 + 2 + 2, met


def poison(path, *statements):
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA writable_schema = ON")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


POISONS = [
    # Instead of our views: views that never end, write files, or load code.
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
]


@pytest.mark.parametrize("statements", POISONS)
def test_poisoned(make_db, fine, statements):
    path = make_db("small")
    make_db("small")
    try:
        poison(path, *statements)
    except sqlite3.Error as error:
        pytest.skip(f"this SQLite does not let itself be poisoned: {error}")
    number = POISONS.index(statements)
    for i, command in enumerate(share(number)):
        fine(*command, leaks=(i + number) % LEAKS_EACH == 0)
    assert not os.path.exists("/tmp/libtrace-evil")


def test_view_in_place_of_a_table(make_db, run):
    path = make_db("small")
    poison(path, "DROP TABLE mark", "CREATE VIEW mark AS SELECT 1")
    done = run("top", status=1)
    assert "tables of libtrace are missing" in done.stderr
