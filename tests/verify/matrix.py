"""The rows of scripts/verify: which program is compared with which oracle.

Programs that do the same each time are compared with a run of their own under the oracle (valgrind, memusage, heaptrack); those
with threads, children or random seeds with what is counted in the same processes (the counter below, libunwind, what they count
themselves)."""

import ctypes
import pathlib
import subprocess

from oracles import Case  # first: it knows where the others are
from interpreters import interpreters, one_of_each

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = HERE.parent / "workloads" / "python"
PROBE = HERE.parent / "python" / "probe.py"

SQL = """
CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c REAL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
INSERT INTO t SELECT i, 'text ' || (i * 7919 % 10007), i / 3.0 FROM n;
CREATE INDEX tb ON t(b);
SELECT b, count(*), group_concat(upper(b)) FROM t GROUP BY b ORDER BY 2 DESC, 1 LIMIT 5;
"""
PERL = r"""my %h; $h{$_ % 1009} .= "x$_," for 1..40000; my @k = sort { length $h{$b} <=> length $h{$a} || $a <=> $b } keys %h;
my $s = join "", map { $h{$_} } @k; $s =~ s/x(\d)(\d*)/$2$1/g; print length($s), "\n";"""
TCL = "set s {}; for {set i 0} {$i < 4000} {incr i} {lappend s [expr {$i * 7919 % 1009}]}; puts [llength [lsort -integer $s]]\n"
BASH = r"""f() { local a=$1 b; if ((a > 0)); then b=$((a - 1)); f "$b"; else out="${out:0:50}x$1"; fi; }
for ((i = 0; i < 500; i++)); do f 12; x="$i ${x:0:100}"; arr[i % 300]="${x/ /_}"; done; echo "${#out} ${#arr[@]} $(echo sub | tr a-z A-Z)" """
NODE = """const {Worker, isMainThread} = require('worker_threads'); const a = [];
for (let i = 0; i < 1e5; i++) a.push({i, s: 'x' + i}); require('zlib').gzipSync(JSON.stringify(a));
if (isMainThread) for (let i = 0; i < 3; i++) new Worker(__filename);"""
THREADS = """
import json, threading
def work(n): return [json.loads(json.dumps({"k": list(range(n % 50))})) for n in range(3000)]
ts = [threading.Thread(target=work, args=(i,)) for i in range(8)]
[t.start() for t in ts]; [t.join() for t in ts]
"""
PYTHON_ONE = "import json, re, collections\nfor _ in range(3): collections.Counter(re.findall('[a-z]+', json.dumps(list(map(str, range(3000))))))"
JAVA = """import java.util.*; import java.util.stream.*;
public class Hello { public static void main(String[] a) { System.out.println(IntStream.range(0, 50000).boxed()
  .collect(Collectors.groupingBy(i -> "k" + i % 100)).size()); } }"""
CODE = "\n".join(f"int f{i}(int x) {{ int s = 0; for (int i = 0; i < x * {i}; i++) s += i * {i % 7} ^ x; return s; }}" for i in range(200))
CXX = """#include <map>
#include <regex>
#include <string>
int main() { std::map<std::string, std::regex> m; m.emplace("a", "b+"); return std::regex_match("b", m["a"]); }"""
XML = "<list>" + "".join(f'<item id="{i}"><name>n{i}</name></item>' for i in range(3000)) + "</list>"
LISP = "\n".join(f"line {i * 7919 % 10007} of the text, {'word ' * (i % 9)}" for i in range(8000)) + "\n"


def text(folder):
    (folder / "text").write_text(LISP)


def files(folder):
    for i in range(40):
        (folder / f"f{i}").write_bytes(bytes((i * j) % 251 for j in range(2000 * (i % 7 + 1))))


def written(name, content):
    return lambda folder: (folder / name).write_text(content)


def repository(folder):
    text(folder)
    script = """export HOME=$PWD GIT_AUTHOR_DATE='2024-01-01T00:00:00Z' GIT_COMMITTER_DATE='2024-01-01T00:00:00Z'
    git init -q -b main . && git config user.name N && git config user.email e@example.org
    for i in 1 2 3 4 5 6 7 8; do seq 1 $((i * 300)) > file$i; git add . && git commit -q -m "commit $i"; done"""
    subprocess.run(["sh", "-c", script], cwd=folder, check=True, env={"PATH": "/usr/local/bin:/usr/bin:/bin"})


def cc1():
    found = subprocess.run(["gcc", "-print-prog-name=cc1"], capture_output=True, text=True, check=False).stdout.strip()
    return found or "cc1"


