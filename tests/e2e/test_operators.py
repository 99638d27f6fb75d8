"""The program's own operator new and delete, which call malloc(): each byte is counted once, at the line with `new`."""

import subprocess

import pytest

HEADER = """
// A library's own operator new: it keeps each block's size in 16 bytes before it.
#include <cstdlib>
#include <cstdint>
#include <new>
void *operator new(std::size_t n) { auto *p = static_cast<std::uint64_t *>(std::malloc(n + 16)); if (!p) throw std::bad_alloc(); p[0] = n; return p + 2; }
void operator delete(void *p) noexcept { if (p) std::free(static_cast<std::uint64_t *>(p) - 2); }
void operator delete(void *p, std::size_t) noexcept { operator delete(p); }
"""

# Keeps a list of all blocks, whose elements come from malloc(), too, after each block's own allocation.
NOTED = """
#include <cstdlib>
#include <new>
struct note { note *next; void *block; };
static note *notes;
void *operator new(std::size_t n) { void *p = std::malloc(n); auto *noted = static_cast<note *>(std::malloc(sizeof(note))); *noted = {notes, p}; notes = noted; return p; }
void operator delete(void *p) noexcept {
    for (note **at = &notes; *at; at = &(*at)->next) if ((*at)->block == p) { note *found = *at; *at = found->next; std::free(found); break; }
    std::free(p);
}
void operator delete(void *p, std::size_t) noexcept { operator delete(p); }
"""

# Takes blocks from pieces of 64 KiB, and reuses those that were deleted.
POOL = """
#include <cstdlib>
#include <new>
struct piece { char *next, *end; };
static piece *now;
static void *kept;
void *operator new(std::size_t n) {
    n = 1008;
    if (kept) { void *p = kept; kept = *static_cast<void **>(p); return p; }
    if (!now || now->end - now->next < static_cast<long>(n)) { now = static_cast<piece *>(std::malloc(1 << 16)); now->next = reinterpret_cast<char *>(now + 1); now->end = reinterpret_cast<char *>(now) + (1 << 16); }
    void *p = now->next; now->next += n; return p;
}
void operator delete(void *p) noexcept { *static_cast<void **>(p) = kept; kept = p; }
void operator delete(void *p, std::size_t) noexcept { operator delete(p); }
"""

USER = """
struct thing { char text[1000]; };
thing *kept[100];
static void __attribute__((noinline)) work(int n) {
    for (int i = 0; i < n; i++)
        kept[i] = new thing; // here
    for (int i = 0; i < n / 2; i++)
        delete kept[i];
}
int main() { work(100); return 0; }
"""
HERE = 6


@pytest.fixture
def record(trace, tmp_path):
    """record(operators): what the line with `new` in USER allocates: allocations, bytes, live blocks, live bytes."""

    def run(operators, library):
        (tmp_path / "operators.cc").write_text(operators)
        (tmp_path / "user.cc").write_text(USER)
        build = ["g++", "-g", "-O1", "-fno-builtin", "-o"]
        if library:
            subprocess.run([*build, tmp_path / "liboperators.so", "-shared", "-fPIC", tmp_path / "operators.cc"], check=True)
            link = [f"-L{tmp_path}", "-loperators", f"-Wl,-rpath,{tmp_path}"]
        else:
            link = [tmp_path / "operators.cc"]
        subprocess.run([*build, tmp_path / "user", tmp_path / "user.cc", *link], check=True)
        traced = trace([tmp_path / "user"])
        assert (traced.returncode, traced.stderr) == (0, b"")
        query = "SELECT sum(allocations), sum(bytes), sum(live_allocations), sum(live_bytes) FROM lines WHERE file LIKE ? AND line = ?"
        assert traced.one("SELECT sum(allocations) AS n FROM lines WHERE file LIKE '%operators.cc'")["n"] is None
        return tuple(traced.one(query, "%user.cc", HERE))

    return run


@pytest.mark.parametrize("library", [True, False], ids=["in a library", "in the program"])
def test_header(record, library):
    """With a header before each block, the bytes are those that malloc() was asked for."""
    assert record(HEADER, library) == (100, 101600, 50, 50800)


def test_notes(record):
    assert record(NOTED, True) == (200, 100 * 1000 + 100 * 16, 100, 50 * 1000 + 50 * 16)


def test_pool(record):
    """What counts is what came from the heap: two pieces."""
    assert record(POOL, True) == (2, 2 << 16, 2, 2 << 16)


ALIGNED = """
#include <new>
static void *volatile kept;
int main() {
    kept = operator new(100, std::align_val_t(64)); // here
    for (int i = 0; i < 10; i++)
        operator delete(operator new[](65, std::align_val_t(64), std::nothrow), std::align_val_t(64));
    kept = operator new(0, std::align_val_t(4096));
    return 0;
}
"""


def test_aligned(trace, tmp_path):
    """The size that was asked for counts, not the rounded size."""
    (tmp_path / "aligned.cc").write_text(ALIGNED)
    subprocess.run(["g++", "-g", "-O1", "-std=c++17", "-fno-builtin", "-o", tmp_path / "aligned", tmp_path / "aligned.cc"], check=True)
    traced = trace([tmp_path / "aligned"])
    found = traced.rows("SELECT line, allocations, bytes, live_bytes FROM lines WHERE file LIKE '%aligned.cc' ORDER BY line")
    assert [tuple(row) for row in found] == [(5, 1, 100, 100), (7, 10, 650, 0), (8, 1, 0, 0)]


