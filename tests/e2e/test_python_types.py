"""Python's objects by type and line, compared with what the program keeps: it knows the line of each object by construction."""

import ast
import json
import pathlib
import sys

import pytest

from system_calls import PROCESS_VM_READV, kill_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))
from interpreters import interpreters, one_of_each  # noqa: E402

PROGRAM = """
import collections, gc, json, os, sys, threading

class Plain:
    pass

class WithDict:
    def __init__(self):
        self.x = 1

class Slots:
    __slots__ = ("x", "y", "z")

class Dict(dict):
    pass

class List(list):
    pass

class Int(int):
    pass

class Tuple(tuple):
    pass

class Str(str):
    pass

class Meta(type):
    pass

class Made(metaclass=Meta):
    class Inner:
        pass

COUNT = 500
kept = collections.defaultdict(list)
# Free lists give out blocks of earlier lines before 3.13: all of them are emptied first.
empty = [[[], {}, (i,), (i, i), (i, i, i), float(i), set()] for i in range(5000)]
empty += [tuple(range(n)) for n in range(1, 20) for i in range(2500)]

def keep(o):
    kept[sys._getframe(1).f_lineno].append(o)

def one_type_a_line():
    for i in range(COUNT):
        keep(Plain())
    for i in range(COUNT):
        keep(WithDict())
    for i in range(COUNT):
        keep(Slots())
    for i in range(COUNT):
        keep(i * 1.5)
    for i in range(COUNT):
        keep((i + 1) * 1000000007)
    for i in range(COUNT):
        keep("%d is a text" % i)
    for i in range(COUNT):
        keep("%d is a text \u20ac" % i)
    for i in range(COUNT):
        keep(b"%d are bytes" % i)
    for i in range(COUNT):
        keep([i, i])
    for i in range(COUNT):
        keep({i: i})
    for i in range(COUNT):
        keep((i, i))
    for i in range(COUNT):
        keep({i})
    for i in range(COUNT):
        keep(bytearray(b"ab"))
    for i in range(COUNT):
        keep(collections.OrderedDict())
    for i in range(COUNT):
        keep(collections.deque())
    for i in range(COUNT):
        keep(lambda: i)
    for i in range(COUNT):
        keep(Made.Inner())

def several_types_a_line():
    classes = (Plain, Slots, Dict, List, Int, Tuple, Str, Made, object, Made.Inner)
    for i in range(COUNT):
        keep(classes[i % len(classes)]())
    for i in range(COUNT):
        keep(classes[i * i % 7]())
    for i in range(COUNT):
        keep(float(i) if i % 3 else "%d" % (i + 1000))

def reallocated():
    for i in range(COUNT):
        text = "a" * (i + 10)
        text += "b%d" % i
        kept["text"].append(text)

def classes_made_again():
    # Each takes the address of one before it, sooner or later.
    addresses, taken = set(), 0
    for i in range(100):
        made = type("Again%d" % (i % 3), (), {})
        made()
        addresses.add(id(made))
        del made
        gc.collect()
        made = type("Kept%d" % (i % 5), (), {})
        taken += id(made) in addresses
        keep(made())
    for i in range(60):
        keep(Meta("MadeByMeta", (), {}))
    return taken

def parsed():
    parsed = json.loads("[" + ",".join('{"a": 1.5, "key%d": [1000, "text"]}' % i for i in range(COUNT)) + "]")
    return parsed

def threads():
    def work():
        for i in range(COUNT):
            keep(Plain())
            keep(i * 2.5)
    workers = [threading.Thread(target=work) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

def name_of(type):
    return type.__qualname__ if type.__module__ == "builtins" else type.__module__ + "." + type.__qualname__

def main():
    gc.collect()
    gc.disable()
    one_type_a_line()
    several_types_a_line()
    reallocated()
    taken = classes_made_again()
    data = parsed()
    threads()
    texts = kept.pop("text")
    layouts = {name_of(type(o)): [type(o).__basicsize__, type(o).__itemsize__, hasattr(o, "__dict__")]
               for objects in kept.values() for o in objects}
    lines = {line: collections.Counter(name_of(type(o)) for o in objects) for line, objects in kept.items()}
    with open(sys.argv[1], "w") as file:
        json.dump({"lines": lines, "texts": len(texts), "taken": taken, "layouts": layouts}, file)
    sys.stdout.flush()
    os._exit(0)

main()
"""


