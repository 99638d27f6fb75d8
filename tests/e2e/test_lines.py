"""Functions, files and lines are those that addr2line -i finds."""

import os
import pathlib
import subprocess

import pytest

import oracle

FRAMES = """
SELECT m.path AS module, f.offset AS offset, l.function AS function, l.file AS file, l.line AS line
FROM frame AS f JOIN module AS m ON m.run = f.run AND m.id = f.module
JOIN frame_line AS fl ON fl.run = f.run AND fl.frame = f.id
JOIN line AS l ON l.run = fl.run AND l.id = fl.line
ORDER BY f.run, f.id, fl.depth
"""


def places_of(traced, executable):
    """The frames of one module as {return address: [(function, file, line)]}."""
    found = {}
    for row in traced.rows(FRAMES):
        if os.path.realpath(row["module"]) == os.path.realpath(executable):
            file = os.path.normpath(row["file"]) if row["file"] else None
            found.setdefault(row["offset"], []).append((row["function"], file, row["line"]))
    return found


def agree(ours, theirs, names=True):
    """Whether two lists of frames say the same. addr2line calls some inlined functions, whose name is given at another
    declaration, by the name of the function around them; there only the places are compared."""
    if [place[1:] for place in ours] != [place[1:] for place in theirs]:
        return False
    if not names:
        return True
    outer = theirs[-1][0]
    return all(a[0] == b[0] or (b[0] == outer and i + 1 < len(theirs)) for i, (a, b) in enumerate(zip(ours, theirs)))


def compare(traced, executable, program=("addr2line",), names=True):
    """Compares all frames of the executable with addr2line; returns how many there are, and how many of them were inlined."""
    ours = places_of(traced, executable)
    assert ours, f"no frame of {executable} was named"
    theirs = oracle.addr2line(executable, [address - 1 for address in ours], program)
    wrong, inlined, exact = [], 0, 0
    for address, places in sorted(ours.items()):
        expected = theirs[address - 1]
        inlined += len(expected) - 1
        if not any(file for _, file, _ in expected):
            continue  # without debug information addr2line only knows the symbol
        exact += places == expected
        if not agree(places, expected, names):
            wrong.append(f"{address:#x}\n  ours   {places}\n  theirs {expected}")
    assert not wrong, f"{len(wrong)} of {len(ours)} frames differ:\n" + "\n".join(wrong[:10])
    assert exact >= 0.8 * len(ours) or not names
    return len(ours), inlined


def test_cxx(build, trace, say):
    executable = build.workload("shapes")
    traced = trace([executable])
    frames, inlined = compare(traced, executable)
    assert frames >= 20 and inlined >= 10
    say(f"C++: {frames} frames equal addr2line's, {inlined} of them inlined into others")

    # Allocations count for lines of the program, not of the standard library.
    names = {r["function"].split("(")[0]: r for r in traced.rows(
        "SELECT * FROM lines WHERE file LIKE '%/shapes.cpp' ORDER BY bytes DESC")}
    assert any("make<shapes::Square<" in n for n in names), sorted(names)
    assert any("Cache::name" in n for n in names), sorted(names)
    assert any("risky" in n for n in names), sorted(names)


@pytest.mark.parametrize("flags", [["-O0"], ["-O2", "-gdwarf-4"], ["-O3", "-gdwarf-5", "-gz"], ["-O2", "-no-pie"],
                                   ["-O2", "-flto"], ["-O2", "-fno-omit-frame-pointer", "-static-libgcc"],
                                   ["-Os", "-ffunction-sections", "-Wl,--gc-sections"]])
def test_cxx_built_in_other_ways(flags, trace, tmp_path):
    code = pathlib.Path(__file__).resolve().parent.parent / "workloads" / "shapes.cpp"
    subprocess.run(["g++", "-std=c++17", "-g", *flags, "-o", tmp_path / "shapes", code], check=True)
    compare(trace([tmp_path / "shapes", "300"]), tmp_path / "shapes")


def test_clang(program, trace, tmp_path):
    clang = program("clang++")
    code = pathlib.Path(__file__).resolve().parent.parent / "workloads" / "shapes.cpp"
    if subprocess.run([clang, "-std=c++17", "-g", "-O2", "-o", tmp_path / "shapes", code], capture_output=True).returncode:
        pytest.skip("clang++ finds no C++ library here")
    # addr2line loses the frames of functions that clang splits into several ranges; llvm-symbolizer does not.
    compare(trace([tmp_path / "shapes", "300"]), tmp_path / "shapes", (program("llvm-symbolizer"), "--output-style=GNU"))


@pytest.mark.parametrize("mangling", ["v0", "usual"])
def test_rust(mangling, trace, tmp_path, program, say):
    """Where the older mangling has type parameters, ours have the types: test_symbols_oracle compares those names."""
    executable = tmp_path / "orders"
    code = pathlib.Path(__file__).resolve().parent.parent / "workloads" / "orders.rs"
    options = ["-C", "symbol-mangling-version=v0"] if mangling == "v0" else []
    built = subprocess.run([program("rustc"), "-g", "-O", *options, "-o", executable, code], capture_output=True, check=False)
    if built.returncode:
        pytest.skip("this version has the older mangling only")
    traced = trace([executable])
    frames, inlined = compare(traced, executable, names=mangling == "v0")
    say(f"Rust, {mangling}: {frames} frames equal addr2line's, {inlined} of them inlined into others")
    lines = {r["line"]: r for r in traced.rows("SELECT * FROM lines WHERE file LIKE '%/orders.rs'")}
    at = oracle.source("orders.rs")
    assert any("format!" in at[n] for n in lines) and any("collect()" in at[n] for n in lines)


