"""Every stack is the one that libunwind finds: with LIBTRACE_CHECK_STACKS=1 each of them is walked both ways.

With LIBTRACE_LONG=1 the programs do several times as much, so that 20 million stacks are compared.
"""

import os
import pathlib
import random
import shutil
import subprocess
import time

import pytest

LONG = bool(os.environ.get("LIBTRACE_LONG"))
STACKS = 20_000_000 if LONG else 5_000_000

PERL = r"""
my @rows = map { { id => $_, name => "n$_", tags => [ map { "t$_" } 1..6 ] } } 1..ROWS;
for my $round (1..3) {
    my %by; push @{ $by{ $_->{id} % 997 } }, $_->{name} for @rows;
    my $text = join ";", map { join ",", @{ $by{$_} } } sort keys %by;
    my @parts = map { [ split /,/ ] } split /;/, $text; print scalar(@parts), "\n";
    sub walk { my ($n, @a) = @_; return $n ? walk($n - 1, @a, "x$n") : scalar @a } print walk($_ % 40), "" for 1..2000;
}
"""

PYTHON = """
import json, re, collections
def tree(n): return {"n": n, "sub": [tree(i) for i in range(n)]} if n else {"leaf": "x" * 20}
for _ in range(%d):
    text = json.dumps(tree(12)); json.loads(text)
    collections.Counter(re.findall(r"[a-z]+", text)); sorted(text[:20000])
"""

SQL = """
CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150000)
INSERT INTO t SELECT i, printf('%%s-%%d', hex(i), i * 7919 %% 10007), json_array(i, 'x', json_object('k', i)) FROM n;
CREATE INDEX tb ON t(b);
%s
"""
QUERY = """SELECT substr(b, 1, 3), count(*), group_concat(upper(b)), sum(json_extract(c, '$[2].k')), max(replace(c, 'x', 'yy'))
FROM t GROUP BY 1 ORDER BY 2 DESC LIMIT 3;
"""

BASH = r"""
f() { local a=$1 b; if (( a > 0 )); then b=$(( a - 1 )); f "$b"; else out="${out:0:50}x$1"; fi; }
for ((i = 0; i < ROUNDS; i++)); do f 12; x="$i ${x:0:100}"; arr[i % 300]="${x/ /_}"; done; echo "${#out} ${#arr[@]}"
"""


def _c_code(functions):
    """A C file, always the same, that keeps the optimiser busy."""
    rng = random.Random(1)
    lines = ["#include <stdio.h>", "#include <stdlib.h>", "#include <string.h>", "#include <math.h>"]
    for i in range(functions):
        lines.append(
            f"struct s{i} {{ int a[{rng.randint(1, 9)}]; double d; struct s{max(i - 1, 0)} *p; }};\n"
            f"static int g{i}(struct s{i} *s, int n) {{ int r = 0; for (int i = 0; i < n; i++) switch (i % {rng.randint(2, 9)})"
            f" {{ case 0: r += s->a[0] * {rng.randint(1, 99)}; break; case 1: r ^= i << {rng.randint(1, 9)}; break;"
            f" default: s->d += sqrt((double)r); }} return r; }}\n"
            f"int f{i}(int n) {{ struct s{i} s = {{0}}; return g{i}(&s, n) + (n > 0 ? f{max(i - 1, 0)}(n - 1) : 0); }}"
        )
    return "\n".join(lines) + "\n"


CXX = r"""
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <regex>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>
template <int N> struct T { std::map<std::string, std::vector<T<N - 1>>> m; std::variant<int, std::string, double> v;
  void f() { std::sort(m.begin()->second.begin(), m.begin()->second.end(), [](auto &a, auto &b) { return a.v.index() < b.v.index(); });
             for (auto &[k, t] : m) for (auto &x : t) x.f(); } };
template <> struct T<0> { std::variant<int, std::string, double> v; void f() { std::cout << std::regex_replace("a", std::regex("a"), "b"); } };
int main() { T<12> t; t.f(); }
"""
SHORT_CXX = r"""
#include <map>
#include <string>
#include <vector>
template <int N> struct T { std::map<std::string, std::vector<T<N - 1>>> m; void f() { for (auto &[k, t] : m) for (auto &x : t) x.f(); } };
template <> struct T<0> { int v; void f() { v++; } };
int main() { T<4> t; t.f(); }
"""


