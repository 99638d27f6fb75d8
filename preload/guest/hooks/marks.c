/* marks.c - the functions of include/trace.h, by which a program describes itself. */
#include "marks.h"
#include "arena.h"
#include "enter.h"
#include "notes.h"
#include "process.h"

#include <string.h>

#define NAME_MAX_BYTES 200
#define WAIT_MOST_NS 50000000ull /* how long the collector may take to look at the pages */
enum mark_kind { MARK_MARK = 0, MARK_SNAPSHOT = 1 };

/* The length of the name, limited without cutting a character. */
static size_t name_size(const char *name)
{
    size_t size = strnlen(name, NAME_MAX_BYTES + 1);
    if (size > NAME_MAX_BYTES)
        for (size = NAME_MAX_BYTES; size && ((unsigned char)name[size] & 0xc0) == 0x80; size--) {
        }
    return size;
}

void mark_put(struct thread *t, enum wire_mark what, uint32_t number)
{
    uint64_t now_ns = guest_moment_ns(), t_ns = now_ns ? now_ns - arena->started_ns : 0;
    ring_stamp_next(t);
    ring_put_block(t, WIRE_MARK, (const void *)((uintptr_t)what << 32 | number), (uint32_t)t_ns,
                   (uint32_t)(t_ns >> 32));
}

/* Writes the mark's note; returns its number, 0 = there was no room. */
static uint32_t put_named(struct thread *t, const char *name, enum mark_kind kind)
{
    size_t size = name_size(name);
    struct wire_note_mark *note = note_reserve(sizeof *note + size + 1);
    if (!note)
        return 0;
    note->number = atomic_fetch_add(&process->marks, 1) + 1;
    note->kind = kind;
    memcpy(note->name, name, size);
    note->name[size] = '\0';
    uint32_t number = note->number;
    note_publish(note, WIRE_NOTE_MARK);
    mark_put(t, WIRE_MARK_NAMED, number);
    return number;
}

static bool is_seen(uint32_t number)
{
    return (int32_t)(atomic_load(&process->marks_seen) - number) >= 0;
}

/* What the program frees after the mark must still be visible at it: so the program waits until the
 * collector has looked at its pages. It does not wait if no such look is due, nor, once one took too long,
 * until that one is over. */
static void wait_until_seen(uint32_t number)
{
    uint64_t from_ns = atomic_load_explicit(&arena->marks_wait_ns, memory_order_relaxed);
    uint64_t now_ns = guest_now_ns(), until_ns = now_ns + WAIT_MOST_NS;
    if (!number || !from_ns || now_ns - arena->started_ns < from_ns || guest_confined ||
        !is_seen(atomic_load(&process->marks_missed)))
        return;
    while (!is_seen(number)) {
        now_ns = guest_now_ns();
        if (now_ns >= until_ns || atomic_load(&arena->collector) > WIRE_COLLECTOR_RUNNING) {
            atomic_store(&process->marks_missed, number);
            return;
        }
        uint32_t seen = atomic_load(&process->marks_seen);
        if (!is_seen(number))
            guest_futex_wait(&process->marks_seen, seen, until_ns - now_ns);
    }
}

static void mark(const char *name, enum mark_kind kind, const void *frame)
{
    struct thread *t = name ? thread_enter(frame) : NULL;
    if (!t)
        return;
    uint32_t number = put_named(t, name, kind);
    /* So that the moment is recorded now, not at the collector's next look. */
    arena_wake_collector();
    thread_leave(t);
    wait_until_seen(number);
}

EXPORT void libtrace_mark(const char *name);
EXPORT void libtrace_mark(const char *name)
{
    mark(name, MARK_MARK, __builtin_frame_address(0));
}

EXPORT void libtrace_snapshot(const char *name);
EXPORT void libtrace_snapshot(const char *name)
{
    mark(name, MARK_SNAPSHOT, __builtin_frame_address(0));
}

EXPORT void libtrace_pause(void);
EXPORT void libtrace_pause(void)
{
    struct thread *t = thread_enter(__builtin_frame_address(0));
    if (!t)
        return;
    t->paused++;
    atomic_store_explicit(&t->ring->slow_at, 0, memory_order_relaxed);
    thread_leave(t);
}

EXPORT void libtrace_resume(void);
EXPORT void libtrace_resume(void)
{
    struct thread *t = thread_enter(__builtin_frame_address(0));
    if (!t)
        return;
    if (t->paused)
        t->paused--;
    thread_leave(t);
}
