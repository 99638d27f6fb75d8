/* test_notes.c - the log of notes: whatever several threads write, a reader that goes from note to note
 * finds each one once and whole, and nothing else. */
#include "arena.h"
#include "notes.h"
#include "process.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* after the headers that it needs */
#include <cmocka.h>

/* ---- stubs for the library, without an arena ---------------------------------------------------------- */

static struct wire_process slot;
struct wire_process *process = &slot;
static void *segments[WIRE_NOTE_SEGMENTS];
static unsigned segments_left;

void *arena_segment(_Atomic uint64_t *place, void *_Atomic *window, size_t size)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    size_t k = (size_t)(place - slot.note_segment);
    pthread_mutex_lock(&lock);
    if (!*window && segments_left > 0) {
        segments_left--;
        *window = segments[k] = calloc(1, size);
    }
    pthread_mutex_unlock(&lock);
    return *window;
}

void arena_close(void *window, size_t size)
{
    (void)size;
    free(window);
}

static int begin(void **unused)
{
    (void)unused;
    memset(&slot, 0, sizeof slot);
    memset(segments, 0, sizeof segments);
    segments_left = WIRE_NOTE_SEGMENTS;
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    notes_forget(true);
    return 0;
}

/* ---- tests ---------------------------------------------------------------------------------------- */

#define THREADS 4
#define NOTES 3000 /* by each thread: more than fit into the first segments */

struct numbered {
    struct wire_note note;
    uint32_t thread, number;
    unsigned char rest[];
};

static size_t size_of(uint32_t thread, uint32_t number)
{
    return sizeof(struct numbered) + (number * 37 + thread * 11) % 300;
}

static void *write_notes(void *data)
{
    uint32_t thread = (uint32_t)(uintptr_t)data;
    for (uint32_t i = 0; i < NOTES; i++) {
        struct numbered *note = note_reserve(size_of(thread, i));
        if (!note)
            return NULL;
        note->thread = thread;
        note->number = i;
        memset(note->rest, (int)(thread + 1), size_of(thread, i) - sizeof *note);
        note_publish(note, WIRE_NOTE_MARK);
    }
    return data;
}

static void check_note(const struct numbered *note, uint32_t next[THREADS])
{
    assert_true(note->thread < THREADS);
    assert_int_equal(note->number, next[note->thread]++); /* in the order in which its thread wrote them */
    assert_true(note->note.size >= size_of(note->thread, note->number));
    for (size_t i = 0; i < size_of(note->thread, note->number) - sizeof *note; i++)
        assert_int_equal(note->rest[i], note->thread + 1);
}

static void all_are_found(void **unused)
{
    pthread_t threads[THREADS];
    uint32_t next[THREADS] = {0};
    (void)unused;
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_notes, (void *)i), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (unsigned k = 0; k < WIRE_NOTE_SEGMENTS && segments[k]; k++) {
        size_t size = WIRE_CHUNK_SIZE << k, offset = 0;
        while (offset < size) {
            const struct wire_note *note = (const void *)((char *)segments[k] + offset);
            if (note->type == 0)
                break;
            assert_true(note->size % 8 == 0 && note->size >= sizeof *note && note->size <= size - offset);
            if (note->type != WIRE_NOTE_PAD)
                check_note((const void *)note, next);
            offset += note->size;
        }
        assert_true(offset == size || k + 1 == WIRE_NOTE_SEGMENTS ||
                    !segments[k + 1]); /* no gap before more */
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(next[i], NOTES);
    assert_int_equal(slot.stacks_lost, 0);
    assert_non_null(segments[1]);
}

static void no_room_is_counted(void **unused)
{
    (void)unused;
    segments_left = 1;
    unsigned written = 0;
    for (struct wire_note *note; written < 1000 && (note = note_reserve(1000)); written++)
        note_publish(note, WIRE_NOTE_MARK);
    assert_int_equal(written, WIRE_CHUNK_SIZE / 1000);
    assert_int_equal(slot.stacks_lost, 1);
}

static void too_large_leaves_room_for_others(void **unused)
{
    (void)unused;
    assert_null(note_reserve((4u << 20) + 1));
    assert_int_equal(slot.stacks_lost, 1);
    assert_non_null(note_reserve(64));
    assert_null(segments[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_are_found, begin, end),
        cmocka_unit_test_setup_teardown(no_room_is_counted, begin, end),
        cmocka_unit_test_setup_teardown(too_large_leaves_room_for_others, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
