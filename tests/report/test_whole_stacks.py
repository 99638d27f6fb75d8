"""Options that look at whole stacks: --inclusive, --function, --below, function NAME, --skip-wrappers, --mine, --all-frames.

The oracle reads the public view `stacks`, whose rows have all frames as text, and does the sums itself.
"""

import collections
import fnmatch
import json
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from conftest import BUILD, environment

ROOT = pathlib.Path(__file__).resolve().parents[2]
KINDS = ["c", "c++", "python", "small"]
MEASURES = ["allocations", "bytes", "peak_allocations", "peak_bytes", "live_allocations", "live_bytes", "temporary"]
RUNTIME = re.compile(r"_start|__libc_start\w*|start_thread|clone3?|lib(c|stdc\+\+|gcc_s)\.so\.\d\+0x.*|ld-linux.*\+0x.*")


def plain(name):
    """The name as the view has it, in which semicolons separate frames."""
    return name.replace(";", ":") if name else name


def frame(text):
    """Parses a frame of the view: (function, file, line)."""
    found = re.fullmatch(r"(.*) \((.*?)(?::(\d+))?\)", text)
    if found and ("/" in found[2] or "." in found[2] or "<" in found[2]):
        return found[1], found[2], int(found[3] or 0)
    return text, None, 0


def stacks(ask):
    """All stacks of the latest run: [(frames from the innermost outwards, measures)]."""
    found = ask.json("sql", f"SELECT frames, {', '.join(MEASURES)} FROM stacks WHERE run = {ask.run()}")["rows"]
    return [([frame(text) for text in row[0].split(";")], dict(zip(MEASURES, row[1:]))) for row in found]


def added(measures):
    measures = list(measures)
    return {m: sum(one[m] for one in measures) for m in MEASURES}


def matches(glob, name):
    return fnmatch.fnmatchcase(name, glob) or (name.find("(") > 0 and fnmatch.fnmatchcase(name[:name.index("(")], glob))


