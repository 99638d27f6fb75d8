"""A traced program prints the same and ends in the same way as without the tracer."""

import re
import shutil
import subprocess

import pytest

from conftest import rows, same_exit


@pytest.fixture
def same(trace, plain, tmp_path, say):
    """same(argv): runs argv plain and traced, each in a fresh directory that prepare(dir) fills; compares output, exit
    status and, with artefacts, files left behind; checks that something was recorded."""

    def run(name, argv, prepare=None, artefacts=(), mask=None, env=None, at_least=10, stderr=True):
        seen = []
        for kind, runner in (("plain", plain), ("traced", trace)):
            # The same path in both runs, since programs print it and hash it.
            folder = tmp_path / "work"
            folder.mkdir()
            if prepare:
                prepare(folder)
            result = runner(argv, cwd=folder, env=env)
            out, err = result.stdout, result.stderr if stderr else b""
            if mask:
                out, err = re.sub(mask, b"*", out), re.sub(mask, b"*", err)
            files = {a: (folder / a).read_bytes() for a in artefacts}
            seen.append((result.returncode, out, err, files))
            folder.rename(tmp_path / f"{kind} {name}".replace("/", "-"))
        assert seen[1] == seen[0]
        run_row = rows(tmp_path / "trace.db", "SELECT * FROM runs")[-1]
        assert run_row["allocations"] >= at_least and run_row["state"] == "complete"
        assert run_row["exit_status"] == seen[0][0]
        say(f"{name}: the same; {run_row['allocations']:,} allocations in {run_row['processes']} processes")
        return seen[0]

    return run


def test_semantics(build, same):
    code, out, _, _ = same("semantics of malloc and its family", [build.target("semantics")], at_least=1000)
    assert code == 0 and b" 0 failed\n" in out


def test_closes_every_descriptor(build, same):
    _, out, _, _ = same("a program that closes all descriptors", [build.target("closer")], at_least=3000)
    assert b"6 entries" in out and b"next descriptor is 3" in out


def test_cxx(build, same):
    same("C++ with exceptions", [build.workload("shapes"), "3000"], at_least=10000)


def test_bash(program, same):
    script = r"""
    set -u
    declare -A seen; list=()
    for ((i = 0; i < 3000; i++)); do
        key="k$((i % 97))"; seen[$key]=${seen[$key]:-}x; list+=("$key")
        case $i in *99) printf '%s %s\n' "$i" "$(echo "${key}" | tr k K)" ;; esac
    done
    echo "${#list[@]} ${#seen[@]} ${seen[k5]}" > out; cat out
    trap 'echo bye' EXIT; trap 'echo usr1' USR1; kill -USR1 $$
    (exit 3); echo "subshell $?"; false | true; echo "${PIPESTATUS[@]}"
    read -r line < <(echo from a process substitution); echo "$line" >&2
    exit 5
    """
    code, *_ = same("bash", [program("bash"), "-c", script], artefacts=["out"], at_least=10000)
    assert code == 5


def test_git(program, same):
    git = program("git")
    script = f"""
    set -e
    export HOME=$PWD GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_DATE='2024-01-01T00:00:00Z' GIT_COMMITTER_DATE='2024-01-01T00:00:00Z'
    {git} init -q -b main .; {git} config user.name N; {git} config user.email e@example.org
    for i in 1 2 3 4 5; do seq 1 $((i * 200)) > file$i; {git} add file$i; {git} commit -q -m "commit $i"; done
    {git} log --stat; {git} gc -q; {git} fsck; {git} diff HEAD~2 | sha256sum; {git} rev-parse HEAD
    """
    same("git", [program("bash"), "-c", script], at_least=5000)


def test_sqlite3(program, same):
    sql = """
    CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c REAL);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
    INSERT INTO t SELECT i, 'text ' || (i * 7919 % 10007), i / 3.0 FROM n;
    CREATE INDEX tb ON t(b);
    SELECT count(*), sum(c), group_concat(substr(b, 1, 6)) FROM t WHERE a < 50;
    SELECT b, count(*) FROM t GROUP BY b ORDER BY 2 DESC, 1 LIMIT 5;
    PRAGMA integrity_check;
    """
    same("sqlite3", [program("sqlite3"), "x.db", sql], artefacts=["x.db"], at_least=500)


