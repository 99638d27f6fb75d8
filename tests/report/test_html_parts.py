"""Resident memory by part on the HTML page: its data is that of the database's view, and a browser shows it."""

import re
import sqlite3

import pytest

import page
from test_rss import END, FILES, FREE, LIVE, MARK, MIB, OTHER, PINNED, add, add_mark

MOMENT = 5 + 9  # numbers
KINDS = ["asked", "mark", "high", "end"]


def moments(data):
    """The moments on a page, as {time in ns: (kind, mark, resident, untouched, {part: bytes})}."""
    found, out = data["resident"], {}
    for i in range(0, len(found["moments"]), MOMENT):
        t, kind, name, resident, untouched, *parts = found["moments"][i : i + MOMENT]
        out[t] = (found["kinds"][kind], data["texts"][name], resident, untouched,
                  {part: value for part, value in zip(found["parts"], parts) if value})
    return out


def oracle(path):
    """The same, read from the database."""
    out = {}
    with sqlite3.connect(path) as connection:
        for moment, t, kind, name, resident, untouched in connection.execute(
                "SELECT m.id, max(m.t_ns), kind, (SELECT name FROM mark AS k WHERE k.run = 1 AND k.id = m.mark), sum(resident), "
                "sum(untouched) FROM page_moment AS m WHERE run = 1 GROUP BY m.id").fetchall():
            parts = dict(connection.execute("SELECT part, sum(bytes) FROM resident WHERE run = 1 AND moment = ? AND part <> 'untouched' "
                                            "GROUP BY 1 HAVING sum(bytes) <> 0", (moment,)))
            out[t] = (KINDS[kind], name or "", resident, untouched, parts)
    return out


def lines(data):
    numbers, texts = data["resident"]["lines"], data["texts"]
    for i in range(0, len(numbers), 6):
        part, file, line, function, name, size = numbers[i : i + 6]
        yield data["resident"]["parts"][part], texts[file], line, texts[function], texts[name], size


def test_moments(make_db, html, as_json):
    path = make_db("resident")
    data = page.read(html())
    found = moments(data)
    assert found == oracle(path) and len(found) == data["resident"]["moments_in_all"] == 3 and list(found) == sorted(found)
    assert [m[1] for m in found.values()] == ["loaded", "", ""]
    for _, _, resident, _, parts in found.values():
        assert sum(parts.values()) == resident
    assert [m["parts"] for m in as_json("timeline")["resident"]] == [m[4] for m in found.values()]


def test_lines_of_the_latest(make_db, html, as_json):
    make_db("resident")
    data = page.read(html())
    for part in as_json("rss", "--limit", "3")["parts"]:
        expected = [((line.get("file") or "").split("/")[-1], line.get("line") or 0, line.get("function") or "", line.get("name") or "",
                     line["bytes"]) for line in part["lines"]]
        assert [(file.split("/")[-1], *more) for of, file, *more in lines(data) if of == part["part"]] == expected, part
    assert data["resident"]["missing"] == []


def test_whatever_passes_the_filter(make_db, html):
    path = make_db("resident")
    assert moments(page.read(html("--process", "2"))) == oracle(path)


def test_none(make_db, html):
    make_db("small")
    assert "resident" not in page.read(html())
    make_db("resident", db="two.db")
    make_db("small", db="two.db")
    assert "resident" not in page.read(html("1", "2", "--db", "two.db"))
    assert "resident" not in page.read(html("2", "--db", "two.db")) and "resident" in page.read(html("1", "--db", "two.db"))


def test_many(make_db, html):
    """If there are many moments, the page has some of them, the highest and the last included."""
    path = make_db("resident")
    with sqlite3.connect(path) as connection:
        connection.executescript("DELETE FROM page_moment; DELETE FROM page_row")
        for i in range(1, 502):
            size = (1000 if i == 333 else i) * MIB
            connection.execute("INSERT INTO page_moment VALUES (1, ?, 1, ?, 0, 2, 0, ?, -1, 0, 0, NULL)", (i, i * 2000000, size))
            connection.execute("INSERT INTO page_row VALUES (1, ?, 1, 0, 2, 0, '', ?, 1)", (i, size))
    data = page.read(html())
    found, whole = moments(data), oracle(path)
    assert len(found) == 200 and data["resident"]["moments_in_all"] == 501
    assert all(whole[t] == moment for t, moment in found.items())
    assert max(whole) in found and 666000000 in found


NONSENSE = [
    (LIVE, 2, "", 2**63 - 1, -1), (LIVE, 3, "", 2**63 - 1, 2**63 - 1), (PINNED, 4, "", -(2**63), 0), (FREE, 0, "", -5, 0),
    (77, 99999, "", 12345, 1), (FILES, 0, "</script><img src=x onerror=alert(1)>", MIB, 0), (OTHER, 0, "\x1b[31m\u202e", 1, 0)]


