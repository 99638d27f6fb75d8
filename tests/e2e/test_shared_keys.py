"""How many attributes' names the instances of Python's classes share, compared with what the interpreter itself has, read in the program
by ctypes, and with how many attributes they were given."""

import contextlib
import json
import pathlib
import sqlite3
import sys

import pytest

from system_calls import PROCESS_VM_READV, kill_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))
from interpreters import interpreters, one_of_each  # noqa: E402

PROGRAM = """
import ctypes, json, os, sys, time

class One:
    def __init__(self):
        self.a = 1

class Three:
    def __init__(self):
        self.a = self.b = self.c = 1

class Ten:
    def __init__(self):
        self.a = self.b = self.c = self.d = self.e = self.f = self.g = self.h = self.i = self.j = 1

class Around:
    class Two(Three):  # the names of its own instances, not those of what it inherits from
        def __init__(self):
            self.x = self.y = 1

class SomeSlots(One):
    __slots__ = ("p", "q")

class Slots:
    __slots__ = ("a", "b")

class List(list):
    def __init__(self):
        self.a = self.b = 1

class Grows:
    pass

def name_of(kind):
    return "__main__." + kind.__qualname__

def shared(kind):
    # The address of the names is behind that of the qualified name.
    words = ctypes.cast(id(kind), ctypes.POINTER(ctypes.c_uint64))
    at = max(i for i in range(type.__basicsize__ // 8) if words[i] == id(kind.__qualname__)) + 1
    if not words[at]:
        return None
    return ctypes.cast(words[at], ctypes.POINTER(ctypes.c_uint64))[3 if sys.version_info >= (3, 11) else 4]

def grow(count):
    made = Grows()
    for i in range(count):
        setattr(made, "name%d" % i, i)
    return made

def say(kinds):
    with open(sys.argv[1], "w") as file:
        json.dump({name_of(kind): shared(kind) for kind in kinds}, file)
    print("ready", flush=True)

def main():
    local = type("Local", (One,), {"__qualname__": "main.<locals>.Local"})
    kinds = [One, Three, Ten, Around.Two, SomeSlots, Slots, List, local, Grows]
    kept = [kind() for kind in kinds[:-1] for i in range(100)] + [grow(1)]
    say(kinds)
    if sys.argv[2:]:
        time.sleep(float(sys.argv[2]))
        os._exit(0)
    sys.stdin.readline()
    kept += [grow(4) for i in range(100)]
    say(kinds)
    sys.stdin.readline()
    os._exit(0)

main()
"""
GIVEN = {"One": 1, "Three": 3, "Ten": 10, "Around.Two": 2, "List": 2, "main.<locals>.Local": 1, "SomeSlots": 1}


@pytest.fixture(name="program")
def a_program(tmp_path):
    (tmp_path / "shares.py").write_text(PROGRAM)
    return tmp_path / "shares.py"


def found_in(report, database):
    rows = json.loads(report(database, "sql", "--json",
                             "SELECT type, shared_keys FROM object_types WHERE type LIKE '__main__.%' AND type NOT LIKE '%.LP_c%'").stdout)["rows"]
    return dict(rows)


def kept_in(folder):
    kept = json.loads((folder / "kept.json").read_text())
    return kept, {"__main__." + name: count for name, count in GIVEN.items()}


@pytest.mark.parametrize("python", interpreters(), ids=repr)
def test_shared_keys(started, report, tmp_path, python, program):
    """While the program runs; of names that are added later the most are kept."""
    database = tmp_path / "trace.db"
    process = started(python.path, program, tmp_path / "kept.json")
    for grown in (1, 4):
        report(database, "top", "-g", "type")
        found = found_in(report, database)
        kept, given = kept_in(tmp_path)
        assert found == kept
        assert {name: found[name] for name in given} == given
        assert found["__main__.Slots"] is None and found["__main__.Grows"] == grown
        process.stdin.write("\n")
        process.stdin.flush()
        if grown == 1:
            assert process.stdout.readline() == "ready\n"


