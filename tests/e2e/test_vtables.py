"""The class of polymorphic objects of C++ by their vtables, compared with what the program makes and with what gdb says."""

import collections
import json
import random
import re
import shutil
import sqlite3
import subprocess
import time

import pytest

from system_calls import PROCESS_VM_READV, kill_for
from test_rss_places import REFUSED, can

SHAPES = """
#include <string>
#include <vector>
struct Shape { virtual ~Shape() {} virtual int sides() const { return 0; } int a; };
struct Circle : Shape { double radius; };
struct Square : Shape { double side[3]; int sides() const override { return 4; } };
struct Named { virtual ~Named() {} std::string name; };
struct Both : Named, Shape { int b; };
struct Left : virtual Shape { int l; };
struct Right : virtual Shape { int r; };
struct Diamond : Left, Right { int d; };
template <class T> struct Holder : Shape { T held; };
namespace { struct Hidden : Shape { int h; }; }
Shape *from_library(int i);
"""
LIBRARY = """
#include "shapes.h"
struct Inside : Square { int i[4]; };
Shape *from_library(int i) { return new Inside; }
"""
PROGRAM = """
#include "shapes.h"
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
struct Plain { long x[3]; };
struct Wrapper { Shape first; int more; };
static const int table[] = {1, 2, 3};
struct Pointing { const int *table; long x; };
std::vector<void *> kept;
std::vector<std::shared_ptr<Circle>> counted;
std::vector<std::unique_ptr<Wrapper>> wrapped;
__attribute__((noinline)) Shape *factory(int i) {
    void *p = std::malloc(64);                                    // factory
    return i % 10 < 6 ? (Shape *)new (p) Circle : i % 10 < 9 ? (Shape *)new (p) Square : (Shape *)new (p) Hidden;
}
__attribute__((noinline)) void *some_are(int i) {
    void *p = std::calloc(1, 72);                                 // some_are
    return i % 4 ? p : new (p) Circle;
}
void make() {
    for (int i = 0; i < 100; i++) kept.push_back(new Circle);     // single
    for (int i = 0; i < 101; i++) kept.push_back(new Both);       // multiple
    for (int i = 0; i < 102; i++) kept.push_back(new Diamond);    // virtual
    for (int i = 0; i < 103; i++) kept.push_back(new Hidden);     // hidden
    for (int i = 0; i < 104; i++) kept.push_back(new Holder<std::vector<int>>);  // template
    for (int i = 0; i < 105; i++) kept.push_back(from_library(i));
    for (int i = 0; i < 106; i++) kept.push_back(new Plain());    // plain
    for (int i = 0; i < 107; i++) kept.push_back(new Pointing{table, 1});  // pointing
    for (int i = 0; i < 600; i++)
        kept.push_back(i % 6 < 3 ? (Shape *)new Circle : i % 6 < 5 ? (Shape *)new Square : (Shape *)new Hidden);  // three
    for (int i = 0; i < 20000; i++) kept.push_back(factory(i));
    for (int i = 0; i < 20000; i++) kept.push_back(some_are(i));
    for (int i = 0; i < 108; i++) counted.push_back(std::make_shared<Circle>());  // counted
    for (int i = 0; i < 109; i++) wrapped.push_back(std::make_unique<Wrapper>()); // wrapped
    for (int i = 0; i < 110; i++) kept.push_back(new (std::allocator<Shape>().allocate(8)) Square);  // derived
}
int main() {
    make();
    std::puts("ready");
    std::fflush(stdout);
    std::getchar();
    std::_Exit(0);
}
"""
# By mark of a line: the class of its objects, and how many there are.
LINES = {"single": ("Circle", 100), "multiple": ("Both", 101), "virtual": ("Diamond", 102),
         "hidden": ("(anonymous namespace)::Hidden", 103), "template": ("Holder<std::vector<int, std::allocator<int> > >", 104),
         "plain": (None, 106), "pointing": (None, 107), "counted": ("Circle", 108), "wrapped": ("Wrapper", 109), "derived": ("Square", 110)}
THREE = {"Circle": 300, "Square": 200, "(anonymous namespace)::Hidden": 100}
FACTORY = {"Circle": 12000, "Square": 6000, "(anonymous namespace)::Hidden": 2000}
SOME = {"Circle": 5000, None: 15000}