def _repository(folder, git):
    """A repository with some history."""
    subprocess.run(
        f"export HOME={folder} GIT_CONFIG_NOSYSTEM=1; {git} init -q -b main . && {git} config user.name N && "
        f"{git} config user.email e@example.org && for i in $(seq 120); do mkdir -p d$((i % 7)); "
        f"seq $i $((i * 40)) > d$((i % 7))/f$i; sort -R --random-source=/bin/sh d$((i % 7))/f$i > d$((i % 7))/g; "
        f"{git} add . && {git} commit -q -m c$i; done",
        shell=True, cwd=folder, check=True,
    )


def jobs(folder):
    """(name, argv, extra environment) of each program that is installed, those that allocate most first."""
    (folder / "code.c").write_text(_c_code(700 if LONG else 150))
    (folder / "code.cpp").write_text(CXX if LONG else SHORT_CXX)
    (folder / "load.sql").write_text(SQL % (QUERY * (8 if LONG else 2)))
    found = []

    def add(name, program, *arguments, env=None):
        path = program if "/" in program else shutil.which(program)
        if path and pathlib.Path(path).exists():
            found.append((name, [path, *arguments], env or {}))

    # Uses malloc for each object, and records the interpreter's own deep stacks instead of the script's.
    add("python3, native stacks", "/usr/bin/python3", "-c", PYTHON % (12 if LONG else 4),
        env={"PYTHONMALLOC": "malloc", "LIBTRACE_STACK": "native"})
    add("perl", "perl", "-e", PERL.replace("ROWS", "60000" if LONG else "20000"))
    add("sqlite3", "sqlite3", ":memory:", f".read {folder}/load.sql")
    add("bash", "bash", "-c", BASH.replace("ROUNDS", "6000" if LONG else "900"))
    add("gcc -O2 (cc1, as)", "gcc", "-O2", "-c", "-o", f"{folder}/code.o", f"{folder}/code.c")
    add("g++ -O1 (cc1plus, as)", "g++", "-O1", "-std=c++17", "-c", "-o", f"{folder}/cxx.o", f"{folder}/code.cpp")
    if shutil.which("git"):
        repository = folder / "repository"
        repository.mkdir()
        _repository(repository, "git")
        add("git log -p", "git", "-C", str(repository), "log", "-p", "--stat", "--all", "-M", "-C")
    add("node", "node", "-e", "const a = []; for (let i = 0; i < 2e5; i++) a.push({i, s: 'x' + i}); "
        "console.log(require('zlib').gzipSync(JSON.stringify(a)).length, Buffer.alloc(1000).length)")
    add("openssl", "openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out", f"{folder}/k")
    return found


def test_no_stack_differs(trace, say, tmp_path):
    checked, programs, different, spent = 0, set(), [], time.monotonic()
    for number, (name, argv, env) in enumerate(jobs(tmp_path)):
        begun = time.monotonic()
        traced = trace(argv, env={"LIBTRACE_CHECK_STACKS": "1", **env}, db=tmp_path / f"{number}.db", cwd=tmp_path)
        assert traced.returncode == 0, f"{name}: {traced.stderr[-500:]}"
        run = traced.run
        # All stacks were checked, except those of other libraries' constructors, which run before libunwind is loaded, and
        # those through code without call frame information.
        counted = run["stacks_checked"] + run["stacks_slow"]
        assert counted >= run["allocations"] - 5000, f"{name}: {dict(run)}"
        assert name == "node" or run["stacks_slow"] == 0, f"{name}: {dict(run)}"
        say(
            f"{name}: {run['stacks_checked']:,} stacks, {run['stacks_different']} different, "
            f"{run['stacks_slow']:,} without call frame information, {time.monotonic() - begun:.0f} s"
        )
        checked += run["stacks_checked"]
        if run["stacks_different"]:
            different.append(name)
        if run["stacks_checked"] > 100_000:
            programs.add(name)
    say(f"together {checked:,} stacks of {len(programs)} programs with more than 100,000, {time.monotonic() - spent:.0f} s")
    assert not different
    assert len(programs) >= 5
    assert checked >= STACKS


@pytest.mark.parametrize("name", ["shapes", "handoff", "list"])
def test_workloads_too(name, build, trace):
    run = trace([build.workload(name)], env={"LIBTRACE_CHECK_STACKS": "1"}).run
    assert run["stacks_checked"] >= run["allocations"] - 10 > 1000
    assert run["stacks_different"] == 0