def functions(all_stacks, most=6):
    """Names to test with: functions in most stacks, and a few less frequent ones."""
    counted = collections.Counter(name for frames, _ in all_stacks for name in {f for f, _, _ in frames})
    names = [name for name, _ in counted.most_common() if not re.search(r"[*?[;]", name)]
    return names[:most // 2] + names[len(names) // 2:][:most // 2]


def of(row):
    return {m: row[m] for m in MEASURES}


@pytest.mark.parametrize("kind", KINDS)
def test_inclusive(ask, database, kind):
    """Each row counts every stack in which it occurs, once."""
    ask = ask(database(kind))
    for group, key in (("function", lambda f: (f[0], f[1])), ("line", lambda f: f), ("file", lambda f: f[1])):
        expected = collections.defaultdict(list)
        for frames, measures in stacks(ask):
            for one in {key(f) for f in frames}:
                expected[one].append(measures)
        found = ask.json("top", "--inclusive", "--group", group, "--all-frames", "-n", "0")
        assert found["inclusive"] and found["rows"]
        seen = collections.defaultdict(list)
        for row in found["rows"]:
            one = (plain(row.get("function")), row.get("file"), row.get("line", 0))
            seen[key(one)].append(of(row))
        for one, rows in seen.items():
            if group == "file" and one is None:
                continue  # such rows are by module
            if len(rows) == 1:
                assert rows[0] == added(expected[one]), one
        assert len(seen) == len({one for one in expected if any(added(expected[one]).values())} | ({None} & set(seen)))
        values = [row["peak_bytes"] for row in found["rows"]]
        assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("kind", KINDS)
def test_function_is_in_the_stack(ask, database, kind):
    every = stacks(ask(database(kind)))
    for name in functions(every):
        expected = added(m for frames, m in every if any(matches(name, f[0]) for f in frames))
        for option in ("--function", "--below"):
            found = ask(database(kind), option, name)
            assert of(found.json("top", "-n", "0")["total"]) == expected, (option, name)
            assert sum(r["bytes"] for r in found.json("top", "-n", "0", "--group", "stack")["rows"]) == expected["bytes"]
            assert of(found.json("tree", "--by", "bytes")["total"]) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_callers_and_callees(ask, database, kind):
    """Each stack counts for the caller of the outermost call and the callee of the innermost one: both sides add up."""
    every = stacks(ask(database(kind)))
    for name in functions(every):
        callers, callees = collections.defaultdict(list), collections.defaultdict(list)
        for frames, measures in every:
            at = [i for i, f in enumerate(frames) if matches(name, f[0])]
            if at:
                callers[frames[at[-1] + 1][0] if at[-1] + 1 < len(frames) else "(nobody)"].append(measures)
                callees[frames[at[0] - 1][0] if at[0] > 0 else "(itself)"].append(measures)
        found = ask(database(kind)).json("function", name, "--all-frames", "-n", "0")
        for side, expected in (("callers", callers), ("callees", callees)):
            seen = collections.defaultdict(list)
            for row in found[side]:
                seen[plain(row["function"])].append(of(row))
            assert {f: added(m) for f, m in seen.items()} == {f: added(m) for f, m in expected.items()}, (name, side)
            assert added(of(row) for row in found[side]) == of(found["total"])
        assert of(found["self"]) == added(callees["(itself)"])


def is_runtime(f, machinery):
    return f in machinery or RUNTIME.fullmatch(f[0]) or (f[1] or "").startswith(("<frozen importlib", "<frozen runpy>", "<frozen zipimport>"))


@pytest.mark.parametrize("kind", KINDS)
def test_frames_of_the_runtime(ask, database, kind):
    """Frames of the runtime are not shown, unless the stack has no others; the totals stay the same."""
    ask = ask(database(kind))
    machinery = {(plain(row[0]), *row[1:]) for row in ask.json("sql", "SELECT function, file, line FROM line WHERE machinery")["rows"]}
    whole, folded = ask.json("tree", "--min", "0", "--all-frames"), ask.json("tree", "--min", "0")
    assert whole["total"] == folded["total"] and len(whole["rows"]) > len(folded["rows"]) or kind == "small"
    roots = lambda tree: sum(row["value"] for row in tree["rows"] if row["depth"] == 1)
    assert roots(whole) == roots(folded) == whole["total"]["peak_bytes"]
    alone = [frames for frames, _ in stacks(ask) if all(is_runtime(f, machinery) or f[0] == "[cut]" for f in frames)]
    allowed = {frames[0] for frames in alone}
    for row in folded["rows"]:
        if row["type"] is not None:
            continue  # what blocks are is no frame
        one = (plain(row["function"]), row["file"], row["line"])
        assert not is_runtime(one, machinery) or one in allowed, one
    if kind == "c":
        assert "_start" in ask("tree", "--all-frames") and "_start" not in ask("tree") + ask("leaks") + ask("top", "--stacks", "1")
        assert "_start" in ask("top", "--stacks", "1", "--all-frames")
        frames = ask.json("top", "--stacks", "1")["rows"][0]["stacks"][0]["frames"]  # all frames, those of the runtime marked
        assert [f["runtime"] for f in frames if f["function"] in ("main", "_start")] == [False, True]


def test_the_page_folds(ask, database):
    import page
    ask = ask(database("c"))
    names = lambda *more: {page.read(ask.file("html", *more))["texts"][n]
                           for n in page.read(ask.file("html", *more))["functions"][::3]}
    assert "main" in names() and "_start" not in names() and "_start" in names("--all-frames")


def test_names_like_it(make_db, run):
    make_db("small")
    out = run("top", "--function", "buidl_index", status=0).stdout
    assert "No function is called buidl_index; there are:\n  build_index\n" in out and "Nothing in it matches" in out
    assert "  read_record\n" in run("tree", "--below", "record", status=0).stdout
    assert "No function is called" not in run("top", "--function", "build*", status=0).stdout
    assert run("top", "--function", "zzzzzzzz").stdout.count("No function is called zzzzzzzz.\n") == 1
    assert "\x1b" not in run("top", "--function", "\x1b[2J").stdout
    assert "which function?" in run("function", status=2).stderr


# ---- who is charged


@pytest.fixture(scope="module")
def wrapped(build, recorded, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wrapped")
    subprocess.run([build.target("wrappers")], cwd=ROOT / "tests", check=True, env=environment(
        LD_PRELOAD=build.library, LIBTRACE_DB=folder / "trace.db"))
    recorded(folder / "trace.db")
    return folder / "trace.db"


def by_function(found):
    return {row["function"]: row["allocations"] for row in found["rows"]}


def test_wrappers_are_skipped(ask, wrapped):
    whole = ask(wrapped).json("top", "--file", "wrappers.c", "-g", "function")
    assert by_function(whole) == {"xmalloc": 206}
    for more, expected in [(["xmalloc"], {"load": 100, "xstrdup": 100, "deeper": 6}),
                           (["xmalloc,xstr*"], {"load": 200, "deeper": 6}), (["auto"], {"load": 200, "deeper": 6}),
                           (["x*,load,deeper"], {"main": 206}), (["nothing"], {"xmalloc": 206})]:
        found = ask(wrapped, "--skip-wrappers", *more).json("top", "--file", "wrappers.c", "-g", "function")
        assert by_function(found) == expected, more
        assert found["total"] == whole["total"] and found["filter"]["skip_wrappers"] == more[0]
        again = subprocess.run([BUILD / "bin/trace-report", "top", "--json", "--file", "wrappers.c", "-g", "function"], check=True,
                               capture_output=True, env=environment(LIBTRACE_DB=wrapped, LIBTRACE_SKIP_WRAPPERS=more[0]))
        assert json.loads(again.stdout)["rows"] == found["rows"]
    inverted = ask(wrapped, "--skip-wrappers", "xmalloc").json("tree", "--inverted", "-g", "function", "--by", "allocations")
    assert {r["function"]: r["value"] for r in inverted["rows"] if r["depth"] == 1 and r["file"].endswith("wrappers.c")} == {
        "load": 100, "xstrdup": 100, "deeper": 6}
    assert ask(wrapped, "--skip-wrappers", "x*").json("leaks", "--all")["live_bytes"] == ask(wrapped).json("leaks", "--all")["live_bytes"]


CXX_WRAPPERS = """
#include <cstdlib>
#include <vector>
namespace {
struct Pool {
    void *alloc(std::size_t size) { return std::malloc(size); }
    template <class T> T *Allocate(int count) { return static_cast<T *>(alloc(count * sizeof(T))); }
};
template <class T> struct Allocator {
    using value_type = T;
    T *allocate(std::size_t count) { return Pool().Allocate<T>(static_cast<int>(count)); }
    void deallocate(T *, std::size_t) {}
};
}
namespace mallocs {
void *table(int rows) { return std::malloc(rows * 8); }
}
int main()
{
    for (int i = 0; i < 20; i++)
        Pool().Allocate<char>(100);
    std::vector<long, Allocator<long>> row;
    row.reserve(8);
    return mallocs::table(5) == nullptr;
}
"""


def test_wrappers_of_c_plus_plus(ask, recorded, build, tmp_path):
    """What a function itself is called counts, not its namespace, class, arguments or return type."""
    if not shutil.which("g++"):
        pytest.skip("g++ is missing")
    (tmp_path / "pool.cpp").write_text(CXX_WRAPPERS)
    subprocess.run(["g++", "-g", "-O0", "-o", tmp_path / "pool", tmp_path / "pool.cpp"], check=True)
    subprocess.run([tmp_path / "pool"], check=True, env=environment(LD_PRELOAD=build.library, LIBTRACE_DB=tmp_path / "trace.db"))
    recorded(tmp_path / "trace.db")
    whole = ask(tmp_path / "trace.db").json("top", "--file", "pool.cpp", "-g", "function")
    assert by_function(whole) == {"(anonymous namespace)::Pool::alloc(unsigned long)": 21, "mallocs::table(int)": 1}
    found = ask(tmp_path / "trace.db", "--skip-wrappers", "auto").json("top", "--file", "pool.cpp", "-g", "function")
    assert by_function(found) == {"main": 21, "mallocs::table(int)": 1}


def test_below_begins_at_it(ask, wrapped):
    tree = ask(wrapped, "--below", "load").json("tree", "--min", "0", "--all-frames")
    assert {row["function"] for row in tree["rows"] if row["depth"] == 1} == {"load"}
    assert tree["total"]["allocations"] == 200
    inclusive = ask(wrapped, "--below", "load").json("top", "--inclusive", "-g", "function", "--all-frames", "-n", "0")["rows"]
    assert "main" not in {row["function"] for row in inclusive} and inclusive[0]["function"] == "load"
    assert "xstrdup" in ask(wrapped, "--function", "load")("tree", "--min", "0")  # what is below it, and the way to it
    assert "main" in ask(wrapped, "--function", "load")("tree")


def test_recursion_counts_once(ask, wrapped):
    rows = {r["function"]: r for r in ask(wrapped).json("top", "--inclusive", "-g", "function")["rows"]}
    assert rows["deeper"]["allocations"] == 6 and rows["load"]["allocations"] == 200 and rows["xmalloc"]["allocations"] == 206
    found = ask(wrapped).json("function", "deeper", "--by", "allocations")
    assert [r["function"] for r in found["callers"]] == ["main"] and found["total"]["allocations"] == 6
    assert [r["function"] for r in found["callees"]] == ["xmalloc"]


def test_mine(ask, wrapped, build, recorded, tmp_path):
    """A line is the user's if its file is below the directory in which the program ran, with an absolute or a relative path."""
    found = ask(wrapped, "--mine").json("top", "-g", "function")
    assert by_function(found)["xmalloc"] == 206
    folder = tmp_path / "project"
    (folder / "lib/site-packages").mkdir(parents=True)
    (folder / "lib/site-packages/other.py").write_text("def rows(n):\n    return [bytes(1000) for _ in range(n)]\n")
    (folder / "mine.py").write_text("import csv, io, sys\nsys.path.insert(0, 'lib/site-packages')\nimport other\n"
                                    "def read():\n    return list(csv.DictReader(io.StringIO('a,b\\n' + '1,2\\n' * 3000)))\n"
                                    "kept = read()\nothers = other.rows(500)\n")
    subprocess.run(["/usr/bin/python3", "mine.py"], cwd=folder, check=True, env=environment(
        LD_PRELOAD=build.library, LIBTRACE_DB=tmp_path / "trace.db"))
    recorded(tmp_path / "trace.db")
    before = {(pathlib.Path(r["file"] or "").name, r["line"]): r for r in ask(tmp_path / "trace.db").json("top", "-n", "0")["rows"]}
    mine = {(pathlib.Path(r["file"] or "").name, r["line"]): r for r in ask(tmp_path / "trace.db", "--mine").json("top", "-n", "0")["rows"]}
    assert not [place for place in mine if place[0] in ("csv.py", "other.py")]
    assert any(place[0] == "csv.py" and row["allocations"] > 3000 for place, row in before.items())
    assert mine[("mine.py", 5)]["allocations"] > before[("mine.py", 5)]["allocations"] + 3000
    assert mine[("mine.py", 7)]["allocations"] >= 500
    assert ask(tmp_path / "trace.db", "--mine").json("top")["total"] == ask(tmp_path / "trace.db").json("top")["total"]