def mark_of(line):
    """What the comment at the end of a line of the program says."""
    return (re.findall(r"// (\w+)$", PROGRAM.split("\n")[line - 1]) or [""])[0]


@pytest.fixture
def compiled(tmp_path):
    """compiled(compiler, options...): the program, and its library beside it."""

    def compile_(compiler="g++", *options, after=None):
        if not shutil.which(compiler):
            pytest.skip(f"{compiler} is missing")
        (tmp_path / "shapes.h").write_text(SHAPES)
        (tmp_path / "library.cc").write_text(LIBRARY)
        (tmp_path / "vtables.cc").write_text(PROGRAM)
        for output, more in (("libshapes.so", ["-shared", "-fPIC", "library.cc"]),
                             ("vtables", ["vtables.cc", "-L.", "-lshapes", "-Wl,-rpath,$ORIGIN"])):
            done = subprocess.run([compiler, "-std=c++17", "-g", *options, "-o", output, *more], cwd=tmp_path, capture_output=True, check=False)
            if done.returncode:
                pytest.skip(f"{compiler} {' '.join(options)} does not work here: {done.stderr.decode()[-300:]}")
        if after:
            subprocess.run([*after, "libshapes.so", "vtables"], cwd=tmp_path, check=True)
        return tmp_path / "vtables"

    return compile_


def ended(process, database, recorded):
    process.stdin.close()
    assert process.wait(timeout=100) == 0
    return recorded(database)


def by_mark(rows):
    """Rows by the mark of their line."""
    found = collections.defaultdict(list)
    for row in rows:
        if (row["file"] or "").endswith("vtables.cc"):
            found[mark_of(row["line"])].append(row)
    return found


def near(found, expected, looks):
    """Whether shares of so many looks may come from these numbers: with five standard deviations, and one for rounding."""
    total = sum(expected.values())
    return set(found) == set(expected) and all(
        abs(found[name] - count) <= 1 + 5 * total * (count / total * (1 - count / total) / looks) ** 0.5 for name, count in expected.items())


def check_rows(rows):
    marks = by_mark(rows)
    for mark, (kind, count) in LINES.items():
        found = [row for row in marks[mark] if row["function"].startswith("make") and row["live_allocations"] == count]
        assert [row["type"] for row in found] == [kind], (mark, marks[mark])
        how = None if not kind else "inferred" if mark == "wrapped" else "sampled"
        assert found[0]["how"] == how and (how != "sampled" or found[0]["seen"] == found[0]["looks"] >= 1)
    three = [row for row in marks["three"] if row["how"] == "sampled"]
    assert {row["type"]: row["live_allocations"] for row in three} == THREE
    for mark, expected in (("factory", FACTORY), ("some_are", SOME)):
        found = {row["type"]: row["live_allocations"] for row in marks[mark]}
        looks = {row["looks"] for row in marks[mark] if row["type"]}
        assert sum(found.values()) == sum(row["allocations"] for row in marks[mark]) == sum(expected.values())
        assert len(looks) == 1 and min(looks) >= 50 and near(found, expected, min(looks)), (mark, found, looks)
        assert sum(row["seen"] or 0 for row in marks[mark]) <= min(looks)
    inside = [row for row in rows if row["type"] == "Inside"]
    assert sum(row["live_allocations"] for row in inside) == 105 and all(row["module"].endswith("libshapes.so") for row in inside)


VARIANTS = [("g++", "-O0"), ("g++", "-O2"), ("g++", "-O1", "-no-pie"), ("g++", "-O1", "-static-libstdc++"), ("clang++", "-O1"),
            ("g++", "-O1", "-gz=zlib"), ("clang++", "-O1", "-fuse-ld=lld")]


@pytest.mark.parametrize("options", VARIANTS, ids=" ".join)
def test_classes(started, compiled, report, recorded, tmp_path, options):
    """While the program runs, and in SQL when it has ended."""
    process = started(compiled(*options))
    database = tmp_path / "trace.db"
    shown = json.loads(report(database, "top", "-g", "type", "--json", "--limit", "0").stdout)
    check_rows(shown["rows"])
    assert sum(row["bytes"] for row in shown["rows"]) == shown["total"]["bytes"]
    run = ended(process, database, recorded)
    assert run["state"] == "complete"
    rows = json.loads(report(database, "sql", "--json", "SELECT * FROM types WHERE run = 1").stdout)["rows"]
    columns = [column[0] for column in sqlite3.connect(database).execute("SELECT * FROM types").description]
    rows = [dict(zip(columns, row)) for row in rows]
    check_rows(rows)
    for measure in ("allocations", "bytes", "peak_bytes", "live_bytes"):
        assert sum(row[measure] for row in rows) == run[measure]


