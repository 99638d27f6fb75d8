/* test_inject.c - calls on a borrowed thread return their results, and the thread does not notice them,
 * whether they return or not. */
#include "child.h"
#include "inject.h"
#include "system_call.h"
#include "wire_attach.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
/* after the headers that it needs */
#include <cmocka.h>

/* ---- what the children do ------------------------------------------------------------------------------- */

/* Keeps values in as many registers of every kind as possible, for as long as possible. */
static __attribute__((noinline)) double calculate(unsigned from)
{
    double a = from, b = 1, c = 2, d = 3;
    uint64_t x = from, y = 1;
    for (int i = 0; i < 20000; i++) {
        a = a * 0.99 + b, b = b * 0.98 + c, c = c * 0.97 + d, d = d * 0.96 + (double)(i & 3);
        x = x * 6364136223846793005u + y, y ^= x >> 17;
    }
    return a + b + c + d + (double)(x >> 40) + (double)(y >> 40);
}

/* Returns 0 if numbers that stay in registers for a while are unchanged. */
static __attribute__((noinline)) uint64_t lost_numbers(void)
{
    uint64_t lost;
    __asm__ volatile(
        "mov $8, %%r8; mov $9, %%r9; mov $10, %%r10; mov $11, %%r11; mov $12, %%r12; mov $13, %%r13\n"
        "mov $14, %%r14; mov $15, %%r15; mov $2, %%rdx; mov $3, %%rsi; mov $4, %%rdi; mov $5, %%rbx\n"
        "mov $200000, %%rcx\n"
        "1: dec %%rcx; jnz 1b\n"
        "sub $8, %%r8; sub $9, %%r9; sub $10, %%r10; sub $11, %%r11; sub $12, %%r12; sub $13, %%r13\n"
        "sub $14, %%r14; sub $15, %%r15; sub $2, %%rdx; sub $3, %%rsi; sub $4, %%rdi; sub $5, %%rbx\n"
        "or %%r9, %%r8; or %%r10, %%r8; or %%r11, %%r8; or %%r12, %%r8; or %%r13, %%r8; or %%r14, %%r8\n"
        "or %%r15, %%r8; or %%rdx, %%r8; or %%rsi, %%r8; or %%rdi, %%r8; or %%rbx, %%r8; mov %%r8, %0"
        : "=a"(lost)
        :
        : "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rdx", "rsi", "rdi", "rbx", "rcx", "cc");
    return lost;
}

/* Ends with 3 as soon as a result is wrong. */
static void check_all_the_time(struct child_memory *memory)
{
    unsigned char below[128];
    double right[8];
    for (unsigned i = 0; i < 8; i++)
        right[i] = calculate(i);
    memset(below, 7, sizeof below);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR2);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    child_ready(memory);
    for (;;) {
        errno = 77;
        if (lost_numbers())
            _exit(5);
        for (unsigned i = 0; i < 8; i++)
            if (calculate(i) != right[i] || errno != 77)
                _exit(3);
        for (unsigned i = 0; i < sizeof below; i++)
            if (((volatile unsigned char *)below)[i] != 7)
                _exit(4);
        atomic_fetch_add(&memory->turns, 1);
    }
}

static void tell(struct child_memory *memory, long result)
{
    atomic_store(&memory->result, result >= 0 ? result + 1 : -errno);
}

static void sleep_once(struct child_memory *memory)
{
    child_ready(memory);
    tell(memory, nanosleep(&(struct timespec){0, 500000000}, NULL));
}

static int ends[2];

static void read_once(struct child_memory *memory)
{
    char byte;
    child_ready(memory);
    tell(memory, read(ends[0], &byte, 1));
}

/* The kernel does not restart this system call after a stop: trace-attach has to. */
static void wait_once(struct child_memory *memory)
{
    int poll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    epoll_ctl(poll, EPOLL_CTL_ADD, ends[0], &event);
    child_ready(memory);
    tell(memory, epoll_wait(poll, &event, 1, 20000));
}

/* ---- facts compared before and after
 * -------------------------------------------------------------------- */

struct facts {
    char *maps;
    char blocked[64];
    int policy;
};

static struct facts facts_of(pid_t pid)
{
    struct facts facts = {0};
    char path[64], *line = NULL, *all = NULL;
    size_t size = 0, length = 0;
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *maps = fopen(path, "re"), *out = open_memstream(&all, &length);
    while (getline(&line, &size, maps) > 0)
        if (!strstr(line, "[stack]")) /* the stack may have grown */
            fputs(line, out);
    fclose(maps);
    fclose(out);
    facts.maps = all;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *status = fopen(path, "re");
    while (getline(&line, &size, status) > 0)
        if (strncmp(line, "SigBlk", 6) == 0)
            snprintf(facts.blocked, sizeof facts.blocked, "%s", line);
    fclose(status);
    free(line);
    facts.policy = sched_getscheduler(pid);
    return facts;
}

