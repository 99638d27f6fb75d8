/* test_thread_stack.c - recognises a thread inside a function that holds locks, however many frames lie in
 * between. */
#include "child.h"
#include "search.h"
#include "target.h"
#include "thread_stack.h"

#include <link.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <unistd.h>
/* after the headers that it needs */
#include <cmocka.h>

static struct child_memory *ours;

static void wait_for_ever(void)
{
    child_ready(ours);
    for (;;)
        pause();
}

/* Puts that many frames in between. */
static int __attribute__((noinline)) descend(int depth, void (*at_the_end)(void))
{
    if (depth == 0)
        at_the_end();
    else
        descend(depth - 1, at_the_end);
    __asm__ volatile(""); /* no tail call */
    return depth;
}

static int look_at_module(struct dl_phdr_info *info, size_t size, void *depth)
{
    (void)info, (void)size;
    return descend((int)(intptr_t)depth, wait_for_ever);
}

static int compare(const void *a, const void *b)
{
    (void)a, (void)b;
    wait_for_ever();
    return 0;
}

static void anywhere(struct child_memory *memory)
{
    ours = memory;
    descend(50, wait_for_ever);
}

static void sorting(struct child_memory *memory)
{
    int numbers[2] = {2, 1};
    ours = memory;
    qsort(numbers, 2, sizeof *numbers, compare);
}

static void in_the_loader(struct child_memory *memory)
{
    ours = memory;
    dl_iterate_phdr(look_at_module, (void *)100);
}

static void forking(struct child_memory *memory)
{
    ours = memory;
    pthread_atfork(wait_for_ever, NULL, NULL);
    fork();
}

static void at_its_end(struct child_memory *memory)
{
    ours = memory;
    atexit(wait_for_ever);
    exit(0);
}

/* Code without unwind tables, with nothing on the stack that leads further out. */
static void in_generated_code(struct child_memory *memory)
{
    static const unsigned char forever[] = {0x31, 0xed, 0xeb, 0xfe}; /* xor %ebp,%ebp; jmp . */
    void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(code, forever, sizeof forever);
    child_ready(memory);
    ((void (*)(void))code)();
}

static enum stack_place place_of(void (*life)(struct child_memory *))
{
    struct child child;
    struct target target;
    child_start(&child, life);
    usleep(10000); /* time to get from "ready" into the wait */
    assert_null(target_open(&target, child.pid, "/no/such/libtrace.so", false));
    struct stacks *stacks = stacks_open(child.pid);
    assert_non_null(stacks);
    assert_int_equal(ptrace(PTRACE_SEIZE, child.pid, NULL, NULL), 0);
    assert_int_equal(search_interrupt(child.pid), 1);
    enum stack_place place = stacks_place(stacks, &target, child.pid);
    stacks_close(stacks);
    search_let_go(child.pid);
    target_close(&target);
    child_end(&child);
    return place;
}

static void safe(void **unused)
{
    (void)unused;
    assert_int_equal(place_of(anywhere), STACK_SAFE);
    assert_int_equal(place_of(sorting), STACK_SAFE);
}

static void unsafe(void **unused)
{
    (void)unused;
    assert_int_equal(place_of(in_the_loader), STACK_UNSAFE);
    assert_int_equal(place_of(forking), STACK_UNSAFE);
    assert_int_equal(place_of(at_its_end), STACK_UNSAFE);
}

static void unknown(void **unused)
{
    (void)unused;
    assert_int_equal(place_of(in_generated_code), STACK_UNKNOWN);
}

static void nobody(void **unused)
{
    (void)unused;
    assert_null(stacks_open(0x3ffffff));
    stacks_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(safe),
        cmocka_unit_test(unsafe),
        cmocka_unit_test(unknown),
        cmocka_unit_test(nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
