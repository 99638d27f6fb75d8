/* test_target.c - examines a running program from outside: what is found must agree with what it finds
 * itself, and code that must not be interrupted is recognised. */
#include "child.h"
#include "frame.h"
#include "target.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
/* after the headers that it needs */
#include <cmocka.h>

#define NO_PROCESS 0x3ffffff
#define OURS "/no/such/place/libtrace.so"

static uintptr_t address_of(const char *name)
{
    return (uintptr_t)dlsym(RTLD_NEXT, name);
}

static void stay(struct child_memory *memory)
{
    child_ready(memory);
    for (;;)
        pause();
}

/* The child's functions have the same addresses as ours: it was forked. */
static void functions(void **unused)
{
    struct child child;
    struct target target;
    (void)unused;
    child_start(&child, stay);
    assert_null(target_open(&target, child.pid, OURS, false));
    assert_int_equal(target.dlopen, address_of("dlopen"));
    assert_int_equal(target.dlerror, address_of("dlerror"));
    assert_int_equal(target.errno_location, address_of("__errno_location"));
    assert_int_equal(target.mmap, address_of("mmap"));
    assert_int_equal(target.munmap, address_of("munmap"));
    assert_int_equal(target.sched_setscheduler, address_of("sched_setscheduler"));
    assert_memory_equal((void *)target.restore, FRAME_RESTORE_CODE, sizeof FRAME_RESTORE_CODE - 1);
    if (target.store)
        assert_memory_equal((void *)target.store, FRAME_STORE_CODE, sizeof FRAME_STORE_CODE - 1);
    assert_null(target.library);
    assert_int_equal(target_loaded(&target, OURS), 0);
    target_close(&target);
    child_end(&child);
}

static void what_must_not_be_interrupted(void **unused)
{
    static const char *const unsafe[] = {"malloc", "free",           "realloc", "fork",
                                         "dlopen", "pthread_create", "exit",    "setenv"};
    static const char *const safe[] = {"getpid", "pause", "read", "strtol", "printf"};
    struct child child;
    struct target target;
    (void)unused;
    child_start(&child, stay);
    assert_null(target_open(&target, child.pid, OURS, false));
    for (size_t i = 0; i < sizeof unsafe / sizeof *unsafe; i++)
        assert_true(target_unsafe(&target, address_of(unsafe[i]) + 1));
    for (size_t i = 0; i < sizeof safe / sizeof *safe; i++)
        assert_false(target_unsafe(&target, address_of(safe[i]) + 1));
    assert_true(target_unsafe(&target, _r_debug.r_ldbase + 0x1000)); /* all of the loader */
    assert_false(target_unsafe(&target, (uintptr_t)&stay));
    assert_true(target_is_system(&target, address_of("getpid")));
    assert_true(target_is_system(&target, _r_debug.r_ldbase + 0x1000));
    assert_false(target_is_system(&target, (uintptr_t)&stay));
    target_close(&target);
    child_end(&child);
}

/* ---- our own library in it -------------------------------------------------------------------------- */

static char copy_path[256];

/* A copy of any library, loaded from there; it need not be libtrace.so. */
static void copy_library(void)
{
    Dl_info info;
    char command[1024];
    char folder[] = "/tmp/libtrace-target-XXXXXX";
    assert_non_null(mkdtemp(folder));
    assert_true(dladdr((void *)address_of("_cmocka_run_group_tests"), &info) != 0);
    snprintf(copy_path, sizeof copy_path, "%s/libtrace.so", folder);
    snprintf(command, sizeof command, "cp -L '%s' '%s'", info.dli_fname, copy_path);
    assert_int_equal(system(command), 0);
}

static void remove_library(void)
{
    unlink(copy_path);
    *strrchr(copy_path, '/') = '\0';
    rmdir(copy_path);
}

