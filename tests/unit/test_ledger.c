/* test_ledger.c - the peak by site, kept without a scan, against a scan of all sites at every new maximum, where blocks
 * stand for several, with their variances; and the changes recorded between samples. */
#include "samples.h"
#include "spread.h"

#define RANDOM_SEED 0x9e3779b97f4a7c15ull
#include "random_numbers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SITES 40
#define PROCESSES 3

struct model {
    uint64_t live[SITES + 1], at_peak[SITES + 1], blocks[SITES + 1], blocks_at_peak[SITES + 1];
    double variance[SITES + 1], variance_at_peak[SITES + 1];
    uint64_t now, highest;
};

static void model_maximum(struct model *model)
{
    if (model->now <= model->highest)
        return;
    model->highest = model->now;
    memcpy(model->at_peak, model->live, sizeof model->live);
    memcpy(model->blocks_at_peak, model->blocks, sizeof model->blocks);
    memcpy(model->variance_at_peak, model->variance, sizeof model->variance);
}

static void check(const struct ledger *ledger, const struct model *model, const uint32_t *last_peak)
{
    uint64_t sum = 0;
    assert_int_equal(ledger->heap.peak_bytes, model->highest);
    for (uint32_t i = 1; i <= SITES; i++) {
        uint64_t blocks, bytes;
        const struct site *site = ledger_site(ledger, i);
        ledger_at_peak(ledger, site, last_peak[site->process], &blocks, &bytes);
        assert_int_equal(bytes, model->at_peak[i]);
        assert_int_equal(blocks, model->blocks_at_peak[i]);
        assert_true(spread_of(ledger, i, last_peak[site->process]).peak.bytes == model->variance_at_peak[i]);
        sum += bytes;
    }
    assert_int_equal(sum, model->highest);
}

/* Begins a new run of events of one heap, or continues the current one. */
static void begin(struct ledger *ledger, struct heap *heap)
{
    if (ledger->flow.heap == heap && next_random() % 8)
        return;
    if (ledger->flow.heap)
        ledger_settle(ledger);
    ledger_begin(ledger, heap);
}

static void peak_by_site(void **unused)
{
    (void)unused;
    for (int round = 0; round < 200; round++) {
        struct ledger ledger = {0};
        struct model model = {0};
        struct heap heaps[PROCESSES] = {0};
        uint32_t last_peak[PROCESSES] = {LEDGER_LIVES, LEDGER_LIVES, LEDGER_LIVES};
        struct {
            uint32_t site;
            uint64_t size, weight; /* weight: how many blocks it stands for */
        } held[64];
        size_t count = 0;
        for (uint32_t i = 1; i <= SITES; i++)
            assert_int_equal(ledger_add_site(&ledger, i % PROCESSES, 0, i), i);
        for (int step = 0; step < 3000; step++) {
            uint64_t number = next_random();
            uint32_t site = (uint32_t)(number >> 32) % SITES + 1;
            bool ended = last_peak[site % PROCESSES] != LEDGER_LIVES;
            if (count < 64 && number % 100 < 52 && !ended) {
                uint64_t size = number >> 12 & 0x3ff;
                begin(&ledger, &heaps[site % PROCESSES]);
                uint64_t weight = round % 2 ? 1 + (number >> 50) % 4 : 1;
                ledger_alloc(&ledger, site, size, weight);
                if (round % 2)
                    spread_alloc(&ledger, site, size, weight);
                model.live[site] += size * weight;
                model.blocks[site] += weight;
                model.variance[site] += (double)(weight * (weight - 1) * size * size);
                model.now += size * weight;
                model_maximum(&model);
                held[count].site = site;
                held[count].weight = weight;
                held[count++].size = size;
            } else if (count) {
                size_t which = number % count;
                uint32_t from = held[which].site;
                begin(&ledger, &heaps[from % PROCESSES]);
                uint64_t size = held[which].size, weight = held[which].weight;
                ledger_free(&ledger, from, size, 0, weight);
                if (round % 2)
                    spread_free(&ledger, from, size, weight);
                model.live[from] -= size * weight;
                model.blocks[from] -= weight;
                model.variance[from] -= (double)(weight * (weight - 1) * size * size);
                model.now -= size * weight;
                held[which] = held[--count];
            }
            if (step == 1500 && round % 2) { /* a process dies with its blocks */
                ledger_settle(&ledger);
                last_peak[1] = ledger_process_ended(&ledger, &heaps[1]);
                for (size_t i = 0; i < count; i++) {
                    if (held[i].site % PROCESSES != 1)
                        continue;
                    model.live[held[i].site] -= held[i].size * held[i].weight;
                    model.blocks[held[i].site] -= held[i].weight;
                    model.variance[held[i].site] = 0;
                    model.now -= held[i].size * held[i].weight;
                    held[i--] = held[--count];
                }
                ledger_begin(&ledger, &heaps[0]);
            }
            if (ledger.flow.heap && step % 97 == 0) {
                ledger_settle(&ledger);
                check(&ledger, &model, last_peak);
            }
        }
        ledger_settle(&ledger);
        check(&ledger, &model, last_peak);
        for (uint32_t i = 1; i <= SITES; i++)
            free(ledger_site(&ledger, i)->sizes);
        grow_free(&ledger.sites);
        grow_free(&ledger.written);
        grow_free(&ledger.spreads);
    }
}

