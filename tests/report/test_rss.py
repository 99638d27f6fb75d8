"""trace-report rss: parts that add up to what was resident at the moment asked for, and advice if the figures justify it."""

import json
import pathlib
import re
import sqlite3
import unicodedata

import pytest

from conftest import HOSTILE

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLES = (ROOT / "analyzer/store/page_rows.sql").read_text()
LIVE, ROUNDING, PINNED, FREE, MAPPED, STACKS, FILES, TRACER, OTHER, UNTOUCHED = range(10)
ASKED, MARK, HIGH, END = range(4)
MIB = 1 << 20
GLIBC = (FILES, 0, "/usr/lib/x86_64-linux-gnu/libc.so.6", MIB, 0)
HARMFUL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
COLORS = re.compile(r"\033\[[0-9;]*[mK]")


def add(path, moment, kind, rows, t_s=1.0, mark=0, process=1, resident=None, pss=-1, missing=None, swapped=0):
    """Adds a moment to run 1; rows: (part, node, name, bytes, blocks)."""
    if resident is None:
        resident = sum(row[3] for row in rows if row[0] != UNTOUCHED)
    untouched = sum(row[3] for row in rows if row[0] == UNTOUCHED)
    with sqlite3.connect(path) as connection:
        connection.executescript(TABLES)
        connection.execute("INSERT INTO page_moment VALUES (1, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?)",
                           (moment, process, int(t_s * 1e9), kind, mark, resident, pss, untouched, swapped, missing))
        connection.executemany("INSERT INTO page_row VALUES (1, ?, ?, ?, ?, 0, ?, ?, ?)",
                               [(moment, process, *row) for row in rows])


def add_mark(path, number, name, t_s):
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO mark VALUES (1, ?, ?, 1, ?, 0, 1, 0, 0)", (number, int(t_s * 1e9), name))


def parts(found):
    return {part["part"]: part["bytes"] for part in found["parts"]}


# ---- numbers


def test_parts_add_up(make_db, run, as_json):
    path = make_db("resident")
    found = as_json("rss")
    assert found["schema"] == "libtrace.rss/1" and found["moment"] == {"t_s": 1.2000001, "kind": "end", "mark": None, "processes": 2}
    assert sum(parts(found).values()) == found["resident_bytes"] == 350008192
    for part in found["parts"]:
        assert sum(line["bytes"] for line in part["lines"]) == part["bytes"] and len(part["lines"]) == part["lines_in_all"]
    assert [part["part"] for part in found["parts"]] == ["pinned", "free", "live", "tracer", "files", "rounding", "stacks"]
    assert found["parts"][0]["lines"][0] == {"file": "/src/demo/list.c", "line": 20, "function": "read_record",
                                             "module": "/src/demo/list", "bytes": 163000000, "blocks": 40000}
    assert found["parts"][3]["lines"] == [{"name": "arena", "bytes": 8000000, "mappings": 2}]
    assert found["untouched_bytes"] == sum(line["bytes"] for line in found["untouched"]) == 66060288
    assert (found["pss_bytes"], found["swapped_bytes"], found["missing"]) == (349008192, 3 * MIB, [])
    with sqlite3.connect(path) as connection:
        assert dict(connection.execute("SELECT part, sum(bytes) FROM resident WHERE moment = 4 AND part <> 'untouched' GROUP BY 1")) == parts(found)
    out = run("rss", status=0).stdout
    assert "resident 334 MiB in 2 processes at the end (1.20 s); the program asked for 40.5 MiB of it" in out
    assert " 156 MiB  46.9 %  pinned: free, but on pages that live blocks hold\n" in out
    assert "155 MiB by list.c:20  read_record  40,000 blocks\n" in out
    assert " 127 MiB  38.0 %  free in the allocator; malloc_trim(0) would give it back\n" in out
    assert "63.0 MiB          live, but never touched" in out and "3.00 MiB          swapped out" in out
    assert "differ" not in out
    sizes = [float(share) for share in re.findall(r" ([\d.]+) %  ", out)]
    assert sizes == sorted(sizes, reverse=True)


