/* window_runs.h - runs with marks, moments and samples, for the tests of window.c.
 *
 * To be included after cmocka.h. */
#ifndef LIBTRACE_TESTS_WINDOW_RUNS_H
#define LIBTRACE_TESTS_WINDOW_RUNS_H

#include "filter.h"
#include "window.h"

#include "queried.h"

#include <math.h>
#include <string.h>

#define SECOND 1000000000.0
#define NS(seconds) ((int64_t)llround((seconds)*SECOND))

/* MARKED is looked at until 8 s, with marks. What ENDED and LATE have counted is not the sum of their samples, so that it is
 * seen from which of them a part is taken; ENDED was looked at when it ended. Of SAMPLED a sample of blocks was taken, DIVIDED
 * has a stack with blocks of two types, TWELVE many marks. */
enum { MARKED = 1, ENDED, LATE, SAMPLED, DIVIDED, TWELVE, RUNS };

static void add_site(int64_t node, int64_t allocations, int64_t live)
{
    const struct store_site site = {.key = {.node = node, .process = 1},
                                    .line = 70 + node,
                                    .leaf = 80 + node,
                                    .m = {.allocations = allocations,
                                          .bytes = 10 * allocations,
                                          .live_allocations = live,
                                          .live_bytes = 10 * live},
                                    .smallest = 10,
                                    .largest = 10};

    check(store_site(writer, &site));
}

static void add_sample(double seconds, int64_t node, int64_t allocations, int64_t live)
{
    const struct store_site_sample sample = {NS(seconds),
                                             {.node = node, .process = 1},
                                             {.allocations = allocations,
                                              .bytes = 10 * allocations,
                                              .live_allocations = live,
                                              .live_bytes = 10 * live}};

    check(store_site_sample(writer, &sample));
}

static void add_moment(double seconds, double until)
{
    check(store_moment(writer, NS(seconds), NS(until)));
}

static void add_mark(double seconds, int64_t process, const char *name, int kind, int sampled,
                     int64_t peak_blocks)
{
    static int64_t id;
    const struct store_mark mark = {++id, NS(seconds), process,     name,
                                    kind, sampled,     peak_blocks, 100 * peak_blocks};

    check(store_mark(writer, &mark));
}

static void add_run(double wall_s, int64_t lap_peak_blocks)
{
    const struct store_run totals = {.wall_ns = NS(wall_s),
                                     .lap_peak_allocations = lap_peak_blocks,
                                     .lap_peak_bytes = 100 * lap_peak_blocks};
    const struct store_process
        process = {.id = 1, .pid = 1, .command = "first", .executable = "first", .ended_ns = 1},
        second = {.id = 2, .pid = 2, .command = "second", .executable = "second", .ended_ns = 1};
    int64_t run;

    check(store_run_add(writer, "a", "a", "2026-01-01T00:00:00Z", "/src", &run));
    check(store_process(writer, &process));
    check(store_process(writer, &second));
    check(store_run_totals(writer, &totals));
    check(store_run_state(writer, "complete"));
}

static void add_marked(void)
{
    add_run(10, 45);
    add_mark(1, 1, "loaded", STORE_MARK_NAMED, 1, 30);
    add_mark(2, 2, "tick", STORE_MARK_NAMED, 1, 50);
    add_mark(3, 1, "tick", STORE_MARK_SNAPSHOT, 1, 40);
    add_mark(4, 1, "tick", STORE_MARK_NAMED, 0, 20);
    add_mark(5, 1, "a..b", STORE_MARK_NAMED, 1, 60);
    add_mark(6, 1, "tick#9", STORE_MARK_NAMED, 1, 10);
    add_mark(7, 1, "ending", STORE_MARK_FINALIZE, 1, 10);
    for (int i = 1; i <= 3; i++)
        add_moment(i, i == 2 ? 2.5 : i);
    add_moment(5, 5);
    add_moment(8, 8);
    add_sample(1, 1, 10, 10);
    add_sample(1, 2, 5, 5);
    add_sample(2, 1, 20, -10);
    add_sample(3, 2, 100, 100);
    add_sample(5, 3, 7, 0);
    add_sample(8, 1, 1, 1);
    add_site(1, 1031, 1);
    add_site(2, 105, 105);
    add_site(3, 7, 0);
    add_site(4, 4, 4);
}

static void queried_rows(void)
{
    char name[8];

    add_marked();
    for (int run = ENDED; run <= LATE; run++) {
        add_run(10, 0);
        add_moment(1, 1);
        add_moment(5, 5);
        add_moment(6, 6);
        add_moment(9, run == ENDED ? 10 : 9.9);
        add_sample(1, 1, 10, 10);
        add_sample(6, 1, 6, 6);
        add_sample(9, 1, 9, 9);
        add_site(1, 1025, 1025);
    }
    for (int run = SAMPLED; run <= DIVIDED; run++) {
        const struct store_stack_part parts[] = {{1, 1, 0, 1, 4}, {1, 9, 1, 3, 4}};

        add_run(10, 0);
        if (run == SAMPLED)
            check(store_sampling(writer, &(struct store_sampling){100, 1, -1, -1}));
        add_moment(1, 1);
        add_sample(1, 1, 8, 4);
        add_site(1, 8, 4);
        for (int i = 0; i < 2 && run == DIVIDED; i++)
            check(store_stack_part(writer, &parts[i]));
    }
    add_run(100, 0);
    for (int i = 14; i > 0; i--) {
        snprintf(name, sizeof name, "m%02d", i);
        add_mark(i, 1, name, STORE_MARK_NAMED, 1, 0);
    }
}

static struct run runs[RUNS];

/* Reads the run anew, with no part of it chosen. */
static struct run *fresh(int number)
{
    run_free(&runs[number]);
    assert_int_equal(run_load(&report, number, &runs[number]), EXIT_FINE);
    return &runs[number];
}

static int runs_end(void **state)
{
    for (int i = MARKED; i < RUNS; i++)
        run_free(&runs[i]);
    return queried_end(state);
}

/* ---- choosing a part ---------------------------------------------------------------------------- */

static struct filter filter; /* its from and to are set by each test */

static void choose(int run, const char *from, const char *to)
{
    filter.from = from;
    filter.to = to;
    assert_int_equal(window_resolve(&report, fresh(run), &filter), EXIT_FINE);
    assert_true(runs[run].window.set);
}

#endif