def test_sampled(started, compiled, report, tmp_path):
    """Of a sampled run, too, when somebody asks, or at its end: of the blocks that were taken."""
    started(compiled("g++", "-O1"), env={"LIBTRACE_SAMPLE": "1KiB"})
    rows = json.loads(report(tmp_path / "trace.db", "top", "-g", "type", "--json", "--limit", "0").stdout)["rows"]
    found = {row["type"] for row in by_mark(rows)["factory"]}
    assert found & {*FACTORY} and found <= {*FACTORY, None}  # which ones is chance, if only few blocks were looked at
    assert {row["how"] for row in by_mark(rows)["factory"] if row["type"]} == {"sampled"}


@pytest.mark.parametrize("stripped, rtti, known", [(True, True, True), (False, False, True), (True, False, False)])
def test_stripped(started, compiled, report, tmp_path, stripped, rtti, known):
    """Names are in the type information, or in symbols; without both there is none."""
    options = ["-O1"] + ([] if rtti else ["-fno-rtti"]) + (["-fvisibility=hidden"] if stripped else [])
    if stripped:
        options.append("-Wl,--exclude-libs,ALL")
    (tmp_path / "one.cc").write_text(PROGRAM.replace('#include "shapes.h"', SHAPES + LIBRARY.replace('#include "shapes.h"', "")))
    compiled("g++")
    subprocess.run(["g++", "-std=c++17", "-g", *options, "-o", "vtables", "one.cc"], cwd=tmp_path, check=True)
    if stripped:
        subprocess.run(["strip", "vtables"], cwd=tmp_path, check=True)
    started(tmp_path / "vtables")
    rows = json.loads(report(tmp_path / "trace.db", "top", "-g", "type", "--json", "--limit", "0").stdout)["rows"]
    found = collections.Counter()
    for row in rows:
        if row["how"] == "sampled":
            found[row["type"]] += row["live_allocations"]
    if not known:
        assert not found
        return
    assert found["Both"] == 101 and found["Diamond"] == 102 and found["Inside"] == 105
    assert found["Holder<std::vector<int, std::allocator<int> > >"] == 104
    assert found["(anonymous namespace)::Hidden"] > 203 and found["Circle"] > 400


def test_forked(started, compiled, report, tmp_path):
    """A forked process has objects of its own; those from before belong to the other, which is looked at as before."""
    program, source = compiled(), (tmp_path / "vtables.cc").read_text()
    forks = "    make();\n    if (!fork()) for (int i = 0; i < 50; i++) kept.push_back(new Diamond);  // forked\n"
    (tmp_path / "vtables.cc").write_text(source.replace("    make();\n", forks).replace("#include <new>", "#include <new>\n#include <unistd.h>"))
    subprocess.run(["g++", "-g", "-o", program, "vtables.cc", "-L.", "-lshapes", "-Wl,-rpath,$ORIGIN"], cwd=tmp_path, check=True)
    assert started(program).stdout.readline() == "ready\n"  # each of the two says so
    looks = []
    for _ in range(2):
        rows = json.loads(report(tmp_path / "trace.db", "top", "-g", "type", "--json", "--limit", "0").stdout)["rows"]
        sampled = [row for row in rows if row["how"] == "sampled"]
        assert sum(row["live_allocations"] for row in sampled if row["type"] == "Diamond") == 102 + 50
        assert sum(row["live_allocations"] for row in sampled if row["type"] == "Both") == 101
        looks.append(sum(row["looks"] for row in sampled if row["type"] == "Both"))
    assert looks[1] > looks[0]


def test_behind_a_filter(started, compiled, report, tmp_path):
    """The collector has the filter of the program, which may kill for what programs seldom call: it reads another way."""
    started(compiled(), preexec_fn=kill_for(PROCESS_VM_READV))
    check_rows(json.loads(report(tmp_path / "trace.db", "top", "-g", "type", "--json", "--limit", "0").stdout)["rows"])


