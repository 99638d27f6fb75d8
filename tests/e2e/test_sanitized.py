"""Programs built with a sanitizer, which has an allocator of its own, run as without us, and a message says what to do."""

import shutil
import subprocess

import pytest

from conftest import clean_environment, rows, wait_for_run

SOURCE = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void *volatile kept;
static void work(void) { kept = malloc(4321); }
extern char **environ;
int main(int argc, char **argv)
{
    char name[16] = "";
    FILE *comm = fopen("/proc/self/comm", "r");
    if (!comm || !fgets(name, sizeof name, comm)) return 9;
    fclose(comm);
    work();
    printf("%s %d %s%s %d", argv[0], argc, name, getenv("OTHER") ? getenv("OTHER") : "none", (int)getppid());
    for (char **at = environ; *at; at++)
        if (strncmp(*at, "LD_PRELOAD", 10) == 0) printf(" %s", *at);
    puts("");
    return argc > 1 ? atoi(argv[1]) : 0;
}
"""

WAYS = {
    "gcc address": ["gcc", "-fsanitize=address"],
    "gcc address static": ["gcc", "-fsanitize=address", "-static-libasan"],
    "gcc thread": ["gcc", "-fsanitize=thread"],
    "gcc thread static": ["gcc", "-fsanitize=thread", "-static-libtsan"],
    "gcc leak": ["gcc", "-fsanitize=leak"],
    "clang address": ["clang", "-fsanitize=address"],
    "clang address shared": ["clang", "-fsanitize=address", "-shared-libsan"],
    "clang thread": ["clang", "-fsanitize=thread"],
    "clang memory": ["clang", "-fsanitize=memory"],
    "clang leak": ["clang", "-fsanitize=leak"],
}
NAMES = {"address": b"AddressSanitizer", "thread": b"ThreadSanitizer", "memory": b"MemorySanitizer", "leak": b"LeakSanitizer"}


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory):
    """sanitized(way): a program that is built this way, once."""
    folder = tmp_path_factory.mktemp("sanitized")
    (folder / "p.c").write_text(SOURCE)

    def build(way, options=None):
        compiler, *flags = options or WAYS[way]
        path = folder / way.replace(" ", "-")
        if not path.exists():
            if not shutil.which(compiler):
                pytest.skip(f"{compiler} is not installed")
            built = subprocess.run([compiler, "-g", *flags, "-o", path, folder / "p.c"], capture_output=True, text=True, check=False)
            if built.returncode != 0:
                pytest.skip(f"{way}: {built.stderr.splitlines()[-1]}")
        return path

    return build


def run(argv, env, **options):
    return subprocess.run([str(a) for a in argv], env=env, capture_output=True, timeout=60, check=False, **options)


def as_expected(ended, plain):
    return (ended.returncode, ended.stdout) == (plain.returncode, plain.stdout)


@pytest.mark.parametrize("way", WAYS)
def test_runs_untraced(way, sanitized, build, preload, tmp_path):
    program = sanitized(way)
    plain = run([program, "7"], clean_environment({"OTHER": "x"}))
    if plain.returncode != 7:
        pytest.skip(f"it does not run here: {plain.stderr[:200]}")
    traced = run([program, "7"], preload({"OTHER": "x"}))
    assert as_expected(traced, plain), traced
    name = b"a sanitizer" if way.startswith("gcc") and way.endswith("static") else NAMES[way.split()[1]]
    assert traced.stderr.count(b"\n") == 1 and name in traced.stderr and b"without -fsanitize" in traced.stderr
    assert traced.stderr.startswith(b"libtrace: ")
    again = run([build.command("trace-run"), "-o", tmp_path / "t.db", program, "7"], clean_environment({"OTHER": "x"}))
    assert again.stderr == traced.stderr and again.returncode == 7
    assert not list(tmp_path.glob("*.db"))


def test_deep_in_a_tree(sanitized, build, preload, report, tmp_path):
    """The shell and its other children are recorded, and one line is printed for all sanitized ones."""
    program = sanitized("gcc address")
    script = f"{program} 3; echo $?; {program} 4; echo $?; {build.target('hello')}; exit 5"
    plain = run(["sh", "-c", script], clean_environment())
    traced = run(["sh", "-c", script], preload())
    assert traced.returncode == plain.returncode == 5
    for line, other in zip(traced.stdout.splitlines(), plain.stdout.splitlines(), strict=True):
        assert line.split()[:3] == other.split()[:3] or line.startswith(b"none ")  # the parent's number may differ
    assert traced.stderr.count(b"\n") == 1 and b"AddressSanitizer" in traced.stderr
    run_of = wait_for_run(tmp_path / "trace.db")
    assert (run_of["state"], run_of["untraced"]) == ("incomplete", 2)
    assert "2 processes of the run could not be traced" in report(tmp_path / "trace.db", "summary").stdout
    assert len(rows(tmp_path / "trace.db", "SELECT * FROM run")) == 1
    found = rows(tmp_path / "trace.db", "SELECT executable FROM processes")
    assert any(row["executable"].endswith("/hello") for row in found)


def test_what_else_is_preloaded_stays(sanitized, build, tmp_path):
    program = sanitized("clang thread")
    (tmp_path / "other.c").write_text("int other;\n")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", tmp_path / "other.so", tmp_path / "other.c"], check=True)
    ended = run([program], clean_environment({"LD_PRELOAD": f"{build.library} {tmp_path}/other.so"}), cwd=tmp_path)
    assert ended.returncode == 0 and f" LD_PRELOAD={tmp_path}/other.so\n".encode() in ended.stdout
    env = {"LD_PRELOAD": f"{tmp_path}/other.so:libtrace.so", "LD_LIBRARY_PATH": build.library.parent}
    ended = run([program], clean_environment(env), cwd=tmp_path)
    assert ended.returncode == 0 and f" LD_PRELOAD={tmp_path}/other.so\n".encode() in ended.stdout


def test_two_others_stay(sanitized, build, tmp_path):
    program = sanitized("clang thread")
    for name in "ab":
        (tmp_path / f"{name}.c").write_text(f"int of_{name};\n")
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", tmp_path / f"{name}.so", tmp_path / f"{name}.c"], check=True)
    ended = run([program], clean_environment({"LD_PRELOAD": f"{tmp_path}/a.so:{build.library} {tmp_path}/b.so"}), cwd=tmp_path)
    assert ended.returncode == 0 and f" LD_PRELOAD={tmp_path}/a.so:{tmp_path}/b.so\n".encode() in ended.stdout


def test_executed_by_a_descriptor(sanitized, preload):
    """The path with which it was executed leads nowhere any more."""
    program = sanitized("gcc address")
    script = f"import os, sys; os.execve(os.open(sys.argv[1], os.O_RDONLY | os.O_CLOEXEC), sys.argv[1:], {{'LD_PRELOAD': sys.argv[3], 'LIBTRACE_DB': 'none'}})"
    ended = run(["/usr/bin/python3", "-c", script, program, "7", preload()["LD_PRELOAD"]], clean_environment())
    assert ended.returncode == 7 and ended.stdout.startswith(str(program).encode() + b" 3 "), ended
    assert b"AddressSanitizer" in ended.stderr and ended.stderr.count(b"\n") == 1


def test_started_by_the_loader(sanitized, preload):
    """It cannot be executed again without us; it runs untraced with us, as far as the sanitizer lets it."""
    program = sanitized("clang address")
    ended = run(["env", f"LD_PRELOAD={preload()['LD_PRELOAD']}", "/lib64/ld-linux-x86-64.so.2", program, "7"], preload({"LD_PRELOAD": None}))
    assert ended.returncode == 7 and b"AddressSanitizer" in ended.stderr and ended.stderr.count(b"\n") == 1, ended


def test_of_a_library(sanitized, build, preload, tmp_path):
    """The program itself is not sanitized, but one of its libraries is."""
    (tmp_path / "lib.c").write_text("#include <stdlib.h>\nvoid *volatile kept;\nvoid work(void) { kept = malloc(4321); }\n")
    (tmp_path / "main.c").write_text("void work(void);\nint main(void) { work(); return 3; }\n")
    made = run(["gcc", "-shared", "-fPIC", "-fsanitize=address", "-o", tmp_path / "libwork.so", tmp_path / "lib.c"], clean_environment())
    if made.returncode != 0:
        pytest.skip("no gcc with AddressSanitizer")
    run(["gcc", "-o", tmp_path / "main", tmp_path / "main.c", "-L", tmp_path, "-Wl,--no-as-needed", "-lasan", "-lwork", "-Wl,-rpath," + str(tmp_path)],
        clean_environment())
    plain = run([tmp_path / "main"], clean_environment({"ASAN_OPTIONS": "detect_leaks=0"}))
    traced = run([tmp_path / "main"], preload({"ASAN_OPTIONS": "detect_leaks=0"}))
    assert as_expected(traced, plain) and traced.returncode == 3
    assert b"AddressSanitizer" in traced.stderr and traced.stderr.count(b"\n") == 1


def test_undefined_behaviour_is_traced(sanitized, preload, tmp_path):
    """This sanitizer has no allocator."""
    program = sanitized("undefined", ["gcc", "-fsanitize=undefined"])
    traced = run([program], preload())
    assert (traced.returncode, traced.stderr) == (0, b"")
    wait_for_run(tmp_path / "trace.db")
    assert len(rows(tmp_path / "trace.db", "SELECT * FROM lines WHERE function = 'work' AND bytes = 4321")) == 1


def test_in_every_program(sanitized, build, tmp_path):
    """A library in /etc/ld.so.preload cannot be left out. A message says so, and what becomes of the program is up to the
    sanitizer, but the program is executed once, not again and again."""
    program = sanitized("clang address")
    if not shutil.which("bwrap"):
        pytest.skip("bubblewrap is not installed")
    (tmp_path / "preload").write_text(f"{build.library}\n")
    command = ["bwrap", "--ro-bind", "/", "/", "--tmpfs", "/etc", "--ro-bind", "/etc/ld.so.cache", "/etc/ld.so.cache", "--ro-bind",
               tmp_path / "preload", "/etc/ld.so.preload", "--bind", tmp_path, tmp_path, "--proc", "/proc", "--dev", "/dev", "--unshare-pid", "--die-with-parent"]
    env = clean_environment({"LIBTRACE_DB": tmp_path / "t.db", "LIBTRACE_FOLLOW": "0", "LIBTRACE_SESSION": "!"})
    if run([*command, "/bin/true"], env).returncode != 0:
        pytest.skip("bwrap cannot make a container here")
    ended = run([*command, "env", "-u", "LIBTRACE_SESSION", program, "7"], env)
    assert ended.returncode == 7, ended
    assert b"AddressSanitizer" in ended.stderr