def asked_of_malloc():
    """What this libstdc++ asks for where 24 bytes are wanted at an alignment of 128: not all of them round up."""
    new = ctypes.CDLL("libstdc++.so.6")._ZnwmSt11align_val_t
    new.argtypes, new.restype = (ctypes.c_size_t, ctypes.c_size_t), ctypes.c_void_p
    usable = ctypes.CDLL(None).malloc_usable_size
    usable.argtypes, usable.restype = (ctypes.c_void_p,), ctypes.c_size_t
    return 128 if usable(new(24, 128)) >= 128 else 24


# In each of 2,000 rounds shapes asks for 24 bytes at an alignment of 128.
TYPED = ("r", "addr2line leaves the type parameters in Rust's older names as the source has them, Vec<T>; libtrace says which types they stand for")
ALIGNED = ("a", "operator new with an alignment: libtrace counts what the program asks for, the counter what libstdc++ makes of it, in "
                "some versions a multiple of the alignment; memusage does not see aligned_alloc() at all")


def shapes_known(oracle):
    return {"counter below": {"bytes": 2000 * (24 - asked_of_malloc())}, "memusage": {"allocations": 2000}}.get(oracle, {})


def of_ours():
    """Programs of the tests and of the benchmark, in C, C++ and Rust."""
    for name, argv in {"list (C)": ["list"], "stream (C)": ["stream"], "dict (C)": ["dict"], "slots (C)": ["slots"],
                       "shapes (C++)": ["shapes"], "words (C++)": ["words"], "orders (Rust)": ["orders"]}.items():
        for oracle in ("valgrind", "memusage", "counter below"):
            known = shapes_known(oracle) if "shapes" in name else {}
            yield Case(name, oracle, argv, known=known, note=ALIGNED if known else ())
    for name in ("list", "dict", "shapes", "handoff", "orders", "words"):
        yield Case(name, "addr2line -i", [name], note=TYPED if name == "orders" else ())
    for name, argv in {"list (C)": ["list"], "dict (C)": ["dict"], "shapes (C++)": ["shapes"], "orders (Rust)": ["orders"]}.items():
        yield Case(name, "heaptrack", argv)
        yield Case(name, "libunwind", argv)
    yield Case("handoff, 8 threads", "valgrind", ["handoff", "2000", "8"])
    yield Case("handoff, 4 threads", "its own counts", ["handoff", "1000000", "4"])
    yield Case("handoff, 32 threads", "counter below", ["handoff", "20000", "32"])
    for name, argv, small in (("deep", ["deep", 2, 800], ["deep", 1, 50]), ("small", ["small", 20000], ["small", 500]),
                              ("heap", ["heap", 2000000], ["heap", 20000]), ("storm, 4 threads", ["storm", 4, "foreign", 3000000], None)):
        yield Case(name, "its own counts", argv)
        yield Case(name, "counter below", argv)
        if small:
            yield from (Case(f"{name}, few", oracle, small) for oracle in ("valgrind", "memusage", "heaptrack"))
    yield Case("deep", "libunwind", ["deep", 2, 800])
    yield Case("deep", "addr2line -i", ["deep", 1, 200])


def of_debian():
    """Programs that users have: the same each time."""
    found = [
        ("sqlite3", ["sqlite3", ":memory:", SQL], None), ("tclsh", ["tclsh", "x.tcl"], written("x.tcl", TCL)),
        ("mawk", ["mawk", "{ n[$2 % 100] = n[$2 % 100] $4 } END { for (i = 0; i < 100; i++) print i, length(n[i]) }", "text"], text),
        ("sed", ["sed", "-E", r"s/line ([0-9]+)(.*)/\2 \1/; /7/d; 10q", "text"], text), ("grep", ["grep", "-cE", "(word ){3,}|[0-9]{4}", "text"], text),
        ("sort", ["sort", "--parallel=1", "-k2n", "text"], text), ("diff", ["diff", "-q", "text", "text"], text),
        ("tar", ["tar", "--sort=name", "-cf", "all.tar", "f1", "f2", "f39"], files), ("xz", ["xz", "-k", "-T1", "f6"], files),
        ("zstd", ["zstd", "-q", "--single-thread", "f6"], files), ("bzip2", ["bzip2", "-k", "f6"], files), ("zip", ["zip", "-q", "x.zip", "f1", "f2", "f3"], files),
        ("openssl", ["openssl", "dgst", "-sha256", "f1", "f2"], files), ("jq", ["jq", "-c", "map(.a) | add", "x.json"],
                                                                        written("x.json", "[" + ",".join(f'{{"a": {i}}}' for i in range(3000)) + "]")),
        ("xmllint", ["xmllint", "--format", "x.xml"], written("x.xml", XML)), ("bc", ["bc", "-q", "x.bc"], written("x.bc", "scale=300\n4*a(1)\nquit\n")),
        ("objdump", ["objdump", "-d", "/bin/true"], None),
        ("git log", ["git", "--no-pager", "log", "--stat", "-p"], repository), ("find", ["find", ".", "-name", "f1*"], files),
        ("ed", ["ed", "-s", "text"], text), ("file", ["file", "/bin/true", "f1"], files),
    ]
    for name, argv, prepare in found:
        yield Case(name, "counter below", argv, prepare)
        yield Case(name, "valgrind", argv, prepare)
    for name, argv, prepare in found:
        if name in ("sqlite3", "xmllint", "ed", "jq", "openssl"):
            yield Case(name, "memusage", argv, prepare)
        if name in ("sqlite3", "xmllint", "jq"):
            yield Case(name, "heaptrack", argv, prepare)
        if name in ("sqlite3", "git log", "jq"):
            yield Case(name, "libunwind", argv, prepare)