def test_bytes_and_limit(make_db, run, as_json):
    make_db("resident")
    out = run("rss", "--bytes", "--limit", "1", status=0).stdout
    assert "163000000 by list.c:20  read_record" in out and "1000000 (1 more)" in out and "MiB" not in out.split("\n", 1)[1].split("What helps")[0]
    found = as_json("rss", "--limit", "1")
    assert [(len(part["lines"]), part["lines_in_all"]) for part in found["parts"]][:2] == [(1, 2), (1, 1)]
    assert sum(parts(found).values()) == found["resident_bytes"]
    assert as_json("rss", "--limit", "0")["parts"] == as_json("rss")["parts"]


def test_process(make_db, run, as_json):
    make_db("resident")
    found = as_json("rss", "--process", "2")
    assert found["resident_bytes"] == 8192 and parts(found) == {"files": 7952, "live": 240} and found["filter"] == {"process": "2"}
    assert as_json("rss", "--process", "1")["resident_bytes"] == 350000000
    assert "Only process 2\nresident 8.00 KiB at the end" in run("rss", "--process", "2", status=0).stdout
    assert "has no process 77" in run("rss", "--process", "77", status=1).stderr
    out = run("rss", "--process", "2", "--at", "peak", status=0).stdout  # of that process
    assert "resident 8.00 KiB at the end" in out


def test_a_record_that_is_not_whole(make_db, run):
    add(make_db("small"), 1, END, [(LIVE, 2, "", 1000, 1)], resident=5096)
    assert "The parts differ from what was resident by 4.00 KiB" in run("rss", status=0).stdout


# ---- moments


def test_moments(make_db, run, as_json):
    path = make_db("resident")
    for arguments, t_s, resident in (([], 1.2000001, 350008192), (["--at", "end"], 1.2000001, 350008192),
                                     (["--at", "peak"], 0.6, 400 * MIB), (["--at", "loaded"], 0.102, 4096),
                                     (["--at", "0.61"], 0.6, 400 * MIB), (["--at", "0.5s"], 0.102, 4096), (["--at", "99"], 1.2000001, 350008192)):
        found = as_json("rss", *arguments)
        assert (found["moment"]["t_s"], found["resident_bytes"]) == (t_s, resident), arguments
        assert sum(parts(found).values()) == resident
    assert as_json("rss", "--at", "loaded")["moment"] == {"t_s": 0.102, "kind": "mark", "mark": "loaded", "processes": 1}
    assert "resident 4.00 KiB at loaded (102 ms)" in run("rss", "--at", "loaded").stdout
    assert "resident 400 MiB at 600 ms, the highest until then" in run("rss", "--at", "peak").stdout
    assert "At 600 ms it was 400 MiB (--at peak)." in run("rss", "--at", "loaded").stdout
    assert "--at peak" not in run("rss").stdout + run("rss", "--at", "peak").stdout
    assert "Only process 1 of the run's 2 was looked at then: ./list 40000 (--process" in run("rss", "--at", "peak").stdout
    # Marks come before the other moments, and name#3 is the third mark of that name.
    for number, name in enumerate(["tick", "tick", "peak", "tick", "tick#9"], 2):
        add_mark(path, number, name, 0.2 + number / 100)
        add(path, 10 + number, MARK, [(OTHER, 0, "x", number, 0)], t_s=0.2 + number / 100, mark=number)
    for at, resident in (("tick", 2), ("tick#1", 2), ("tick#2", 3), ("tick#3", 5), ("tick#9", 6), ("peak", 4)):
        assert as_json("rss", "--at", at)["resident_bytes"] == resident, at


def test_the_latest_is_shown(make_db, as_json):
    """The parent was too large to be looked at when it ended, but its child was not."""
    path = make_db("resident")
    add(path, 9, HIGH, [(LIVE, 2, "", 77, 1)], t_s=1.21)
    assert as_json("rss")["resident_bytes"] == 77 and as_json("rss", "--at", "end")["resident_bytes"] == 350008192