def typed(report, database):
    found = json.loads(report(database, "sql", "--json",
                              "SELECT type, line, how, live_allocations, allocations FROM types WHERE file LIKE '%typed.py'").stdout)
    return found["rows"]


@pytest.fixture(name="program")
def a_program(tmp_path):
    (tmp_path / "typed.py").write_text(PROGRAM)
    return tmp_path / "typed.py"


def class_lines(node, around=""):
    """The line of each class statement, by qualified name."""
    found = {}
    for inner in ast.iter_child_nodes(node):
        name = around + getattr(inner, "name", "")
        if isinstance(inner, ast.ClassDef):
            found |= {name: inner.lineno} | class_lines(inner, name + ".")
        else:
            found |= class_lines(inner, name + ".<locals>." if isinstance(inner, ast.FunctionDef) else around)
    return found


def check_layouts(traced, layouts):
    """What types are like, and which line made them, is what the program and its source say."""
    rows = traced.rows("SELECT * FROM object_types")
    found = {row["type"]: [row["basic_size"], row["item_size"], row["has_dict"] == 1] for row in rows if row["type"] in layouts}
    assert found == layouts
    made = {row["type"]: row["line"] for row in rows if row["type"] in layouts and (row["file"] or "").endswith("typed.py")}
    lines = {"__main__." + name: line for name, line in class_lines(ast.parse(PROGRAM)).items()}
    named = {name: line for name, line in lines.items() if name in layouts}
    assert len(named) > 10 and {name: made.get(name) for name in named} == named  # others are made by type()
    assert all(row["at_run_time"] for row in rows if row["type"] in made)


@pytest.mark.parametrize("python", interpreters(), ids=repr)
def test_objects(trace, report, tmp_path, program, python):
    traced = trace([python.path, program, tmp_path / "kept.json"])
    kept = json.loads((tmp_path / "kept.json").read_text())
    live, how = {}, set()
    for kind, line, certain, blocks, _ in typed(report, traced.database):
        live[line, kind] = live.get((line, kind), 0) + blocks
        how.add((kind is not None, certain))
    assert how - {(True, "sampled"), (False, None)} == {(True, "exact")}  # the others are no objects
    wrong = {}
    assert sum(count for (_, kind), count in live.items() if kind == "str") >= kept["texts"]
    for line, types in kept["lines"].items():
        for kind, count in types.items():
            if live.get((int(line), kind), 0) != count:
                wrong[line, kind] = (live.get((int(line), kind), 0), count)
    assert not wrong and kept["taken"] > 10
    check_layouts(traced, kept["layouts"])
    assert traced.run["state"] == "complete"


FAULTS = """
import resource, sys, tracemalloc

class Plain:
    pass

def main():
    tracemalloc.take_snapshot() # allocates often without an object: a second layer of ours is put above
    kept = [Plain() for i in range(1000)] # what is to be learned is learned
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for i in range(20000):
        kept[i % 1000] = Plain()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

main()
"""


@pytest.mark.parametrize("python", one_of_each(interpreters()), ids=repr)
def test_below_tracemalloc(trace, tmp_path, python):
    """Another tracer between two layers of ours: each object is seen once, and nothing has to be learned again for each."""
    path = tmp_path / "faults.py"
    path.write_text(FAULTS)
    traced = trace([python.path, "-X", "tracemalloc", path])
    assert int(traced.stdout) < 10000
    line = FAULTS.split("\n").index("        kept[i % 1000] = Plain()") + 1
    assert traced.one("SELECT sum(allocations) AS n FROM types WHERE line = ? AND type = '__main__.Plain'", line)["n"] == 20000


def test_without(trace, report, tmp_path, program):
    """Nothing is typed, and nothing else is different."""
    python = one_of_each(interpreters())[-1]
    totals = []
    for types in ("1", "0"):
        traced = trace([python.path, program, tmp_path / "kept.json"], env={"LIBTRACE_TYPES": types, "PYTHONHASHSEED": "0"})
        rows = json.loads(report(traced.database, "top", "--group", "type", "--json", "--limit", "0").stdout)["rows"]
        assert any(row["type"] for row in rows) == (types == "1")
        lines = {}
        for row in rows:
            if row["file"] and row["file"].endswith("typed.py") and row["function"] == "one_type_a_line":
                counts = lines.setdefault(row["line"], [0, 0, 0])
                for i, measure in enumerate(("allocations", "bytes", "live_bytes")):
                    counts[i] += row[measure]
        totals.append(lines)
    assert totals[0] == totals[1] and totals[0]


