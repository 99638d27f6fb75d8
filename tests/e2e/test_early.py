"""Allocations before the C library is set up, by a library that asks to be initialised first: the settings in the environment
and the session are respected nevertheless."""

import subprocess

import pytest

from conftest import rows, wait_for_run

EARLY = """
#include <stdlib.h>
void *volatile early_block;
__attribute__((constructor)) static void early(void) { early_block = malloc(1234); }
"""
MAIN = """
#include <stdlib.h>
#include <unistd.h>
#include <sys/wait.h>
extern void *volatile early_block;
int main(int argc, char **argv) {
    if (argc > 1) {
        if (fork() == 0) execl(argv[0], argv[0], (char *)0);
        wait(0);
    }
    return early_block == 0;
}
"""


@pytest.fixture
def early(tmp_path):
    (tmp_path / "early.c").write_text(EARLY)
    (tmp_path / "main.c").write_text(MAIN)
    subprocess.run(["gcc", "-g", "-fno-builtin", "-shared", "-fPIC", "-Wl,-z,initfirst", "-o", tmp_path / "libearly.so", tmp_path / "early.c"], check=True)
    subprocess.run(["gcc", "-g", "-o", tmp_path / "main", tmp_path / "main.c", "-L", tmp_path, "-learly", f"-Wl,-rpath,{tmp_path}"], check=True)
    return tmp_path / "main"


def test_settings(early, trace):
    """The database named by the variable is used (trace() sets one), and so are a label and another setting."""
    traced = trace([early], env={"LIBTRACE_LABEL": "mine", "LIBTRACE_EVENTS": "1"}, cwd=early.parent)
    assert (traced.returncode, traced.stderr) == (0, b"")
    assert traced.run["label"] == "mine"
    assert traced.one("SELECT allocations, bytes FROM functions WHERE function = 'early'")["bytes"] == 1234
    assert traced.one("SELECT count(*) AS n FROM event")["n"] > 0


def test_session(early, preload, tmp_path):
    """A program that it executes belongs to its run."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    env = preload(db=folder / "trace.db")
    assert subprocess.run([early, "child"], env=env, cwd=folder, timeout=60).returncode == 0
    run = wait_for_run(folder / "trace.db")
    assert run["state"] == "complete"
    assert len(rows(folder / "trace.db", "SELECT * FROM run")) == 1
    found = rows(folder / "trace.db", "SELECT sum(allocations) AS n FROM functions WHERE function = 'early'")
    assert found[0]["n"] == 2


# One call, before the C library and ours are set up, of a function that goes through a hook: FIRST CALL [PATH].
FIRST = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>
void *__libc_malloc(size_t);
char answer[200];
static void filled(unsigned char *block, size_t alignment, int first) {
    sprintf(answer, "%d %d %d", block != NULL, (int)((uintptr_t)block % alignment), first < 0 ? 0 : block[0] + block[99]);
    memset(block, 1, 100);
    free(block);
}
static void said(long result) { sprintf(answer, "%ld %d", result, result < 0 ? errno : 0); }
__attribute__((constructor)) static void early(int argc, char **argv) {
    const char *path = argc > 2 ? argv[2] : "", *call = argv[1];
    char other[200];
    void *block = NULL;
    strcat(strcpy(other, path), ".other");
#define IS(name) (strcmp(call, name) == 0)
    if (IS("malloc")) filled(malloc(100), 16, -1);
    else if (IS("calloc")) filled(calloc(25, 4), 16, 1);
    else if (IS("calloc too much")) said(calloc(SIZE_MAX / 2, 4) ? 0 : -1);
    else if (IS("realloc")) filled(realloc(NULL, 100), 16, -1);
    else if (IS("realloc a block")) filled(realloc(memset(__libc_malloc(100), 7, 100), 100), 16, 1);
    else if (IS("free")) free(__libc_malloc(100)), said(0);
    else if (IS("posix_memalign")) said(posix_memalign(&block, 256, 100)), filled(block, 256, -1);
    else if (IS("aligned_alloc")) filled(aligned_alloc(128, 256), 128, -1);
    else if (IS("memalign")) filled(memalign(512, 100), 512, -1);
    else if (IS("valloc")) filled(valloc(100), 4096, -1);
    else if (IS("pvalloc")) filled(pvalloc(100), 4096, -1);
    else if (IS("malloc_usable_size")) said(malloc_usable_size(__libc_malloc(100)));
    else if (IS("prctl")) said(prctl(PR_SET_NAME, "first", 0, 0, 0)), prctl(PR_GET_NAME, answer + 4, 0, 0, 0), answer[3] = ' ';
    else if (IS("mlockall")) said(mlockall(0));
    else if (IS("mmap")) block = mmap(NULL, 5000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *(char *)block = 1, said(munmap(block, 5000));
    else if (IS("munmap")) said(munmap((void *)1, 1));
    else if (IS("mremap")) said(mremap((void *)1, 1, 1, 0) == MAP_FAILED ? -1 : 0);
    else if (IS("brk")) said(brk(NULL));
    else if (IS("sbrk")) block = sbrk(4096), memset(block, 1, 4096), said((char *)sbrk(0) - (char *)block);
    else if (IS("shmat")) said((long)shmat(-1, NULL, 0));
    else if (IS("shmdt")) said(shmdt((void *)1));
    else if (IS("unlink")) said(unlink(path));
    else if (IS("unlinkat")) said(unlinkat(AT_FDCWD, path, 0));
    else if (IS("remove")) said(remove(path));
    else if (IS("remove none")) said(remove(other));
    else if (IS("remove folder")) said(unlink(path)), mkdir(path, 0700), said(remove(path));
    else if (IS("rename")) said(rename(path, other));
    else if (IS("renameat")) said(renameat(AT_FDCWD, path, AT_FDCWD, other));
    else if (IS("renameat2")) said(renameat2(AT_FDCWD, path, AT_FDCWD, path, RENAME_NOREPLACE));
    else if (IS("_exit")) _exit(7);
    else if (IS("quick_exit")) quick_exit(8);
    else strcpy(answer, "no such call");
}
"""
SAYS = """
#include <stdio.h>
extern char answer[];
int main(void) { return puts(answer) < 0; }
"""
CALLS = [
    "malloc", "calloc", "calloc too much", "realloc", "realloc a block", "free", "posix_memalign", "aligned_alloc", "memalign", "valloc", "pvalloc",
    "malloc_usable_size", "prctl", "mlockall", "mmap", "munmap", "mremap", "brk", "sbrk", "shmat", "shmdt", "unlink", "unlinkat", "remove",
    "remove none", "remove folder", "rename", "renameat", "renameat2", "_exit", "quick_exit",
]