def test_moments_that_are_not_there(make_db, run):
    path = make_db("resident")
    add_mark(path, 2, "unseen", 0.4)
    for at, says in (("laoded", "did you mean 'loaded'?"), ("nothing of the kind", "it is at: loaded, end, peak (or a time: 90, 2h30m, -1h)"),
                     ("0.01", "first looked at at 102 ms, and not up to 10 ms"), ("unseen", "nothing is known by page at 'unseen'"),
                     ("tick#3", "nothing is known"), ("-1x", "nothing is known"), ("-1h", "not up to 0 s"), ("nan", "nothing is known")):
        assert says in run("rss", f"--at={at}", status=1).stderr, at
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM page_moment WHERE kind = 3")
    assert "not looked at at its end; the latest look was at 600 ms" in run("rss", "--at", "end", status=1).stderr
    assert "resident 400 MiB at 600 ms" in run("rss", status=0).stdout
    assert "there is no option --from: a moment has no length" in run("rss", "--from", "1", status=2).stderr


@pytest.mark.parametrize("kind", ["small", "empty", "dead", "hostile"])
def test_no_moment(make_db, run, as_json, kind):
    make_db(kind)
    out, found = run("rss", status=0).stdout, as_json("rss")
    assert "Where its memory was is not known: its pages were not looked at." in out and "recorded again" in out
    assert (found["moment"], found["resident_bytes"], found["parts"], found["untouched"]) == (None, None, [], [])
    assert found["missing"][0].startswith("Where its memory was is not known")
    assert run("rss", "--at", "peak", status=0).stdout == out
    assert "0" == run("sql", "--csv", "SELECT count(*) FROM resident", status=0).stdout.split()[1]
    if kind == "small":
        assert "most that was seen to be resident is 40.0 MiB" in out
        assert "pages of these processes" in run("rss", "--process", "2", status=0).stdout


def test_what_could_not_be_seen(make_db, run, as_json):
    path, why = make_db("small"), "The kernel shows the pages of process 1001 to root only: run it as root."
    add(path, 1, END, [], resident=0, missing=why)
    out = run("rss", status=0).stdout
    assert "How much was resident at the end (1.00 s) is not known" in out and out.count(f"Not all could be seen: {why}") == 1 and "%" not in out
    add(path, 2, END, [], resident=5 * MIB, missing=why, t_s=2)
    out = run("rss", status=0).stdout
    assert "resident 5.00 MiB at the end (2.00 s)\n" in out and "differ" not in out and "asked for" not in out
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM page_moment WHERE id = 2")
    assert as_json("rss")["missing"] == [why]
    add(path, 1, END, [GLIBC], process=2, missing=why)
    out = run("rss", status=0).stdout
    assert "resident 1.00 MiB in 2 processes" in out and out.count(why) == 1
    assert as_json("rss")["pss_bytes"] is None


# ---- what helps


def helps(as_json):
    return [re.match(r"[\w ]+", text)[0] for text in as_json("rss")["helps"]]


@pytest.mark.parametrize("rows, expected", [
    ([(LIVE, 2, "", 100 * MIB, 5)], []),
    ([(LIVE, 2, "", 91 * MIB, 5), (PINNED, 2, "", 9 * MIB, 5)], []),  # less than a tenth
    ([(LIVE, 2, "", 1000, 5), (PINNED, 2, "", 9000, 5)], []),  # less than a mebibyte
    ([(LIVE, 2, "", 89 * MIB, 5), (PINNED, 2, "", 11 * MIB, 5)], ["pinned"]),
    ([(LIVE, 2, "", 50 * MIB, 5), (FREE, 0, "", 50 * MIB, 0)], []),  # free memory of an unknown allocator
    ([(LIVE, 2, "", 50 * MIB, 5), (FREE, 0, "", 50 * MIB, 0), GLIBC], ["free"]),
    ([(LIVE, 2, "", 50 * MIB, MIB), (ROUNDING, 2, "", 20 * MIB, MIB)], ["rounding"]),
    ([(LIVE, 2, "", 80 * MIB, MIB), (ROUNDING, 2, "", 18 * MIB, MIB)], []),  # less than a quarter of what was asked for
    ([(LIVE, 2, "", 50 * MIB, 5), (MAPPED, 0, "", 50 * MIB, 5)], []),  # it is not known who mapped it
    ([(MAPPED, 3, "", 9 * MIB, 5), (STACKS, 0, "[stack]", 9 * MIB, 0), (TRACER, 0, "arena", 9 * MIB, 0), (FILES, 0, "/a", 9 * MIB, 0),
      (UNTOUCHED, 3, "", 9 * MIB, 1)], ["mapped", "stacks", "files", "tracer", "never touched"])])
