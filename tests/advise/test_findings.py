"""Findings in other reports than advise."""

import json
import os

import pytest

from test_advise import HERE, advice, sure, variant


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    """nodes.c, faulty and mended: commands, and the line that is at fault."""
    folder = tmp_path_factory.mktemp("nodes")
    (faulty, line), (mended, _) = (variant(HERE / "programs" / "nodes.c", folder / kind, kind) for kind in ("faulty", "mended"))
    return faulty, mended, line


def test_summary(trace, report, nodes, tmp_path):
    """A run's summary names the first finding, and says where the others are; of a run without one it says nothing."""
    faulty, mended, line = nodes
    database = trace(faulty).database
    [named] = [row for row in report(database, "summary").stdout.splitlines() if row.startswith("advice ")]
    first = sure(advice(report, database))[0]
    assert f"nodes.c:{line} ({first['function']}): many small blocks (small-blocks, certain); saves about " in named
    assert named.endswith(f"see: trace-report advise --db {database}")
    found = json.loads(report(database, "summary", "--json").stdout)
    assert found["advice"] == {name: first[name] for name in found["advice"]} and len(found["advice"]) == 10
    assert any(step["command"].startswith("trace-report advise ") for step in found["next"])
    database = trace(mended, db=tmp_path / "mended.db").database
    assert "\nadvice " not in report(database, "summary").stdout
    found = json.loads(report(database, "summary", "--json").stdout)
    assert found["advice"] is None and not any(" advise " in step["command"] for step in found["next"])


def test_check(trace, report, nodes, tmp_path):
    """check --advice fails where one of its rules finds something certain or likely, and says what it cannot know."""
    faulty, mended, line = nodes
    bad, good = trace(faulty).database, trace(mended, db=tmp_path / "mended.db").database
    for rules in ("all", "small-blocks", "churn,small-blocks"):
        done = report(bad, "check", "--advice", rules, "--max-peak", "1G", "--annotations", "github")
        assert done.returncode == 3 and done.stdout.startswith("advice: ")
        assert f"nodes.c:{line} (" in done.stdout and "(small-blocks, certain); saves " in done.stdout
        assert done.stderr.startswith("::error file=") and f",line={line},title=many small blocks::" in done.stderr
    done = report(bad, "check", "--advice", "churn,dict-per-instance")
    assert done.returncode == 0 and "is within its limits: no advice by dict-per-instance, churn\n" in done.stdout
    assert report(good, "check", "--advice", "all").stdout.split("\n")[0].endswith(" is within its limits: no advice")
    found = json.loads(report(bad, "check", "--advice", "all", "--json").stdout)
    assert found["within_limits"] is False and found["limits"] == []
    assert found["advice"]["findings"] == sure(advice(report, bad)) and len(found["advice"]["rules"]) == 11
    found = json.loads(report(bad, "check", "--advice", "churn", "--json").stdout)
    assert found["within_limits"] is True and found["advice"] == {"rules": ["churn"], "findings": [], "cannot_tell": [], "suppressed": 0}


def test_check_says_what_is_not_known(trace, report, nodes):
    """Of single stacks' pages nothing is known: the rules about pages say so, if they are asked."""
    database = trace(nodes[0]).database
    only = ("--function", "main")
    lacks = [lack for lack in advice(report, database, *only)["cannot_tell"] if lack["rule"] in ("pinned-pages", "never-touched")]
    assert len(lacks) == 2
    out = report(database, "check", "--advice", "never-touched,pinned-pages,churn", *only).stdout
    assert "no advice by churn, pinned-pages, never-touched\npinned-pages, never-touched cannot tell of this run: nobody " in out
    assert report(database, "check", "--advice", "never-touched", *only).stdout.count("\nnever-touched cannot tell of this run: ") == 1
    assert "cannot tell" not in report(database, "check", "--advice", "churn", *only).stdout
    found = json.loads(report(database, "check", "--advice", "never-touched,pinned-pages,churn", *only, "--json").stdout)
    assert found["advice"]["cannot_tell"] == lacks


def test_check_wants_rules_that_there_are(trace, report, nodes):
    database = trace(nodes[0]).database
    for rules in ("chrun", "", "churn,", "churn,al", "all,churn"):
        done = report(database, "check", "--advice", rules)
        assert done.returncode == 2 and "there is no rule '" in done.stderr
        assert "'all', or some of: walked-once, dict-per-instance, " in done.stderr and done.stderr.endswith(", never-touched\n")
    done = report(database, "check", "--advice", "all", "--from", "0.001")
    assert done.returncode == 2 and "advice is about whole runs" in done.stderr


FILE = ".libtrace-suppressions"


def test_suppressions(trace, report, nodes, tmp_path):
    """What a file names is in no report, and counted; the file is the one that is named, or the one that lies here."""
    database, line = trace(nodes[0]).database, nodes[2]
    [finding] = sure(advice(report, database))

    def suppressed(text, *arguments, **options):
        (tmp_path / "known").write_text(text)
        found = json.loads(report(database, "advise", "--json", "--suppressions", tmp_path / "known", *arguments, **options).stdout)
        return found["suppressed"] if finding not in sure(found) else 0

    assert suppressed(f"# known\n\n  small-blocks:nodes.c:{line}\n") == suppressed("*:make") == suppressed("small-blocks:*.c") == 1
    assert suppressed("") == suppressed("churn:*") == suppressed(f"*:nodes.c:{line + 1}") == 0
    out = report(database, "advise", "--suppressions", tmp_path / "known").stdout
    assert "1 finding" in out and "suppressed" not in out
    (tmp_path / FILE).write_text("*:nodes.c\n")
    out = report(database, "advise", cwd=tmp_path).stdout
    assert "without, but what is suppressed.\n" in out and f"\n1 finding is suppressed by {FILE}\n" in out
    out = report(database, "check", "--advice", "all", cwd=tmp_path)
    assert out.returncode == 0 and f"\n1 finding is suppressed by {FILE}\n" in out.stdout
    found = json.loads(report(database, "check", "--advice", "all", "--json", cwd=tmp_path).stdout)
    assert found["advice"]["suppressed"] == 1 and found["advice"]["findings"] == []
    assert json.loads(report(database, "summary", "--json", cwd=tmp_path).stdout)["advice"] is None
    assert suppressed("churn:*", cwd=tmp_path) == 0  # the one that is named, and not the other


