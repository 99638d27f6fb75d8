"""What the reports print: text, JSON, on terminals, and after mistakes."""

import csv
import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import time

import pytest

from conftest import BUILD, environment

MEASURES = ["allocations", "bytes", "peak_allocations", "peak_bytes", "live_allocations", "live_bytes", "temporary"]
COMMANDS = ["top", "tree", "function", "leaks", "advise", "annotate", "rss", "timeline", "histogram", "temporary", "compare", "diff", "check", "summary", "runs",
            "merge", "prune", "rename", "sql", "help"]


@pytest.fixture
def three(make_db):
    """Runs 1 list, 2 stream, 3 slots (three times as large)."""
    make_db("small", "list")
    make_db("small", "stream")
    return make_db("small", "slots", 3)


# ---- numbers agree


@pytest.mark.parametrize("group", ["line", "function", "file", "module", "stack"])
@pytest.mark.parametrize("extra", [[], ["--leaf"], ["--limit", "1"], ["--stacks", "2"]])
def test_rows_sum_to_the_run(three, as_json, group, extra):
    for by in ("bytes", "allocations", "peak", "live", "temporary"):
        found = as_json("top", "--group", group, "--by", by, *extra)
        assert found["schema"] == "libtrace.top/1"
        for measure in MEASURES:
            assert found["total"][measure] == found["run"][measure]
            if "--limit" not in extra:
                assert sum(row[measure] for row in found["rows"]) == found["run"][measure]
            for row in found["rows"]:
                if "stacks" in row and len(row["stacks"]) < 2:
                    assert sum(s[measure] for s in row["stacks"]) <= row[measure]


def test_order_and_share(three, as_json):
    rows = as_json("top", "1", "--by", "bytes")["rows"]
    assert [r["function"] for r in rows] == ["build_index", "read_record", "main", "libz.so.1+0x1050"]
    assert rows[0]["share"] == pytest.approx(2100000 / 5241600)
    assert rows[3]["file"] is None and rows[3]["line"] == 0
    by_peak = as_json("top", "1", "--by", "peak")["rows"]
    assert [r["peak_bytes"] for r in by_peak] == sorted((r["peak_bytes"] for r in by_peak), reverse=True)


def test_stacks(three, as_json):
    rows = as_json("top", "1", "--stacks", "1", "--by", "bytes")["rows"]
    frames = [[f["function"] for f in r["stacks"][0]["frames"]] for r in rows]
    assert frames[1] == ["read_record", "load", "main"]
    assert frames[2] == ["std::vector<[int; 2]>::grow()", "[cut]"]
    leaf = as_json("top", "1", "--leaf")["rows"]
    assert "std::vector<[int; 2]>::grow()" in [r["function"] for r in leaf]


def test_filters(three, as_json, run):
    second = as_json("top", "1", "--process", "2")
    assert second["total"]["allocations"] == 500
    assert as_json("top", "1", "--process", "1002")["total"] == second["total"]  # by its PID
    assert as_json("top", "1", "--language", "python")["rows"] == []
    assert "Nothing in it matches" in run("top", "--language", "python", status=0).stdout
    assert "no process 9" in run("top", "--process", "9", status=1).stderr


def test_unresolved_run_sums_too(make_db, as_json):
    db = make_db("dead")
    for group in ("line", "module", "stack"):
        found = as_json("top", "--group", group, "--stacks", "1")
        assert found["run"]["state"] == "interrupted"
        assert sum(r["bytes"] for r in found["rows"]) == found["run"]["bytes"]
    assert [r["function"] for r in as_json("top", "--by", "bytes")["rows"]][0] == "list+0x1030"
    assert sqlite3.connect(db).execute("SELECT sum(bytes) FROM lines").fetchone()[0] == found["run"]["bytes"]


# ---- source text


