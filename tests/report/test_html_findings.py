"""What advise finds, on the page of html: its data is that of advise --json, and a browser shows it at the line that it is about."""

import shutil
import subprocess

import pytest

import page
from conftest import BUILD, environment

PROGRAM = """#include <stdio.h>
#include <stdlib.h>
#include <string.h>
struct node { struct node *next; long value; };
static struct node *make(void)
{
    return malloc(sizeof(struct node));
}
int main(void)
{
    struct node *first = NULL;
    for (int i = 0; i < 200000; i++) {
        struct node *node = make();
        node->next = first;
        first = node;
    }
    for (int i = 0; i < 200000; i++) {
        char *text = malloc(4096);
        sprintf(text, "record %d", i);
        if (strlen(text) == 1000)
            puts(text);
        free(text);
    }
    return first == NULL;
}
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A run with two findings: many small blocks in line 7, and one block made again and again in line 18."""
    folder = tmp_path_factory.mktemp("program")
    if not shutil.which("gcc"):
        pytest.skip("gcc is missing")
    (folder / "two.c").write_text(PROGRAM)
    subprocess.run(["gcc", "-g", "-O1", "-w", "-o", folder / "two", folder / "two.c"], check=True)
    subprocess.run([BUILD / "bin/trace-run", "-o", folder / "trace.db", folder / "two"], check=True, env=environment(), timeout=100)
    return folder / "trace.db"


@pytest.fixture
def database(recorded):
    return ["--db", recorded]


def findings(data):
    texts = data["texts"]
    return [{**f, **{name: texts[f[name]] for name in ("file", "function", "what", "remedy")}} for f in data["findings"]["list"]]


def test_data(database, html, run, as_json, tmp_path):
    data = page.read(html(*database))
    expected = as_json("advise", "--limit", "0", *database)["findings"]
    found = findings(data)
    assert [(f["rule"], f["line"]) for f in found] == [("small-blocks", 7), ("churn", 18)]
    for one, other in zip(found, expected):
        assert all(one[name] == other[name] for name in ("rule", "certainty", "line", "function", "what", "remedy"))
        assert [one[name] for name in ("peak", "resident", "bytes", "allocations")] == [
            other[f"saves_{name}"] for name in ("peak_bytes", "resident_bytes", "bytes", "allocations")]
        at = one["row"] * page.ROW
        assert data["rows"][at + 1] == one["line"] and data["texts"][data["rows"][at + 2]] == one["function"]
    assert data["findings"]["more"] == data["findings"]["suppressed"] == 0
    (tmp_path / "known").write_text("churn:*\n")
    data = page.read(html(*database, "--suppressions", "known"))
    assert [f["rule"] for f in findings(data)] == ["small-blocks"] and data["findings"]["suppressed"] == 1
    assert findings(page.read(html(*database, "--file", "nothing.c"))) == []


def test_pages_without_findings(make_db, html, database):
    """Two runs are compared, and of what programs map by themselves there is no advice."""
    make_db("small", db="other.db")
    make_db("small", db="other.db")
    assert "findings" not in page.read(html("1", "2", "--db", "other.db"))
    assert "findings" not in page.read(html("--kind", "mapped", *database))
    assert page.read(html("--db", "other.db"))["findings"] == {"list": [], "more": 0, "suppressed": 0}


def test_no_names_of_the_source_on_a_page_without_it(tmp_path, html):
    """The rule that repeats a name from the source is not asked for a page without source."""
    (tmp_path / "rows.py").write_text(
        "def read(n):\n    for i in range(n):\n        yield {'a': f'item {i}', 'b': i}\n\n\ndef main():\n"
        "    secrets = [{f: r[f] for f in ('a', 'b')} for r in read(40000)]\n    total = 0\n    for r in secrets:\n"
        "        total += len(r['a'])\n    print(total)\n\n\nmain()\n")
    subprocess.run([BUILD / "bin/trace-run", "-o", tmp_path / "trace.db", "/usr/bin/python3", tmp_path / "rows.py"], check=True,
                   env=environment(), timeout=100, stdout=subprocess.DEVNULL)
    assert "'secrets' is built whole" in findings(page.read(html()))[0]["what"]
    assert "secrets" not in html("--no-source").read_text(encoding="utf-8")


def test_shown(database, html, browser):
    second = "#findings li:nth-child(2)"
    seen = browser(html(*database), ["visible", "#advice"], ["text", "#findings li:nth-child(1)"], ["visible", f"{second} p"],
                   ["press", f"{second} summary b"], ["visible", f"{second} p"], ["text", second], ["count", "#rows .finding-mark"],
                   ["count", ".details"], ["type", "#row-search", "nothing of that kind"], ["press", f"{second} .where"],
                   ["text", ".details .finding"], ["text", "tr[aria-expanded=true] .place"], ["text", "#findings-note"], ["resize", 400],
                   ["overflow"])["seen"]
    assert seen[0] and "two.c:7" in seen[1] and "many small blocks" in seen[1] and "small-blocks, certain" in seen[1] and "arena" in seen[1]
    assert not seen[2] and seen[4] and "made and freed again and again" in seen[5] and "before the loop" in seen[5]
    assert "saves 781 MiB of all that is allocated" in seen[5]
    assert seen[6] == 2 and seen[7] == 0 and "made and freed again and again" in seen[10] and seen[11].endswith("two.c:18")
    assert seen[12].startswith("Certain is what the record proves") and seen[14] <= 0


def test_not_shown_where_there_are_none(make_db, html, browser, database, tmp_path):
    make_db("small", db="other.db")
    assert browser(html("--db", "other.db"), ["visible", "#advice"], ["count", ".finding-mark"])["seen"] == [False, 0]
    (tmp_path / "known").write_text("*:*\n")
    seen = browser(html(*database, "--suppressions", "known"), ["text", "#advice"], ["count", ".finding-mark"])["seen"]
    assert seen[0].split("\n")[-1] == "2 findings are suppressed." and seen[1] == 0
