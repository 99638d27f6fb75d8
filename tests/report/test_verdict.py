"""summary --json answers what a program or an agent asks first in less than 8 KB, whatever is in the database."""

import json
import sqlite3

import pytest

MOST = 8192


@pytest.fixture
def verdict(run):
    def ask(*arguments):
        text = run("summary", "--json", *arguments, status=0).stdout
        assert len(text.encode()) < MOST
        return json.loads(text)

    return ask


def test_what_it_says(make_db, verdict, as_json):
    make_db("small")
    found, leaks = verdict(), as_json("leaks")
    assert found["schema"] == "libtrace.summary/1" and found["cut"] is False
    assert found["top_peak"][0]["peak_bytes"] == as_json("top")["rows"][0]["peak_bytes"]
    told = found["leaks"]
    assert (told["live_bytes"], told["live_allocations"]) == (leaks["live_bytes"], leaks["live_allocations"])
    assert told["kept_bytes"] == sum(kind["live_bytes"] for kind in leaks["kept"]) and told["moment"] == "end"
    assert [(row["file"], row["line"], row["live_bytes"]) for row in told["rows"]] == \
        [(row["file"], row["line"], row["live_bytes"]) for row in leaks["rows"]][:len(told["rows"])] != []
    churn = as_json("top", "--by", "temporary")["rows"]
    assert found["churn"]["temporary"] == found["run"]["temporary"]
    assert found["churn"]["share"] == pytest.approx(found["run"]["temporary"] / found["run"]["allocations"], rel=1e-3)
    assert [row["temporary"] for row in found["churn"]["rows"]] == \
        [row["temporary"] for row in churn if row["temporary"]][:len(found["churn"]["rows"])]


def test_what_to_ask_next(make_db, verdict, run):
    """Each suggested command works, and is about the same run and file."""
    make_db("small", db="an other.db")
    make_db("small", db="an other.db")
    found = verdict("1", "--db", "an other.db")
    assert found["run"]["run"] == 1 and len(found["next"]) >= 2
    for row in found["next"]:
        assert row["command"].startswith("trace-report ") and row["command"].endswith(" --db 'an other.db'") and row["why"]
        words = row["command"].replace("'an other.db'", "an+other.db").split()[1:]
        assert words[1] == "1"
        run(*(word.replace("+", " ") for word in words), status=0)


@pytest.mark.parametrize("kind", ["small", "hostile", "one", "empty", "large", "dead"])
def test_it_stays_small(make_db, run, kind):
    make_db(kind)
    done = run("summary", "--json", status=0)
    assert len(done.stdout.encode()) < MOST and json.loads(done.stdout)["run"]["run"] == 1


@pytest.mark.parametrize("text", ["x" * 20000, "\x1b" * 20000, "\u202e" * 20000, "\U000e0001" * 5000, "ä/" * 9000, '"\\' * 9000],
                         ids=lambda text: ascii(text[0]))
def test_long_texts(make_db, verdict, text):
    """Long texts are cut, and the answer says so; of paths the end is kept."""
    database = make_db("small")
    connection = sqlite3.connect(database)
    connection.execute("UPDATE run SET label = ?1, command = ?1, why = ?1", (text,))
    connection.execute("UPDATE line SET file = ?1 || '/src/list.c', function = ?1 || id, module = ?1 || '/list'", (text,))
    connection.execute("UPDATE module SET path = ?1 || '/list'", (text,))
    connection.commit()
    connection.close()
    found = verdict()
    assert found["cut"] is True and found["run"]["command"].endswith("…")
    rows = found["top_peak"] + found["leaks"]["rows"]
    assert rows and all(row["file"].endswith("/list.c") for row in rows)
