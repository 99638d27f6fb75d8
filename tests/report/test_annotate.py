"""trace-report annotate: a source file, with the numbers of its lines beside them."""

import os
import re
import shutil
import sqlite3

import pytest


@pytest.fixture
def source(tmp_path):
    """A file of 59 lines that is older than any run."""
    path = tmp_path / "list.c"
    write(path, [f"\tline {i};" for i in range(1, 60)])
    return path


def write(path, lines):
    path.write_text("\n".join(lines) + "\n")
    os.utime(path, (1e9, 1e9))


@pytest.fixture
def database(make_db, source):
    return make_db("small", env={"MAKE_DB_SOURCE": source})


def numbered(out):
    """Line numbers and texts as they are shown; a gap is "..."."""
    head, *rows = out[out.index("\n", out.index(": ", out.index("\n\n"))) + 1:].split("\n\n")[0].rstrip("\n").split("\n")
    end = head.index("LINE") + 4
    return [(row[end - 4:end].strip(), row[end + 2:]) for row in rows]


def test_lines_with_their_numbers(database, run, as_json):
    rows = {row["line"]: row for row in as_json("top")["rows"] if row["file"] is not None}
    assert sorted(rows) == [10, 20, 40]
    found = as_json("annotate", "list.c")
    assert found["schema"] == "libtrace.annotate/1" and found["source"] == "shown" and found["by"] == "peak"
    assert [row["line"] for row in found["rows"]] == [10, 20, 40]
    for row in found["rows"]:
        same = rows[row["line"]]
        assert {name: row[name] for name in row if name not in ("findings", "source")} == {name: same[name] for name in row if name not in (
            "findings", "source")}
        assert row["source"] == f"    line {row['line']};" and row["findings"] == []
    for measure in ("bytes", "peak_bytes", "allocations", "live_bytes"):
        assert found["total"][measure] == sum(row[measure] for row in found["rows"])
    out = run("annotate", "list.c", "--by", "bytes", "--context", "1", status=0).stdout
    whole = found["run"]["bytes"]
    out = run("annotate", "list.c", "--by", "bytes", "--context", "1", status=0).stdout
    assert f"{database.parent}/list.c: bytes allocated 4.61 MiB, {100 * found['total']['bytes'] / whole:.1f} % of the run's, in 3 lines\n" in out
    gap = ("...", "")
    assert numbered(out) == [gap, *[(str(i), f"    line {i};") for i in (9, 10, 11)], gap, *[(str(i), f"    line {i};") for i in (19, 20, 21)],
                             gap, *[(str(i), f"    line {i};") for i in (39, 40, 41)], gap]
    assert re.search(r"2\.00 MiB +40\.1 % +3 .* 40      line 40;\n", out)


def test_all_of_it(database, run, as_json):
    out = run("annotate", "list.c", "--all", status=0).stdout
    assert numbered(out) == [(str(i), f"    line {i};") for i in range(1, 60)]
    rows = as_json("annotate", "list.c", "--all")["rows"]
    assert [row["line"] for row in rows] == list(range(1, 60)) and [row["source"] for row in rows][:1] == ["    line 1;"]
    assert [row["line"] for row in rows if row["allocations"] > 0] == [10, 20, 40]
    assert all(row["function"] is None and row["share"] == 0 for row in rows if row["allocations"] == 0)
    # A gap of one line would take a line, too.
    shown = [line for line, _ in numbered(run("annotate", "list.c", "--by", "bytes", "--context", "4").stdout)]
    assert shown == ["...", *map(str, range(6, 25)), "...", *map(str, range(36, 45)), "..."]
    assert [line for line, _ in numbered(run("annotate", "list.c", "--context", "99999999999").stdout)] == [str(i) for i in range(1, 60)]


def test_small_lines_are_left_out(database, run):
    out = run("annotate", "list.c", status=0).stdout  # line 10 has 16 B of the peak
    assert out.endswith("\n1 line with less than 0.1 % of it is left out: --all\n") and "10" not in [line for line, _ in numbered(out)]
    assert "left out" not in run("annotate", "list.c", "--all").stdout
    assert "left out" not in run("annotate", "list.c", "--context", "10").stdout


