"""What a click on a line of the page shows: stacks, the source around it, and its own curve; in the data and in a browser."""

import os

import pytest

import page
from test_html import add_times

SUMS = len(page.SUMMED)


def check_stacks(data):
    """If all stacks of a line are listed, they add up to the line."""
    found = page.row_stacks(data)
    for row, (in_all, stacks) in found.items():
        values = data["rows"][row * page.ROW + 4 :][:SUMS]
        summed = [sum(column) for column in zip(*(values[:SUMS] for _, values in stacks))]
        assert summed == values if in_all == len(stacks) else all(a <= b for a, b in zip(summed, values))
    return found


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "list.c"
    path.write_text("".join(f"\tline {i};  \n" for i in range(1, 60)))
    os.utime(path, (1e9, 1e9))
    return path


def test_data(make_db, html, source):
    make_db("small", env={"MAKE_DB_SOURCE": source})
    data = page.read(html())
    found = check_stacks(data)
    rows = {data["texts"][data["rows"][at + 2]]: at // page.ROW for at in range(page.ROW, len(data["rows"]), page.ROW)}
    assert set(found) == set(rows.values())
    [(path, values)] = found[rows["read_record"]][1]
    assert path == ("main", "load", "read_record") and values[1] == 40000 * 48 + 500 * 24
    around = page.around(data)
    for row, (first, lines) in around.items():
        line = data["rows"][row * page.ROW + 1]
        assert first == max(1, line - 4) and lines == [f"\tline {i};" for i in range(first, min(59, line + 4) + 1)]
    assert around and page.around(page.read(html("--no-source"))) == {}


@pytest.mark.parametrize("kind", ["hostile", "dead", "stacks", "empty", "one"])
def test_sums(make_db, html, kind):
    make_db(kind)
    path = html()
    found = check_stacks(page.read(path))
    assert bool(found) == (kind != "empty") and all(len(stacks) <= 8 for _, stacks in found.values())
    assert path.stat().st_size < 2e6


def test_file_that_is_shorter(make_db, html, source):
    """If the file has fewer lines than the line's number, no source is shown."""
    source.write_text("only\n")
    os.utime(source, (1e9, 1e9))
    make_db("small", env={"MAKE_DB_SOURCE": source})
    assert page.around(page.read(html())) == {}


FIRST = "#rows tbody tr:nth-child(1)"


def test_click(make_db, html, browser, source):
    db = make_db("small", env={"MAKE_DB_SOURCE": source})
    add_times(db)
    seen = browser(html("--by", "bytes"), ["count", ".details"], ["press", f"{FIRST} .place"], ["text", ".details"], ["text", ".details .here"],
                   ["count", ".details svg path"], ["press", ".row-stacks button"], ["focus"],
                   ["measure", "live"], ["text", ".details"], ["drag", 0.5, 0.95], ["count", ".details"], ["press", "#widen"],
                   ["key", "#rows tr[aria-expanded=true]", "Enter"], ["count", ".details"],
                   ["press", f"{FIRST} .place"], ["press", "#rows tbody tr:nth-child(3) .place"], ["count", ".details"], ["text", ".details"],
                   ["press", ".details .bar button"], ["text", "#stacks-note"])["seen"]
    text = seen[2]
    assert seen[0] == 0 and "Its stacks, bytes" in text and "build_index" in text and "main" in text
    assert seen[3].split(None, 1)[1].startswith("line ") and text.count("line ") >= 9
    assert seen[4] == 1 and "at most 1.34 MiB" in text and seen[6] == "build_index"
    assert "Its stacks, live" in seen[8] and seen[10] == 0  # the line is not in that range; without the range it is shown again
    assert seen[13] == 0 and seen[16] == 1 and "build_index" not in seen[17] and seen[19].split()[2].startswith("found")


def test_without_samples(make_db, html, browser):
    make_db("small")
    seen = browser(html(), ["press", f"{FIRST} .place"], ["text", ".details"], ["count", ".details svg"], ["count", ".source-around"])["seen"]
    assert "no samples of this line" in seen[1] and seen[2:] == [0, 0]


def test_hostile(make_db, html, browser):
    make_db("hostile")
    steps = [[["press", f"#rows tbody tr:nth-child({i}) .place"], ["text", ".details"], ["count", "script"], ["press", f"#rows tbody tr:nth-child({i}) .place"]]
             for i in (1, 2, 3)]
    seen = browser(html(), *sum(steps, []))["seen"]
    assert seen[2::4] == [2, 2, 2] and all("Its stacks" in text for text in seen[1::4])


@pytest.mark.parametrize("kind, width, theme", [("c++", 1280, "dark"), ("python", 400, "light")])
def test_real_run(ask, database, browser, kind, width, theme):
    ask = ask(database(kind))
    path = ask.folder / "page.html"
    ask("html", "-o", path)
    check_stacks(page.read(path))
    seen = browser(path, ["theme", theme], ["resize", width], ["table"], ["press", f"{FIRST} .function"], ["text", ".chain >> nth=0"], ["overflow"],
                   ["count", ".details h3"], ["visible", ".row-stacks button"])["seen"]
    assert seen[4].strip() and seen[5] <= 0 and seen[6] >= 2 and seen[7]
