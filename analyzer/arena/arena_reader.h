/* arena_reader.h - the collector's view of a run's shared memory (wire.h), of which nothing is believed.
 *
 * Any process of the run may have written anything anywhere in it, by mistake or to do harm, and may do so
 * again between two looks. So what is in there becomes a value here alone:
 *
 *   header.c     the collector's own words: state, heartbeat, wake-up
 *   processes.c  process slots: scalars are copied once, counts are clamped
 *   rings.c      ring slots; rings.h has what the drain loop does for each ring
 *   stack_reader.c frames and nodes, by number
 *   note_reader.c  descriptions, copied, with all inner sizes checked (note_reader.h)
 *   memory.c     an offset becomes a pointer, or nothing: it is aligned, within the arena, and belongs to one
 *                process or ring for as long as that lives. The first offset that was seen counts: it is kept
 * here.
 *
 * What cannot be true is counted as damage of the process that owns it, which is the last that is heard of
 * it; the run goes on.
 */
#ifndef LIBTRACE_ARENA_ARENA_READER_H
#define LIBTRACE_ARENA_ARENA_READER_H

#include "wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum arena_kind { ARENA_FRAMES, ARENA_NODES, ARENA_NOTES, ARENA_KINDS };
#define ARENA_SEGMENTS WIRE_NODE_SEGMENTS /* the most that a kind has */

/* What is known of a process slot, where nobody else can write. */
struct arena_slot {
    struct arena *arena;
    uint32_t number;         /* of the slot */
    _Atomic uint32_t damage; /* how often something in it could not be true */
};

struct arena {
    struct wire_arena *wire; /* read and written in this room alone */
    size_t size;             /* bytes mapped */
    int memory;              /* its descriptor */
    uint64_t started_ns;     /* CLOCK_MONOTONIC of the run's start */
    uint64_t started_real;   /* CLOCK_REALTIME */
    uint32_t stamp_shift;    /* of wire_arena, below 64 */
    uint64_t door_name, door_key;
    struct arena_slot slot[WIRE_PROCESSES];
    /* Of each slot's segments: offsets that were checked; 0 = not yet. Apart from the slots, as most are never
     * in use, and memory that nobody touches costs nothing. */
    _Atomic uint64_t segment[WIRE_PROCESSES][ARENA_KINDS][ARENA_SEGMENTS];
    _Atomic uint64_t buffer[WIRE_RINGS]; /* offsets of the rings' words that were checked; 0 = not yet */
    _Atomic uint32_t
        owner[WIRE_MAX_CHUNKS]; /* of each chunk: 1 + slot, or WIRE_PROCESSES + 1 + ring; 0 = nobody */
};

/* Checks and maps the arena that a descriptor, which stays open, is of; false if it is none. Of *arena, which
 * is large, all has to be zero. */
bool arena_open(struct arena *arena, int memory);

/* The same of memory that is mapped already, and was checked. */
void arena_adopt(struct arena *arena, struct wire_arena *wire, size_t size, int memory);

/* Bytes of memory that it takes. */
uint64_t arena_resident(const struct arena *arena);

/* Gives the memory of all that was recorded back to the system, at once: tracing is over. What looks into it
 * still finds zeroes. */
void arena_abandon(struct arena *arena);

/* True if a process but this one has the arena mapped. Else nobody can map it any more, and it is our own
 * alone: only the collector's own words may be written to from now on, and nobody sees them. No other thread
 * may use it meanwhile. */
bool arena_held_by_others(struct arena *arena);

/* ---- the collector's own words ------------------------------------------------------------------ */

/* Tells everybody. why: a sentence, with WIRE_COLLECTOR_FAILED; else NULL. */
void arena_state(struct arena *arena, enum wire_collector_state state, const char *why);
void arena_pid(struct arena *arena, int pid, uint64_t pid_namespace); /* as in struct arena_birth */
void arena_alive(struct arena *arena);  /* until the calling thread ends; it is the collector's main one */
void arena_locked(struct arena *arena); /* another program keeps the database locked, which is waited for */
void arena_swept(struct arena *arena, uint32_t sweep); /* all rings were read so often */

/* Lets each thread use so many words of its ring's buffer only. */
void arena_grant(struct arena *arena, uint64_t words);

/* Sleeps until a program wakes us, or the time is over; wakes who sleeps so. */
void arena_doze(struct arena *arena, uint64_t ns);
/* The same in two steps, so that one can look around once more in between: programs wake us from now on for
 * any event, not only for a ring that fills. arena_sleep() has to follow, with what the first has returned.
 */
uint32_t arena_lie_down(struct arena *arena);
void arena_sleep(struct arena *arena, uint32_t seen, uint64_t ns);
void arena_wake(struct arena *arena);
/* The same if it is asleep already; writes nothing, so that it may be called beside arena_held_by_others().
 */
