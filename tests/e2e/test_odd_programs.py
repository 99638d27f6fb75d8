"""Programs with unusual habits behave as without us, and what they allocate is counted."""

import os
import shutil
import subprocess

import pytest

from conftest import wait_for_run


def run_odd(mode, argument, build, trace, plain, **options):
    argv = [build.target("odd"), mode] + ([argument] if argument else [])
    expected = plain(argv)
    assert expected.returncode == 0 and expected.stdout.startswith(b"done "), expected
    traced = trace(argv, **options)
    assert (traced.stdout, traced.returncode) == (expected.stdout, expected.returncode), traced.stderr
    assert traced.stderr == b""
    assert traced.run["state"] == "complete" and traced.run["exit_status"] == 0
    return traced, int(expected.stdout.split()[1])


def blocks(traced, function="blocks"):
    return traced.one("SELECT coalesce(sum(allocations), 0) AS n FROM functions WHERE function = ?", function)["n"]


@pytest.mark.parametrize("mode", ["coroutines", "altstack", "longjmp", "seccomp", "limits", "closed"])
def test_same_and_counted(mode, build, trace, plain):
    traced, made = run_odd(mode, None, build, trace, plain)
    assert blocks(traced) == made


def test_deepbind(build, trace, plain):
    """A library that prefers its own libraries' symbols calls libc directly: its blocks are not seen, and do no harm."""
    traced, made = run_odd("deepbind", build.target("plugin.so"), build, trace, plain)
    assert blocks(traced) == made