def test_at_the_end(trace, report, tmp_path, program):
    """Nobody asks: it is looked at before the program ends, if it waits long enough for that."""
    python = one_of_each(interpreters())[-1]
    for seconds in ("0", "1", "5", "20"):
        traced = trace([python.path, program, tmp_path / "kept.json", seconds])
        found, (kept, _) = found_in(report, traced.database), kept_in(tmp_path)
        if found == kept:
            return
    raise AssertionError(found)


def test_behind_a_filter(started, report, tmp_path, program):
    """What the program may not call the collector does not either."""
    python = one_of_each(interpreters())[-1]
    started(python.path, program, tmp_path / "kept.json", preexec_fn=kill_for(PROCESS_VM_READV))
    report(tmp_path / "trace.db", "top", "-g", "type")
    assert found_in(report, tmp_path / "trace.db") == kept_in(tmp_path)[0]


ITEMS = """
import os, sys

class Item:
    def __init__(self, sku, warehouse, quantity):
        self.sku = sku
        self.warehouse = warehouse
        self.quantity = quantity

def main():
    items = [Item("a", "b", i) for i in range(40000)]
    print("ready", flush=True)
    sys.stdin.read()
    os._exit(0)

main()
"""


@pytest.mark.parametrize("python", [one for one in interpreters() if one.version < (3, 13)], ids=repr)
def test_advice(started, report, tmp_path, python):
    """What is said of a dict for each instance: for how many attributes, and so exactly what slots would take."""
    (tmp_path / "items.py").write_text(ITEMS)
    process = started(python.path, tmp_path / "items.py")
    report(tmp_path / "trace.db", "top", "-g", "type")
    process.stdin.close()
    process.wait(timeout=100)
    findings = json.loads(report(tmp_path / "trace.db", "advise", "--json").stdout)["findings"]
    found = [finding for finding in findings if finding["rule"] == "dict-per-instance"]
    assert found and found[0]["evidence"]["attributes"] == 3
    assert " instances of Item of 3 attributes at the peak, " in found[0]["what"] and "at most" not in found[0]["what"]
    slots = 16 + 16 + 3 * 8  # a header of the garbage collector, its own, and its attributes
    assert found[0]["evidence"]["bytes_each_with_slots"] == slots
    # Seen when there was one without attributes, and not again: fewer than their memory is for.
    with contextlib.closing(sqlite3.connect(tmp_path / "trace.db")) as connection:
        connection.execute("UPDATE object_keys SET keys = 0 WHERE type = '__main__.Item'")
        connection.commit()
    findings = json.loads(report(tmp_path / "trace.db", "advise", "--json").stdout)["findings"]
    found = [finding for finding in findings if finding["rule"] == "dict-per-instance"]
    assert found and "attributes" not in found[0]["evidence"] and "0 attributes" not in found[0]["what"]
    assert found[0]["evidence"]["bytes_each_with_slots"] >= slots


MANY = """
import os, sys

def made(kind):
    one = kind()
    one.a = one.b = 1
    return one

def main():
    tables = [set(range(100)) for i in range(50)] # tables
    kinds = [type("Kind%d" % i, (), {}) for i in range(3000)]
    kept = [made(kind) for kind in kinds for i in range(20)]
    lists = [[i] for i in range(20000)]
    print("ready", flush=True)
    sys.stdin.read()
    os._exit(0)

main()
"""


@pytest.mark.parametrize("python", one_of_each(interpreters()), ids=repr)
def test_many_classes(started, report, tmp_path, python):
    """Reading names of many classes leaves time for looks at what memory is for; and each walk reads some."""
    (tmp_path / "many.py").write_text(MANY)
    process = started(python.path, tmp_path / "many.py")
    report(tmp_path / "trace.db", "top", "-g", "type")
    line = MANY[:MANY.index("# tables")].count("\n") + 1
    tables = json.loads(report(tmp_path / "trace.db", "sql", "--json", "SELECT live_allocations FROM types "
                                f"WHERE type = 'set table' AND line = {line} AND file LIKE '%many.py'").stdout)["rows"]
    assert [row[0] for row in tables] == [50]
    [[read]] = json.loads(report(tmp_path / "trace.db", "sql", "--json", "SELECT count(shared_keys) FROM object_types "
                                 "WHERE type LIKE '%.Kind%' AND shared_keys = 2").stdout)["rows"]
    assert 100 <= read <= 3000
    process.stdin.close()