def of_many():
    """Programs with threads and children, and some that are not the same twice: perl and python3 copy their environment, in which each
    tool has other words, and cc1 allocates a table for each 4 GiB of its address space that it has memory in."""
    compiler = [cc1(), "-quiet", "-O2", "x.c", "-o", "x.s"]
    python = ["env", "PYTHONMALLOC=malloc", "/usr/bin/python3", "-c", PYTHON_ONE]
    found = [
        ("python3, malloc only", python, None), ("perl", ["perl", "-e", PERL], None), ("cc1", compiler, written("x.c", CODE)),
        ("bash and its children", ["bash", "-c", BASH], None),
        ("git gc, 4 threads", ["git", "-c", "pack.threads=4", "gc", "-q"], repository),
        ("sort, 4 threads", ["sort", "--parallel=4", "-k2n", "text"], text),
        ("xz, 4 threads", ["xz", "-k", "-T4", "--block-size=4096", "f6"], files),
        ("make -j4, gcc", ["make", "-s", "-j4", "CC=gcc", "x1.o", "x2.o", "x3.o", "x4.o"],
         lambda folder: [written(f"x{i}.c", CODE)(folder) for i in range(1, 5)]),
        ("g++", ["g++", "-O1", "-c", "x.cc"], written("x.cc", CXX)),
        ("python3, 8 threads", ["/usr/bin/python3", "-c", THREADS], None),
        ("node, 4 threads", ["node", "x.js"], written("x.js", NODE)),
        ("java", ["java", "Hello.java"], written("Hello.java", JAVA)),
        ("rustc", ["rustc", "-O", "x.rs"], written("x.rs", 'fn main() { println!("{:?}", (0..9).map(|x| x.to_string()).collect::<Vec<_>>()); }')),
        ("clang", ["clang", "-O2", "-c", "x.c"], written("x.c", CODE)),
        ("psql", ["psql", "--version"], None), ("gpg", ["gpg", "--batch", "--print-md", "SHA256", "text"], text),
        ("vim", ["vim", "-es", "-u", "NONE", "-c", "%s/word/sentence/g", "-c", "wq", "text"], text),
        ("curl", ["curl", "-s", "file:///etc/passwd"], None), ("cmake", ["cmake", "--system-information"], None),
        ("soffice", ["soffice", "--headless", "--convert-to", "pdf", "text"], text),
    ]
    for name, argv, prepare in found:
        yield Case(name, "counter below", argv, prepare)
        if name in ("perl", "cc1", "g++", "bash and its children", "python3, malloc only"):
            yield Case(name, "libunwind", argv, prepare, {"LIBTRACE_STACK": "native"})


def of_python(quick):
    """Every version at hand: lines with tracemalloc, and malloc() with the counter."""
    found = interpreters()
    program, n = PYTHON / "containers.py", "2500"
    for interpreter in one_of_each(found) if quick else found:
        def argv(mode, *more):
            return [interpreter.path, *more, PROBE, mode, program, n]
        more = {"interpreter": interpreter, "script": program, "theirs": list(map(str, argv("tracemalloc", "-X", "tracemalloc=1")))}
        yield Case(interpreter.name, "tracemalloc", argv("plain"), None, {}, more)
        yield Case(interpreter.name, "counter below", [interpreter.path, "-c", THREADS])


QUICK = {("list (C)", "valgrind"), ("list (C)", "memusage"), ("shapes (C++)", "counter below"), ("shapes", "addr2line -i"),
         ("handoff, 8 threads", "valgrind"), ("handoff, 4 threads", "its own counts"), ("sqlite3", "counter below"),
         ("bash and its children", "counter below"), ("list (C)", "heaptrack"), ("dict (C)", "libunwind")}


def cases(quick):
    """All rows, in the order of the table; quick: some that are small."""
    found = [*of_ours(), *of_debian(), *of_many()]
    if quick:
        return [case for case in found if (case.name, case.oracle) in QUICK] + list(of_python(True))[-2:]
    return found + list(of_python(False))