static void free_all(struct ledger *ledger)
{
    for (uint32_t i = 1; i <= ledger->count; i++) {
        free(ledger_site(ledger, i)->sizes);
        free(ledger_site(ledger, i)->lifetimes);
    }
    grow_free(&ledger->sites);
    grow_free(&ledger->written);
}

/* A block that turns out to be another site's, before and after a peak that it was part of. */
static void taken_back(void **unused)
{
    (void)unused;
    for (uint64_t weight = 1; weight <= 3; weight += 2) {
        for (int after_peak = 0; after_peak < 2; after_peak++) {
            struct ledger ledger = {0};
            struct heap heap = {0};
            struct ledger_before before;
            uint64_t blocks, bytes;
            for (uint32_t i = 1; i <= 3; i++)
                assert_int_equal(ledger_add_site(&ledger, 0, 0, i), i);
            const struct site *was = ledger_site(&ledger, 1), *is = ledger_site(&ledger, 2);
            ledger_begin(&ledger, &heap);
            ledger_alloc(&ledger, 1, 30, 1);
            ledger_alloc(&ledger, 2, 10, 1);
            ledger_alloc(&ledger, 3, 50, 1);
            uint64_t events[3] = {site_events(was)};
            ledger_before_alloc(&ledger, 1, &before);
            ledger_alloc(&ledger, 1, 1000, weight);
            events[1] = site_events(was);
            if (after_peak)
                ledger_free(&ledger, 3, 50, 0, 1);
            ledger_take_back(&ledger, &before, 2, 1000, weight);
            events[2] = site_events(was); /* whatever was written of it is written anew */
            assert_true(events[0] != events[1] && events[1] != events[2] && events[2] != events[0]);
            if (!after_peak)
                ledger_free(&ledger, 3, 50, 0, 1);
            ledger_settle(&ledger);
            assert_int_equal(heap.peak_bytes, 90 + 1000 * weight);
            ledger_at_peak(&ledger, was, LEDGER_LIVES, &blocks, &bytes);
            assert_int_equal(blocks, 1);
            assert_int_equal(bytes, 30);
            ledger_at_peak(&ledger, is, LEDGER_LIVES, &blocks, &bytes);
            assert_int_equal(blocks, 1 + weight);
            assert_int_equal(bytes, 10 + 1000 * weight);
            ledger_at_peak(&ledger, ledger_site(&ledger, 3), LEDGER_LIVES, &blocks, &bytes);
            assert_int_equal(blocks, 1);
            assert_int_equal(bytes, 50);
            assert_int_equal(was->allocations, 1);
            assert_int_equal(was->bytes, 30);
            assert_int_equal(was->highest_bytes, 30);
            assert_int_equal(was->smallest, 30);
            assert_int_equal(was->largest, 30);
            assert_int_equal(is->allocations, 1 + weight);
            assert_int_equal(is->bytes, 10 + 1000 * weight);
            assert_int_equal(is->highest_bytes, 10 + 1000 * weight);
            assert_int_equal(is->smallest, 10);
            assert_int_equal(is->largest, 1000);
            free_all(&ledger);
        }
    }
}

