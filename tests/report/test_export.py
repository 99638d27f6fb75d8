"""Runs exported for other tools: each format has the run's totals, and the tool itself can read it."""

import collections
import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
import pytest

import pprof

MEASURES = {"bytes": "bytes", "allocations": "allocations", "peak": "peak_bytes", "live": "live_bytes",
            "temporary": "temporary"}
COLUMNS = ["allocations", "bytes", "peak_allocations", "peak_bytes", "live_allocations", "live_bytes", "temporary"]
PPROF = {"alloc_objects": "allocations", "alloc_space": "bytes", "inuse_objects": "live_allocations",
         "inuse_space": "live_bytes", "peak_objects": "peak_allocations", "peak_space": "peak_bytes",
         "temporary_objects": "temporary"}
KINDS = ["small", "empty", "one", "hostile", "dead", "stacks"]


@pytest.fixture
def export(run, tmp_path):
    """export(format, arguments...): writes the file and returns its path."""

    def make(format, *arguments, **options):
        path = tmp_path / f"out.{format}"
        done = run("export", "--format", format, "-o", path, *arguments, status=0, **options)
        assert done.stdout.startswith(f"{path}: run ") and "Sanitizer" not in done.stderr
        return path

    return make


@pytest.fixture
def totals(as_json):
    return lambda number=None: as_json("top", *([number] if number else []))["run"]


def check_all(export, totals):
    """Checks the run's totals in all formats; returns the parsed files."""
    whole = totals()
    out = {"pprof": pprof.read(export("pprof"))}
    assert dict(zip((t[0] for t in out["pprof"]["types"]),
                    (sum(s[1][i] for s in out["pprof"]["samples"]) for i in range(7)))) == {
        kind: whole[measure] for kind, measure in PPROF.items()}
    for by, measure in MEASURES.items():
        folded = export("folded", "--by", by).read_text(encoding="utf-8")
        stacks = [re.fullmatch(r"(.+) (\d+)", line) for line in folded.splitlines()]
        assert sum(int(s[2]) for s in stacks) == whole[measure]
        scope = json.loads(export("speedscope", "--by", by).read_text(encoding="utf-8"))
        check_speedscope(scope)
        assert sum(scope["profiles"][0]["weights"]) == whole[measure]
    out["folded"], out["speedscope"] = [s[1].split(";") for s in stacks], scope
    out["dhat"] = json.loads(export("dhat").read_text(encoding="utf-8"))
    check_dhat(out["dhat"])
    for key, measure in (("tb", "bytes"), ("tbk", "allocations"), ("gb", "peak_bytes"), ("gbk", "peak_allocations"),
                         ("eb", "live_bytes"), ("ebk", "live_allocations")):
        assert sum(point[key] for point in out["dhat"]["pps"]) == whole[measure]
    out["massif"] = export("massif").read_text(encoding="utf-8")
    check_massif(out["massif"], whole)
    out["csv"] = list(csv.DictReader(io.StringIO(export("csv").read_text(encoding="utf-8"), newline="")))
    out["json"] = json.loads(export("json").read_text(encoding="utf-8"))
    assert out["json"]["schema"] == "libtrace.export/1"
    for column in COLUMNS:
        assert sum(int(row[column]) for row in out["csv"]) == whole[column]
        assert sum(stack[column] for stack in out["json"]["stacks"]) == whole[column] == out["json"]["run"][column]
    return out


