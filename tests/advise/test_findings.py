"""Findings in other reports than advise."""

import json

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
    assert found["advice"] == {name: first[name] for name in found["advice"]} and len(found["advice"]) == 9
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
    assert found["advice"]["findings"] == sure(advice(report, bad)) and len(found["advice"]["rules"]) == 8
    found = json.loads(report(bad, "check", "--advice", "churn", "--json").stdout)
    assert found["within_limits"] is True and found["advice"] == {"rules": ["churn"], "findings": [], "cannot_tell": []}


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