def test_other_reports(started, compiled, report, recorded, tmp_path):
    """Each shows the same parts, and each narrows to them."""
    process = started(compiled())
    database = tmp_path / "trace.db"
    report(database, "top", "-g", "type")
    run = ended(process, database, recorded)
    rows = json.loads(report(database, "top", "-g", "type", "--json", "--limit", "0").stdout)["rows"]
    wanted = sum(row["bytes"] for row in rows if row["type"] == "Square")
    blocks = sum(row["allocations"] for row in rows if row["type"] == "Square")
    looks = min(row["looks"] for row in rows if row["type"] == "Square" and row["allocations"] > 1000)
    made = blocks - THREE["Square"] - 110  # by the factory; these are of lines that make few
    assert near({"Square": made, None: 20000 - made}, {"Square": FACTORY["Square"], None: 14000}, looks)
    narrowed = ["--type", "Square", "--by", "bytes", "--json"]
    for command in (["top"], ["top", "--inclusive"], ["tree"], ["top", "-g", "stack"], ["top", "-g", "type"], ["top", "--from", "0"]):
        found = json.loads(report(database, *command, *narrowed).stdout)
        assert found["total"]["bytes"] == wanted, command
    sizes = json.loads(report(database, "histogram", "--type", "Square", "--json").stdout)["sizes"]
    assert sum(size["allocations"] for size in sizes) == blocks
    stacks = json.loads(report(database, "export", "--format", "json").stdout)["stacks"]
    assert sum(stack["bytes"] for stack in stacks if stack["type"] == "Square") == wanted
    assert sum(stack["bytes"] for stack in stacks) == run["bytes"]
    profile = report(database, "export", "--format", "folded", "--by", "bytes").stdout
    assert sum(int(line.rsplit(" ", 1)[1]) for line in profile.splitlines()) == run["bytes"]
    tree = json.loads(report(database, "tree", "--json", "--by", "bytes", "--min", "0").stdout)["rows"]
    assert sum(row["bytes"] for row in tree if row["type"] == "Square") == wanted
    text = report(database, "top", "-g", "type", "--width", "200").stdout
    assert "SEEN" in text and re.search(r"\d+ of \d+  Circle", text)
    other = tmp_path / "other.db"
    assert report(other, "merge", database).returncode == 0
    merged = json.loads(report(other, "top", "-g", "type", "--json", "--limit", "0").stdout)["rows"]
    assert [(row["type"], row["bytes"], row["looks"]) for row in merged] == [(row["type"], row["bytes"], row["looks"]) for row in rows]
    changes = json.loads(report(database, "compare", "1", "1", "-g", "type", "--json", "--limit", "0").stdout)["comparisons"][0]["rows"]
    assert all(row["bytes_change"] == 0 for row in changes)


def test_at_the_end(trace, compiled, tmp_path, report):
    """Nobody asks: it is looked at before the program ends, if it has run so long that this is no great part of it."""
    program = compiled()
    source = (tmp_path / "vtables.cc").read_text()
    for seconds in (1, 5, 20, 60):
        (tmp_path / "vtables.cc").write_text(source.replace("std::getchar()", f"sleep({seconds})").replace("#include <new>", "#include <new>\n#include <unistd.h>"))
        subprocess.run(["g++", "-g", "-o", program, "vtables.cc", "-L.", "-lshapes", "-Wl,-rpath,$ORIGIN"], cwd=tmp_path, check=True)
        traced = trace([program])
        rows = json.loads(report(traced.database, "top", "-g", "type", "--json", "--limit", "0").stdout)["rows"]
        if sum(row["live_allocations"] for row in rows if row["type"] == "Both" and row["how"] == "sampled") == 101:
            return
    raise AssertionError(rows)


def test_without(started, compiled, report, tmp_path):
    """LIBTRACE_TYPES=0: nothing is looked at."""
    started(compiled(), env={"LIBTRACE_TYPES": "0"})
    rows = json.loads(report(tmp_path / "trace.db", "top", "-g", "type", "--json", "--limit", "0").stdout)["rows"]
    assert {row["how"] for row in rows} == {None, "inferred"}