void arena_nudge(struct arena *arena);

/* ---- processes ---------------------------------------------------------------------------------- */

/* Slots that were ever used. */
uint32_t arena_processes(const struct arena *arena);

/* Processes of the run that found no room in it. */
uint64_t arena_untraced(const struct arena *arena);

/* NULL for a slot that is free, or not yet filled in. */
struct arena_slot *arena_slot(struct arena *arena, uint32_t number);

/* Who is filling a slot in, which arena_release() gives back should that process be gone; 0 = nobody, or it
 * cannot be told. */
int arena_claimant(const struct arena *arena, uint32_t number);

struct arena_birth {
    int pid, parent_pid;
    uint64_t pid_namespace; /* that they are numbers of: its inode; 0 = not known */
    uint32_t flags;         /* enum wire_process_flag */
    uint64_t started_ns;
};

struct arena_death {
    uint64_t ended_ns; /* CLOCK_MONOTONIC, not later than now; 0 = not said */
    bool exit_known;
    int exit_status;
    uint64_t cpu_ns, peak_rss_bytes; /* 0 = not said */
    uint64_t stacks_checked, stacks_different, stacks_slow, events_lost, stacks_lost;
    bool stopped; /* it went on untraced */
};

/* False if it cannot be told whose the slot is. */
bool arena_birth(struct arena_slot *slot, struct arena_birth *birth);
void arena_death(const struct arena_slot *slot, struct arena_death *death);

struct arena_piece {
    uint64_t start, end;
};

/* Memory of the tracer's own in the process, in the order of its addresses, none of which overlaps another; returns how
 * many pieces. */
size_t arena_pieces(const struct arena_slot *slot, struct arena_piece pieces[WIRE_PIECES]);

bool arena_exiting(const struct arena_slot *slot);      /* on its way out */
bool arena_waits(const struct arena_slot *slot);        /* the same, and waits for arena_commit() */
bool arena_waits_long(const struct arena_slot *slot);   /* the same, or rather for our end */
bool arena_left(const struct arena_slot *slot);         /* lives on, but is traced no more */
bool arena_wakes_us(const struct arena_slot *slot);     /* lives, traced, and may make system calls */
bool arena_childless(const struct arena_slot *slot);    /* has never forked */
uint32_t arena_modules(const struct arena_slot *slot);  /* numbers given */
uint64_t arena_ended_ns(const struct arena_slot *slot); /* as in struct arena_death */
void arena_commit(struct arena_slot *slot);

/* Tells the process that the files of so many of its modules are open, or cannot be opened: so many more than
 * it was told before. */
void arena_kept(struct arena_slot *slot, uint32_t modules, uint32_t more);

/* Tells the process that its pages were looked at at this mark, or will not be. */
void arena_mark_seen(struct arena_slot *slot, uint32_t number);

/* Tells all processes from when on to wait for that, since the run's start; 0 = not at all. */
void arena_marks_wait(struct arena *arena, uint64_t from_ns);

void arena_damage(struct arena_slot *slot);
uint32_t arena_damages(const struct arena_slot *slot);

/* Gives a slot and all memory of its process back, for others. Nothing of it may be looked at any more. */
void arena_release(struct arena_slot *slot);

/* ---- frames and stacks -------------------------------------------------------------------------- */

struct arena_frame {
    uint32_t kind;  /* enum wire_frame_kind; WIRE_FRAME_EMPTY if there is no such frame */
    uint32_t owner; /* number of a module or code object, which need not exist */
    uint64_t value;
};

#define ARENA_FRAMES_MAX (WIRE_FRAMES_FIRST * ((1u << WIRE_FRAME_SEGMENTS) - 1))

uint32_t arena_frames(const struct arena_slot *slot); /* numbers given, not more than ARENA_FRAMES_MAX */
struct arena_frame arena_frame(struct arena_slot *slot, uint32_t number);

/* parent node << 32 | frame, which need not exist; 0 if there is no such node. */
uint64_t arena_node(struct arena_slot *slot, uint32_t node);

/* ---- memory, for this room ---------------------------------------------------------------------- */

/* The memory of a segment, NULL = none. */
const void *arena_segment(struct arena_slot *slot, enum arena_kind kind, unsigned k);

/* Notes that the chunks from offset on are an owner's; false if there are no such chunks, or some are
 * another's. */
bool arena_own(struct arena *arena, uint64_t offset, uint64_t size, uint32_t owner);

/* Gives memory back to the system; it reads as zeroes then. */
void arena_punch(struct arena *arena, uint64_t offset, uint64_t size);

#endif
