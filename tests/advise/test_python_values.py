"""Equal texts, bytes, tuples and numbers of Python on each interpreter: whether somebody has asked for their hash, interned one or refers to
them makes no difference. What is not equal, or may be changed, is not found."""

import json
import pathlib
import subprocess
import sys

import pytest

from test_advise import advice

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))
from interpreters import interpreters  # noqa: E402

PROGRAM = """
import gc, os, sys

COUNT = 4000
ten = [i % 10 for i in range(COUNT)]

def texts():
    return ["the same text again, of number " + str(i) for i in ten]  # str

def wide():
    return ["\\u00e4hnliche Texte f\\u00fcr 10 \\u20ac, Nummer " + str(i) for i in ten]  # str

def blobs():
    return [b"the same bytes again, of number %d" % i for i in ten]  # bytes

def tuples():
    return [(None, i, sys, True, i, COUNT) for i in ten]  # tuple

def prices():
    return [float("%d.25" % i) for i in 5 * ten]  # float

def codes():
    return [int("123456%d" % i) for i in 5 * ten]  # int

def apart():
    return ["a text that no other one is like, of number " + str(i) for i in range(COUNT)]

def tails():
    return ["%09d, and the rest of these texts is the same" % i for i in range(COUNT)]

def pairs():
    return [(i * 1.5, None, None, None) for i in range(COUNT)]  # of floats that are not the same

def numbers():
    return [i * 1.5 for i in range(COUNT)] + [i * 100003 for i in range(COUNT)]

def others():
    return [[[i, i, i, i, i], bytearray(b"equal, but they may be changed"), {i}] for i in ten]

equal = [texts(), wide(), blobs(), tuples(), prices(), codes()]
kept = [apart(), tails(), pairs(), numbers(), others()]

for looks in range(2):
    print("waiting", flush=True)
    sys.stdin.readline()
    for values in equal:
        hashes = {hash(value) for value in values[::3]}
        referred = values[::5]
    interned = [sys.intern(text) for text in equal[0][::7]]
    gc.collect()
    del equal[3][:1000]  # tuples, whose memory Python keeps for others
"""


def check(preload, report, tmp_path, python, program):
    """Returns what was looked at."""
    (tmp_path / "values.py").write_text(program)
    wanted = {(number, line.split("# ")[1]) for number, line in enumerate(program.split("\n"), 1)
              if line.endswith(("# str", "# bytes", "# tuple", "# float", "# int"))}
    database = tmp_path / "trace.db"
    with subprocess.Popen([python.path, tmp_path / "values.py"], env=preload(db=database), stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        for look in range(2):
            assert process.stdout.readline() == b"waiting\n"
            report(database, "rss")  # looks at the pages, and at what is in blocks
            if look == 0:
                process.stdin.write(b"\n")
                process.stdin.flush()
        looked = json.loads(report(database, "sql", "--json", "SELECT blocks, again, changed FROM site_content").stdout)["rows"]
        assert len(wanted) == 6 and len(looked) >= 8
        assert all(changed == 0 for _, _, changed in looked) and sum(again for _, again, _ in looked) >= 64, looked
        found = [f for f in advice(report, database, "--all")["findings"] if f["rule"] == "duplicates"]
        assert {(f["line"], f["type"]) for f in found if f["file"] == str(tmp_path / "values.py")} == wanted
        found = [f for f in found if f["file"].endswith("values.py")]
        assert all(f["certainty"] == ("ask" if f["type"] == "float" else "likely") and f["evidence"]["share"] > 0.9 for f in found)
        assert all("sys.intern" in f["remedy"] for f in found if f["type"] == "str")
        assert all("array.array" in f["remedy"] for f in found if f["type"] in ("float", "int"))
        process.communicate()
    return looked


@pytest.mark.parametrize("python", interpreters(), ids=str)
def test_values(preload, report, tmp_path, python, say):
    looked = check(preload, report, tmp_path, python, PROGRAM)
    say(f"{python}: of {sum(blocks for blocks, _, _ in looked)} blocks that were compared in {len(looked)} stacks, "
        f"{sum(again for _, again, _ in looked)} were looked at twice")


def test_values_of_a_forked_child(preload, report, tmp_path):
    program = PROGRAM.replace("import gc, os, sys\n", "import gc, os, sys; before = list(map(str, range(5000))); "
                              "os.fork() and os._exit(os.wait()[1])\n")
    assert program != PROGRAM
    check(preload, report, tmp_path, interpreters()[-1], program)
