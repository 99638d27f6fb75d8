"""Reads the totals of a run from the output of each report, export and page, so that tests can compare them.

READERS[name](ask) yields (which, {measure: total}), with the measures of --by. ask(arguments...) runs trace-report and returns
its output, ask.json(...) the same parsed, ask.file(...) the path of the file that it wrote with -o.
"""

import csv
import io
import json
import re

import page
import pprof

MEASURES = {"bytes": "bytes", "allocations": "allocations", "peak": "peak_bytes", "live": "live_bytes",
            "temporary": "temporary"}
PPROF = {"alloc_space": "bytes", "alloc_objects": "allocations", "peak_space": "peak", "inuse_space": "live",
         "temporary_objects": "temporary"}


def of(row):
    """Of a run; its live bytes are those that lines and stacks of all its processes have."""
    return {by: row.get(measure.replace("live", "unfreed"), row[measure]) for by, measure in MEASURES.items()}


def added(rows):
    rows = list(rows)
    return {by: sum(int(row[measure]) for row in rows) for by, measure in MEASURES.items()}


def runs(ask):
    yield "its row", of(ask.json("runs")["runs"][-1])


def summary(ask):
    found = ask.json("summary")
    yield "the run", of(found["run"])
    if not found["cut"]:  # otherwise there may be no room for the sizes
        yield "sizes", {"allocations": sum(row["allocations"] for row in found["sizes"])}


def top(ask):
    for group in ("line", "function", "file", "module", "stack"):
        found = ask.json("top", "--group", group, "--limit", 0)
        yield f"total by {group}", of(found["total"])
        yield f"rows by {group}", added(found["rows"])


def top_of_leaves(ask):
    yield "rows", added(ask.json("top", "--leaf", "--limit", 0)["rows"])


def tree(ask):
    for by, measure in MEASURES.items():
        for extra in ([], ["--inverted"], ["--group", "function"]):
            found = ask.json("tree", "--by", by, *extra)
            yield f"total of tree {extra}", of(found["total"])
            roots = sum(row["value"] for row in found["rows"] if row["depth"] == 1)
            yield f"roots of tree {extra}", {by: roots + found["folded_value"]}


def leaks(ask):
    found = ask.json("leaks", "--all", "--limit", 0)
    if found["python_ends"]:  # leaks then counts what was live before Python's end, which is no less
        assert found["live_bytes"] == sum(row["live_bytes"] for row in found["rows"]) >= ask.json("top")["total"]["live_bytes"]
        return
    yield "total", {"live": found["live_bytes"]}
    yield "rows", {"live": sum(row["live_bytes"] for row in found["rows"])}


def histogram(ask):
    found = ask.json("histogram")
    yield "counts", {"allocations": found["allocations"], "bytes": found["bytes"]}
    yield "sizes", {"allocations": sum(row["allocations"] for row in found["sizes"])}


def temporary(ask):
    found = ask.json("temporary", "--limit", 0)
    yield "total", of(found["total"])
    yield "rows", {"temporary": sum(row["temporary"] for row in found["rows"])}


def check(ask):
    limits = [f"--max-{name}" for name in MEASURES]
    found = ask.json("check", *(word for limit in limits for word in (limit, 0)), status=(0, 3))
    names = {"bytes": "bytes", "allocations": "allocations", "peak_bytes": "peak", "live_bytes": "live", "temporary": "temporary"}
    yield "values", {names[limit["measure"]]: limit["value"] for limit in found["limits"]}


def compare(ask):
    number = ask.run()
    for by, measure in MEASURES.items():
        [found] = ask.json("compare", number, number, "--by", by, "--limit", 0)["comparisons"]
        for side in ("before", "after"):
            yield f"totals {side}", {by: found["totals"][measure][side]}
            key = "allocations" if by in ("allocations", "temporary") else "bytes"
            yield f"rows {side}", {by: sum(row[f"{key}_{side}"] for row in found["rows"])}