def test_python3(same):
    script = """
import collections, json, sys, threading, subprocess
words = collections.Counter(str(i % 977) for i in range(50000))
text = json.dumps(words, sort_keys=True)
box = []
ts = [threading.Thread(target=lambda: box.append(len(json.loads(text)))) for _ in range(8)]
[t.start() for t in ts]; [t.join() for t in ts]
print(box, hash(tuple(box)), subprocess.run(["/bin/echo", "child"], capture_output=True).stdout)
print("to stderr", file=sys.stderr)
sys.exit(7)
"""
    python = ["/usr/bin/python3", "-c", script]
    code, *_ = same("python3", python, env={"PYTHONHASHSEED": "0"}, at_least=1000)
    assert code == 7
    same("python3 with PYTHONMALLOC=malloc", python, env={"PYTHONHASHSEED": "0", "PYTHONMALLOC": "malloc"},
         at_least=100000)


def test_perl(program, same):
    script = r"""
    my %h; $h{$_ % 1009} .= "x$_," for 1..40000;
    my @k = sort { length $h{$b} <=> length $h{$a} || $a <=> $b } keys %h;
    print scalar(@k), " ", join(",", @k[0..5]), "\n"; my $s = join "", map { $h{$_} } @k;
    $s =~ s/x(\d)(\d*)/$2$1/g; print length($s), " ", unpack("%32C*", $s), "\n";
    my $pid = fork; if (!$pid) { print STDERR "child\n"; exit 4 } waitpid $pid, 0; print $? >> 8, "\n";
    die "ends badly\n";
    """
    code, *_ = same("perl", [program("perl"), "-e", script], env={"PERL_HASH_SEED": "0"}, at_least=10000)
    assert code != 0


def test_node(program, same):
    script = """
const m = new Map(); for (let i = 0; i < 100000; i++) m.set('k' + i % 5000, {i, s: 'v'.repeat(i % 50)});
const z = require('zlib').deflateSync(Buffer.from(JSON.stringify([...m])));
console.log(m.size, require('zlib').inflateSync(z).length, require('crypto').createHash('sha1').update('x').digest('hex'));
setTimeout(() => { console.error('later'); process.exit(6); }, 10);
"""
    code, *_ = same("node", [program("node"), "-e", script], at_least=1000)
    assert code == 6


def test_java(program, same, tmp_path):
    java = program("java")
    same("java -version", [java, "-version"], mask=rb"\d+ms", at_least=100)
    code = """
import java.util.*; import java.util.stream.*;
public class Hello { public static void main(String[] a) throws Exception {
  Map<String, List<Integer>> m = IntStream.range(0, 50000).boxed().collect(Collectors.groupingBy(i -> "k" + i % 100));
  Thread[] t = new Thread[4]; long[] s = new long[4];
  for (int i = 0; i < 4; i++) { int k = i; t[i] = new Thread(() -> { for (List<Integer> l : m.values()) s[k] += l.size(); }); t[i].start(); }
  for (Thread x : t) x.join();
  System.out.println("hello " + m.size() + " " + Arrays.toString(s)); System.exit(3); } }
"""
    javac = shutil.which("javac")
    if not javac:
        return  # a runtime without a compiler: -version is enough
    status, *_ = same(
        "java, a program with threads", [java, "Hello.java"], prepare=lambda d: (d / "Hello.java").write_text(code),
        at_least=1000,
    )
    assert status == 3


def _tree(folder):
    for i in range(40):
        (folder / f"f{i}").write_bytes(bytes((i * j) % 251 for j in range(2000 * (i % 7 + 1))))