static void load_and_stay(struct child_memory *memory)
{
    void *handle = dlopen(copy_path, RTLD_NOW);
    struct link_map *map = handle;
    if (!handle)
        _exit(1);
    atomic_store(&memory->number, (int64_t)map->l_addr);
    atomic_store(&memory->result, (int64_t)(uintptr_t)dlsym(handle, "_fail"));
    stay(memory);
}

static void our_library(void **unused)
{
    struct child child;
    struct target target;
    (void)unused;
    copy_library();
    child_start(&child, load_and_stay);
    uintptr_t bias = (uintptr_t)atomic_load(&child.memory->number),
              place = (uintptr_t)atomic_load(&child.memory->result);
    assert_null(target_open(&target, child.pid, copy_path, false));
    assert_int_equal(target.library->bias, bias);
    assert_int_equal(target_loaded(&target, copy_path), bias);
    assert_int_equal(target_symbol(copy_path, bias, "_fail"), place);
    assert_int_equal(target_symbol(copy_path, bias, "no such function"), 0);
    assert_int_equal(target_symbol("/no/such/file", bias, "_fail"), 0);
    assert_true(target_unsafe(&target, place));
    target_close(&target);
    assert_null(target_open(&target, child.pid, copy_path, true)); /* where its code may be interrupted */
    assert_false(target_unsafe(&target, place));
    target_close(&target);
    const char *why = target_open(&target, child.pid, OURS, false);
    assert_non_null(strstr(why, "has another libtrace.so loaded"));
    target_close(&target);
    remove_library();
    snprintf(copy_path + strlen(copy_path), 20, "/libtrace.so");
    why = target_open(&target, child.pid, copy_path, false);
    assert_non_null(strstr(why, "has another libtrace.so loaded")); /* its file was removed */
    target_close(&target);
    child_end(&child);
}

/* Paths that look like other fields of the list of mappings. */
static void paths_that_mislead(void **unused)
{
    char folder[] = "/tmp/libtrace-target-XXXXXX", odd[sizeof folder + 40];
    struct child child;
    struct target target;
    (void)unused;
    copy_library();
    assert_non_null(mkdtemp(folder));
    snprintf(odd, sizeof odd, "%s/a (deleted) [stack]", folder);
    assert_int_equal(mkdir(odd, 0700), 0);
    char *place = odd + strlen(odd);
    snprintf(place, (size_t)(odd + sizeof odd - place), "/libtrace.so");
    assert_int_equal(rename(copy_path, odd), 0);
    remove_library();
    snprintf(copy_path, sizeof copy_path, "%s", odd);
    child_start(&child, load_and_stay);
    int local; /* in the stack that the forked child has, too */
    assert_null(target_open(&target, child.pid, copy_path, false));
    assert_string_equal(target.library->path, copy_path);
    assert_true((uintptr_t)&local >= target.stack.start && (uintptr_t)&local < target.stack.end);
    target_close(&target);
    child_end(&child);
    remove_library();
    rmdir(folder);
}

/* ---- stacks ------------------------------------------------------------------------------------------ */

static pthread_barrier_t both;

static void *stand(void *memory)
{
    int local;
    pthread_attr_t attributes;
    void *start;
    size_t size;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &start, &size); /* without the guard below it */
    atomic_store(&((struct child_memory *)memory)->number, (int64_t)(uintptr_t)start);
    atomic_store(&((struct child_memory *)memory)->result, (int64_t)(uintptr_t)&local);
    atomic_store(&((struct child_memory *)memory)->turns, (uint64_t)pthread_self());
    pthread_barrier_wait(&both);
    for (;;)
        pause();
    return NULL;
}

static void stay_with_a_thread(struct child_memory *memory)
{
    pthread_t thread;
    setrlimit(RLIMIT_STACK, &(struct rlimit){4 << 20, 4 << 20});
    pthread_barrier_init(&both, NULL, 2);
    pthread_create(&thread, NULL, stand, memory);
    pthread_barrier_wait(&both);
    stay(memory);
}

