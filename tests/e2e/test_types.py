"""Blocks by type, as far as frames of C++'s and Rust's libraries reveal it, compared with what the program's containers
hold."""

import collections
import functools
import json
import pathlib
import shutil
import sqlite3
import subprocess

import pytest

CPP = """
#include <cstdio>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>
struct Shape { virtual ~Shape() {} int a; };
struct Circle : Shape { double radius; };
struct Plain { int x[10]; };
template <class T> struct Holder { T *kept = new T; ~Holder() { delete kept; } };
int main() {
    std::list<Plain> list(10);
    std::map<std::string, Plain> map;
    for (int i = 0; i < 100; i++) map[std::to_string(i) + " is a key too long for the string itself"];
    std::unordered_map<int, Plain> table;
    for (int i = 0; i < 50; i++) table[i];
    std::vector<Circle> vector(7);
    auto shared = std::make_shared<Circle>();
    auto unique = std::make_unique<Plain>();
    std::unique_ptr<Shape> shape(new Circle);
    Holder<Circle> holder;
    std::string text(1000, 'x');
    std::printf("%p %p %p %p %p\\n", (void *)vector.data(), (void *)shared.get(), (void *)unique.get(), (void *)shape.get(),
                (void *)holder.kept);
}
"""
# By type: the number of allocations, and the least and the most bytes of one. "-" stands for blocks of unknown type.
CPP_HAS = {
    "Plain": (10 + 1, 40, 40 + 2 * 8),
    "std::pair<std::string const, Plain>": (100, 32 + 40, 32 + 40 + 4 * 8),
    "std::pair<int const, Plain>": (50, 44, 44 + 2 * 8),
    "Circle": (1 + 1, 24, 7 * 24),
    "std::string": (100 + 1, 30, 1001),
    "-": (3, 24, 4096),  # new Circle, twice, and stdout's buffer
}
# Where the debug information has calls of constructors, it says what new makes.
OPTIMIZED_HAS = CPP_HAS | {"Circle": (1 + 1 + 2, 24, 7 * 24), "-": (1, 1024, 4096)}

RUST = """
use std::rc::Rc;
pub struct Plain { pub x: [u64; 5] }
fn main() {
    let numbers: Vec<u32> = Vec::with_capacity(1000);
    let boxes: Vec<Box<Plain>> = (0..50).map(|i| Box::new(Plain { x: [i; 5] })).collect();
    let counted = Rc::new(Plain { x: [0; 5] });
    let text = String::with_capacity(777);
    println!("{} {} {} {}", numbers.capacity(), boxes.iter().map(|b| b.x[0]).sum::<u64>(), counted.x[0], text.capacity());
}
"""


@pytest.fixture(name="trace")
def a_trace(trace):
    """Without looks at objects, which find more (test_vtables.py)."""
    return functools.partial(trace, env={"LIBTRACE_TYPES": "0"})


def by_type(report, database, *arguments):
    shown = json.loads(report(database, "top", "--group", "type", "--json", "--limit", "0", *arguments).stdout)
    assert shown["group"] == "type"
    return shown


def compiled(tmp_path, compiler="g++", options="-O1"):
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is missing")
    (tmp_path / "types.cc").write_text(CPP)
    if subprocess.run([compiler, "-std=c++17", "-g", options, "-o", tmp_path / "types", tmp_path / "types.cc"],
                      capture_output=True, check=False).returncode:
        pytest.skip(f"{compiler} finds no C++ library here")
    return tmp_path / "types"