def test_tar_and_gzip(program, same):
    # In a directory of its own, because tar fails if the archive appears in the directory that it reads.
    script = (f"mkdir in && mv f* in && {program('tar')} --sort=name --mtime=2024-01-01 --owner=0 --group=0 "
              "-czvf all.tar.gz in && tar -tvf all.tar.gz")
    same("tar (with gzip as its child)", [program("bash"), "-c", script], prepare=_tree, artefacts=["all.tar.gz"])
    same("gzip", [program("gzip"), "-9nvk", *[f"f{i}" for i in range(40)]], prepare=_tree,
         artefacts=["f3.gz", "f39.gz"], at_least=1)
    code, *_ = same("gzip on a file that is not there", [program("gzip"), "nothing"], at_least=0)
    assert code == 1


def test_openssl(program, same):
    same("openssl dgst", [program("openssl"), "dgst", "-sha256", "f1", "f2"], prepare=_tree, at_least=100)
    same("openssl enc", [program("openssl"), "enc", "-aes-256-cbc", "-pbkdf2", "-S", "0011223344556677", "-k", "secret",
                         "-in", "f5", "-out", "f5.enc"], prepare=_tree, artefacts=["f5.enc"], at_least=100)


CODE = r"""
#include <stdio.h>
#include <string.h>
struct pair { int a; double b; };
static int compare(const struct pair *x, const struct pair *y) { return x->a - y->a; }
%s
int main(void) { struct pair p = {1, 2.0}, q = {3, 4.0}; printf("%%d %%d\n", compare(&p, &q), f199(3)); return 0; }
"""


def _code(folder):
    functions = "\n".join(
        f"int f{i}(int x) {{ int s = 0; for (int i = 0; i < x * {i}; i++) s += i * {i % 7} ^ x; return s; }}"
        for i in range(200)
    )
    (folder / "code.c").write_text(CODE % functions)


def test_gcc(program, same):
    same("gcc compiling a file", [program("gcc"), "-O2", "-Wall", "-o", "code", "code.c"], prepare=_code,
         artefacts=["code"], at_least=1000)
    code, _, err, _ = same("gcc with an error", [program("gcc"), "-c", "bad.c"],
                           prepare=lambda d: (d / "bad.c").write_text("int main(void) { return x; }\n"), at_least=100)
    assert code == 1 and b"error" in err


def test_make(program, same):
    makefile = "all: " + " ".join(f"o{i}" for i in range(30)) + "\no%:\n\t@echo making $@; echo $* > $@\nbad:\n\tfalse\n"
    same("make", [program("make"), "-r"], prepare=lambda d: (d / "Makefile").write_text(makefile), artefacts=["o7"],
         at_least=1000)
    code, *_ = same("make that fails", [program("make"), "bad"],
                    prepare=lambda d: (d / "Makefile").write_text(makefile), at_least=100)
    assert code == 2


@pytest.mark.parametrize("body, expected", [
    ("abort()", -6), ("_exit(9)", 9), ("quick_exit(8)", 8), ("raise(SIGTERM)", -15), ("raise(SIGSEGV)", -11),
    ("raise(SIGKILL)", -9), ("exit(250)", 250), ("execl(\"/bin/sh\", \"sh\", \"-c\", \"exit 21\", (char *)0)", 21),
])
def test_every_way_out(body, expected, trace, plain, tmp_path):
    """What was allocated before the end is recorded, however the program ends."""
    source = tmp_path / "end.c"
    source.write_text(
        "#include <signal.h>\n#include <stdlib.h>\n#include <unistd.h>\n#include <sys/resource.h>\n"
        "int main(void) { struct rlimit none = {0, 0}; setrlimit(RLIMIT_CORE, &none);\n"
        f"for (int i = 0; i < 12345; i++) {{ void *volatile p = malloc(77); if (i % 2) free(p); }} {body}; }}\n"
    )
    subprocess.run(["gcc", "-g", "-w", "-o", tmp_path / "end", source], check=True)
    assert plain([tmp_path / "end"]).returncode == expected
    traced = trace([tmp_path / "end"])
    assert traced.returncode == expected and traced.stderr == b""
    # The line's counts, not those of the whole run, to which sh adds its own after exec.
    line = traced.one("SELECT * FROM lines WHERE file = ? AND line = 6", str(source))
    assert (line["allocations"], line["bytes"]) == (12345, 12345 * 77)
    assert line["live_allocations"] == 6173
    assert same_exit(traced.run["exit_status"], expected)