def test_c_by_line(build, trace):
    """The line, the function and the count of each allocation in dict.c."""
    traced = trace([build.workload("dict"), "1000"])
    lines = {r["line"]: r for r in traced.rows("SELECT * FROM lines WHERE file LIKE '%/dict.c'")}
    at = oracle.source("dict.c")
    attribute = next(n for n, text in at.items() if "malloc(sizeof *attribute)" in text)
    assert (lines[attribute]["allocations"], lines[attribute]["function"]) == (3000, "set")
    table = next(n for n, text in at.items() if "HASH_ADD_KEYPTR(hh, *record" in text)
    assert lines[table]["allocations"] == 2000  # a table and its buckets for each record
    array = next(n for n, text in at.items() if "calloc((size_t)n + 1" in text)
    assert (lines[array]["allocations"], lines[array]["bytes"], lines[array]["function"]) == (1, 8008, "main")
    assert set(lines) == {attribute, table, array}


def test_stripped_and_separate(build, trace, tmp_path):
    """Names come from a separate debug file by .gnu_debuglink, without that from .symtab, without both as module+offset."""
    code = pathlib.Path(__file__).resolve().parent.parent / "workloads" / "slots.c"
    subprocess.run(["gcc", "-g", "-O1", "-fno-inline", "-o", tmp_path / "slots", code], check=True)
    subprocess.run(["objcopy", "--only-keep-debug", "slots", "slots.debug"], cwd=tmp_path, check=True)
    subprocess.run(["objcopy", "--strip-all", "--add-gnu-debuglink=slots.debug", "slots", "linked"], cwd=tmp_path, check=True)
    subprocess.run(["objcopy", "--strip-debug", "slots", "symbols"], cwd=tmp_path, check=True)
    subprocess.run(["objcopy", "--strip-all", "slots", "bare"], cwd=tmp_path, check=True)

    def largest(name):
        traced = trace([tmp_path / name, "500"], db=tmp_path / f"{name}.db")
        return traced.rows("SELECT * FROM lines ORDER BY allocations DESC LIMIT 1")[0]

    whole, linked = largest("slots"), largest("linked")
    assert (whole["function"], whole["allocations"]) == ("slots_new", 500)
    assert (linked["function"], linked["file"], linked["line"]) == (whole["function"], whole["file"], whole["line"])
    assert largest("symbols")["function"] == "slots_new" and largest("symbols")["file"] is None
    bare = largest("bare")
    assert bare["function"].startswith("bare+0x") and bare["allocations"] == 500


def test_replaced_since(build, trace, report, tmp_path):
    """If a binary is replaced before its names are looked up, the right names are found, as the collector holds its file."""
    code = pathlib.Path(__file__).resolve().parent.parent / "workloads" / "slots.c"
    subprocess.run(["gcc", "-g", "-O1", "-fno-inline", "-o", tmp_path / "slots", code], check=True)
    script = f"cp {tmp_path}/slots {tmp_path}/running && {tmp_path}/running 500 && cp --remove-destination /bin/true {tmp_path}/running"
    traced = trace(["bash", "-c", script])
    by = traced.rows("SELECT * FROM lines WHERE allocations >= 500 AND module LIKE '%/running'")
    line = next(n for n, text in enumerate(code.read_text().splitlines(), 1) if "malloc(" in text)
    assert [(r["function"], r["file"], r["line"]) for r in by] == [("slots_new", str(code), line)], [dict(r) for r in by]


def test_known_from_an_earlier_run(build, trace, tmp_path):
    """What one run has found out about a program is used by the next one if the build ID is the same: its debug information is
    not read again, and need not exist any more."""
    code = pathlib.Path(__file__).resolve().parent.parent / "workloads" / "dict.c"
    subprocess.run(["gcc", "-g", "-O2", "-o", tmp_path / "dict", code], check=True)
    trace([tmp_path / "dict", "100"])
    subprocess.run(["strip", "dict"], cwd=tmp_path, check=True)
    traced = trace([tmp_path / "dict", "100"])
    lines = "SELECT file, line, function, module, allocations, bytes FROM lines WHERE run = {} ORDER BY 1, 2, 3"
    first, second = ([tuple(row) for row in traced.rows(lines.format(run))] for run in (1, 2))
    assert first == second and any(file and file.endswith("/dict.c") for file, *_ in first)
    # A binary with another build ID is another program.
    subprocess.run(["gcc", "-O3", "-s", "-o", tmp_path / "dict", code], check=True)
    assert not trace([tmp_path / "dict", "100"]).rows("SELECT * FROM lines WHERE run = 3 AND file LIKE '%/dict.c'")