def test_helps_where_the_figures_say_so(make_db, as_json, run, rows, expected):
    add(make_db("small"), 1, END, rows)
    assert helps(as_json) == expected
    assert ("What helps" in run("rss").stdout) == bool(expected)


@pytest.mark.parametrize("library, says", [
    ("libc.so.6", "malloc_trim(0)"), ("libc-2.31.so", "malloc_trim(0)"), ("libjemalloc.so.2", "dirty_decay_ms"),
    ("libtcmalloc_minimal.so.4", "ReleaseFreeMemory"), ("libmimalloc.so.2.0", "mi_collect"), ("libm.so.6", None)])
def test_who_gives_back_what_is_free(make_db, as_json, run, library, says):
    rows = [(LIVE, 2, "", MIB, 5), (PINNED, 2, "", 50 * MIB, 5), (FREE, 0, "", 50 * MIB, 0), (FILES, 0, f"/usr/lib/{library}", 4096, 0)]
    add(make_db("small"), 1, END, rows if "libc" in library else [*rows, GLIBC] if says else rows)
    found = as_json("rss")["helps"]
    free = [text for text in found if text.startswith("free:")]
    assert says in free[0] if says else free == []
    assert ("malloc_trim(0) would give it back" in run("rss").stdout) == (says == "malloc_trim(0)")
    assert ("jemalloc, tcmalloc, mimalloc" in found[0]) == (says == "malloc_trim(0)")


def test_python(make_db, as_json, run):
    path = make_db("small")
    add(path, 1, END, [(LIVE, 2, "", MIB, 5), (PINNED, 2, "", 50 * MIB, 5), (FREE, 0, "", 50 * MIB, 0), GLIBC])
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE line SET language = 'python'")
    pinned, free = as_json("rss")["helps"]
    assert "gc.collect()" in pinned and "list.c:20 (read_record)" in pinned and "CPython" in free
    assert "free in the allocator: pages without a live block" in run("rss").stdout


def test_many_threads(make_db, as_json):
    path = make_db("small")
    add(path, 1, END, [(FREE, 0, "", 50 * MIB, 0), GLIBC])
    assert "ARENA_MAX" not in as_json("rss")["helps"][0]
    with sqlite3.connect(path) as connection:
        connection.executemany("INSERT INTO thread VALUES (1, 1, ?, ?, 'w', 0, 0, 0)", [(i, i) for i in range(2, 7)])
    assert "ARENA_MAX" in as_json("rss")["helps"][0]


# ---- runs are managed


def test_merged_and_removed(make_db, run, as_json):
    make_db("resident", db="other.db")
    make_db("small")
    run("merge", "other.db", status=0)
    there, here = as_json("rss", "--db", "other.db"), as_json("rss", "2")
    assert {k: v for k, v in there.items() if k != "run"} == {k: v for k, v in here.items() if k != "run"}
    run("rename", "2", "other", status=0)
    assert as_json("rss", "other")["parts"] == there["parts"]
    run("prune", "2", status=0)
    assert as_json("rss", "1")["moment"] is None
    make_db("small")
    assert as_json("rss", "3")["moment"] is None
    assert run("sql", "--csv", "SELECT count(*) FROM resident", status=0).stdout.split()[1] == "0"


# ---- strangers


