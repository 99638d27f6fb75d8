"""cmake --install puts every file where it will be found, and the installed tracer works."""

import os
import subprocess

import pytest

from conftest import clean_environment, rows, wait_for_run


@pytest.fixture(scope="module")
def prefix(build, tmp_path_factory):
    prefix = tmp_path_factory.mktemp("prefix")
    process = subprocess.run(["cmake", "--install", build.root, "--prefix", prefix], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return prefix


def test_files(prefix):
    found = {os.path.relpath(os.path.join(folder, f), prefix) for folder, _, files in os.walk(prefix) for f in files}
    for path in ("bin/trace-run", "bin/trace-report", "lib/libtrace.so", "libexec/libtrace/trace-collector", "libexec/libtrace/trace-parser",
                 "libexec/libtrace/trace-symbols.so", "include/trace.h", "lib/pkgconfig/libtrace.pc", "share/libtrace/python/libtrace.py",
                 "share/libtrace/python/pytest_libtrace.py", "share/doc/libtrace/LICENSE"):
        assert path in found, sorted(found)
    # None of our internal libraries and headers is installed.
    assert not [f for f in found if f.endswith((".a", "wire.h"))]


@pytest.mark.may_fail_counting("clang's runtime for it exports names of its own")
def test_only_wanted_symbols(prefix):
    """A preloaded library interposes whatever it exports in every program, so it exports only the allocator's names and our
    own."""
    listed = subprocess.run(["nm", "-D", "--defined-only", prefix / "lib/libtrace.so"], capture_output=True, text=True, check=True)
    names = {line.split()[-1].split("@")[0] for line in listed.stdout.splitlines()}
    allowed = set("malloc calloc realloc reallocarray free cfree posix_memalign aligned_alloc memalign valloc pvalloc free_sized "
                  "free_aligned_sized malloc_usable_size".split())
    process = set("fork vfork execve execv execvp execvpe execl execlp execle fexecve posix_spawn posix_spawnp _exit _Exit "
                  "quick_exit exit pthread_create clone system popen daemon prctl syscall mlockall "
                  "mmap mmap64 munmap mremap brk sbrk shmat shmdt "
                  "unlink unlinkat remove rename renameat renameat2".split())
    other = {n for n in names - allowed if not n.startswith(("_Znw", "_Zna", "_Zdl", "_Zda", "libtrace_"))}
    assert allowed - {"cfree"} <= names
    assert other <= process, sorted(other)


def test_traces(prefix, build, tmp_path):
    process = subprocess.run([prefix / "bin/trace-run", build.target("hello")], env=clean_environment(), cwd=tmp_path,
                             capture_output=True, text=True, timeout=60)
    assert (process.stdout, process.stderr, process.returncode) == ("hello world\n", "", 0)
    assert wait_for_run(tmp_path / "trace.db")["allocations"] == 2
    assert rows(tmp_path / "trace.db", "SELECT count(*) FROM lines WHERE file LIKE '%/hello.c'")[0][0] > 0


def test_without_symbols(prefix, build, tmp_path):
    """The code that looks up names is a separate library. If that is missing, runs are recorded with module and offset
    instead."""
    library = prefix / "libexec/libtrace/trace-symbols.so"
    library.rename(tmp_path / "away.so")
    try:
        process = subprocess.run([prefix / "bin/trace-run", build.target("hello")], env=clean_environment(), cwd=tmp_path,
                                 capture_output=True, text=True, timeout=60)
        assert (process.stdout, process.stderr, process.returncode) == ("hello world\n", "", 0)
        assert wait_for_run(tmp_path / "trace.db")["state"] == "complete"
    finally:
        (tmp_path / "away.so").rename(library)
    found = rows(tmp_path / "trace.db", "SELECT sum(allocations), sum(file IS NOT NULL), min(function LIKE '%+0x%') FROM lines")
    assert tuple(found[0]) == (2, 0, 1)


def test_by_name_alone(prefix, build, tmp_path):
    """LD_PRELOAD=libtrace.so, with the directory in the loader's path."""
    env = clean_environment({"LD_PRELOAD": "libtrace.so", "LD_LIBRARY_PATH": prefix / "lib"})
    process = subprocess.run([build.target("hello")], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (process.stdout, process.stderr) == ("hello world\n", "")
    assert wait_for_run(tmp_path / "trace.db")["allocations"] == 2


@pytest.mark.parametrize("compiler, name", [(["gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"], "use.c"),
                                            (["g++", "-std=c++98", "-Wall", "-Wextra", "-Werror", "-pedantic"], "use.cpp")])
def test_public_header(compiler, name, prefix, tmp_path):
    """A program with marks can be built with the flags of pkg-config, and runs untraced and traced."""
    (tmp_path / name).write_text(
        '#include <trace.h>\n#include <stdio.h>\n'
        'int main(void) { trace_mark("a"); trace_pause(); trace_resume(); trace_snapshot("b"); puts("marked"); return 0; }\n'
    )
    env = clean_environment({"PKG_CONFIG_PATH": prefix / "lib/pkgconfig"})
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libtrace"],
                           env=env, capture_output=True, text=True, check=True).stdout.split()
    assert [os.path.realpath(f[2:]) for f in flags] == [os.path.realpath(prefix / "include")]
    subprocess.run([*compiler, "-o", tmp_path / "use", tmp_path / name, *flags], check=True)
    for extra in ({}, {"LD_PRELOAD": prefix / "lib/libtrace.so"}):
        process = subprocess.run([tmp_path / "use"], env=clean_environment(extra), cwd=tmp_path, capture_output=True, text=True)
        assert (process.stdout, process.stderr, process.returncode) == ("marked\n", "", 0)


def test_python_module(prefix, tmp_path):
    """pkg-config has the module's directory; the module finds the commands of its own installation."""
    env = clean_environment({"PKG_CONFIG_PATH": prefix / "lib/pkgconfig"})
    folder = subprocess.run(["pkg-config", "--variable=pythondir", "libtrace"], env=env, capture_output=True, text=True, check=True)
    env = clean_environment({"PYTHONPATH": folder.stdout.strip(), "PATH": "/usr/bin:/bin"})
    script = 'import libtrace; a = [0] * 50000; s = libtrace.snapshot(); print(s.statistics("lineno")[0].size >= 400000)'
    process = subprocess.run([prefix / "bin/trace-run", "/usr/bin/python3", "-c", script], env=env, cwd=tmp_path,
                             capture_output=True, text=True, timeout=120)
    assert (process.stdout, process.returncode) == ("True\n", 0), process.stderr
