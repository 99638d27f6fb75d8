"""Python programs of every kind: each block's stack is the one that the interpreter itself sees, on every interpreter found.

The programs make blocks of unique sizes and write down from where (programs/oracle.py). LIBTRACE_LONG=1 runs them all
on all interpreters; without it, most are run on one of each kind.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from interpreters import interpreters, one_of_each

PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"
KINDS = PROGRAMS / "kinds.py"
BASE, RANGE = 700001, 100000  # sizes of the blocks of programs/oracle.py
FOUND = interpreters()
SLOW = re.compile(rb"Executing <.*> took [0-9.]+ seconds\n")  # asyncio's remark in -X dev, on a busy machine
LONG = bool(os.environ.get("LIBTRACE_LONG"))
EACH = FOUND if LONG else one_of_each(FOUND)

each = pytest.mark.parametrize("interpreter", EACH, ids=str)


def each_with(values, common):
    """Cases of interpreter and value: the common values with one interpreter of each kind, the others with one of these in turn."""
    values = list(values)
    return [pytest.param(interpreter, value, id=f"{interpreter}-{value}") for i, interpreter in enumerate(EACH)
            for k, value in enumerate(values) if value in common or LONG or k % len(EACH) == i]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """compiled(file, name, options...): compiles programs/file; returns the path of the result."""
    folder = tmp_path_factory.mktemp("compiled")

    def compile_(file, name, *options):
        out = folder / name
        if not out.exists():
            subprocess.run([os.environ.get("CC", "cc"), "-g", "-O1", "-fno-omit-frame-pointer", "-o", out, PROGRAMS / file,
                            *map(str, options)], check=True)
        return out

    return compile_


@pytest.fixture(scope="module")
def extension(compiled):
    return compiled("extension.c", "extension.so", "-shared", "-fPIC", "-pthread")


def leb128(data):
    """The numbers of a histogram, see store.h: class, count, class, count ..."""
    number, shift = 0, 0
    for byte in data:
        number |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            yield number
            number, shift = 0, 0


def blocks_of(site):
    """How many of a site's blocks are the programs' own; others of the same line and stack are much smaller."""
    if site["sizes"] is None:
        return site["allocations"]
    numbers = list(leb128(site["sizes"]))
    return dict(zip(numbers[::2], numbers[1::2]))[BASE.bit_length()]


def recorded(trace):
    """The recorded stacks of the programs' blocks: {Python frames: [blocks, the largest one's size, [all frames, ...]]}. A
    frame is (file, line, function), the innermost first; in `all frames` its language comes before it."""
    nodes = {row["id"]: (row["parent"], row["frame"]) for row in trace.rows(
        """WITH RECURSIVE above(node) AS (SELECT node FROM site WHERE largest >= ? AND largest < ?
                                          UNION SELECT node.parent FROM above JOIN node ON node.run = 1 AND node.id = above.node)
           SELECT id, parent, frame FROM above JOIN node ON node.run = 1 AND node.id = above.node""", BASE, BASE + RANGE)}
    places = {}
    for row in trace.rows("""SELECT f.frame, l.file, l.line, l.function, l.language FROM json_each(?) AS j
                             JOIN frame_line AS f ON f.run = 1 AND f.frame = j.value
                             JOIN line AS l ON l.run = f.run AND l.id = f.line ORDER BY f.frame, f.depth""",
                          json.dumps(sorted({frame for _, frame in nodes.values()}))):
        places.setdefault(row["frame"], []).append((row["language"], (row["file"], row["line"], row["function"])))
    stacks = {}
    for site in trace.rows("SELECT * FROM site WHERE largest >= ? AND largest < ?", BASE, BASE + RANGE):
        node, frames = site["node"], []
        while node in nodes:
            frames += places.get(nodes[node][1], [])
            node = nodes[node][0]
        python = tuple(place for language, place in frames if language == "python")
        blocks, largest, all_frames = stacks.get(python, [0, 0, []])
        stacks[python] = [blocks + blocks_of(site), max(largest, site["largest"]), all_frames + [frames]]
    return stacks


def written_down(path):
    """The same as the programs themselves saw it, in all processes: {Python frames: [blocks, the largest one's size]}."""
    sizes, stacks = {}, {}
    for line in path.read_text().splitlines():
        sizes.update(json.loads(line))
    for size, frames in sizes.items():
        stacks.setdefault(tuple(map(tuple, frames)), []).append(int(size))
    return {frames: [len(of), max(of)] for frames, of in stacks.items()}


def check(trace, at_least, hybrid=False):
    """Checks that the stacks recorded are those that the programs have written down; returns the number of blocks."""
    assert trace.returncode == 0, trace.stderr.decode()
    assert not SLOW.sub(b"", trace.stderr), trace.stderr.decode()
    count = sum(blocks for blocks, _ in trace.expected.values())
    assert count >= at_least, f"only {count} blocks"
    stacks = recorded(trace)
    for python, measures in trace.expected.items():
        assert stacks.get(python, [0, 0])[:2] == measures, python
        for frames in stacks[python][2]:
            if hybrid:
                assert frames[-1][0] == "native", "the outermost frame is the program's own"
                assert not any(place[2] == "_PyEval_EvalFrameDefault" for _, place in frames), frames
            else:
                assert len(frames) == len(python)
    unseen = {python: entry[:2] for python, entry in stacks.items() if python not in trace.expected}
    assert not unseen, "blocks with stacks that nobody saw"
    return count


def check_order(trace):
    """The order in stacks of both kinds: here(), the callback, the C function that called it, the Python code that called
    that."""
    for python, entry in recorded(trace).items():
        if [place[2].rpartition(".")[2] for place in python[:3]] == ["here", "<lambda>", "extension"]:
            for frames in entry[2]:
                names = [place[2].rpartition(".")[2] for _, place in frames]
                assert names.index("<lambda>") < names.index("call") < names.index("extension") < names.index("main")
            return
    raise AssertionError("nothing was called back")


@pytest.fixture
def record(trace, tmp_path):
    """record(argv, env): runs argv traced; `expected` of the result is what its processes have written down."""

    def run(argv, env=None, **options):
        out = tmp_path / "expected"
        out.write_bytes(b"")
        result = trace(argv, {"ORACLE_OUT": out, "LIBTRACE_DEPTH": 1000, **(env or {})}, **options)
        result.expected = written_down(out)
        return result

    return run


@pytest.mark.parametrize("interpreter, mode", [(interpreter, mode) for mode, of in (("auto", FOUND), ("both", EACH))
                                               for interpreter in of], ids=str)
def test_kinds(interpreter, mode, record, extension, say):
    env = {"LIBTRACE_STACK": mode}
    traced = record([interpreter.path, KINDS, extension], env)
    count = check(traced, 180, mode == "both")
    if mode == "both":
        check_order(traced)
    say(f"{interpreter.name:15} {mode:6} {count} stacks of all kinds are the interpreter's own")


def test_python_is_auto(record, extension):
    """So far LIBTRACE_STACK=python is the same as auto: Python frames where there are any, native ones elsewhere."""
    check(record([EACH[-1].path, KINDS, extension], {"LIBTRACE_STACK": "python"}), 180)


@each
def test_native(interpreter, record):
    traced = record([interpreter.path, KINDS], {"LIBTRACE_STACK": "native"})
    assert traced.returncode == 0 and not traced.stderr, traced.stderr.decode()
    assert traced.expected
    assert not traced.rows("SELECT * FROM line WHERE language = 'python'")


MEMORY = {
    "malloc": ([], {"PYTHONMALLOC": "malloc"}),
    "debug": ([], {"PYTHONMALLOC": "debug"}),
    "malloc_debug": ([], {"PYTHONMALLOC": "malloc_debug"}),
    "pymalloc_debug": ([], {"PYTHONMALLOC": "pymalloc_debug"}),
    "dev": (["-X", "dev"], {}),
    "tracemalloc": (["-X", "tracemalloc=5"], {}),
    "dev, malloc, tracemalloc": (["-X", "dev", "-X", "tracemalloc"], {"PYTHONMALLOC": "malloc"}),
}


@pytest.mark.parametrize("interpreter, memory", each_with(MEMORY, ["malloc"]))
def test_memory(interpreter, memory, record, extension):
    """Whatever allocators the interpreter was told to use, the stacks are the same, and the sizes are those asked for."""
    options, env = MEMORY[memory]
    check(record([interpreter.path, *options, KINDS, extension], env), 180)


@each
def test_virtual_environment(interpreter, record, plain, tmp_path):
    made = plain([interpreter.path, "-m", "venv", "--without-pip", tmp_path / "venv"])
    if made.returncode:
        pytest.skip(f"{interpreter} has no venv: {made.stdout.decode()}")
    check(record([tmp_path / "venv" / "bin" / "python", KINDS]), 120)


METHODS = ["fork", "spawn", "forkserver", "pool", "os.fork", "subprocess"]


@pytest.mark.parametrize("interpreter, method", each_with(METHODS, ["fork"]))
def test_children(interpreter, method, record):
    traced = record([interpreter.path, PROGRAMS / "children.py", method])
    count = check(traced, 10)
    processes = traced.one("SELECT count(DISTINCT process) AS n FROM site WHERE largest >= ?", BASE)["n"]
    assert processes >= {"pool": 2, "os.fork": 3, "subprocess": 3}.get(method, 4), f"{processes} processes, {count} blocks"


def libpython(interpreter, variable):
    """The path of the library that a configuration variable names (LDLIBRARY: shared, LIBRARY: static)."""
    code = ("import sysconfig, os; get = sysconfig.get_config_var; print(*[os.path.join(get(d) or '', get(%r) or '?') "
            "for d in ('LIBDIR', 'LIBPL', 'srcdir')], get('LIBS'), get('SYSLIBS'), sep=':')" % variable)
    fields = subprocess.run([interpreter.path, "-I", "-c", code], stdout=subprocess.PIPE, check=True).stdout.decode()
    *paths, libraries, more = fields.strip().split(":")
    found = [path for path in paths if os.path.isfile(path)]
    return (found[0], libraries.split() + more.split()) if found else (None, [])


@pytest.mark.parametrize("how", ["shared", "loaded", "static"])
@each
def test_embedded(interpreter, how, record, compiled):
    path, libraries = libpython(interpreter, "LIBRARY" if how == "static" else "LDLIBRARY")
    if not path or path.endswith(".a") != (how == "static"):
        pytest.skip(f"{interpreter} has no {how} libpython")
    name = f"embed-{how}-{interpreter}"
    if how == "loaded":
        argv = [compiled("embed.c", name, "-DLOADED", "-ldl"), path]
    elif how == "shared":
        argv = [compiled("embed.c", name, path, f"-Wl,-rpath,{os.path.dirname(path)}")]
    else:
        try:
            argv = [compiled("embed.c", name, "-no-pie", "-rdynamic", path, "-pthread", *libraries, "-lm")]
        except subprocess.CalledProcessError:
            pytest.skip(f"{path} cannot be linked: libraries that it needs are missing")
    home = str(pathlib.Path(interpreter.path).resolve().parent.parent)
    check(record([*argv, PROGRAMS / "embedded.py"], {"PYTHONHOME": home}), 20)


@each
def test_sub_interpreters(interpreter, trace):
    """They run without harm, and their lines are found, whatever memory their code was in before."""
    rounds = 10
    traced = trace([interpreter.path, PROGRAMS / "subinterpreters.py", rounds])
    assert (traced.returncode, traced.stdout, traced.stderr) == (0, b"sub-interpreters done\n", b"")
    found = {(frames[:2], entry[1]) for frames, entry in recorded(traced).items()}
    for n in range(rounds * (4 if interpreter.version >= (3, 13) else 1)):
        file, line = f"interpreter-{n}", n % 50 + 1
        assert (((file, line + 1, f"made_{n}"), (file, line + 4, "<module>")), BASE + 2 * n) in found


@each
def test_codes_of_others(interpreter, trace):
    """A code object in memory that was another's is told apart from it, even when the table of addresses has overflowed."""
    steps = 1500 if LONG else 600  # the table has overflowed after a third of them
    traced = trace([interpreter.path, PROGRAMS / "codes.py", 80000, steps])
    assert traced.returncode == 0 and not traced.stderr, traced.stderr.decode()
    wrong = right = 0
    for (inner, *_), (blocks, largest, _) in recorded(traced).items():
        k = (largest - BASE) // 2
        fine = blocks == 1 and inner == (f"code-{k}", k + 2, "template")
        right += fine
        wrong += not fine
    assert (right, wrong) == (steps, 0)


def test_other_scripts(report, record, tmp_path):
    """File names, function names and source text that are not ASCII reach the reports unchanged."""
    traced = record([EACH[-1].path, KINDS])
    check(traced, 120)
    top = json.loads(report(traced.database, "top", "--json", "--file", "*größe_измерение.py").stdout)
    names = {row["function"].rpartition(".")[2] for row in top["rows"]}
    assert names and names <= {"измерить", "測る", "𐎶𐎿", "Größe", "<module>", "<listcomp>"}, names
    found = traced.rows("SELECT * FROM line WHERE function = '𐎶𐎿' AND file LIKE '%/größe_измерение.py' AND line = 14")
    assert found


def test_languages(report, trace, tmp_path):
    """One table for both languages, and one for each; what the interpreter itself needs is native."""
    script = tmp_path / "größe.py"
    script.write_text("def größe(n):\n    return ['ß' * 100 + str(i) for i in range(n)]  # 測る\n\n\nkeep = größe(3000)\n")
    traced = trace([EACH[-1].path, script])
    rows = {}
    for language in ("python", "native"):
        rows[language] = json.loads(report(traced.database, "top", "--json", "--group", "line", "--language", language,
                                           "--limit", "100000").stdout)["rows"]
        assert rows[language] and all(row["language"] == language for row in rows[language])
    both = json.loads(report(traced.database, "top", "--json", "--limit", "100000").stdout)
    assert len(both["rows"]) == len(rows["python"]) + len(rows["native"])
    text = report(traced.database, "top", "--file", "*größe.py").stdout
    assert "return ['ß' * 100 + str(i) for i in range(n)]  # 測る" in text
    measured = [row for row in rows["python"] if row["line"] == 2 and row["file"] == str(script)]
    assert sum(row["allocations"] for row in measured) >= 3000


def said(traced):
    return traced.stderr.decode().splitlines()


def test_pypy(trace):
    pypy = shutil.which("pypy3")
    if not pypy:
        pytest.skip("pypy3 is not installed")
    traced = trace([pypy, "-c", "print(sum(len([i]) for i in range(1000)))"])
    assert (traced.returncode, traced.stdout) == (0, b"1000\n")
    assert said(traced) == ["libtrace: Python is traced natively, its lines are not, because it is PyPy"]
    assert traced.run["allocations"] > 0


UNKNOWN = {
    "free-threaded": ("it is free-threaded", "0x030e00f0", "3.14.0", "xdebugpy", 1),
    "silent": ("it does not publish its offsets", "0x030e00f0", "3.14.0", "", 0),
    "odd": ("the offsets that it publishes are not understood", "0x030e00f0", "3.14.0", "xdebugpy", 0),
    "later": ("its version is not known", "0x03ff00f0", "3.255.0", "xdebugpy", 0),
    "old": ("its version is not known", "0", "3.7.16 (default, Nov 22 2026)", "", 0),
}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_not_known(kind, trace, compiled):
    """Imitations of interpreters that cannot be read are left alone and traced natively, and one line says so."""
    reason, version, text, cookie, free_threaded = UNKNOWN[kind]
    program = compiled("pretender.c", f"pretender-{kind}", "-rdynamic", f"-DVERSION={version}", f'-DTEXT="{text}"',
                       f'-DCOOKIE="{cookie}"', f"-DFREE_THREADED={free_threaded}")
    traced = trace([program])
    assert (traced.returncode, traced.stdout) == (0, b"done\n")
    assert said(traced) == [f"libtrace: Python is traced natively, its lines are not, because {reason}"]
    assert traced.run["allocations"] >= 10