HANDLER = """
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <sys/time.h>
static volatile long made;
static void __attribute__((noinline)) handle(int) { made = made + 1; char *volatile p = new char[77]; delete[] p; }
int main() {
    signal(SIGALRM, handle);
    itimerval every = {{0, 200}, {0, 200}};
    setitimer(ITIMER_REAL, &every, nullptr);
    while (made < 2000) { void *volatile p = malloc(10); free(p); }
    every = {};
    setitimer(ITIMER_REAL, &every, nullptr);
    return std::printf("%ld\\n", made) < 0;
}
"""

# It may be called by a signal handler that has interrupted it.
SAFE = """
#include <stddef.h>
static _Alignas(16) char heap[1u << 30];
static _Atomic size_t used;
void *malloc(size_t n) { return heap + __atomic_fetch_add((size_t *)&used, (n + 15) / 16 * 16 + 16, 5) % (sizeof heap / 2); }
void *calloc(size_t a, size_t b) { char *p = malloc(a * b); for (size_t i = 0; i < a * b; i++) p[i] = 0; return p; }
void free(void *p) { (void)p; }
"""


def test_in_a_signal_handler(build, trace, tmp_path):
    """The handler may have interrupted a hook: operator new above malloc() is counted once there, too."""
    (tmp_path / "handler.cc").write_text(HANDLER)
    (tmp_path / "safe.c").write_text(SAFE)
    subprocess.run(["gcc", "-O1", "-fno-builtin", "-shared", "-fPIC", "-o", tmp_path / "safe.so", tmp_path / "safe.c"], check=True)
    subprocess.run(["g++", "-g", "-O1", "-fno-builtin", "-o", tmp_path / "handler", tmp_path / "handler.cc"], check=True)
    traced = trace([tmp_path / "handler"], env={"LD_PRELOAD": f"{build.library}:{tmp_path}/safe.so"})
    assert traced.returncode == 0, traced.stderr
    found = traced.one("SELECT allocations, bytes, live_allocations FROM functions WHERE function = 'handle(int)'")
    made = int(traced.stdout)
    assert tuple(found) == (made, made * 77, 0)


# What a library of C that may be used by programs of C++ does: the operators, if there are any.
NO_LIBRARY = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdint.h>
#include <string.h>
static int __attribute__((noinline)) work(void) {
    void *(*make)(size_t) = dlsym(RTLD_DEFAULT, "_Znwm"), *(*make_aligned)(size_t, size_t) = dlsym(RTLD_DEFAULT, "_ZnwmSt11align_val_t");
    void (*drop)(void *) = dlsym(RTLD_DEFAULT, "_ZdlPv"), *blocks[100];
    if (!make || !make_aligned || !drop) return -1;
    for (int i = 0; i < 100; i++)
        memset(blocks[i] = i % 2 ? make(1000) : make_aligned(1000, 128), 1, 1000);
    for (int i = 0; i < 50; i++) drop(blocks[i]);
    return (uintptr_t)blocks[98] % 128;
}
int main(void) { return printf("%d\\n", work()) < 0; }
"""


def test_no_library_of_cxx(trace, tmp_path):
    """The operators are there, as we define them, and so they work."""
    (tmp_path / "c.c").write_text(NO_LIBRARY)
    subprocess.run(["gcc", "-g", "-o", tmp_path / "c", tmp_path / "c.c"], check=True)
    traced = trace([tmp_path / "c"])
    assert (traced.returncode, traced.stdout, traced.stderr) == (0, b"0\n", b"")
    [row] = traced.rows("SELECT sum(allocations), sum(live_allocations), sum(live_bytes) FROM functions WHERE function = 'work'")
    assert tuple(row) == (100, 50, 25 * (1000 + 1024))  # aligned blocks are of whole 128 bytes


LOADS = """
#include <dlfcn.h>
int main(int argc, char **argv) {
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    return library ? ((int (*)(void))dlsym(library, "make"))() : 2;
}
"""
LOCAL = """
#include <new>
struct thing { char text[1000]; };
static thing *kept[100];
static void __attribute__((noinline)) work() {
    for (auto &one : kept) one = new thing;
    for (int i = 0; i < 50; i++) delete kept[i];
}
extern "C" int make() {
    volatile std::size_t too_much = static_cast<std::size_t>(-1) / 4;
    work();
    try { kept[0] = static_cast<thing *>(::operator new(too_much)); } catch (const std::bad_alloc &) { return 0; }
    return 3;
}
"""


def test_library_of_cxx_that_only_a_plugin_sees(trace, tmp_path):
    """As in interpreters of C that load extensions in C++: the real operators are not behind ours."""
    (tmp_path / "c.c").write_text(LOADS)
    (tmp_path / "local.cpp").write_text(LOCAL)
    subprocess.run(["gcc", "-g", "-o", tmp_path / "c", tmp_path / "c.c"], check=True)
    subprocess.run(["g++", "-g", "-shared", "-fPIC", "-o", tmp_path / "local.so", tmp_path / "local.cpp"], check=True)
    traced = trace([tmp_path / "c", tmp_path / "local.so"])
    assert (traced.returncode, traced.stdout, traced.stderr) == (0, b"", b"")
    [row] = traced.rows("SELECT sum(allocations), sum(bytes), sum(live_allocations) FROM functions WHERE function LIKE 'work%'")
    assert tuple(row) == (100, 100000, 50)