def test_behind_a_filter(trace, report, tmp_path, program):
    """A service may kill for what programs seldom call: types are read without."""
    python = one_of_each(interpreters())[-1]
    traced = trace([python.path, program, tmp_path / "kept.json"], preexec_fn=kill_for(PROCESS_VM_READV))
    assert (traced.returncode, traced.stderr, traced.run["state"]) == (0, b"", "complete")
    found = {kind for kind, _, how, *_ in typed(report, traced.database) if how == "exact"}
    assert {"dict", "float", "__main__.Made.Inner"} <= found


SUBINTERPRETERS = """
import gc, os, sys, threading
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

class Main:
    pass

CODE = '''
class Sub:
    __slots__ = ("a", "b")
kept = [Sub() for i in range(1000)] # of the program
lists = [[i] for i in range(1000)] # of Python
for i in range(%d):
    passing = [Sub() for i in range(100)]
'''

def create(shares):
    if sys.version_info < (3, 12):
        return interpreters.create()
    if sys.version_info < (3, 13):
        return interpreters.create(isolated=not shares)
    return interpreters.create("legacy" if shares else "isolated")

def run(interpreter, i, rounds):
    function = getattr(interpreters, "exec", None) or interpreters.run_string
    function(interpreter, "exec(compile(%r, 'sub%d', 'exec'))" % (CODE % rounds, i))

def one_by_one(shares):
    for i in range(3):
        kept.append(create(shares[i % len(shares)]))
        kept.append([Main() for j in range(100)])
        run(kept[-2], i, 0)

def at_once(shares):
    def work(i): # up to 3.11 only the thread that made an interpreter is known to run it
        interpreter = create(shares[i % len(shares)])
        made.append(interpreter)
        run(interpreter, i, 200)
    made = []
    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for j in range(100):
        kept.append([Main() for i in range(3)])
        passing = [(Main(), [i]) for i in range(1000)]
    for thread in threads:
        thread.join()
    kept.append(made)

kept = []

def main():
    gc.disable() # up to 3.11 a collection inside an allocation may hide the type of that object
    shares = [kind == "shared" for kind in sys.argv[2:]]
    (at_once if sys.argv[1] == "threads" else one_by_one)(shares)
    sys.stdout.flush()
    os._exit(0)

main()
"""
KINDS = [(python, kinds) for python in interpreters() for kinds in (["shared"], ["own"], ["own", "shared"])
         if python.version >= (3, 12) or "own" not in kinds]  # up to 3.11 all share one


@pytest.mark.parametrize("way", ["in turn", "threads"])
@pytest.mark.parametrize("python, kinds", KINDS, ids=lambda value: repr(value) if hasattr(value, "path") else " ".join(value))
def test_subinterpreters(trace, tmp_path, python, kinds, way):
    """Objects have types whether an interpreter shares the main one's lock or has one of its own (from 3.12 on)."""
    path = tmp_path / "sub.py"
    path.write_text(SUBINTERPRETERS)
    traced = trace([python.path, path, way, *kinds])
    assert (traced.returncode, traced.run["state"]) == (0, "complete"), traced.stderr
    lines = SUBINTERPRETERS[SUBINTERPRETERS.index("CODE = "):].split("\n")
    of_program, of_python, passing = ([i for i, text in enumerate(lines) if end in text][0] + 1
                                      for end in ("# of the program", "# of Python", "passing = "))
    found = {(row["file"], row["line"], row["type"]): row for row in traced.rows(
        "SELECT file, line, iif(how = 'exact', type, how) AS type, sum(live_allocations) AS live, sum(allocations) AS made FROM types "
        "WHERE file LIKE 'sub_' GROUP BY 1, 2, 3")}
    for i in range(3):
        def count(line, end, column="live"):
            return sum(row[column] for (file, at, kind), row in found.items()
                       if (file, at) == (f"sub{i}", line) and (kind.endswith(end) if kind else end is None))
        subs, lists = count(of_program, ".Sub"), count(of_python, "list")
        assert subs == 1000 and abs(lists - 1001) <= 80, found  # lists may be from the free list
        if way == "threads":
            assert count(passing, ".Sub", "made") == 200 * 100
    assert traced.one("SELECT sum(live_allocations) AS n FROM types WHERE type = '__main__.Main'")["n"] == 300
    if way == "threads":
        assert traced.one("SELECT sum(allocations) AS n FROM types WHERE type = '__main__.Main'")["n"] == 300 + 100 * 1000