static void assert_as_before(struct facts before, pid_t pid)
{
    struct facts now = facts_of(pid);
    assert_string_equal(before.maps, now.maps);
    assert_string_equal(before.blocked, now.blocked);
    assert_int_equal(before.policy, now.policy);
    free(before.maps);
    free(now.maps);
}

struct borrowed {
    struct child child;
    struct facts before;
    struct target target;
    struct injection *in;
};

static void borrow(struct borrowed *b, void (*life)(struct child_memory *))
{
    child_start(&b->child, life);
    usleep(20000); /* time to get from "ready" into the call */
    b->before = facts_of(b->child.pid);
    assert_null(target_open(&b->target, b->child.pid, "/no/such/libtrace.so", false));
    assert_null(inject_begin(&b->in, &b->target));
}

static void give_back(struct borrowed *b)
{
    inject_end(b->in);
    target_close(&b->target);
}

/* It lives and has not changed. */
static void assert_unharmed(struct borrowed *b)
{
    assert_true(child_turns(&b->child));
    assert_as_before(b->before, b->child.pid);
    child_end(&b->child);
}

/* ---- calls that return
 * ----------------------------------------------------------------------------------- */

static void results(void **unused)
{
    struct borrowed b;
    uint64_t result;
    (void)unused;
    borrow(&b, check_all_the_time);
    uintptr_t room = inject_room(b.in);
    assert_true(b.target.store != 0);
    assert_true(inject_write(b.in, room, "twelve bytes", 13));
    assert_true(inject_call(b.in, (uintptr_t)&strlen, room, 0, &result));
    assert_int_equal(result, 12);
    assert_true(inject_call(b.in, (uintptr_t)&getpid, 0, 0, &result));
    assert_int_equal(result, b.child.pid);
    assert_true(inject_call(b.in, (uintptr_t)&strcmp, room, room + 13, &result)); /* both operands */
    assert_int_equal((int)result, 't');
    give_back(&b);
    assert_unharmed(&b);
}

static void its_memory(void **unused)
{
    static char told[] = "in the child as well";
    struct borrowed b;
    char text[64];
    (void)unused;
    borrow(&b, check_all_the_time);
    uintptr_t room = inject_room(b.in);
    memset(text, 'x', sizeof text);
    assert_true(
        /* it was written completely */
        inject_write(b.in, room + INJECT_ROOM - sizeof text, text, sizeof text));
    assert_true(inject_read(b.in, room + INJECT_ROOM - sizeof text, text, sizeof text));
    assert_true(inject_read_text(b.in, (uintptr_t)told, text, sizeof text));
    assert_string_equal(text, told);
    assert_true(inject_read_text(b.in, (uintptr_t)told, text, 7));
    assert_string_equal(text, "in the");
    assert_false(inject_read_text(b.in, 0, text, sizeof text));
    assert_string_equal(text, "");
    assert_false(inject_read(b.in, 4096, text, 1));
    assert_false(inject_write(b.in, 4096, "x", 1));
    give_back(&b);
    assert_unharmed(&b);
}

static void nothing_at_all(void **unused)
{
    struct borrowed b;
    (void)unused;
    for (int i = 0; i < 20; i++) {
        borrow(&b, check_all_the_time);
        give_back(&b);
        assert_unharmed(&b);
    }
}

/* ---- threads that wait for something ------------------------------------------------------------------ */

static int64_t result_of(void (*life)(struct child_memory *), bool wake)
{
    struct borrowed b;
    uint64_t result;
    assert_int_equal(pipe(ends), 0);
    borrow(&b, life);
    assert_true(inject_call(b.in, (uintptr_t)&getpid, 0, 0, &result));
    give_back(&b);
    usleep(50000);
    if (wake)
        assert_int_equal(write(ends[1], "!", 1), 1);
    assert_int_equal(child_status(&b.child), 0);
    int64_t told = atomic_load(&b.child.memory->result);
    free(b.before.maps);
    child_end(&b.child);
    close(ends[0]);
    close(ends[1]);
    return told;
}

static void interrupted_waits(void **unused)
{
    (void)unused;
    assert_int_equal(result_of(sleep_once, false), 0 + 1);
    assert_int_equal(result_of(read_once, true), 1 + 1);
    assert_int_equal(result_of(wait_once, true), 1 + 1);
}