def test_dlmopen(build, trace, plain):
    """A namespace of its own has its own allocator."""
    traced, made = run_odd("dlmopen", build.target("plugin.so"), build, trace, plain)
    assert blocks(traced) == made


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for chroot")
def test_chroot(build, trace, plain, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    traced, made = run_odd("chroot", str(root), build, trace, plain)
    assert blocks(traced) == made
    assert list(root.iterdir()) == []


OWN = """
#include <stdio.h>
#include <string.h>
static _Alignas(16) char heap[1 << 24];
static size_t used;
void *malloc(size_t n) { void *p = heap + used; used += (n + 31) / 16 * 16; return p; }
void *calloc(size_t a, size_t b) { return memset(malloc(a * b), 0, a * b); }
void *realloc(void *p, size_t n) { void *q = malloc(n); if (p) memcpy(q, p, n); return q; }
void free(void *p) { (void)p; }
int main(void) { for (int i = 0; i < 100; i++) if (!malloc(100)) return 1; puts("done"); return 0; }
"""


def test_own_allocator(trace, report, tmp_path):
    """If the program itself contains malloc (a linked-in jemalloc, say), that takes precedence over any preloaded one: nothing
    is seen, and the report says so."""
    (tmp_path / "own.c").write_text(OWN)
    subprocess.run(["gcc", "-O1", "-o", tmp_path / "own", tmp_path / "own.c"], check=True)
    traced = trace([tmp_path / "own"])
    assert traced.stdout == b"done\n" and traced.stderr == b"" and traced.returncode == 0
    assert "an allocator of its own" in report(traced.database, "top").stdout


def test_own_allocator_in_a_run_of_several(build, trace, report, tmp_path):
    """Allocations of the other processes are recorded, and the report says that something is missing."""
    (tmp_path / "own.c").write_text(OWN)
    subprocess.run(["gcc", "-O1", "-o", tmp_path / "own", tmp_path / "own.c"], check=True)
    traced = trace(["sh", "-c", f"{tmp_path}/own; {build.target('hello')}; exit 0"])
    assert (traced.returncode, traced.stdout, traced.stderr) == (0, b"done\nhello world\n", b"")
    assert (traced.run["state"], traced.run["untraced"]) == ("incomplete", 1)
    for name in ("top", "summary"):
        text = " ".join(report(traced.database, name).stdout.split())
        assert "1 process of the run could not be traced" in text and "an allocator of its own" in text
    lines = traced.rows("SELECT sum(allocations) AS n FROM lines WHERE file LIKE '%/hello.c'")
    assert lines[0]["n"] == 2


NEW = """
#include <cstdio>
#include <string>
#include <vector>
static void __attribute__((noinline)) blocks(int n) { for (int i = 0; i < n; i++) { auto *volatile p = new char[100]; delete[] p; } }
int main() { blocks(1000); std::vector<std::string> v(100, std::string(200, 'x')); std::puts("done"); return v.size() != 100; }
"""


def test_own_malloc_without_new(trace, tmp_path):
    """If only malloc is the program's own, operator new is seen, and its blocks are never passed to the program's free."""
    own = OWN[: OWN.index("int main")].replace("(void)p;", "if (p && ((char *)p < heap || (char *)p >= heap + sizeof heap)) __builtin_trap();")
    (tmp_path / "own.c").write_text(own)
    (tmp_path / "new.cc").write_text(NEW)
    subprocess.run(["gcc", "-O1", "-fno-builtin", "-c", "-o", tmp_path / "own.o", tmp_path / "own.c"], check=True)
    subprocess.run(["g++", "-g", "-O1", "-o", tmp_path / "own", tmp_path / "new.cc", tmp_path / "own.o"], check=True)
    traced = trace([tmp_path / "own"])
    assert traced.stdout == b"done\n" and traced.stderr == b"" and traced.returncode == 0
    assert blocks(traced, "blocks(int)") == 1000


@pytest.mark.parametrize("archive", ["libjemalloc.a", "libtcmalloc_minimal.a"])
def test_linked_allocators(archive, trace, report, tmp_path):
    """These allocators have their own operator new: nothing is seen, nothing breaks, and a message says so."""
    (tmp_path / "new.cc").write_text(NEW)
    built = subprocess.run(["g++", "-g", "-O1", "-o", tmp_path / "new", tmp_path / "new.cc", f"-l:{archive}", "-lpthread"],
                           capture_output=True, text=True)
    if built.returncode != 0 and "cannot find" in built.stderr:
        pytest.skip(f"{archive} is not installed")
    assert built.returncode == 0, built.stderr
    traced = trace([tmp_path / "new"])
    assert traced.stdout == b"done\n" and traced.stderr == b"" and traced.returncode == 0
    assert traced.run["state"] == "complete" and traced.run["allocations"] == 0
    assert "an allocator of its own" in report(traced.database, "top").stdout


def test_preloaded_already(build, trace, tmp_path):
    """Other libraries that the user preloads stay preloaded. An allocator after us serves the program, and its blocks are
    counted."""
    source = tmp_path / "other.c"
    source.write_text('#define _GNU_SOURCE\n#include <stddef.h>\nextern void *__libc_malloc(size_t);\nstatic long n;\n'
                      'void *malloc(size_t s) { n++; return __libc_malloc(s); }\n'
                      '#include <stdio.h>\n__attribute__((destructor)) static void e(void) { fprintf(stderr, n > 1000 ? "served\\n" : "not served\\n"); }\n')
    library = tmp_path / "other.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-fno-builtin", "-o", library, source], check=True)
    traced = trace([build.target("odd"), "limits"], env={"LD_PRELOAD": f"{build.library}:{library}"})
    assert traced.stdout == b"done 100000\n" and traced.stderr == b"served\n"
    assert blocks(traced) == 100000


def test_jemalloc_behind_us(build, trace):
    library = next((p for p in ["/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"] if os.path.exists(p)), None)
    if not library:
        pytest.skip("libjemalloc2 is not installed")
    traced = trace([build.target("odd"), "altstack"], env={"LD_PRELOAD": f"{build.library}:{library}"})
    assert traced.stdout == b"done 30000\n" and traced.stderr == b"" and blocks(traced) == 30000