def sql(ask):
    columns = ", ".join(f"sum({measure})" for measure in MEASURES.values())
    for view in ("sites", "lines", "functions", "stacks"):
        [row] = ask.json("sql", f"SELECT {columns} FROM {view} WHERE run = (SELECT max(run) FROM runs)")["rows"]
        yield view, dict(zip(MEASURES, (value or 0 for value in row)))


def export_pprof(ask):
    found = pprof.read(ask.file("export", "--format", "pprof"))
    yield "samples", {PPROF[kind]: sum(sample[1][i] for sample in found["samples"])
                      for i, (kind, _) in enumerate(found["types"]) if kind in PPROF}


def export_folded(ask):
    for by in MEASURES:
        lines = ask.file("export", "--format", "folded", "--by", by).read_text(encoding="utf-8").splitlines()
        yield "lines", {by: sum(int(re.fullmatch(r".+ (\d+)", line)[1]) for line in lines)}


def export_speedscope(ask):
    for by in MEASURES:
        found = json.loads(ask.file("export", "--format", "speedscope", "--by", by).read_text(encoding="utf-8"))
        yield "weights", {by: sum(found["profiles"][0]["weights"])}
        yield "end", {by: found["profiles"][0]["endValue"]}


def export_dhat(ask):
    points = json.loads(ask.file("export", "--format", "dhat").read_text(encoding="utf-8"))["pps"]
    keys = {"bytes": "tb", "allocations": "tbk", "peak": "gb", "live": "eb"}
    yield "points", {by: sum(point[key] for point in points) for by, key in keys.items()}


def export_massif(ask):
    text = ask.file("export", "--format", "massif").read_text(encoding="utf-8")
    peaks = re.findall(r"mem_heap_B=(\d+)\n.*\n.*\nheap_tree=peak\nn\d+: (\d+) ", text)
    last = re.findall(r"mem_heap_B=(\d+)", text)[-1]
    trees = re.findall(r"heap_tree=detailed\nn\d+: (\d+) ", text)
    yield "snapshots", {"peak": int(peaks[0][0]) if peaks else 0, "live": int(last)}
    yield "trees", {"peak": int(peaks[0][1]) if peaks else 0, "live": int(trees[-1]) if trees else 0}


def export_csv(ask):
    text = ask.file("export", "--format", "csv").read_text(encoding="utf-8")
    yield "lines", added(csv.DictReader(io.StringIO(text, newline="")))


def export_json(ask):
    found = json.loads(ask.file("export", "--format", "json").read_text(encoding="utf-8"))
    yield "total", of(found["total"])
    yield "stacks", added(found["stacks"])


def html(ask):
    data = page.read(ask.file("html"))
    run = data["runs"][0]
    yield "facts", of(run.get("passing") or run["facts"])
    yield "stacks", {by: sum(values[0][page.VALUES.index(measure)] for _, values in page.stacks(data))
                     for by, measure in MEASURES.items()}
    yield "lines", {by: sum(data["rows"][4 + page.VALUES.index(measure) :: page.ROW]) for by, measure in MEASURES.items()}
    yield "sizes", {"allocations": sum(run["sizes"])}


def html_of_two(ask):
    number = ask.run()
    data = page.read(ask.file("html", number, number))
    for side in range(2):
        yield f"stacks {side}", {by: sum(values[side][page.VALUES.index(measure)] for _, values in page.stacks(data))
                                 for by, measure in MEASURES.items()}
        yield f"changes {side}", {by: sum(data["changes"][by][6 + side :: page.CHANGE]) for by in MEASURES}


# The first are known for whole runs only, or have other filters; the same filters apply to all of the others.
WHOLE = {"runs": runs, "summary": summary, "sql": sql, "top --leaf": top_of_leaves}
NARROWED = {"top": top, "tree": tree, "leaks": leaks, "histogram": histogram, "temporary": temporary, "check": check,
            "compare": compare, "export pprof": export_pprof, "export folded": export_folded,
            "export speedscope": export_speedscope, "export dhat": export_dhat, "export massif": export_massif,
            "export csv": export_csv, "export json": export_json, "html": html, "html of two": html_of_two}
READERS = {**WHOLE, **NARROWED}