@pytest.fixture
def nonsense(make_db):
    """A file from a stranger, with numbers and names of any kind."""
    path = make_db("small")
    add_mark(path, 7, "<img src=x onerror=alert(2)>" * 90, 0.3)
    add(path, 1, MARK, NONSENSE, t_s=-9e9, mark=7, resident=2**63 - 1)
    add(path, 2, 2**40, NONSENSE, t_s=9e9, mark=2**62, resident=-(2**63), missing="</script><script>alert(3)</script>")
    add(path, 2, END, NONSENSE[:2], t_s=0.5, process=2, resident=2**63 - 1)
    add(path, 3, MARK, [], t_s=0.6, mark=7, resident=0)
    add(path, 4, MARK, [(FREE, 0, "", 3 * MIB, 0), (PINNED, 2, "", -MIB, 1)], t_s=0.7, mark=7)
    return path


def test_nonsense(nonsense, html, run):
    for arguments in (["rss"], ["rss", "--json"], ["timeline"], ["timeline", "--json"]):
        assert "runtime error" not in run(*arguments, status=0, sanitized=True).stderr
    found = moments(page.read(html(sanitized=True)))
    assert len(found) == 4 and list(found.values())[2][4] == {"free": 3 * MIB, "pinned": -MIB}
    for table in ("page_row", "page_moment"):
        with sqlite3.connect(nonsense) as connection:
            connection.execute(f"DROP TABLE {table}")
        assert "resident" not in page.read(html(sanitized=True)), table


# ---- in a browser


def rows(text):
    """The table, as {part: (bytes, share)}."""
    return {part: (size, share) for part, size, share in
            re.findall(r"^(\w+)\t([-\u2212\d.]+ \w+)\t(\S+(?: %)?)", text, re.M)}


def test_columns_and_table(make_db, html, browser):
    """The chart has a column for each moment, with a tip. The table shows the end, or the moment that is chosen."""
    make_db("resident")
    end, high = 1.2000001 / 1.23456789, 0.6 / 1.23456789
    colors = ["chartColors", ["part-pinned", "part-free", "part-live", "part-mapped"]]
    seen = browser(html(), ["text", "#parts"], ["hoverChart", end, 0.6], ["hoverChart", 0.75, 0.6], ["hoverChart", high, 0.5],
                   ["hoverChart", high, 0.01], ["choose", "#parts select", "high, 600 ms: 400 MiB"], ["text", "#parts"],
                   ["theme", "light"], colors, ["theme", "dark"], colors, ["count", "#parts tbody tr"])["seen"]
    table = rows(seen[0])
    assert table["pinned"] == ("156 MiB", "46.9 %") and table["free"] == ("127 MiB", "38.0 %") and table["live"] == ("40.5 MiB", "12.1 %")
    assert "155 MiB list.c:20 read_record" in seen[0] and "63.0 MiB are live, and never touched" in seen[0] and "mapped by" not in seen[0]
    assert seen[1].startswith("end, 1.20 s") and "334 MiB resident" in seen[1] and "pinned 156 MiB, 46.9 %" in seen[1]
    assert seen[2] is None and seen[3].startswith("high, 600 ms") and "live 400 MiB, 100 %" in seen[3] and seen[4] is None
    assert rows(seen[6])["live"] == ("400 MiB", "100 %") and rows(seen[6])["pinned"] == ("0 B", "0.0 %")
    assert seen[8] == seen[10] == ["part-pinned", "part-free", "part-live"] and seen[11] == 8


def test_with_the_curve_alone(make_db, html, browser):
    """If the resident curve is hidden, because the heap's curve would be flat beside it, the columns are hidden with it."""
    path = make_db("resident")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE sample SET rss_bytes = 1 << 30")
    named = ["chartColors", ["part-pinned", "part-free"]]
    end = ["hoverChart", 1.2000001 / 1.23456789, 0.9]
    resident = ["press", "#chart .u-legend .u-series:nth-child(3) th"]
    seen = browser(html(), ["text", "#chart-note"], named, end, resident, named, end, resident, named)["seen"]
    assert "hidden, with its parts" in seen[0] and seen[1] == [] and seen[2] is None
    assert seen[4] == ["part-pinned", "part-free"] and seen[5].startswith("end") and seen[7] == []


def test_nothing_to_see(make_db, html, browser):
    make_db("small")
    seen = browser(html(), ["count", "#parts"], ["hoverChart", 0.5, 0.9], ["chartColors", ["part-live", "part-free"]])["seen"]
    assert seen == [0, None, []]


def test_widths(make_db, html, browser):
    """Nothing makes the page scroll sideways; on narrow screens the descriptions of the parts are hidden first."""
    path = make_db("resident")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE page_row SET name = hex(zeroblob(300)) || name WHERE part = ?", (FILES,))
        connection.execute("UPDATE mark SET name = hex(zeroblob(300))")
    widths = (360, 720, 1280)
    seen = browser(html(), *(step for width in widths for step in (
        ["resize", width], ["overflow"], ["visible", "#parts td:nth-child(3)"], ["visible", "#parts td:nth-child(4)"])))["seen"]
    for i, width in enumerate(widths):
        assert seen[4 * i + 1] <= 0 and seen[4 * i + 2] is True and seen[4 * i + 3] is (width > 720), width


def test_nonsense_in_a_browser(nonsense, html, browser):
    seen = browser(html(), ["count", "img"], ["count", "script"], ["text", "#parts"], ["hoverChart", 0.999, 0.99], ["overflow"],
                   ["text", "#measure-total"])["seen"]
    assert seen[:2] == [0, 2] and "<script>alert(3)</script>" in seen[2] and seen[4] <= 0 and "held when the run held most" in seen[5]