def linked(folder, library, main, *options):
    """A program and its library."""
    (folder / "library.c").write_text(library)
    (folder / "main.c").write_text(main)
    subprocess.run(["gcc", "-g", "-w", "-fno-builtin", "-shared", "-fPIC", *options, "-o", folder / "library.so", folder / "library.c"], check=True)
    subprocess.run(["gcc", "-g", "-o", folder / "main", folder / "main.c", folder / "library.so", f"-Wl,-rpath,{folder}"], check=True)
    return folder / "main"


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return linked(tmp_path_factory.mktemp("first"), FIRST, SAYS, "-Wl,-z,initfirst")


@pytest.mark.parametrize("call", CALLS)
def test_first_call(first, plain, preload, tmp_path, call):
    """Whatever a program calls first, before we know the real function, does what it does without us."""
    folder = tmp_path / "files"
    folder.mkdir()
    seen = []
    for env in ({}, preload()):
        (folder / "file").write_text("x")
        done = plain([first, call, folder / "file"], env=env)
        seen.append((done.returncode, done.stdout, done.stderr, sorted(at.name for at in folder.iterdir())))
    assert seen[0] == seen[1]
    assert b"no such call" not in seen[0][1]


# The library's choice of a function, made while we look up the real ones, allocates.
CHOOSES = r"""
#define _GNU_SOURCE
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>
char *blocks[8];
int failed;
void fill(void) {
    blocks[0] = malloc(100);
    blocks[1] = calloc(10, 10);
    blocks[2] = realloc(NULL, 100);
    posix_memalign((void **)&blocks[3], 256, 100);
    blocks[4] = aligned_alloc(128, 128);
    blocks[5] = memalign(512, 100);
    blocks[6] = valloc(100);
    blocks[7] = pvalloc(100);
    failed = malloc((size_t)1 << 40) == NULL;
    for (int i = 0; i < 8; i++)
        memset(blocks[i], 'a' + i, 100);
    blocks[0] = realloc(blocks[0], 200);
    free(malloc(50));
}
static int detach(const void *at) { return syscall(SYS_shmdt, at); }
static int (*choose(void))(const void *) { fill(); return detach; }
int shmdt(const void *at) __attribute__((ifunc("choose")));
"""
USES = r"""
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
extern char *blocks[8];
extern void fill(void);
int main(void) {
    static const int alignment[8] = {16, 16, 16, 256, 128, 512, 4096, 4096};
    if (!blocks[0]) fill();
    for (int i = 0; i < 8; i++) {
        printf("%d %d ", malloc_usable_size(blocks[i]) >= 100, (int)((uintptr_t)blocks[i] % alignment[i]));
        if (i % 2) blocks[i] = realloc(blocks[i], 3000 * i);
        printf("%.5s %c\n", blocks[i], blocks[i][99]);
        free(blocks[i]);
    }
}
"""


def test_allocates_in_lookup(plain, trace, tmp_path):
    """What is allocated while we look up the real functions, as by a library that chooses one of them at that time, is the program's
    as any other block: of the size and alignment asked for, to be resized and freed."""
    program = linked(tmp_path, CHOOSES, USES)
    untraced, traced = plain([program]), trace([program])
    assert (traced.returncode, traced.stdout, traced.stderr) == (untraced.returncode, untraced.stdout, untraced.stderr)
    assert untraced.returncode == 0 and len(untraced.stdout.splitlines()) == 8