def test_refused(started, compiled, report, recorded, tmp_path):
    """Where other processes' memory may not be read, there are no classes, a sentence says why, and everything else is there."""
    if not can(REFUSED):
        pytest.skip("strace does not work here")
    process = started(compiled(), before=REFUSED)
    database, shown = tmp_path / "trace.db", {}
    deadline = time.monotonic() + 100
    while not shown.get("unreadable") and time.monotonic() < deadline:  # strace stops the collector now and then
        shown = json.loads(report(database, "top", "-g", "type", "--json", "--limit", "0").stdout or "{}")
    assert shown["unreadable"] == 1
    assert ended(process, database, recorded)["state"] == "complete"
    rows = json.loads(report(database, "top", "-g", "type", "--json", "--limit", "0").stdout)["rows"]
    assert {row["how"] for row in rows} == {None, "inferred"}
    assert sum(row["live_allocations"] for row in rows) > 40000
    text = report(database, "top", "-g", "type", "--width", "300").stdout
    assert "Objects of C++, and the memory of Python's, were not looked at in 1 process: the kernel does not let the collector read" in text


def live_blocks(database):
    """Addresses of live blocks, and their stacks, from the log of events."""
    live = {}
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        for kind, address, node in connection.execute("SELECT kind, address, node FROM event ORDER BY id"):
            if kind == "alloc":
                live[address] = node
            else:
                live.pop(address, None)
        types = dict(connection.execute("SELECT node, type FROM stack_type"))
        parts = collections.defaultdict(dict)
        for node, part, seen in connection.execute("SELECT node, part, seen FROM stack_part"):
            parts[node][types.get(part)] = seen
    return live, parts


def test_gdb(started, compiled, report, program, tmp_path):
    """Of random blocks, gdb finds the class that the looks have found for their stack."""
    gdb = program("gdb")
    process = started(compiled("g++", "-O1"), env={"LIBTRACE_EVENTS": "1"})
    database = tmp_path / "trace.db"
    assert report(database, "top", "-g", "type").returncode == 0
    live, parts = live_blocks(database)
    chosen = random.Random(1).sample(sorted(live), 400)
    script = "".join(f"echo {address}:\\n\ninfo symbol *(long *){address}\n" for address in chosen)
    (tmp_path / "script").write_text("set debuginfod enabled off\n" + script)
    done = subprocess.run([gdb, "-nx", "-batch", "-p", str(process.pid), "-x", tmp_path / "script"], capture_output=True, text=True, timeout=300,
                          check=False)
    found = {int(address): kind for address, kind in re.findall(r"^(\d+):\n(?:vtable for (.*) \+ \d+ in section )?", done.stdout, re.M)}
    if not any(found.values()):
        pytest.skip(f"gdb cannot look at programs here: {done.stderr[-300:]}")
    assert len(found) == len(chosen)
    kinds = collections.Counter()
    for address, kind in found.items():
        known = parts.get(live[address], {})
        if kind.startswith("std::_Sp_counted_ptr_inplace<"):
            kind = "Circle"
        if kind and known:
            assert kind in known, (kind, known)
        elif not kind:
            assert not known or None in known, (address, known)
        kinds[kind] += 1
    assert kinds["Circle"] > 50 and kinds["Square"] > 20 and kinds[""] > 50


def test_older_file(started, compiled, report, recorded, tmp_path):
    """A file in which runs have types, but no parts of stacks, is read, and gets them with the next run."""
    database = tmp_path / "trace.db"
    ended(started(compiled(), env={"LIBTRACE_TYPES": "0"}), database, recorded)
    with sqlite3.connect(database) as connection:
        connection.executescript("DROP VIEW types; DROP VIEW site_by_type; DROP TABLE stack_part; DROP TABLE unreadable;"
                                 "CREATE VIEW types AS SELECT run, node, type, how FROM stack_type")
    rows = json.loads(report(database, "top", "-g", "type", "--json", "--limit", "0").stdout)["rows"]
    assert {row["how"] for row in rows} == {None, "inferred"}
    process = started(tmp_path / "vtables")
    check_rows(json.loads(report(database, "top", "2", "-g", "type", "--json", "--limit", "0").stdout)["rows"])
    ended(process, database, recorded)
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        assert connection.execute("SELECT sum(seen) FROM types WHERE run = 2").fetchone()[0] > 1000
        assert connection.execute("SELECT count(*), sum(seen) FROM types WHERE run = 1").fetchone()[1] is None