@pytest.mark.parametrize("compiler, options", [("g++", "-O0"), ("g++", "-O2"), ("clang++", "-O1")])
def test_cpp(trace, report, tmp_path, compiler, options):
    traced = trace([compiled(tmp_path, compiler, options)])
    shown = by_type(report, traced.database)
    assert sum(row["bytes"] for row in shown["rows"]) == shown["total"]["bytes"] == traced.run["bytes"]
    assert all(row["how"] == ("inferred" if row["type"] else None) for row in shown["rows"])
    rows = [row for row in shown["rows"] if row["file"] and row["file"].endswith("types.cc")]
    for name, (allocations, least, most) in (CPP_HAS if options == "-O0" else OPTIMIZED_HAS).items():
        found = [row for row in rows if (row["type"] or "-") == name]
        count, size = sum(row["allocations"] for row in found), sum(row["bytes"] for row in found)
        assert count == allocations and least * count <= size <= most * count, (name, found)
    lines = {row["line"] for row in by_type(report, traced.database, "--type", "std::pair*")["rows"]}
    assert len(lines) == 2
    typed = sum(row["peak_bytes"] for row in shown["rows"] if row["type"])
    share = f"Types are known for {100 * typed / shown['total']['peak_bytes']:.1f} % of it."
    assert share in report(traced.database, "top", "--group", "type", "--limit", "1").stdout
    text = report(traced.database, "top", "--group", "type", "--type", "std::string").stdout
    assert "TYPE" in text and "types.cc" in text and "Plain" not in text.split("TYPE")[1].split("SOURCE")[0]


def test_view(trace, report, tmp_path):
    """SQL finds the same types, also of a run that was merged into another file."""
    traced = trace([compiled(tmp_path)])
    other = tmp_path / "other.db"
    assert report(other, "merge", traced.database).returncode == 0
    rows = "SELECT type, how, file, line, function, module, bytes, live_bytes, peak_bytes FROM types WHERE run = 1"
    wanted = sorted([row["type"] or "", row["how"] or "", row["file"] or "", row["line"], row["function"], row["module"],
                     row["bytes"], row["live_bytes"], row["peak_bytes"]] for row in by_type(report, traced.database)["rows"])
    assert {row[1] for row in wanted} == {"", "inferred"}
    for database in (traced.database, other):
        found = json.loads(report(database, "sql", "--json", rows).stdout)["rows"]
        assert sorted([value if value is not None else "" for value in row] for row in found) == wanted
    assert report(other, "prune", "1").returncode == 0
    with sqlite3.connect(other) as connection:
        assert connection.execute("SELECT count(*) FROM stack_type").fetchone() == (0,)


def test_filter(trace, report, tmp_path):
    """--type narrows reports and exports to blocks of these types, and says which there are if none is called so."""
    traced = trace([compiled(tmp_path)])
    wanted = sum(row["bytes"] for row in by_type(report, traced.database)["rows"] if row["type"] in ("Plain", "std::string"))
    narrowed = ["--by", "bytes", "--type", "[Ps]*[ng]", "--json"]
    assert {row["type"] for row in by_type(report, traced.database, *narrowed[2:])["rows"]} == {"Plain", "std::string"}
    for command in (["top"], ["top", "--inclusive"], ["tree"], ["top", "-g", "stack"]):
        found = json.loads(report(traced.database, *command, *narrowed).stdout)
        assert found["total"]["bytes"] == wanted and found["filter"]["type"] == "[Ps]*[ng]"
    exported = json.loads(report(traced.database, "export", "--format", "json", "--type", "[Ps]*[ng]").stdout)["stacks"]
    assert sum(stack["bytes"] for stack in exported) == wanted and {stack["type"] for stack in exported} == {"Plain", "std::string"}
    stacks = json.loads(report(traced.database, "top", "-g", "stack", "--by", "bytes", "--limit", "0", "--json").stdout)["rows"]
    assert sum(row["bytes"] for row in stacks if row["type"] in ("Plain", "std::string")) == wanted
    assert "No type is called Circl; there are:\n  Circle\n" in report(traced.database, "top", "--type", "Circl").stdout


