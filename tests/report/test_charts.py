"""timeline, histogram, temporary."""

import re
import sqlite3

import pytest


def add_marks(path, *marks):
    with sqlite3.connect(path) as connection:
        connection.executemany("INSERT INTO mark VALUES (1, ?, ?, 1, ?, 0, 1, 0, 0)",
                               [(i, t, name) for i, (t, name) in enumerate(marks, 1)])


# ---- timeline


def test_timeline(make_db, as_json, run):
    db = make_db("small")
    add_marks(db, (0, "start"), (500_000_000, "loa\nded"), (501_000_000, "\x1b[2Jevil"))
    found = as_json("timeline")
    assert found["schema"] == "libtrace.timeline/1"
    with sqlite3.connect(db) as connection:
        assert [(s["live_bytes"], s["rss_bytes"]) for s in found["samples"]] == connection.execute(
            "SELECT live_bytes, rss_bytes FROM timeline WHERE run = 1 ORDER BY t_s").fetchall()
    assert [m["name"] for m in found["marks"]] == ["start", "loa\nded", "\x1b[2Jevil"]
    out = run("timeline", status=0).stdout
    assert "▼ peak 3.36 MiB at 600 ms" in out and "b    500 ms  loa\\nded" in out and "\x1b" not in out
    assert "█" in out and "⠒" in out


@pytest.mark.parametrize("width", [40, 80, 120, 200])
@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_timeline_fits(make_db, terminal, width, locale):
    make_db("small")
    lines = terminal(width, "timeline", "--color", "never", env={"LC_ALL": locale}).splitlines()
    chart = [line for line in lines if line[9:11] in (" │", " ┤", " |", " +")]
    assert len(chart) >= 12 and all(len(line) <= width for line in chart)
    if locale == "C":
        assert all(line.isascii() for line in lines)


@pytest.mark.parametrize("moment", [0, 0.2, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 1])
def test_peak_fits_wherever_it_is(make_db, terminal, moment):
    """The text is next to its pointer, on either side, or above it if neither side has room."""
    db = make_db("small")
    with sqlite3.connect(db) as connection:
        connection.execute("UPDATE run SET peak_ns = CAST(wall_ns * ? AS INTEGER)", (moment,))
    for width in (50, 60, 80):
        lines = terminal(width, "timeline", "--color", "never").splitlines()
        pointer = next(i for i, line in enumerate(lines) if "▼" in line)
        assert all(len(line) <= width for line in lines), (width, lines[pointer])
        assert "peak 3.36 MiB at " in "".join(lines[pointer - 1:pointer + 1])


@pytest.mark.parametrize("kind", ["empty", "one", "hostile", "dead", "large"])
def test_timeline_of_little(make_db, run, kind):
    make_db(kind)
    out = run("timeline", status=0).stdout
    assert "peak" in out


def test_part_of_a_timeline(make_db, as_json, run):
    """--from and --to take any time, and also a mark at which no site was sampled."""
    db = make_db("small")
    add_marks(db, (100_000_000, "early"), (310_000_000, "unsampled"), (620_000_000, "late"))
    with sqlite3.connect(db) as connection:
        connection.execute("UPDATE mark SET sampled = 0")
    whole = as_json("timeline")
    assert "part" not in whole and "not known what sites had counted" in run("top", "--from", "unsampled", status=1).stderr
    for part, begin, end in ((("--from", "unsampled", "--to", "0.5s"), 0.31, 0.5), (("--to", "early"), 0, 0.1),
                             (("1@0.12..late",), 0.12, 0.62), (("--from", "0.51", "--to", "0.52"), 0.51, 0.52)):
        found = as_json("timeline", *part)
        assert found["run"] == whole["run"] and [found["part"][end]["t_s"] for end in ("from", "to")] == [begin, end]
        for rows in ("samples", "marks"):
            assert found[rows] == [r for r in whole[rows] if begin <= r["t_s"] <= end], (part, rows)
    out = run("timeline", "--from", "unsampled", "--to", "0.5", status=0).stdout
    assert "From unsampled (310 ms) to 500 ms\n" in out and "highest sample 2.86 MiB at 500 ms ▼" in out
    assert [line.split() for line in out.splitlines() if line.endswith("ms") and "to" not in line] == [["310", "ms", "405", "ms", "500", "ms"]]
    assert "a    310 ms  unsampled" in out and "early" not in out and "late" not in out
    assert "▼ peak 3.36 MiB at 600 ms" in run("timeline", "--from", "0.55", "--to", "0.9").stdout
    assert "No sample lies in it" in run("timeline", "--from", "0.51", "--to", "0.52", status=0).stdout
    assert "'0.2' comes before '0.3'" in run("timeline", "--from", "0.3", "--to", "0.2", status=1).stderr
    assert "was over by then" in run("timeline", "--from", "86400", status=1).stderr
    assert "its marks: early, unsampled, late" in run("timeline", "--to", "x", status=1).stderr