def test_deep_stacks_are_cut(build, trace):
    """A stack deeper than LIBTRACE_DEPTH loses its outermost frames and is marked as cut, which does not count as a
    difference."""
    traced = trace([build.workload("shapes"), "50"], env={"LIBTRACE_CHECK_STACKS": "1", "LIBTRACE_DEPTH": "6"})
    assert traced.run["stacks_different"] == 0
    cut = traced.rows("SELECT count(*) AS n FROM stacks WHERE frames LIKE '%[cut]'")[0]["n"]
    assert cut > 0


@pytest.mark.parametrize("argv", [["shapes", "200"], ["python3", "-c", "x = [str(i) for i in range(9000)]"]], ids=lambda a: a[0])
def test_the_tracer_is_not_in_them(argv, build, trace, program):
    """Operators that libtrace.so puts before the program's leave no frame: the next frame is their caller."""
    argv[0] = build.workload(argv[0]) if argv[0] == "shapes" else program(argv[0])
    traced = trace(argv, env={"LIBTRACE_STACK": "native"})
    assert traced.returncode == 0 and traced.stderr == b""
    [module] = traced.rows("SELECT id FROM module WHERE path LIKE '%/libtrace.so'")
    assert traced.rows("SELECT 1 FROM frame WHERE module = ?", module["id"]) == []
    stacks = [r["frames"].split(";") for r in traced.rows("SELECT frames FROM stacks")]
    news = [frames[1] for frames in stacks if frames[0].startswith("operator new(")]
    assert not [f for f in stacks if "/preload/" in ";".join(f)]
    if "shapes" in argv[0]:
        assert [caller for caller in news if caller.startswith("main (")] and len(news) > 5
    for view in ("sites", "lines", "stacks"):
        assert traced.one(f"SELECT sum(allocations) AS n FROM {view}")["n"] == traced.run["allocations"]


@pytest.mark.parametrize("mode", ["frames", "contexts", "threads"])
def test_same_place_other_stack(mode, build, trace, plain, tmp_path):
    """At the same place on the stack, the frames above differ each time, or are missing."""
    expected = plain([build.target("moving"), mode])
    made = int(expected.stdout.split()[1])
    for checked in ("0", "1"):
        traced = trace([build.target("moving"), mode], env={"LIBTRACE_CHECK_STACKS": checked}, db=tmp_path / checked)
        assert (traced.returncode, traced.stdout, traced.stderr) == (0, expected.stdout, b"")
        assert traced.run["stacks_different"] == 0
        assert traced.one("SELECT sum(allocations) AS n FROM functions WHERE function = 'blocks'")["n"] == made


def test_code_made_where_a_library_was(build, trace, plain):
    """There is no notification when a library is unloaded; it shows only when there is a frame where it was."""
    argv = [build.target("moving"), "made-code", build.target("first.so")]
    expected = plain(argv)
    assert expected.stdout == b"done 30\n"
    traced = trace(argv)
    assert (traced.returncode, traced.stdout) == (0, expected.stdout)
    made = traced.rows("SELECT module, function, allocations FROM sites WHERE bytes = 30 * 88")
    assert [tuple(row) for row in made] == [("", "[unknown]", 30)]
    assert traced.one("SELECT frames FROM stacks WHERE bytes = 30 * 88")["frames"] == "[unknown];[cut]"
    called = traced.one("SELECT sum(allocations) AS n FROM functions WHERE function = 'first_make'")
    assert called["n"] == 10


def test_libraries_in_one_place(build, trace, plain):
    """A library is loaded where another one was: the same addresses are in other functions."""
    argv = [build.target("moving"), "libraries", build.target("first.so"), build.target("second.so")]
    expected = plain(argv)
    traced = trace(argv)
    assert (traced.returncode, traced.stdout) == (0, expected.stdout)
    if not expected.stdout.startswith(b"in one place"):
        pytest.skip("the libraries are apart")
    made = {row["function"]: row["n"] for row in
            traced.rows("SELECT function, sum(allocations) AS n FROM functions WHERE function LIKE '%_make' GROUP BY 1")}
    assert made == {"first_make": 2000, "second_make": 2000}