ENDED = """
import gc, os, sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

CODE = '''
import gc
gc.disable()
Sub = type("Sub%d", (), {"__slots__": ("a", "b")})
for i in range(100): kept = Sub()
'''

def create():
    if sys.version_info < (3, 12):
        return interpreters.create()
    return interpreters.create(isolated=False) if sys.version_info < (3, 13) else interpreters.create("legacy")

def main():
    gc.disable()
    run = getattr(interpreters, "exec", None) or interpreters.run_string
    for i in range(20):
        interpreter = create()
        run(interpreter, "exec(compile(%r, 'sub', 'exec'))" % (CODE % i))
        interpreters.destroy(interpreter)
        made = type("Main%d" % i, (), {})
        for j in range(100): kept = made()
    sys.stdout.flush()
    os._exit(0)

main()
"""


@pytest.mark.parametrize("python", [one for one in interpreters() if one.version < (3, 14)], ids=repr)
def test_subinterpreters_that_end(trace, tmp_path, python):
    """Types of those that share a lock are gone with them; others take their addresses."""
    path = tmp_path / "ended.py"
    path.write_text(ENDED)
    traced = trace([python.path, path])
    assert (traced.returncode, traced.run["state"]) == (0, "complete"), traced.stderr
    found = {row["type"].split(".")[-1]: row["made"] for row in traced.rows(
        "SELECT type, sum(allocations) AS made FROM types WHERE type GLOB '*.Sub[0-9]*' OR type GLOB '*.Main[0-9]*' GROUP BY 1")}
    assert found == {f"{kind}{i}": 100 for kind in ("Sub", "Main") for i in range(20)}


OWN = """
import gc, os, sys, threading
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

class Main:
    pass

CODE = '''
import gc, threading
gc.disable()
def work(n):
    for k in range(10):
        Own = type("Own%d" % n, (), {"__slots__": ("a",)})
        for j in range(50):
            passing = Own()
            other = [[j]]
    kept.append([Own() for j in range(50)])
kept = []
threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
'''
AGAIN = '''
class Again:
    pass
for i in range(3):
    passing = Again(), [i]
'''

def work(rounds):
    run = getattr(interpreters, "exec", None) or interpreters.run_string
    for r in range(rounds):
        interpreter = interpreters.create() if sys.version_info < (3, 13) else interpreters.create("isolated")
        run(interpreter, "exec(compile(%r, 'own', 'exec'))" % CODE)
        for k in range(10): # this thread makes objects under one lock and the other in turn
            made = Main()
            run(interpreter, "exec(compile(%r, 'again', 'exec'))" % AGAIN)
        interpreters.destroy(interpreter)

def main(rounds, count):
    gc.disable()
    threads = [threading.Thread(target=work, args=(rounds,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for j in range(100):
        passing = [(Main(), [i]) for i in range(100)]
    for thread in threads:
        thread.join()
    sys.stdout.flush()
    os._exit(0)

main(int(sys.argv[1]), int(sys.argv[2]))
"""


# More one after another than there are numbers for; and at once, which only 3.13 and later stand.
@pytest.mark.parametrize("python, rounds, count", [(python, rounds, count) for python in interpreters() if python.version >= (3, 12)
                                                   for rounds, count in ((70, 1), (8, 3)) if count == 1 or python.version >= (3, 13)],
                         ids=repr)
def test_locks_of_their_own(trace, tmp_path, python, rounds, count):
    """Interpreters with a lock each come and go, several at once and with several threads, which also make objects of the main
    one: each object has its type."""
    path = tmp_path / "own.py"
    path.write_text(OWN)
    traced = trace([python.path, path, rounds, count])
    assert (traced.returncode, traced.run["state"]) == (0, "complete"), traced.stderr
    found = {row["type"].split(".")[-1]: row["made"] for row in traced.rows(
        "SELECT type, sum(allocations) AS made FROM types WHERE how = 'exact' AND "
        "(type GLOB '*.Own[0-9]' OR type GLOB '*.Again' OR type GLOB '*.Main') GROUP BY 1")}
    each = rounds * count
    assert found == {"Main": 100 * 100 + 10 * each, "Again": 3 * 10 * each, **{f"Own{n}": (10 * 50 + 50) * each for n in range(3)}}
    lists = traced.one("SELECT sum(allocations) AS made FROM types WHERE type = 'list' AND file = 'own' AND line = 9")["made"]
    assert python.version < (3, 13) or lists == 3 * 10 * 50 * 2 * each  # before, they may be from the free list
