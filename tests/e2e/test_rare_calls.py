"""The allocator's functions that few programs call, in runs of which all is recorded and in sampled ones."""

import subprocess

import pytest

RARE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#define SIZE 8192
static void *kept[10];
static int all_free(void *block) { free(block); return block != NULL; }
/* Some C libraries do not have these. */
static void free_by(const char *name, void *block, size_t alignment) {
    void *found = dlsym(RTLD_DEFAULT, name);
    if (!found) free(block);
    else if (alignment) ((void (*)(void *, size_t, size_t))found)(block, alignment, SIZE);
    else ((void (*)(void *, size_t))found)(block, SIZE); /* cfree() takes one argument, and sees no other */
}
static void __attribute__((noinline)) by_others(void) {
    for (int i = 0; i < 10; i++) {
        free_by("cfree", malloc(SIZE), 0);
        free_by("free_sized", malloc(SIZE), 0);
        free_by("free_aligned_sized", aligned_alloc(64, SIZE), 64);
    }
}
static void __attribute__((noinline)) aligned(void) {
    for (int i = 0; i < 10; i++) {
        void *block = NULL;
        if (posix_memalign(&block, 3, SIZE) != EINVAL || posix_memalign(&block, 128, SIZE) != 0) exit(2);
        if (!all_free(block) || !all_free(memalign(256, SIZE)) || !all_free(valloc(SIZE)) || !all_free(pvalloc(SIZE))) exit(3);
    }
}
static void __attribute__((noinline)) stays(void) {
    for (int i = 0; i < 10; i++) {
        kept[i] = malloc(SIZE);
        volatile size_t too_much = PTRDIFF_MAX, many = SIZE_MAX / 2;
        if (realloc(kept[i], too_much) || reallocarray(kept[i], many, 3) || reallocarray(kept[i], too_much, 1)) exit(4);
        if (malloc(too_much) || calloc(too_much, 1) || aligned_alloc(64, too_much) || !posix_memalign(&(void *){0}, 64, too_much)) exit(5);
    }
    kept[0] = reallocarray(kept[0], SIZE, 2);
    free(kept[9]);
}
int main(void) {
    by_others();
    aligned();
    stays();
    puts("done");
}
"""


@pytest.fixture(scope="module")
def rare(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rare")
    (folder / "rare.c").write_text(RARE)
    subprocess.run(["gcc", "-g", "-w", "-fno-builtin", "-o", folder / "rare", folder / "rare.c"], check=True)
    return folder / "rare"


@pytest.mark.parametrize("env", [{}, {"LIBTRACE_SAMPLE": "1KiB"}], ids=["all", "sampled"])
def test_counted(rare, env, trace, plain):
    """Each block once, as all of them are of the interval or more; a block that could not be resized is as it was."""
    assert plain([rare]).stdout == b"done\n"
    traced = trace([rare], env=env)
    assert (traced.returncode, traced.stdout, traced.stderr) == (0, b"done\n", b"")
    found = {name: tuple(counts) for name, *counts in traced.rows(
        "SELECT function, allocations, bytes, live_allocations, live_bytes FROM functions WHERE function IN ('by_others', 'aligned', 'stays')")}
    assert found == {"by_others": (30, 30 * 8192, 0, 0), "aligned": (40, 40 * 8192, 0, 0),
                     "stays": (11, 12 * 8192, 9, 10 * 8192)}


PYTHON = """
import ctypes
def function(name):
    one = getattr(ctypes.pythonapi, name)
    one.restype, one.argtypes = ctypes.c_void_p, [ctypes.c_size_t] if name.endswith("Malloc") else [ctypes.c_void_p] + [ctypes.c_size_t] * name.endswith("Realloc")
    return one
for family in "PyMem_", "PyObject_":
    make, resize, drop = (function(family + name) for name in ("Malloc", "Realloc", "Free"))
    blocks = [make(12344) for _ in range(20)]
    assert all(blocks)
    assert not any(resize(block, 1 << 46) for block in blocks)
    assert not make(1 << 46)
    for block in blocks[:5]:
        drop(block)
"""


@pytest.mark.parametrize("env", [{}, {"LIBTRACE_SAMPLE": "1KiB"}], ids=["all", "sampled"])
def test_python_without_memory(env, trace, tmp_path):
    """A block that could not be resized is where it was, and as large."""
    script = tmp_path / "without.py"
    script.write_text(PYTHON)
    traced = trace(["/usr/bin/python3", script], env=env)
    assert (traced.returncode, traced.stdout, traced.stderr) == (0, b"", b"")
    [row] = traced.rows("SELECT sum(allocations), sum(bytes), sum(live_allocations), sum(live_bytes) FROM site WHERE largest = 12344")
    assert tuple(row) == (40, 40 * 12344, 30, 30 * 12344)