def test_which_file(database, run, as_json, tmp_path, source):
    """FILE is matched as --file matches; a whole path means that file, whatever else it matches."""
    for name in ("list.c", "l*.c", str(source), f"{tmp_path.name}/list.c", f"{tmp_path.name}/*.c"):
        assert as_json("annotate", name)["file"] == str(source), name
    for name in ("ist.c", "other.c", ""):
        done = run("annotate", name, status=1)
        assert f"no file that matches '{name}' allocates anything in run 1; see: trace-report top --group file\n" in done.stderr
    other = tmp_path / "[l]ist.c"
    with sqlite3.connect(database) as db:
        db.execute("UPDATE line SET file = ? WHERE function = 'main'", (str(other),))
    done = run("annotate", "*ist.c", status=1)
    assert done.stdout == "" and "2 files match '*ist.c'; name one of them, with more of its path:\n" in done.stderr
    assert [row.split()[-1] for row in done.stderr.splitlines()[1:]] == [str(source), str(other)]  # the largest first
    assert as_json("annotate", str(other))["file"] == str(other)
    assert [row["line"] for row in as_json("annotate", "list.c")["rows"]] == [20, 40]
    assert "which file?" in run("annotate", status=2).stderr
    assert "without --file" in run("annotate", "list.c", "--file", "list.c", status=2).stderr


def test_text_that_is_not_shown(database, run, as_json, tmp_path, source):
    """Why there is no text is said, and the lines stand with their functions."""

    def look(*arguments):
        out = run("annotate", "list.c", *arguments, status=0).stdout
        assert "line 20;" not in out and re.search(r"LINE  FUNCTION\n.* 10  main\n.* 20  read_record\n.* 40  build_index\n", out)
        found = as_json("annotate", "list.c", *arguments)
        assert [row["source"] for row in found["rows"]] == [None] * 3
        return " ".join(out.split()), found["source"]

    os.utime(source)
    out, state = look()
    assert "the file has changed since the run" in out and state == "changed"
    source.rename(tmp_path / "gone")
    out, state = look()
    assert "there is no such file here, or it cannot be read" in out and state == "missing"
    (tmp_path / "gone").rename(source)
    write(source, ["line 1;"])
    here = tmp_path / "here"
    here.mkdir()
    shutil.copy(database, here / "copy.db")
    out, state = look("--db", here / "copy.db", "--source", here)
    assert "this run was not recorded here" in out and "--source any" in out and state == "hidden"


def test_fewer_lines_than_the_run_knows(database, run, as_json, source):
    write(source, [f"line {i};" for i in range(1, 25)])
    out = run("annotate", "list.c", status=0).stdout
    assert ("20", "line 20;") in numbered(out) and numbered(out)[-2:] == [("...", ""), ("40", "")]
    assert [row["source"] for row in as_json("annotate", "list.c")["rows"]] == ["line 10;", "line 20;", None]


def test_source_does_no_harm(database, run, terminal, source):
    write(source, ["\033[2J\u202e\x07" + "long " * 300] * 60)
    for width in (60, 80, 120):
        out = terminal(width, "annotate", "list.c", "--all")
        assert "\033[2J" not in out and "\u202e" not in out and "\x07" not in out and "^[[2J" in out
        assert all(len(row) <= width for row in re.sub(r"\033\[\d*m", "", out.replace("\r", "")).split("\n"))


def test_other_measures_and_no_measure(database, run, as_json):
    assert "LIVE" in run("annotate", "list.c", "--by", "live", status=0).stdout
    out = run("annotate", "list.c", "--by", "own-peak", status=0).stdout
    assert "own peak" in out and "% of the run" not in out
    with sqlite3.connect(database) as db:
        db.execute("UPDATE line_total SET temporary = 0")
    shown = [line for line, _ in numbered(run("annotate", "list.c", "--by", "temporary", "--context", "0").stdout)]
    assert shown == ["...", "10", "...", "20", "...", "40", "..."]  # all that allocate, as none has any of it


def test_runs_without_files(make_db, run, as_json):
    make_db("empty")
    assert "run 1 " in run("annotate", "x.c", status=0).stdout
    found = as_json("annotate", "x.c")
    assert found["file"] is None and found["source"] is None and found["rows"] == []