/* The peak is the first moment at which so much was live, whether or not a mark was set since. */
static void first_of_equal_peaks(void **unused)
{
    (void)unused;
    struct ledger ledger = {0};
    struct heap heap = {0};
    uint64_t blocks, bytes;
    for (uint32_t i = 1; i <= 2; i++)
        assert_int_equal(ledger_add_site(&ledger, 0, 0, i), i);
    for (uint32_t i = 1; i <= 2; i++) {
        ledger.now_ns = 1000 * i;
        ledger_begin(&ledger, &heap);
        ledger_alloc(&ledger, i, 100, 1);
        ledger_free(&ledger, i, 100, 0, 1);
        ledger_settle(&ledger);
        assert_int_equal(heap.since_mark_bytes, 100);
        assert_int_equal(ledger.heap.since_mark_bytes, 100);
        heap_marked(&heap);
        heap_marked(&ledger.heap);
    }
    assert_int_equal(ledger.peak_ns, 1000);
    assert_int_equal(ledger.peak, 1);
    ledger_at_peak(&ledger, ledger_site(&ledger, 1), LEDGER_LIVES, &blocks, &bytes);
    assert_int_equal(bytes, 100);
    ledger_at_peak(&ledger, ledger_site(&ledger, 2), LEDGER_LIVES, &blocks, &bytes);
    assert_int_equal(bytes, 0);
    free_all(&ledger);
}

/* A part of a mapping goes at the very peak. */
static void parts(void **unused)
{
    (void)unused;
    struct ledger ledger = {0};
    struct heap heap = {0};
    uint64_t blocks, bytes;
    assert_int_equal(ledger_add_site(&ledger, 0, 0, 1), 1);
    ledger_begin(&ledger, &heap);
    ledger_alloc(&ledger, 1, 100, 1);
    ledger_free_part(&ledger, 1, 60);
    ledger_settle(&ledger);
    assert_int_equal(heap.peak_bytes, 100);
    assert_int_equal(heap.bytes, 40);
    assert_int_equal(heap.blocks, 1);
    ledger_at_peak(&ledger, ledger_site(&ledger, 1), LEDGER_LIVES, &blocks, &bytes);
    assert_int_equal(bytes, 100);
    free_all(&ledger);
}

struct ended {
    unsigned times;
    uint32_t site;
    uint64_t size;
};

static void note_ended(void *data, uint32_t site, uint64_t size)
{
    struct ended *ended = data;
    ended->times++;
    ended->site = site;
    ended->size = size;
}

/* Who ended a peak is told if that was a free, once for each peak. */
static void who_ended_it(void **unused)
{
    (void)unused;
    struct ended ended = {0};
    struct ledger ledger = {.peak_ends = note_ended, .peak_data = &ended};
    struct heap heap = {0};
    for (uint32_t i = 1; i <= 3; i++)
        assert_int_equal(ledger_add_site(&ledger, 0, 0, i), i);
    ledger_begin(&ledger, &heap);
    ledger_alloc(&ledger, 1, 100, 1);
    ledger_alloc(&ledger, 2, 60, 1);
    assert_int_equal(ended.times, 0);
    ledger_free(&ledger, 2, 60, 0, 1);
    assert_int_equal(ended.times, 1);
    assert_int_equal(ended.site, 2);
    assert_int_equal(ended.size, 60);
    ledger_free(&ledger, 1, 100, 0, 1); /* falls further */
    assert_int_equal(ended.times, 1);
    ledger_alloc(&ledger, 1, 200, 1);
    ledger_alloc(&ledger, 3, 0, 1); /* the first moment is the peak */
    ledger_move(&ledger, 1, 2, 200, 0);
    ledger_free_part(&ledger, 2, 50);
    assert_int_equal(ledger.peak, 2);
    assert_int_equal(ended.times, 1);
    ledger_settle(&ledger);
    assert_int_equal(heap.peak_bytes, 200);
    assert_int_equal(heap.peak_blocks, 1);
    free_all(&ledger);
}

static void histograms(void **unused)
{
    (void)unused;
    struct ledger ledger = {0};
    struct heap heap = {0};
    uint64_t expected[CLASSES] = {0}, counts[CLASSES];
    uint32_t index = ledger_add_site(&ledger, 0, 0, 1);
    ledger_begin(&ledger, &heap);
    for (int i = 0; i < 10000; i++) {
        uint64_t size = next_random() >> (40 + next_random() % 20);
        ledger_alloc(&ledger, index, size, 1);
        expected[ledger_class(size)]++;
    }
    const struct site *site = ledger_site(&ledger, index);
    ledger_histogram(site->sizes, site->size_class, site->allocations, counts);
    assert_memory_equal(counts, expected, sizeof counts);
    free(site->sizes);
    grow_free(&ledger.sites);
    grow_free(&ledger.written);
}