def check_speedscope(scope):
    """The file has what file-format-schema.json requires, and every index is valid."""
    assert set(scope) <= {"$schema", "version", "shared", "profiles", "name", "activeProfileIndex", "exporter"}
    assert scope["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    for frame in scope["shared"]["frames"]:
        assert isinstance(frame["name"], str) and set(frame) <= {"name", "file", "line", "col"}
        assert isinstance(frame.get("file", ""), str) and isinstance(frame.get("line", 0), int)
    [profile] = scope["profiles"]
    assert set(profile) == {"type", "name", "unit", "startValue", "endValue", "samples", "weights"}
    assert profile["type"] == "sampled" and profile["unit"] in ("none", "bytes")
    assert profile["startValue"] == 0 and profile["endValue"] == sum(profile["weights"])
    assert len(profile["samples"]) == len(profile["weights"])
    assert all(0 <= i < len(scope["shared"]["frames"]) for sample in profile["samples"] for i in sample)


def check_dhat(dhat):
    assert dhat["dhatFileVersion"] == 2 and dhat["ftbl"][0] == "[root]" and dhat["bklt"] and not dhat["bkacc"]
    for point in dhat["pps"]:
        assert point["fs"] and all(0 < i < len(dhat["ftbl"]) for i in point["fs"])
        assert point["tl"] >= 0
        # dh_view.html relies on this.
        assert point["gb"] <= point["mb"] and point["mbk"] <= point["tbk"] and point["ebk"] <= point["tbk"]


def check_massif(text, whole):
    """The text follows the grammar that ms_print reads, and each tree adds up."""
    snapshots = re.findall(r"snapshot=(\d+)\n#-+\ntime=(\d+)\nmem_heap_B=(\d+)\nmem_heap_extra_B=0\nmem_stacks_B=0\n"
                           r"heap_tree=(empty|peak|detailed)\n((?: *n\d+: .*\n)*)", text)
    assert [int(s[0]) for s in snapshots] == list(range(len(snapshots))) and snapshots
    times = [int(s[1]) for s in snapshots]
    assert times == sorted(times) and int(snapshots[-1][2]) == whole["live_bytes"]
    peaks = [int(s[2]) for s in snapshots if s[3] == "peak"]
    assert peaks == ([whole["peak_bytes"]] if whole["peak_bytes"] else [])
    for _, _, size, kind, tree in snapshots:
        assert (kind == "empty") == (tree == "")
        lines = [re.match(r"( *)n(\d+): (\d+) (.+)", line) for line in tree.splitlines()]
        for i, line in enumerate(lines):
            depth, children, below = len(line[1]), 0, 0
            for other in lines[i + 1 :]:
                if len(other[1]) <= depth:
                    break
                if len(other[1]) == depth + 1:
                    children, below = children + 1, below + int(other[3])
            assert children == int(line[2]) and below <= int(line[3])
            assert i > 0 or (below == int(line[3]) == int(size))


@pytest.mark.parametrize("kind", KINDS)
def test_totals(make_db, export, totals, kind):
    make_db(kind, *([5000] if kind == "stacks" else []))
    check_all(export, totals)


def test_small(make_db, export, totals):
    make_db("small")
    out = check_all(export, totals)
    stacks = {tuple(f[0] for f in frames) for frames, _, _ in out["pprof"]["samples"]}
    assert stacks == {("read_record", "load", "main"), ("build_index", "main"), ("libz.so.1+0x1050", "main"),
                      ("std::vector<[int; 2]>::grow()", "[cut]")}
    assert {labels["pid"] for _, _, labels in out["pprof"]["samples"]} == {1001, 1002}
    assert [m["build_id"] for m in out["pprof"]["mappings"]] == ["deadbeef", ""]
    assert out["pprof"]["comments"] == ["./list 40000"] and out["pprof"]["time"] == 1780315200 * 10**9
    assert ("read_record", "/src/demo/list.c", 20) in {f for s in out["pprof"]["samples"] for f in s[0]}
    assert ["main", "load", "read_record"] in out["folded"]
    assert {r["function"]: r["line"] for r in out["csv"]}["build_index"] == "40"
    frame = out["dhat"]["ftbl"][out["dhat"]["pps"][0]["fs"][0]]
    assert re.fullmatch(r"0x[0-9A-F]+: read_record \(list.c:20\)", frame)


def test_measure_that_is_shown_first(make_db, export):
    make_db("small")
    assert pprof.read(export("pprof"))["default"] == "alloc_space"
    assert pprof.read(export("pprof", "--by", "live"))["default"] == "inuse_space"


def test_hostile(make_db, export, totals):
    make_db("hostile")
    out = check_all(export, totals)
    harmful = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")
    for path in ("folded", "massif"):
        assert not harmful.search(export(path).read_bytes().decode("utf-8"))
    for frames, _, _ in out["pprof"]["samples"]:
        assert not any(harmful.search(f[0]) or "\n" in f[0] for f in frames)
    assert "a:b:c" in {name for stack in out["folded"] for name in stack}
    assert "<script>alert(1)</script>" in {row["function"] for row in out["csv"]}


@pytest.mark.parametrize("kind", ["small", "hostile", "one", "empty", "dead"])
def test_sanitized(make_db, export, kind):
    make_db(kind)
    for format in ("pprof", "folded", "speedscope", "dhat", "massif", "csv", "json"):
        export(format, sanitized=True)


def test_mistakes(make_db, run, tmp_path):
    make_db("small")
    assert "--format says what to write" in run("export", status=2).stderr
    assert "takes one of pprof, folded" in run("export", "--format", "svg", status=2).stderr
    assert "-o needs a value" in run("export", "--format", "csv", "-o", status=2).stderr
    done = run("export", "--format", "csv", "-o", tmp_path / "no" / "x.csv", status=1)
    assert "cannot write" in done.stderr and "No such file" in done.stderr
    if os.path.exists("/dev/full"):
        assert "cannot write" in run("export", "--format", "json", "-o", "/dev/full", status=1).stderr
    old = tmp_path / "keep.csv"
    old.write_text("mine")
    said = json.loads(run("export", "--format", "csv", "-o", tmp_path / "y.csv", "--json", status=0).stdout)
    assert said["format"] == "csv" and said["bytes"] == (tmp_path / "y.csv").stat().st_size and said["runs"][0]["run"] == 1
    run("export", "--format", "csv", "-o", old, "99", status=1)
    assert old.read_text() == "mine" and not list(tmp_path.glob("*unfinished*"))
    assert run("export", "--format", "csv", status=0).stdout == run("export", "--format", "csv", "-o", "-").stdout != ""


def test_large(make_db, export, totals, say):
    make_db("stacks", 100000)
    times = {}
    for format in ("pprof", "folded", "speedscope", "dhat", "massif", "csv", "json"):
        begin = time.monotonic()
        size = export(format).stat().st_size
        times[format] = f"{time.monotonic() - begin:.2f} s, {size / 1e6:.1f} MB"
    say(f"100,000 stacks exported: {times}")
    samples = pprof.read(export("pprof"))["samples"]
    assert len(samples) == 100000 and sum(s[1][1] for s in samples) == totals()["bytes"]


# ---- the tools themselves


def test_types(make_db, add_types, run, export):
    """What the blocks of a stack are is a label of its sample, and the stack's in JSON."""
    add_types(make_db("small"))
    stacks = json.loads(run("top", "--group", "stack", "--json", "--limit", "0", status=0).stdout)["rows"]
    wanted = sorted((f"type {row['stack']}" if row["stack"] % 2 == 0 else "", row["bytes"]) for row in stacks)
    assert wanted == sorted((row["type"] or "", row["bytes"]) for row in stacks) and len({w[0] for w in wanted}) > 2

    def sums(pairs):
        found = collections.Counter()
        for name, size in pairs:
            found[name or ""] += size
        return found
    profile = pprof.read(export("pprof"))
    size = [t[0] for t in profile["types"]].index("alloc_space")
    assert sums((labels.get("type"), values[size]) for _, values, labels in profile["samples"]) == sums(wanted)
    assert sums((s["type"], s["bytes"]) for s in json.loads(export("json").read_text(encoding="utf-8"))["stacks"]) == sums(wanted)


def test_go_tool_pprof(make_db, export, totals, program):
    make_db("small")
    tool = [program("go"), "tool", "pprof"]
    path = export("pprof")
    for kind, unit in (("alloc_space", "B"), ("peak_space", "B"), ("alloc_objects", "")):
        top = subprocess.run([*tool, "-top", f"-unit={unit}" if unit else "-unit=count", f"-sample_index={kind}", path], capture_output=True,
                             text=True, check=True, timeout=120).stdout
        assert f"{totals()[PPROF[kind]]}{unit} total" in top, top
    raw = subprocess.run([*tool, "-raw", path], capture_output=True, text=True, check=True, timeout=120).stdout
    assert re.search(r"/src/demo/list deadbeef \[FN\]\[FL\]\[LN\]\[IN\]", raw), raw
    assert re.search(r"M=1 read_record /src/demo/list.c:20.*\n +load /src/demo/list.c:30", raw), raw


def test_ms_print(make_db, export, program):
    for kind in ("small", "hostile", "empty", "one", "stacks"):
        make_db(kind)
        printed = subprocess.run([program("ms_print"), export("massif")], capture_output=True, text=True, timeout=60)
        assert printed.returncode == 0 and not printed.stderr, printed.stderr
    assert "(peak)" in printed.stdout and "->" in printed.stdout


def test_shape_is_valgrinds(make_db, export, program, tmp_path):
    """Keys and their types are the same as in what valgrind's own dhat writes for a small program."""
    path = tmp_path / "theirs"
    subprocess.run([program("valgrind"), "--tool=dhat", f"--dhat-out-file={path}", "ls"], capture_output=True, check=True,
                   timeout=120)
    theirs = json.loads(path.read_text())
    make_db("small")
    ours = json.loads(export("dhat").read_text(encoding="utf-8"))
    assert [(k, type(v)) for k, v in ours.items()] == [(k, type(v)) for k, v in theirs.items()]
    assert list(ours["pps"][0]) == [k for k in theirs["pps"][0] if k not in ("rb", "wb", "acc")]
    form = re.compile(r"0x[0-9A-F]+: .+ \((in )?.+\)|\[root\]")
    assert all(form.fullmatch(f) for f in theirs["ftbl"] + ours["ftbl"])


def test_flamegraph(make_db, export, totals):
    """flamegraph.pl's own rules: a line ends with its number, and frames are separated by semicolons."""
    make_db("hostile")
    total = 0
    for line in export("folded").read_text(encoding="utf-8").split("\n")[:-1]:
        found = re.match(r"^(.*)\s+?(\d+(?:\.\d*)?)$", line)
        assert found and all(found[1].split(";")), line
        total += int(found[2])
    assert total == totals()["bytes"]


# ---- real programs


@pytest.mark.parametrize("language", ["c", "c++", "python"])
def test_real_run(build, trace, export, totals, language):
    programs = {"c": [build.workload("list")], "c++": [build.workload("shapes")],
                "python": [shutil.which("python3", path="/usr/bin") or sys.executable, "-c",
                           "import json; x = [json.dumps({str(i): i}) for i in range(1000)]"]}
    trace(programs[language])
    out = check_all(export, totals)
    names = {f[0] for s in out["pprof"]["samples"] for f in s[0]}
    assert {"c": "main", "c++": "main", "python": "<module>"}[language] in names
    if language != "python":
        main = next(m for m in out["pprof"]["mappings"] if m["file"].startswith(str(build.workloads)))
        assert re.fullmatch("[0-9a-f]{40}", main["build_id"])