static void ends_of_stacks(void **unused)
{
    struct child child;
    struct target target;
    int local;
    (void)unused;
    child_start(&child, stay_with_a_thread);
    assert_null(target_open(&target, child.pid, OURS, false));
    uintptr_t low = (uintptr_t)atomic_load(&child.memory->number),
              inner = (uintptr_t)atomic_load(&child.memory->result),
              descriptor = (uintptr_t)atomic_load(&child.memory->turns);
    uintptr_t end = target_stack_end(&target, child.pid + 1, inner, descriptor);
    /* the guard's size is rounded on some systems */
    assert_true(end >= low && end <= low + 65536 && end < inner);
    assert_int_equal(target_stack_end(&target, child.pid + 1, low - 4096, descriptor), 0);
    assert_int_equal(target_stack_end(&target, child.pid + 1, descriptor + (1 << 20), descriptor), 0);
    assert_int_equal(target_stack_end(&target, child.pid + 1, inner, 4096), 0);
    /* The main thread's stack can grow up to its limit. */
    assert_int_equal(target_stack_end(&target, child.pid, (uintptr_t)&local, 0),
                     target.stack.end - (4 << 20));
    assert_int_equal(target_stack_end(&target, child.pid, target.stack.end - (5 << 20), 0), 0);
    assert_int_equal(target_stack_end(&target, child.pid, target.stack.end, 0), 0);
    assert_int_equal(target_stack_end(&target, child.pid, inner, 0),
                     0); /* on the other thread's stack, like a coroutine */
    target_close(&target);
    child_end(&child);
}

static void memory(void **unused)
{
    static char text[] = "what stands here";
    struct child child;
    struct target target;
    char read[sizeof text];
    (void)unused;
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(pages + 4096, 4096, PROT_NONE);
    child_start(&child, stay);
    assert_null(target_open(&target, child.pid, OURS, false));
    assert_true(target_read(&target, (uintptr_t)text, read, sizeof read));
    assert_string_equal(read, text);
    assert_false(target_read(&target, 0, read, sizeof read));
    /* not all of it is mapped */
    assert_false(target_read(&target, (uintptr_t)pages + 4090, read, sizeof read));
    target_close(&target);
    child_end(&child);
    assert_false(target_read(&target, (uintptr_t)text, read, sizeof read));
    munmap(pages, 8192);
}

/* ---- what cannot be opened ----------------------------------------------------------------------------- */

static void end_at_once(struct child_memory *memory)
{
    child_ready(memory);
}

static void processes_that_are_gone(void **unused)
{
    struct child child;
    struct target target;
    siginfo_t info;
    (void)unused;
    assert_string_equal(target_open(&target, NO_PROCESS, OURS, false), "has ended");
    target_close(&target);
    child_start(&child, end_at_once);
    waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOWAIT);
    assert_string_equal(target_open(&target, child.pid, OURS, false), "has ended"); /* it has no mappings */
    target_close(&target);
    child_end(&child);
}

/* A program without libraries: the loader alone, run as a program, stopped before its first instruction. */
static void loader_alone(struct child_memory *memory)
{
    child_ready(memory);
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    execl("/lib64/ld-linux-x86-64.so.2", "ld.so", "--help", NULL);
    _exit(1);
}

static void without_a_c_library(void **unused)
{
    struct child child;
    struct target target;
    int status;
    (void)unused;
    child_start(&child, loader_alone);
    assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
    assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
    assert_ptr_equal(target_open(&target, child.pid, OURS, false), target_not_loaded);
    target_close(&target);
    child_end(&child);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions),
        cmocka_unit_test(what_must_not_be_interrupted),
        cmocka_unit_test(our_library),
        cmocka_unit_test(paths_that_mislead),
        cmocka_unit_test(ends_of_stacks),
        cmocka_unit_test(memory),
        cmocka_unit_test(processes_that_are_gone),
        cmocka_unit_test(without_a_c_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