def test_suppressions_of_a_database_are_not_read(trace, report, nodes, tmp_path):
    """Neither the database's directory nor the one that the run was in is looked at: both are the database's word."""
    there = tmp_path / "there"
    there.mkdir()
    database = trace(nodes[0], db=there / "trace.db", cwd=there).database
    (there / FILE).write_text("not a suppression\n")
    assert len(sure(json.loads(report(database, "advise", "--json", cwd=tmp_path).stdout))) == 1


@pytest.mark.parametrize("text, said", [
    ("# fine\nsmall-blocks", ":2: a suppression is written rule:PATTERN, not 'small-blocks'\n"),
    ("small-blocks:", ":1: a suppression is written rule:PATTERN"), ("\n\nleak:*", ":3: there is no rule 'leak'; * is any, or one of: "),
    (":x", ":1: there is no rule ''"), ("\033[2J:x", ":1: there is no rule '^[[2J'")])
def test_wrong_suppressions(trace, report, nodes, tmp_path, text, said):
    database = trace(nodes[0]).database
    (tmp_path / FILE).write_text(text)
    for command in (["advise"], ["check", "--advice", "all"], ["summary"]):
        done = report(database, *command, cwd=tmp_path)
        assert done.returncode == 1 and f": {FILE}{said}" in done.stderr and done.stdout == ""
    done = report(database, "advise", "--suppressions", "nowhere", cwd=tmp_path)
    assert done.returncode == 1 and "cannot read the suppressions in nowhere: No such file" in done.stderr


@pytest.mark.parametrize("name, mark", [("nodes.c", "// "), ("elements.cpp", "/* "), ("records.py", "# ")])
def test_comments(trace, report, tmp_path, name, mark):
    """A comment in the line of a finding suppresses it where the source may be shown, and nothing else does."""
    command, line = variant(HERE / "programs" / name, tmp_path / "faulty", "faulty")
    path = tmp_path / "faulty" / name
    traced = trace(command)
    [finding] = sure(advice(report, traced.database))
    rows = path.read_text().split("\n")
    end = " */" if "*" in mark else ""

    def comment(words, more=()):
        copy = [*rows]
        copy[line - 1] = rows[line - 1].replace("// faulty HERE", "").replace("# faulty HERE", "").rstrip() + f" {mark}{words}{end}"
        path.write_text("\n".join(copy))
        os.utime(path, (1e9, 1e9))  # as if it had been there when the run began
        return json.loads(report(traced.database, "advise", "--json", *more, cwd=tmp_path).stdout)

    for words in ("libtrace: ignore", f"libtrace: ignore {finding['rule']}", f"libtrace: ignore churn, {finding['rule']} as it is small"):
        found = comment(words)
        assert sure(found) == [] and found["suppressed"] == 1, words
    assert "1 finding is suppressed by a comment\n" in report(traced.database, "advise", cwd=tmp_path).stdout
    for words in ("libtrace: ignore churn", "libtrace: ignored", "ignore"):
        found = comment(words)
        assert [f["line"] for f in sure(found)] == [line] and found["suppressed"] == 0, words
    comment("libtrace: ignore smal-blocks")
    assert "The comment in this line ignores nothing: there is no rule of that name." in " ".join(
        report(traced.database, "advise", cwd=tmp_path).stdout.split())
    if name != "records.py":  # whose rule needs the source, too
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        assert comment("libtrace: ignore", ("--source", elsewhere))["suppressed"] == 0


@pytest.mark.parametrize("name", ["grow.c", "records.py", "reserve.cpp"])
def test_annotate(trace, report, tmp_path, name):
    """What advise finds stands below its line in the annotated source, whether its blocks count for that line or not."""
    command, line = variant(HERE / "programs" / name, tmp_path / "faulty", "faulty")
    database = trace(command).database
    finding = sure(advice(report, database))[0]
    found = json.loads(report(database, "annotate", name, "--json").stdout)
    assert found["file"] == finding["file"] and found["source"] == "shown"
    assert [row["line"] for row in found["rows"] if finding in row["findings"]] == [line]
    for width in (80, 120):
        out = report(database, "annotate", name, "--width", width).stdout
        assert all(len(row) <= width for row in out.split("\n"))
        [at] = [i for i, row in enumerate(out.split("\n")) if f"({finding['rule']}, {finding['certainty']})" in row]
        assert f" {line}  " in out.split("\n")[at - 1] and out.split("\n")[at].startswith("    ^ ")
    (tmp_path / FILE).write_text("*:*\n")
    assert "^" not in report(database, "annotate", name, cwd=tmp_path).stdout
    out = report(database, "annotate", name, "--from", "0", cwd=tmp_path / "faulty")
    assert out.returncode == 0 and "^" not in out.stdout  # advice is about whole runs
