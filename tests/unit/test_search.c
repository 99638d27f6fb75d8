/* test_search.c - a thread that can be borrowed is found, and the other threads continue undisturbed. */
#include "child.h"
#include "frame.h"
#include "proc.h"
#include "search.h"
#include "thread_stack.h"

#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
/* after the headers that it needs */
#include <cmocka.h>

static struct child_memory *ours;

static void *count(void *unused)
{
    atomic_store(&ours->number, syscall(SYS_gettid));
    for (;;) {
        atomic_fetch_add(&ours->turns, 1);
        usleep(500);
    }
    return unused;
}

/* ---- which thread ------------------------------------------------------------------------------------ */

static void *wait_in_module(void *unused)
{
    (void)unused;
    for (;;)
        pause();
    return NULL;
}

static int look_at_module(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)info, (void)size;
    child_ready(ours);
    wait_in_module(unused);
    return 0;
}

/* The main thread holds the loader's lock; another one does not. */
static void one_of_two(struct child_memory *memory)
{
    pthread_t other;
    ours = memory;
    pthread_create(&other, NULL, count, NULL);
    while (!atomic_load(&memory->number))
        usleep(100);
    dl_iterate_phdr(look_at_module, NULL);
}

static void the_one_that_holds_nothing(void **unused)
{
    struct child child;
    struct target target;
    struct search_result found;
    (void)unused;
    child_start(&child, one_of_two);
    assert_null(target_open(&target, child.pid, "/no/such/libtrace.so", false));
    assert_null(search_thread(&target, &found));
    assert_int_equal(found.tid, atomic_load(&child.memory->number));
    assert_true(found.tid != child.pid && found.stopped_ns <= search_now_ns());
    uint64_t turns = atomic_load(&child.memory->turns);
    usleep(20000);
    assert_int_equal(atomic_load(&child.memory->turns), turns); /* it is stopped */
    assert_int_equal(proc_state(child.pid, child.pid), 'S');    /* the other thread is not */
    stacks_close(found.stacks);
    search_let_go(found.tid);
    search_hurry(false);
    assert_true(child_turns(&child));
    target_close(&target);
    child_end(&child);
}

/* The main thread is in a signal handler, on a stack with unknown bounds. */
static void handle(int number)
{
    (void)number;
    child_ready(ours);
    for (;;)
        pause();
}

static void one_on_another_stack(struct child_memory *memory)
{
    pthread_t other;
    stack_t stack = {.ss_size = 1 << 20};
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK};
    ours = memory;
    pthread_create(&other, NULL, count, NULL);
    while (!atomic_load(&memory->number))
        usleep(100);
    stack.ss_sp = mmap(NULL, stack.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sigaltstack(&stack, NULL);
    sigaction(SIGUSR1, &action, NULL);
    pthread_kill(pthread_self(), SIGUSR1);
}

static void the_one_on_a_stack_that_is_known(void **unused)
{
    struct child child;
    struct target target;
    struct search_result found;
    (void)unused;
    child_start(&child, one_on_another_stack);
    assert_null(target_open(&target, child.pid, "/no/such/libtrace.so", false));
    assert_null(search_thread(&target, &found));
    assert_int_equal(found.tid, atomic_load(&child.memory->number));
    stacks_close(found.stacks);
    search_let_go(found.tid);
    search_hurry(false);
    target_close(&target);
    child_end(&child);
}

/* ---- stops --------------------------------------------------------------------------------------------- */

static void sleep_once(struct child_memory *memory)
{
    child_ready(memory);
    int left = usleep(300000);
    atomic_store(&memory->result, left == 0 ? 1 : -errno);
}

/* It completes its wait, and ends as if it had not been stopped. */
static void goes_on(void **unused)
{
    struct child child;
    (void)unused;
    child_start(&child, sleep_once);
    assert_int_equal(ptrace(PTRACE_SEIZE, child.pid, NULL, NULL), 0);
    assert_int_equal(search_interrupt(child.pid), 1);
    search_let_go(child.pid);
    assert_int_equal(child_status(&child), 0);
    assert_int_equal(atomic_load(&child.memory->result), 1);
    child_end(&child);
}

static struct child_memory *handlers;

static void on_signal(int number)
{
    (void)number;
    atomic_fetch_add(&handlers->result, 1);
}

static void take_signals(struct child_memory *memory)
{
    handlers = memory;
    signal(SIGUSR1, on_signal);
    child_ready(memory);
    for (;;) {
        atomic_fetch_add(&memory->turns, 1);
        usleep(500);
    }
}

/* Signals that arrive while it is being stopped are delivered, each once. */
static void signals_are_delivered(void **unused)
{
    struct child child;
    (void)unused;
    child_start(&child, take_signals);
    for (int i = 1; i <= 50; i++) {
        assert_int_equal(ptrace(PTRACE_SEIZE, child.pid, NULL, NULL), 0);
        kill(child.pid, SIGUSR1);
        assert_int_equal(search_interrupt(child.pid), 1);
        search_let_go(child.pid);
        assert_true(child_turns(&child));
        assert_int_equal(atomic_load(&child.memory->result), i);
    }
    child_end(&child);
}

static void end_soon(struct child_memory *memory)
{
    child_ready(memory);
    while (!atomic_load(&memory->number))
        ;
}

static void one_that_has_ended(void **unused)
{
    struct child child;
    int status;
    (void)unused;
    child_start(&child, end_soon);
    assert_int_equal(ptrace(PTRACE_SEIZE, child.pid, NULL, NULL), 0);
    assert_int_equal(search_wait(child.pid, 1000000, &status), -1); /* it does not stop by itself */
    atomic_store(&child.memory->number, 1);
    assert_int_equal(search_wait(child.pid, 20000000000ull, &status), 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(search_interrupt(child.pid), 0);
    child.pid = 0;
    child_end(&child);
}

static void none_to_be_found(void **unused)
{
    struct target nobody = {.pid = 0x3ffffff};
    struct search_result found;
    (void)unused;
    assert_string_equal(search_thread(&nobody, &found), "cannot be read");
    assert_int_equal(found.tid, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_one_that_holds_nothing),
        cmocka_unit_test(the_one_on_a_stack_that_is_known),
        cmocka_unit_test(goes_on),
        cmocka_unit_test(signals_are_delivered),
        cmocka_unit_test(one_that_has_ended),
        cmocka_unit_test(none_to_be_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
