/* test_stack_cache.c - the cache of numbered stacks: it finds what was put in, and not what was forgotten. */
#include "stack_cache.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* after the headers that it needs */
#include <cmocka.h>

/* ---- stubs for the library ---------------------------------------------------------------------------- */

#ifdef __SANITIZE_ADDRESS__
/* The tables are never freed, by design. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}
#endif

static bool no_memory;

void *guest_table(size_t size)
{
    void *pages = no_memory ? NULL : aligned_alloc(4096, size);
    return pages ? memset(pages, 0, size) : NULL;
}

/* Like the kernel: a late reader finds the old word, or zero. */
void guest_release(void *pages, size_t size)
{
    _Atomic uint64_t *words = pages;
    for (size_t i = 0; i < size / sizeof *words; i++)
        atomic_store_explicit(&words[i], 0, memory_order_relaxed);
}

static int anew(void **state)
{
    (void)state;
    no_memory = false;
    stack_cache_forget();
    return 0;
}

/* ---- tests ---------------------------------------------------------------------------------------- */

static struct stack_cache *const cache = &stack_cache_by_frames;

/* Key of the i-th of many stacks. */
static struct stack_cache_key key_of(uint32_t i)
{
    return stack_cache_elsewhere(stack_cache_hash(stack_cache_hash(STACK_CACHE_ROOT, i), i >> 7));
}

static void found_after_it_was_put(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= 200000; i++) {
        assert_int_equal(stack_cache_find(cache, key_of(i)), 0);
        stack_cache_put(cache, key_of(i), i);
        assert_int_equal(stack_cache_find(cache, key_of(i)), i);
        /* An entry in constant use moves to each larger table. */
        assert_int_equal(stack_cache_find(cache, key_of(1)), 1);
    }
    for (uint32_t i = 1; i <= 200000; i++) {
        uint32_t node = stack_cache_find(cache, key_of(i));
        assert_true(node == i || node == 0);
        assert_int_equal(stack_cache_find(&stack_cache_by_words, key_of(i)), 0);
    }
    for (uint32_t i = 200001; i <= 400000; i++)
        assert_int_equal(stack_cache_find(cache, key_of(i)), 0);
}

/* More keys than fit into two lines; a new one replaces an old one, and is found. */
static void many_want_the_same_line(void **state)
{
    (void)state;
    struct stack_cache_key key = key_of(1);
    for (uint32_t i = 1; i <= 2 * STACK_CACHE_LINE; i++) {
        key.hash = (uint64_t)i << STACK_CACHE_NODE_BITS | (uint64_t)i * 16 % 64;
        stack_cache_put(cache, key, i);
        assert_int_equal(stack_cache_find(cache, key), i);
    }
    for (uint32_t i = 1; i <= STACK_CACHE_LINE; i++) {
        key.hash = (uint64_t)i << STACK_CACHE_NODE_BITS | (uint64_t)i * 16 % 64;
        for (unsigned times = 0; times < 40; times++) /* meanwhile some move back to their own line */
            assert_int_equal(stack_cache_find(cache, key), i);
    }
}

static void forgotten_is_not_found(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= 5000; i++) {
        stack_cache_put(cache, key_of(i), i);
        stack_cache_put(&stack_cache_by_words, key_of(i), i + 1);
    }
    struct stack_cache_place place = stack_cache_place(cache, key_of(5000));
    assert_int_equal(stack_cache_find(&stack_cache_by_words, key_of(5000)), 5001);
    stack_cache_forget();
    for (uint32_t i = 1; i <= 5000; i++) {
        assert_int_equal(stack_cache_find(cache, key_of(i)), 0);
        assert_int_equal(stack_cache_find(&stack_cache_by_words, key_of(i)), 0);
    }
    assert_int_equal(stack_cache_at(place), 0); /* not found by a reader with its old place either */
    stack_cache_put(cache, key_of(5000), 7);
    assert_int_equal(stack_cache_find(cache, key_of(5000)), 7);
}

static void no_memory_remembers_nothing(void **state)
{
    (void)state;
    no_memory = true;
    stack_cache_put(cache, key_of(1), 1);
    assert_int_equal(stack_cache_find(cache, key_of(1)), 0);
    no_memory = false;
    for (uint32_t i = 1; i <= 100; i++)
        stack_cache_put(cache, key_of(i), i);
    no_memory = true; /* for a larger table, so new entries replace old ones */
    for (uint32_t i = 1; i <= 5000; i++) {
        stack_cache_put(cache, key_of(i), i);
        assert_int_equal(stack_cache_find(cache, key_of(i)), i);
    }
    for (uint32_t i = 1; i <= 5000; i++) {
        uint32_t node = stack_cache_find(cache, key_of(i));
        assert_true(node == i || node == 0);
    }
}

#define THREADS 4

static void *put_and_find(void *unused)
{
    uint64_t wrong = 0;
    (void)unused;
    for (uint32_t i = 1; i <= 100000; i++) {
        uint32_t node = stack_cache_find(cache, key_of(i));
        if (!node)
            stack_cache_put(cache, key_of(i), i);
        wrong += node && node != i;
        node = stack_cache_find(cache, key_of(1 + i / 2));
        wrong += node && node != 1 + i / 2;
    }
    return (void *)(uintptr_t)wrong;
}

static void threads_find_what_was_put(void **state)
{
    (void)state;
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, put_and_find, NULL), 0);
    for (int i = 0; i < THREADS; i++) {
        void *wrong;
        pthread_join(thread[i], &wrong);
        assert_null(wrong);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(found_after_it_was_put, anew),
        cmocka_unit_test_setup(many_want_the_same_line, anew),
        cmocka_unit_test_setup(forgotten_is_not_found, anew),
        cmocka_unit_test_setup(no_memory_remembers_nothing, anew),
        cmocka_unit_test_setup(threads_find_what_was_put, anew),
    };
    return cmocka_run_group_tests_name("stack cache", tests, NULL, NULL);
}