/* At each sample, all rows so far must add up to what the sites have counted, including rows of samples
 * that were dropped; the highest heap since the last mark must be right, too. */
static void samples_add_up(void **unused)
{
    (void)unused;
    struct ledger ledger = {0};
    struct heap heap = {0};
    struct samples samples = {0};
    struct sample_counts sums[SITES + 1] = {0};
    uint64_t now = 0, highest = 0, marks = 0, left_out = 0;
    uint64_t live[SITES + 1] = {0};
    ledger_begin(&ledger, &heap);
    for (uint32_t i = 1; i <= SITES; i++)
        assert_int_equal(ledger_add_site(&ledger, i % PROCESSES, 0, 100 + i), i);
    for (uint64_t step = 1; step <= 1000000; step++) {
        uint32_t site = (uint32_t)(next_random() >> 32) % SITES + 1;
        if (next_random() % 2) {
            ledger_alloc(&ledger, site, 8, 1);
            live[site]++;
            now += 8;
        } else if (live[site]) {
            ledger_free(&ledger, site, 8, 0, 1);
            ledger_site(&ledger, site)->temporary += step % 2;
            live[site]--;
            now -= 8;
        }
        highest = now > highest ? now : highest;
        if (next_random() % 64)
            continue;
        bool at_mark = next_random() % 2;
        uint32_t before = samples.count;
        if (!samples_take(&samples, &ledger, step, at_mark)) {
            assert_int_equal(samples.count, before);
            assert_false(at_mark); /* there is room for many marks */
            left_out++;
            continue;
        }
        const struct sample *rows = samples.rows.memory;
        for (uint32_t i = before; i < samples.count; i++) {
            assert_true(rows[i].t_ns == step && rows[i].node == 100 + rows[i].site);
            assert_int_equal(rows[i].process, rows[i].site % PROCESSES);
            sums[rows[i].site].allocations += rows[i].change.allocations;
            sums[rows[i].site].bytes += rows[i].change.bytes;
            sums[rows[i].site].frees += rows[i].change.frees;
            sums[rows[i].site].freed_bytes += rows[i].change.freed_bytes;
            sums[rows[i].site].temporary += rows[i].change.temporary;
        }
        for (uint32_t i = 1; i <= SITES; i++) {
            const struct site *s = ledger_site(&ledger, i);
            const struct sample_counts counts = {s->allocations, s->bytes, s->frees, s->freed_bytes,
                                                 s->temporary};
            assert_memory_equal(&sums[i], &counts, sizeof counts);
        }
        if (at_mark) {
            ledger_settle(&ledger);
            assert_int_equal(ledger.heap.since_mark_bytes, highest);
            heap_marked(&ledger.heap);
            ledger_begin(&ledger, &heap);
            highest = now;
            marks++;
        }
    }
    assert_true(marks > 1000 && left_out > 100);
    for (uint32_t i = 1; i <= SITES; i++)
        free(ledger_site(&ledger, i)->lifetimes);
    grow_free(&ledger.sites);
    grow_free(&ledger.written);
    grow_free(&samples.rows);
    grow_free(&samples.sampled);
}

static int left = -1; /* calls of grow_to() that have memory; -1 = all */
bool __real_grow_to(struct grow *array, size_t size);
bool __wrap_grow_to(struct grow *array, size_t size);
bool __wrap_grow_to(struct grow *array, size_t size)
{
    return left && (left < 0 || left--) && __real_grow_to(array, size);
}

/* A site for which there is no memory takes no number. */
static void no_memory(void **unused)
{
    (void)unused;
    struct ledger ledger = {0};
    for (int calls = 0; calls < 2; calls++) {
        left = calls;
        assert_int_equal(ledger_add_site(&ledger, 0, 0, 1), 0);
        assert_int_equal(ledger.count, 0);
    }
    left = -1;
    assert_int_equal(ledger_add_site(&ledger, 0, 0, 1), 1);
    assert_int_equal(ledger.count, 1);
    free_all(&ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peak_by_site),
        cmocka_unit_test(taken_back),
        cmocka_unit_test(first_of_equal_peaks),
        cmocka_unit_test(parts),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(who_ended_it),
        cmocka_unit_test(histograms),
        cmocka_unit_test(samples_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
