/* test_extent.c - where a thread's own stack lies, and which words of any stack may be read: each answer against memory that
 * the test maps itself. */
#define _GNU_SOURCE
#include "bounds.h"
#include "extent.h"
#include "guest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

#define PAGE 4096u
#define REACH (1u << 20)

static uintptr_t mapped; /* READABLE bytes, and then a page that cannot be read */
#define READABLE (2 * REACH)

static int map(void **state)
{
    (void)state;
    char *memory = mmap(NULL, READABLE + PAGE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    assert_ptr_not_equal(memory, MAP_FAILED);
    assert_int_equal(mprotect(memory + READABLE, PAGE, PROT_NONE), 0);
    mapped = (uintptr_t)memory;
    return 0;
}

static int unmap(void **state)
{
    (void)state;
    return munmap((void *)mapped, READABLE + PAGE);
}

static const struct bounds nowhere = {0, 0};

/* ---- a thread's own stack -------------------------------------------------------------------- */

static void own_stack(void **state)
{
    const struct bounds own = {mapped + PAGE, mapped + 3 * PAGE};
    struct extent extent = extent_at(own, mapped + 2 * PAGE);

    (void)state;
    assert_true(extent.own && extent.low == mapped + 2 * PAGE && extent.high == mapped + 3 * PAGE);
    assert_true(extent_holds(&extent, mapped + 2 * PAGE) && extent_holds(&extent, mapped + 3 * PAGE - 8));
    assert_false(extent_holds(&extent, mapped + 2 * PAGE - 8)); /* further in */
    assert_false(extent_holds(&extent, mapped + 3 * PAGE - 4));
    assert_false(extent_holds(&extent, mapped + 3 * PAGE)); /* its end, whatever is behind it */
    assert_int_equal(extent.high, mapped + 3 * PAGE);
    assert_true(extent_at(own, mapped + PAGE).own && !extent_at(own, mapped + PAGE - 8).own);
    assert_true(extent_at(own, mapped + 3 * PAGE - 8).own && !extent_at(own, mapped + 3 * PAGE).own);
}

/* ---- another one ----------------------------------------------------------------------------- */

static void page_by_page(void **state)
{
    const uintptr_t start = mapped + READABLE - 3 * PAGE + 40;
    struct extent extent = extent_at(nowhere, start);

    (void)state;
    assert_true(!extent.own && extent.low == start && extent.high == mapped + READABLE - 2 * PAGE);
    assert_true(extent_holds(&extent, start));
    assert_int_equal(extent.high, mapped + READABLE - 2 * PAGE);
    assert_true(extent_holds(&extent, mapped + READABLE - 2 * PAGE - 8)); /* still in the first page */
    assert_int_equal(extent.high, mapped + READABLE - 2 * PAGE);
    assert_false(
        extent_holds(&extent, mapped + READABLE - 2 * PAGE - 4)); /* half of it: no word of a stack */
    assert_int_equal(extent.high, mapped + READABLE - 2 * PAGE);
    assert_true(extent_holds(&extent, mapped + READABLE - 2 * PAGE)); /* the first word of the next one */
    assert_int_equal(extent.high, mapped + READABLE - PAGE);
    assert_true(extent_holds(&extent, mapped + READABLE - 8));
    assert_int_equal(extent.high, mapped + READABLE);
    assert_false(extent_holds(&extent, mapped + READABLE - 4));
    assert_false(extent_holds(&extent, mapped + READABLE));
    assert_int_equal(extent.high, mapped + READABLE);
    assert_false(extent_holds(&extent, start - 8) || extent_holds(&extent, 0));
}

static void several_pages_at_once(void **state)
{
    struct extent extent = extent_at(nowhere, mapped);

    (void)state;
    assert_true(extent_holds(&extent, mapped + 5 * PAGE + 8));
    assert_int_equal(extent.high, mapped + 6 * PAGE);
    extent = extent_at(nowhere, mapped + READABLE - 3 * PAGE);
    assert_false(extent_holds(&extent, mapped + READABLE + 8)); /* beyond what can be read */
    assert_int_equal(extent.high, mapped + READABLE);
}

static void no_frame_is_as_large(void **state)
{
    struct extent extent = extent_at(nowhere, mapped);

    (void)state;
    assert_false(extent_holds(&extent, mapped + PAGE + REACH + 8));
    assert_false(extent_holds(&extent, UINTPTR_MAX - 7));
    assert_int_equal(extent.high, mapped + PAGE);
    assert_true(extent_holds(&extent, mapped + PAGE + REACH));
    extent = (struct extent){.low = UINTPTR_MAX - 4 * PAGE, .high = UINTPTR_MAX - PAGE + 1};
    for (uintptr_t last = 0; last < 8; last++)
        assert_false(extent_holds(&extent, UINTPTR_MAX - last)); /* a word that would go on at 0 */
}

/* A walk on another stack does not come onto the thread's own by going further out. */
static void not_onto_the_threads_own(void **state)
{
    const struct bounds own = {mapped + 2 * PAGE, mapped + 4 * PAGE};
    struct extent extent = extent_at(own, mapped);

    (void)state;
    assert_true(!extent.own && extent_holds(&extent, mapped + 2 * PAGE - 8));
    assert_false(extent_holds(&extent, mapped + 2 * PAGE));
    assert_false(extent_holds(&extent, mapped + 4 * PAGE - 8));
    assert_true(extent_holds(&extent, mapped + 4 * PAGE)); /* which is behind it */
}

static void to_another_stack(void **state)
{
    const struct bounds own = {mapped + PAGE, mapped + 2 * PAGE};
    struct extent extent = extent_at(own, mapped + 4 * PAGE), before = extent;

    (void)state;
    assert_false(extent_change(&extent, mapped + READABLE));
    assert_false(extent_change(&extent, mapped + 4));
    assert_memory_equal(&extent, &before, sizeof extent);
    assert_true(extent_change(&extent, mapped + PAGE + 8));
    assert_true(extent.own && extent.low == mapped + PAGE + 8 && extent.high == mapped + 2 * PAGE);
    assert_true(extent_change(&extent, mapped + 16));
    assert_true(!extent.own && extent.low == mapped + 16 && extent.high == mapped + PAGE);
    assert_int_equal(extent.thread.low, own.low);
    assert_int_equal(extent.thread.high, own.high);
}

/* ---- what can be read ------------------------------------------------------------------------ */

static void words(void **state)
{
    (void)state;
    errno = 77;
    assert_true(extent_readable(mapped) && extent_readable(mapped + READABLE - 8));
    assert_false(extent_readable(mapped + READABLE) || extent_readable(0) ||
                 extent_readable(UINTPTR_MAX - 7));
    for (int i = 1; i < 8; i++)
        assert_false(extent_readable(mapped + i)); /* no word of a stack */
    assert_int_equal(errno, 77);
}

static void ranges(void **state)
{
    const uintptr_t end = mapped + READABLE;

    (void)state;
    errno = 77;
    assert_true(extent_readable_all(mapped, READABLE) && extent_readable_all(mapped + 3, 1));
    assert_true(extent_readable_all(end - 3, 3) && extent_readable_all(end - 3 * PAGE - 1, 3 * PAGE + 1));
    assert_true(extent_readable_all(end, 0)); /* nothing */
    assert_false(extent_readable_all(end - 3, 4) || extent_readable_all(end - 2 * PAGE, 2 * PAGE + 1));
    assert_false(extent_readable_all(end, 1) || extent_readable_all(end + PAGE - 1, 1));
    assert_false(extent_readable_all(mapped, READABLE + 1) || extent_readable_all(0, 1));
    assert_false(extent_readable_all(UINTPTR_MAX - 7, 100) ||
                 extent_readable_all(mapped, UINTPTR_MAX - PAGE));
    assert_false(extent_readable_all(mapped, UINTPTR_MAX - mapped - 1)); /* to the end of all addresses */
    assert_int_equal(errno, 77);
}

/* A program that has confined itself might be killed for the call. */
static void nobody_is_asked(void **state)
{
    struct extent extent = extent_at(nowhere, mapped);

    (void)state;
    guest_confined = true;
    assert_false(extent_readable(mapped) || extent_readable_all(mapped, 8));
    assert_false(extent_holds(&extent, mapped + PAGE) || extent_change(&extent, mapped));
    assert_true(extent_holds(&extent, mapped + PAGE - 8));
    guest_confined = false;
}

/* ---- where threads' stacks are --------------------------------------------------------------- */

static struct bounds said_by_the_library(void)
{
    pthread_attr_t facts;
    void *low;
    size_t size, guard;

    assert_int_equal(pthread_getattr_np(pthread_self(), &facts), 0);
    assert_int_equal(pthread_attr_getstack(&facts, &low, &size), 0);
    assert_int_equal(pthread_attr_getguardsize(&facts, &guard), 0);
    pthread_attr_destroy(&facts);
    return (struct bounds){(uintptr_t)low, (uintptr_t)low + size};
}

static void first_thread(void **state)
{
    const uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    struct bounds bounds = bounds_of_stack(), real = said_by_the_library();

    (void)state;
    assert_true(bounds.low < here && here < bounds.high && bounds.high <= real.high);
    assert_true(real.high - bounds.high < REACH); /* but for what the kernel has put there */
    assert_int_equal(bounds.high - bounds.low, 64 << 20);
}

static void *in_a_thread(void *given)
{
    struct bounds *found = given;

    found[0] = bounds_of_stack();
    found[1] = said_by_the_library();
    found[2].low = (uintptr_t)__builtin_frame_address(0);
    found[2].high = (uintptr_t)pthread_self();
    return NULL;
}

static void other_threads(void **state)
{
    static const size_t sizes[] = {1 << 16, 1 << 20, 8 << 20}, guards[] = {0, PAGE, 16 * PAGE};
    struct bounds found[3];
    pthread_attr_t wanted;
    pthread_t thread;

    (void)state;
    for (size_t i = 0; i < 9; i++) {
        pthread_attr_init(&wanted);
        assert_int_equal(pthread_attr_setstacksize(&wanted, sizes[i % 3]), 0);
        assert_int_equal(pthread_attr_setguardsize(&wanted, guards[i / 3]), 0);
        assert_int_equal(pthread_create(&thread, &wanted, in_a_thread, found), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        pthread_attr_destroy(&wanted);
        assert_int_equal(found[0].low, found[1].low);
        assert_int_equal(found[0].high, found[2].high); /* the descriptor */
        assert_true(found[0].low < found[2].low && found[2].low < found[0].high &&
                    found[0].high < found[1].high);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_stack),
        cmocka_unit_test(page_by_page),
        cmocka_unit_test(several_pages_at_once),
        cmocka_unit_test(no_frame_is_as_large),
        cmocka_unit_test(not_onto_the_threads_own),
        cmocka_unit_test(to_another_stack),
        cmocka_unit_test(words),
        cmocka_unit_test(ranges),
        cmocka_unit_test(nobody_is_asked),
        cmocka_unit_test(first_thread),
        cmocka_unit_test(other_threads),
    };

    return cmocka_run_group_tests(tests, map, unmap);
}