def test_compare(trace, report, tmp_path):
    """What changed, by type and line: what top says of each of the two runs. A type that is new has nothing before."""
    program = compiled(tmp_path)
    before = by_type(report, trace([program]).database)
    source = (tmp_path / "types.cc").read_text()
    (tmp_path / "types.cc").write_text(source.replace("i < 100", "i < 300").replace("list(10)", "list(0)").replace("int a;", "int a, b[9];"))
    subprocess.run(["g++", "-std=c++17", "-g", "-O1", "-o", program, tmp_path / "types.cc"], check=True)
    traced = trace([program])
    after = by_type(report, traced.database)
    shown = json.loads(report(traced.database, "compare", "1", "2", "--group", "type", "--json", "--limit", "0").stdout)
    rows = shown["comparisons"][0]["rows"]
    assert shown["group"] == "type"
    for side, old in (("before", before), ("after", after)):
        expected = collections.Counter()
        for row in old["rows"]:
            expected[row["type"], row["file"], row["line"], row["function"]] += row["peak_bytes"]
        found = collections.Counter()
        for row in rows:
            found[row["type"], row["file"], row["line" if side == "after" else "line_before"], row["function"]] += row["bytes_" + side]
        assert +found == +expected
    text = report(traced.database, "compare", "1", "2", "-g", "type", "--width", "200").stdout
    assert "By type, peak: what changed" in text and "TYPE" in text
    assert [line.split()[-2:] for line in text.splitlines() if "std::pair<std::string const, Plain>" in line] == [["Plain>", "types.cc:17"]]
    refused = report(traced.database, "compare", "1", "2", "--group", "stack")
    assert refused.returncode == 2 and "type" in refused.stderr


@pytest.mark.parametrize("group", ["function", "file", "module"])
def test_compare_groups(trace, report, tmp_path, group):
    traced = trace([compiled(tmp_path)])
    trace([compiled(tmp_path)])
    rows = json.loads(report(traced.database, "compare", "1", "2", "-g", group, "--json").stdout)["comparisons"][0]["rows"]
    one = json.loads(report(traced.database, "top", "1", "-g", group, "--json", "--limit", "0").stdout)["rows"]

    def amounts(rows, bytes_name):
        return sorted((row.get("file") or "", row.get("function") or "", row.get("module") or "", row[bytes_name]) for row in rows
                      if row[bytes_name])
    assert amounts(rows, "bytes_before") == amounts(rows, "bytes_after") == amounts(one, "peak_bytes") != []


def test_rust(trace, report, tmp_path):
    """By the names of functions, and where these are of the older mangling, which has no types, by debug information."""
    if not shutil.which("rustc"):
        pytest.skip("rustc is missing")
    (tmp_path / "types.rs").write_text(RUST)
    for mangling, options in (("v0", ["-C", "symbol-mangling-version=v0"]), ("usual", [])):
        built = subprocess.run(["rustc", "-g", *options, "-o", tmp_path / mangling, tmp_path / "types.rs"], capture_output=True,
                               check=False)
        if built.returncode:
            continue  # older versions do not have this option
        shown = by_type(report, trace([tmp_path / mangling]).database, "--file", "types.rs")
        count = collections.Counter()
        for row in shown["rows"]:
            count[row["type"]] += row["allocations"]
        assert (count["types::Plain"], count["u32"], count["String"]) == (50 + 1, 1, 1)
        assert count["alloc::boxed::Box<types::Plain>"] >= 1
    subprocess.run(["objcopy", "--strip-debug", tmp_path / "usual", tmp_path / "bare"], check=True)
    shown = by_type(report, trace([tmp_path / "bare"], db=tmp_path / "bare.db").database)
    assert not {row["type"] for row in shown["rows"]} & {"T", "K", "V", "A"}


def test_told_by_the_compiler(trace, report, tmp_path):
    """clang 22 and later says what each new is for, where no constructor does. What it made of a program is kept as assembly, and its
    lines say what is to be found."""
    code = pathlib.Path(__file__).resolve().parent.parent / "symbols" / "new_types.cc"
    subprocess.run(["g++", "-o", tmp_path / "told", code.with_suffix(".s")], check=True)
    found = {row["line"]: row["type"] for row in by_type(report, trace([tmp_path / "told"]).database, "--file", "new_types.cc")["rows"]}
    wanted = {}
    for number, text in enumerate(code.read_text().split("\n"), 1):
        if "= new " in text or "::operator new" in text:
            kind = text.split("// ")[1]
            wanted[number] = None if kind == "-" else kind
    assert len(wanted) == 13 and found == wanted


def test_nothing_known(build, trace, report):
    traced = trace([build.target("hello"), "you", "0"])
    assert {row["type"] for row in by_type(report, traced.database)["rows"]} == {None}
    shown = report(traced.database, "top", "--group", "type")
    assert "No type is known" in shown.stdout
    refused = report(traced.database, "top", "--group", "type", "--inclusive")
    assert refused.returncode == 2 and "--inclusive" in refused.stderr