def columns(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


@pytest.fixture
def hostile(make_db):
    path, name = make_db("hostile"), HOSTILE.replace(b"\xff\xc0\xaf", b"").decode()
    add_mark(path, 1, name, 0.5)
    rows = [(part, node, "", 3000 * MIB // node, node * 10**9) for part in (LIVE, PINNED, UNTOUCHED) for node in range(1, 10)]
    rows += [(part, 0, f"/{'long' * 90}/{name}", 900 * MIB, 0) for part in (MAPPED, FILES, OTHER)]
    add(path, 1, MARK, rows, mark=1, missing=name, swapped=1, t_s=0.5)
    return path


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_fits(hostile, terminal, width):
    out = terminal(width, "rss", "--limit", "0", env={"LIBTRACE_DB": hostile})
    assert set(re.findall(r"\033[^m]*m?", out)) <= {f"\033[{n}m" for n in (0, 1, 2, 31, 32, 33)}
    out = COLORS.sub("", out)
    assert "live: blocks in use" in out and "What helps" in out and not HARMFUL.search(out)
    for line in out.splitlines():
        assert columns(line) <= width, line


def test_hostile_names(hostile, run, as_json):
    out = run("rss", status=0).stdout
    assert not HARMFUL.search(out) and "<script>" in out
    assert not HARMFUL.search(run("rss", "--json", status=0).stdout)
    assert as_json("rss")["moment"]["mark"].startswith("new\nline")
    assert not HARMFUL.search(run("rss", "--at", "new", status=1).stderr)


@pytest.mark.parametrize("statement", [
    "UPDATE OR REPLACE page_row SET bytes = 9223372036854775807, blocks = 9223372036854775807",
    "UPDATE OR REPLACE page_row SET bytes = -9223372036854775807 - 1, blocks = -1",
    "UPDATE OR REPLACE page_row SET part = 77", "UPDATE OR REPLACE page_row SET part = -9223372036854775807, node = -5",
    "UPDATE OR REPLACE page_row SET node = 9223372036854775807, line = 9223372036854775807",
    "UPDATE OR REPLACE page_row SET name = zeroblob(0) || char(27, 91, 51, 49, 109), part = 6",
    "UPDATE OR REPLACE page_moment SET resident = 9223372036854775807, pss = 9223372036854775807, untouched = -1, swapped = 9223372036854775807",
    "UPDATE OR REPLACE page_moment SET resident = 0", "UPDATE OR REPLACE page_moment SET resident = -1, t_ns = -9223372036854775807",
    "UPDATE OR REPLACE page_moment SET kind = 9223372036854775807, mark = -1", "UPDATE OR REPLACE page_moment SET kind = -1, t_ns = 9223372036854775807",
    "UPDATE OR REPLACE page_moment SET id = -id", "UPDATE OR REPLACE page_moment SET id = id + 9223372036854775800",
    "UPDATE OR REPLACE page_moment SET missing = char(27) || 'x'", "UPDATE OR REPLACE page_moment SET process = process + 100",
    "DELETE FROM page_row", "DELETE FROM page_moment", "DELETE FROM process", "DELETE FROM site", "DELETE FROM mark",
    "DROP TABLE page_row", "DROP TABLE page_moment", "ALTER TABLE page_row DROP COLUMN blocks",
    "DROP TABLE page_row; CREATE VIEW page_row AS WITH RECURSIVE a(x) AS (SELECT 1 UNION ALL SELECT x FROM a) SELECT * FROM a",
    "DROP VIEW resident; CREATE VIEW resident AS SELECT load_extension('/tmp/evil.so') AS run",
    "DROP TABLE page_moment; CREATE TABLE page_moment(run, id)"])
def test_nonsense(make_db, sanitized, statement):
    path = make_db("resident")
    with sqlite3.connect(path) as connection:
        try:
            connection.execute("PRAGMA legacy_alter_table = ON")
            connection.executescript(statement)
        except sqlite3.OperationalError as error:
            assert "ALTER" in statement, error  # the view cannot exist without it
    commands = (["rss"], ["rss", "--json", "--at", "peak"], ["rss", "--at", "loaded", "--process", "1", "--bytes"],
                ["top", "--by", "resident"], ["top", "--by", "pinned", "--json"], ["timeline"],
                ["check", "--max-rss", "1K"], ["check", "--max-rss", "1K", "--json"],
                ["sql", "SELECT * FROM resident"], ["merge", "trace.db", "--db", "merged.db"])
    for i, command in enumerate(commands):
        # Looking for leaks takes as long as the report itself: each command with some of the statements.
        done = sanitized(*command, leaks=(i + len(statement)) % 4 == 0)
        assert "integer overflow" not in done.stderr
        assert done.returncode in ((0, 1, 3) if "check" in command else (0, 1)), done.stderr
        assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
        assert done.returncode in (0, 3) or done.stderr.startswith("trace-report"), done.stderr
        assert not HARMFUL.search(done.stdout)
        if done.returncode == 0 and "--json" in command:
            json.loads(done.stdout)
    with sqlite3.connect(path.parent / "merged.db") as connection:  # the file is intact, whether the run was taken or not
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