/* ---- calls that do not return
 * ---------------------------------------------------------------------------- */

static char no_code[4096];

static void a_fault(void **unused)
{
    struct borrowed b;
    uint64_t result;
    (void)unused;
    borrow(&b, check_all_the_time);
    assert_false(inject_call(b.in, 0, 0, 0, &result));
    assert_false(inject_call(b.in, (uintptr_t)no_code, 0, 0, &result));
    give_back(&b);
    assert_true(child_turns(&b.child)); /* our stack is not removed, but the thread continues */
    free(b.before.maps);
    child_end(&b.child);
    borrow(&b, check_all_the_time);
    assert_false(inject_call(b.in, (uintptr_t)&strlen, 16, 0, &result));
    give_back(&b);
    assert_true(child_turns(&b.child));
    free(b.before.maps);
    child_end(&b.child);
}

static void its_end(void **unused)
{
    struct borrowed b;
    uint64_t result;
    (void)unused;
    borrow(&b, check_all_the_time);
    assert_false(inject_call(b.in, (uintptr_t)&_exit, 5, 0, &result));
    give_back(&b);
    assert_int_equal(kill(b.child.pid, 0), -1); /* it was reaped: as its parent we got its status */
    free(b.before.maps);
    b.child.pid = 0;
    child_end(&b.child);
}

/* ---- calls that signal their progress
 * -------------------------------------------------------------------- */

/* As functions in libtrace.so do; see preload/guest/entry/attach.c. */
static void wait_in(struct attach_call *call, uint32_t phase)
{
    while (__atomic_load_n(&call->phase, __ATOMIC_ACQUIRE) == phase) {
        struct timespec time = {0, 50000};
        system_call(SYS_ppoll, 0, 0, (long)&time, 0, 0, 0);
    }
}

static struct child_memory *answers; /* the child's, where its thread stores the answers that it gets */

static void answer(struct attach_call *call)
{
    call->result = call->caller + 1;
    __atomic_store_n(&call->phase, ATTACH_ANSWERED, __ATOMIC_RELEASE);
    wait_in(call, ATTACH_ANSWERED);
    atomic_store(&answers->result, call->phase);
    __atomic_store_n(&call->phase, ATTACH_DONE, __ATOMIC_RELEASE);
    wait_in(call, ATTACH_DONE);
}

static void meet_a_fault(struct attach_call *call)
{
    volatile uintptr_t nowhere = 16;
    *(volatile char *)nowhere = (char)call->phase;
}

static void end(struct attach_call *call)
{
    _exit((int)call->phase);
}

static void check_and_answer(struct child_memory *memory)
{
    answers = memory;
    check_all_the_time(memory);
}

static bool ask(struct borrowed *b, void (*function)(struct attach_call *), struct attach_call *call)
{
    *call = (struct attach_call){.caller = 41};
    borrow(b, check_and_answer);
    uintptr_t room = inject_room(b->in);
    return inject_write(b->in, room, call, sizeof *call) && inject_ask(b->in, (uintptr_t)function, room) &&
           inject_read(b->in, room, call, sizeof *call);
}

static void answered(void **unused)
{
    struct borrowed b;
    struct attach_call call;
    (void)unused;
    for (int taken = 0; taken < 2; taken++) {
        assert_true(ask(&b, answer, &call));
        assert_int_equal(call.result, 42);
        assert_true(inject_reply(b.in, taken));
        assert_int_equal(atomic_load(&b.child.memory->result), taken ? ATTACH_TAKEN : ATTACH_DROPPED);
        give_back(&b);
        assert_unharmed(&b);
    }
}

static void not_answered(void **unused)
{
    struct borrowed b;
    struct attach_call call;
    (void)unused;
    assert_false(ask(&b, meet_a_fault, &call));
    assert_false(inject_reply(b.in, true));
    give_back(&b);
    assert_true(child_turns(&b.child));
    free(b.before.maps);
    child_end(&b.child);
    assert_false(ask(&b, end, &call));
    assert_false(inject_reply(b.in, true));
    give_back(&b);
    assert_int_equal(kill(b.child.pid, 0), -1);
    free(b.before.maps);
    b.child.pid = 0;
    child_end(&b.child);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results),           cmocka_unit_test(its_memory),   cmocka_unit_test(nothing_at_all),
        cmocka_unit_test(interrupted_waits), cmocka_unit_test(a_fault),      cmocka_unit_test(its_end),
        cmocka_unit_test(answered),          cmocka_unit_test(not_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