@pytest.mark.parametrize("option", [["--from", "0.1"], ["--to=0.1"]])
def test_what_is_of_whole_runs(make_db, run, option):
    """The message says why there is no such option, and what to use instead."""
    make_db("small")
    name = option[0].split("=")[0]
    sizes, page = (run(command, *option, status=2) for command in ("histogram", "html"))
    assert sizes.stderr == (f"trace-report histogram: there is no option {name}: sizes and lifetimes are kept of whole runs only. "
                            "Of a part of one, timeline shows the heap, and top the lines.\n")
    assert page.stderr == (f"trace-report html: there is no option {name}: the page has the whole run. Drag over its curve to narrow "
                           "lines and stacks to a part of it; or take timeline, top or tree.\n")


# ---- histogram


def test_histogram(make_db, as_json, run):
    make_db("small")
    found = as_json("histogram")
    assert found["schema"] == "libtrace.histogram/1"
    assert {(s["from"], s["to"]): s["allocations"] for s in found["sizes"]} == {
        (16, 31): 50500, (32, 63): 40000, (4096, 8191): 100, (524288, 1048575): 3}
    assert sum(s["allocations"] for s in found["sizes"]) == found["allocations"] == found["run"]["allocations"]
    assert (found["smallest"], found["largest"], found["freed"]) == (16, 700000, found["run"]["frees"])
    assert as_json("summary")["sizes"] == found["sizes"]
    assert as_json("histogram", "--function", "libz*")["sizes"] == [{"from": 4096, "to": 8191, "allocations": 100}]
    assert "100 blocks of 4.00 KiB; none freed" in run("histogram", "--module", "libz*").stdout
    assert "▇" in run("histogram").stdout and "#" in run("histogram", env={"LC_ALL": "C"}).stdout


def test_lifetimes(make_db, as_json, run):
    db = make_db("small")
    with sqlite3.connect(db) as connection:
        # (0 ticks, 3 blocks), (class 2: 2 to 3 ticks, 4 blocks), (class 64, 1 block)
        connection.execute("UPDATE site SET lifetimes = x'000302044001' WHERE node = 3")
    found = as_json("histogram")["lifetimes"]
    assert [(l["from_s"], l["below_s"], l["blocks"]) for l in found[:2]] == [(0, 0.01, 3), (0.02, 0.04, 4)]
    assert found[2]["below_s"] is None and found[2]["blocks"] == 1
    assert "20 ms to < 40 ms" in run("histogram").stdout


@pytest.mark.parametrize("kind", ["empty", "one", "hostile", "dead", "large"])
def test_histogram_of_any(make_db, as_json, run, kind):
    make_db(kind)
    found = as_json("histogram")
    assert sum(s["allocations"] for s in found["sizes"]) == found["run"]["allocations"]
    run("histogram", status=0)


# ---- temporary


def test_temporary(make_db, as_json, run):
    make_db("small")
    found = as_json("temporary")
    assert found["schema"] == "libtrace.temporary/1"
    assert [(r["function"], r["temporary"]) for r in found["rows"]] == [("main", 50000), ("read_record", 490)]
    assert found["total"]["temporary"] == found["run"]["temporary"]
    out = run("temporary").stdout
    assert "50,490 of 90,603 allocations are temporary, 55.7 %" in out
    assert "No allocation is temporary in what matches" in run("temporary", "--module", "libz*").stdout


@pytest.mark.parametrize("kind", ["empty", "one", "hostile", "dead", "large"])
def test_temporary_of_any(make_db, run, as_json, kind):
    make_db(kind)
    assert "\x1b" not in run("temporary", status=0).stdout
    assert all(r["temporary"] > 0 for r in as_json("temporary")["rows"])


def test_resident_does_not_fall_to_nothing(make_db, run):
    """At the end all processes are gone and 0 bytes are resident. The curve keeps its last value instead of falling to 0."""
    db = make_db("small")
    connection = sqlite3.connect(db)
    connection.execute("UPDATE sample SET rss_bytes = 16 << 20")
    connection.execute("UPDATE sample SET rss_bytes = 0 WHERE t_ns = (SELECT max(t_ns) FROM sample)")
    connection.commit()
    connection.close()
    text = run("timeline", "--width", "80", status=0).stdout
    drawn = [line for line in text.split(" live bytes  ")[0].rsplit("\n", 1)[0].splitlines() if re.search("[\u2801-\u28ff]", line)]
    assert len(drawn) == 1 and len(re.findall("[\u2801-\u28ff]", drawn[0])) > 40, text