def test_source(make_db, as_json, run, tmp_path):
    source = tmp_path / "list.c"
    source.write_text("".join(f"\tline {i};  \n" for i in range(1, 36)))
    os.utime(source, (1e9, 1e9))
    make_db("small", env={"MAKE_DB_SOURCE": source})
    rows = {r["function"]: r for r in as_json("top")["rows"]}
    assert rows["read_record"]["source"] == "line 20;"
    assert rows["build_index"]["source"] is None  # line 40, but the file has 35
    assert "line 20;" in run("top").stdout
    os.utime(source)
    row = {r["function"]: r for r in as_json("top")["rows"]}["read_record"]
    assert row["source"] is None and row["source_changed"]
    assert "file changed since the run" in run("top").stdout


def test_source_that_is_no_file(make_db, run, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", "/dev/zero", tmp_path):
        make_db("small", env={"MAKE_DB_SOURCE": path})
        run("top", status=0)


# ---- compare


def test_compare_sentence(three, run, as_json):
    out = run("compare", "list", "slots", status=0).stdout
    assert out.splitlines()[0] == "slots peaks at 3.0 times list (3.36 MiB -> 10.1 MiB)"
    assert run("compare", "slots", "list").stdout.startswith("list peaks at 33.3 % of slots (10.1 MiB -> 3.36 MiB)\n")
    assert run("compare", "1", "2").stdout.startswith("stream peaks exactly where list does (3.36 MiB)\n")
    assert run("compare").stdout == run("compare", "2", "3").stdout
    assert run("compare", "list").stdout == run("compare", "1", "3").stdout
    found = as_json("compare", "list", "slots")
    assert found["schema"] == "libtrace.compare/1"
    [one] = found["comparisons"]
    assert one["totals"]["peak_bytes"]["change"] == 2 * one["totals"]["peak_bytes"]["before"]
    assert sum(r["bytes_change"] for r in one["rows"]) == one["totals"]["peak_bytes"]["change"]
    changes = [abs(r["bytes_change"]) for r in one["rows"]]
    assert changes == sorted(changes, reverse=True)
    for by in ("bytes", "allocations", "live", "temporary"):
        assert re.match(r"slots \w+ 3.0 times .* list \(", run("compare", "1", "3", "--by", by).stdout)


def test_compare_new_and_gone(make_db, as_json, run):
    make_db("small", "list", env={"MAKE_DB_SOURCE": "/src/list.c"})
    make_db("small", "stream", env={"MAKE_DB_SOURCE": "/src/stream.c"})
    rows = as_json("compare")["comparisons"][0]["rows"]
    states = {(r["file"], r["function"]): r["state"] for r in rows}
    assert states[("/src/list.c", "read_record")] == "gone"
    assert states[("/src/stream.c", "read_record")] == "new"
    assert states[(None, "libz.so.1+0x1050")] == "both"
    assert re.search(r"\+.*new +/src/stream.c:40 +build_index", run("compare").stdout)
    assert re.search(r"-.*gone +/src/list.c:40 +build_index", run("compare").stdout)


def test_compare_lines_that_moved(make_db, as_json, run):
    db = make_db("small", "before")
    make_db("small", "after")
    with sqlite3.connect(db) as connection:
        connection.execute("UPDATE line SET line = line + 7 WHERE run = 2 AND file IS NOT NULL")
    states = lambda: {r["function"]: r["state"] for r in as_json("compare", "--by", "bytes")["comparisons"][0]["rows"]
                      if r["bytes_change"] or r["state"] != "both"}
    assert states()["main"] in ("new", "gone")  # both runs have the same binary, in which lines do not move
    with sqlite3.connect(db) as connection:
        connection.execute("UPDATE module SET build_id = 'beef' WHERE run = 2 AND path = '/src/demo/list'")
    rows = as_json("compare", "--by", "bytes")["comparisons"][0]["rows"]
    assert {r["state"] for r in rows} == {"both"}
    assert {(r["line_before"], r["line"]) for r in rows if r["function"] == "read_record"} == {(20, 27)}


def test_compare_means(make_db, run, as_json):
    for scale in (1, 2, 3):
        make_db("small", "list", scale)
    make_db("small", "stream", 4)
    found = as_json("compare", "list", "stream")
    assert len(found["first"]["runs"]) == 3
    totals = found["comparisons"][0]["totals"]["bytes"]
    assert totals["before"] == 2 * 5241600 and totals["after"] == 4 * 5241600
    assert totals["before_spread"] == pytest.approx(5241600)
    out = run("compare", "list", "stream", status=0).stdout
    assert "list: mean of 3 runs" in out and "10.0 MiB ± 5.00 MiB" in out
    assert as_json("compare", "list", "stream", "1")["comparisons"][1]["runs"][0]["run"] == 1


def test_compare_one_run(make_db, run):
    make_db("small")
    assert "takes two" in run("compare", status=1).stderr
    assert "is the latest" not in run("compare", "1", "1", status=0).stderr


# ---- the other subcommands


def test_summary(three, as_json, run):
    found = as_json("summary", "1")
    assert sum(s["allocations"] for s in found["sizes"]) == found["run"]["allocations"]
    out = run("summary", "1", status=0).stdout
    for text in ("Most at the peak", "Sizes of allocations", "LIBTRACE_DEPTH", "libz.so.1: it is stripped", "exit status 0"):
        assert text in out


def test_runs(three, as_json, run):
    found = as_json("runs")["runs"]
    assert [r["label"] for r in found] == ["list", "stream", "slots"]
    assert len(as_json("runs", "list")["runs"]) == 1 and len(as_json("runs", "--limit", "2")["runs"]) == 2
    assert len(run("runs", status=0).stdout.splitlines()) == 4


def test_views_and_reports_agree(three, as_json):
    for row in sqlite3.connect(three).execute("SELECT run, allocations, bytes, peak_bytes, live_bytes FROM runs"):
        total = as_json("top", row[0])["total"]
        assert row[1:] == tuple(total[m] for m in ("allocations", "bytes", "peak_bytes", "live_bytes"))


def test_sql(three, run, as_json):
    out = run("sql", "SELECT run, label FROM runs ORDER BY run", status=0).stdout
    assert out == "run  label\n  1  list\n  2  stream\n  3  slots\n"
    out = run("sql", "--csv", "SELECT 'a,b' AS x, 'q\"' AS y, NULL AS z, 1.5 AS w", status=0).stdout
    assert list(csv.reader(io.StringIO(out))) == [["x", "y", "z", "w"], ["a,b", 'q"', "", "1.5"]]
    found = as_json("sql", "SELECT 1 AS a, 'x' AS b, NULL AS c")
    assert found == {"schema": "libtrace.sql/1", "columns": ["a", "b", "c"], "rows": [[1, "x", None]]}
    done = subprocess.run([BUILD / "bin/trace-report", "sql", "--db", three], input="SELECT count(*) AS n FROM runs;\n",
                          text=True, capture_output=True, env=environment())
    assert done.stdout == "n\n3\n"
    before = three.read_bytes()
    for statement in ("DELETE FROM run", "CREATE TABLE t(a)", "PRAGMA user_version = 9", "VACUUM", "VACUUM INTO 'copy.db'",
                      "ATTACH 'other.db' AS o", "PRAGMA journal_mode = WAL", "UPDATE runs SET label = 'x'"):
        run("sql", statement)
    assert three.read_bytes() == before
    assert not (three.parent / "copy.db").exists() and not (three.parent / "other.db").exists()
    assert "no such table: nope" in run("sql", "SELECT * FROM nope", status=1).stderr
    assert "at: selec" in run("sql", "selec 1", status=1).stderr
    assert "one statement at a time" in run("sql", "SELECT 1; SELECT 2", status=2).stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_help(run, command):
    out = run("help", command, status=0).stdout
    assert out == run(command, "--help", status=0).stdout
    assert out.startswith(f"Usage: trace-report {command}") and out.count("\n  trace-report ") >= 2
    assert max(map(len, out.splitlines())) <= 120
    assert command in run("help", status=0).stdout


# ---- mistakes: one sentence, on stderr, with what to do


@pytest.mark.parametrize("arguments, status, says", [
    (["tpo"], 2, "did you mean 'top'"),
    (["frobnicate"], 2, "trace-report help"),
    (["top", "--limitt", "3"], 2, "did you mean --limit"),
    (["top", "--zzzzz"], 2, "--help"),
    (["top", "-x"], 2, "no option -x"),
    (["top", "--limit"], 2, "needs a value"),
    (["top", "--limit", "x"], 2, "takes a number"),
    (["top", "--limit=-1"], 2, "takes a number"),
    (["top", "--json=1"], 2, "takes no value"),
    (["top", "--by", "size"], 2, "one of bytes, allocations, peak, live, temporary, own-peak"),
    (["top", "1", "2"], 2, "one argument too many"),
    (["top", "strem"], 1, "did you mean 'stream'"),
    (["top", "99"], 1, "no run of number or label '99'"),
    (["top", "\x1b[2J"], 1, "'^[[2J'"),
    (["compare", "list", "nope"], 1, "trace-report runs"),
    (["runs", "nope"], 1, "no run labelled 'nope'"),
    (["help", "nope"], 2, "no subcommand 'nope'"),
    (["sql", "--csv", "--json", "SELECT 1"], 2, "not both"),
    (["sql", ";"], 2, "no statement"),
])
def test_mistakes(three, run, arguments, status, says):
    done = run(*arguments, status=status)
    assert done.stdout == "" and done.stderr.count("\n") == 1 and says in done.stderr


def test_no_arguments(run):
    assert run(status=2).stdout.startswith("Usage:")


def test_files_that_are_no_databases(make_db, run, tmp_path):
    def refused(file, says):
        done = run("top", "--db", file, status=1)
        assert done.stdout == "" and done.stderr.count("\n") == 1 and says in done.stderr, done.stderr

    refused("trace.db", "there is no database trace.db: record a run with trace-run")
    refused("no/where.db", "there is no database")
    refused(tmp_path, "is a directory")
    refused("/dev/null", "not a regular file")
    (tmp_path / "text").write_text("not a database, but long enough to be one\n" * 100)
    refused("text", "not a database of libtrace")
    (tmp_path / "empty").touch()
    refused("empty", "nothing was recorded yet")
    good = make_db("small", db="good.db").read_bytes()
    (tmp_path / "short.db").write_bytes(good[: len(good) // 2])
    refused("short.db", "truncated")
    (tmp_path / "hole.db").write_bytes(good[:4096] + b"\xee" * 8192 + good[12288:])
    refused("hole.db", "malformed")
    connection = sqlite3.connect(tmp_path / "foreign.db")
    connection.execute("CREATE TABLE a(b)")
    connection.commit()
    refused("foreign.db", "another program")
    (tmp_path / "new.db").write_bytes(good)
    connection = sqlite3.connect(tmp_path / "new.db")
    connection.execute("PRAGMA user_version = 1000")
    connection.commit()
    refused("new.db", "newer libtrace")
    assert "LIBTRACE_DB" not in run("top", env={"LIBTRACE_DB": tmp_path / "good.db"}, status=0).stderr


def test_nothing_recorded_in_a_run(make_db, run):
    make_db("empty")
    for command in ("top", "summary"):
        assert "statically linked or setuid" in run(command, status=0).stdout
    make_db("one")
    assert "1 allocation, 1 B" in run("top", status=0).stdout
    assert "has none" in run("compare", status=0).stdout


def test_read_only_directory(make_db, run, tmp_path):
    db = make_db("small")
    with sqlite3.connect(db) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    os.chmod(db, 0o444)
    os.chmod(tmp_path, 0o555)
    try:
        run("top", status=0)
        assert not (tmp_path / "trace.db-shm").exists() or os.geteuid() == 0
    finally:
        os.chmod(tmp_path, 0o755)


# ---- runs that are not finished


def start(tmp_path, *arguments):
    process = subprocess.Popen([BUILD / "tests/make_db", tmp_path / "trace.db", *map(str, arguments)], env=environment())
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline:
        connection = None
        try:
            connection = sqlite3.connect(f"file:{tmp_path}/trace.db?mode=ro", uri=True)
            if connection.execute("SELECT count(*) FROM run").fetchone()[0]:
                return process
        except sqlite3.OperationalError:
            pass
        finally:
            if connection:
                connection.close()  # left open, it would keep the file from getting its final form
        time.sleep(0.01)
    raise AssertionError("no run appeared")


def test_running(tmp_path, run, as_json):
    process = start(tmp_path, "unresolved")
    try:
        assert "still running" in run("top", status=0).stdout
        assert as_json("runs")["runs"][0]["state"] == "recording"
        assert "still running" in run("summary", status=0).stdout
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert "was interrupted" in run("top", status=0).stdout
    assert as_json("runs")["runs"][0]["state"] == "interrupted"


def test_waits_for_symbols(tmp_path, run, as_json):
    process = start(tmp_path, "symbols", "1")
    found = as_json("top")
    assert found["run"]["state"] == "complete" and found["rows"][0]["function"] == "read_record"
    assert process.wait(100) == 0
    assert not (tmp_path / "trace.db-wal").exists()


def test_progress_bar(tmp_path, terminal):
    process = start(tmp_path, "symbols", "3")
    out = terminal(80, "top")
    assert "looking up names [" in out and "\033[K" in out and "read_record" in out
    process.wait(100)


def test_collector_dies_while_we_wait(tmp_path, run):
    process = start(tmp_path, "symbols", "30")
    report = subprocess.Popen([BUILD / "bin/trace-report", "top"], cwd=tmp_path, env=environment(), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(0.3)
    process.kill()
    process.wait()
    out, _ = report.communicate(timeout=100)
    assert report.returncode == 0 and "was interrupted" in out


# ---- terminals


def test_ends_with_the_next_command(three, terminal, run):
    assert re.search(r"Next: trace-report top --stacks 1    \(", terminal(80, "top").splitlines()[-1])
    assert "Next: trace-report top list --stacks 1 " in terminal(80, "top", "list").splitlines()[-1]  # for the same run
    run("rename", "1", "my list", status=0)
    assert "Next: trace-report top 'my list' --stacks 1 " in terminal(80, "top", "my list").splitlines()[-1]
    assert terminal(80, "compare", "1", "2").splitlines()[-1].endswith("top 2 --by peak --stacks 1\033[0m")
    assert "--db trace.db" in terminal(80, "top", "--db", "trace.db").splitlines()[-1]
    assert "Next" not in run("top").stderr + run("top").stdout


def test_colour(three, terminal, run):
    assert "\033[" in terminal(80, "top", "1") and "\033[" in run("top", "--color=always").stdout
    for out in (run("top").stdout, terminal(80, "top", "1", "--color=never"), terminal(80, "top", "1", env={"NO_COLOR": "1"})):
        assert "\033[" not in out


def test_plain_numbers(three, run):
    out = run("top", "1", "--bytes", status=0).stdout
    assert "2100000" in out and "MiB" not in out
    assert "MiB" not in run("compare", "--bytes", status=0).stdout + run("summary", "--bytes", status=0).stdout


# ---- size


def test_large(make_db, run, say):
    """The log shows if it becomes too slow; no time is asserted, as the machine may be busy."""
    begin = time.monotonic()
    db = make_db("large")
    said = [f"230,000 stacks, written in {time.monotonic() - begin:.2f} s; seconds, and of a processor:"]
    assert db.stat().st_size < 30e6
    for arguments in (["top"], ["top", "--by", "peak"], ["top", "--stacks", "2"], ["top", "--group", "stack"], ["tree"],
                      ["tree", "--inverted"], ["leaks"], ["summary"]):
        best = (9, 9)
        for _ in range(3):
            begin, before = time.monotonic(), os.times()
            run(*arguments, status=0)
            after = os.times()
            best = min(best, (time.monotonic() - begin, sum(after[2:4]) - sum(before[2:4])))
        said.append(f"{' '.join(arguments)} {best[0]:.2f} {best[1]:.2f},")
    say(" ".join(said).rstrip(","))
    found = json.loads(run("top", "--json", "--limit", "0").stdout)
    assert sum(r["bytes"] for r in found["rows"]) == found["run"]["bytes"]
