/* arena_reader.h - the collector's view of a run's shared memory (wire.h). Nothing in that memory is trusted.
 *
 * Any process of the run may have written anything anywhere in it, by mistake or on purpose, and may do so
 * again between two reads. So only the code in this folder turns its contents into values:
 *
 *   header.c        the collector's own words: state, heartbeat, wake-up
 *   processes.c     process slots: scalars are copied once, counts are clamped
 *   rings.c         ring slots; rings.h has what the drain loop does for each ring
 *   stack_reader.c  frames and nodes, by number
 *   note_reader.c   descriptions, copied, with all inner sizes checked (note_reader.h)
 *   memory.c        turns an offset into a pointer if it is aligned, within the arena, and belongs to a single
 *                   process or ring for as long as that lives. The first valid offset is kept here, and used
 *                   from then on.
 *
 * Contents that are impossible are counted as damage of the process that owns them, and otherwise ignored;
 * the run goes on.
 */
#ifndef LIBTRACE_ARENA_ARENA_READER_H
#define LIBTRACE_ARENA_ARENA_READER_H

#include "wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum arena_kind { ARENA_FRAMES, ARENA_NODES, ARENA_NOTES, ARENA_KINDS };
#define ARENA_SEGMENTS WIRE_NODE_SEGMENTS /* the largest number of segments of any kind */

/* What is known of a process slot, in memory that no other process can write. */
struct arena_slot {
    struct arena *arena;
    uint32_t number;         /* of the slot */
    _Atomic uint32_t damage; /* how often something impossible was found in it */
};

struct arena {
    struct wire_arena *wire; /* read and written only in this folder */
    size_t size;             /* bytes mapped */
    int memory;              /* its file descriptor */
    uint64_t started_ns;     /* CLOCK_MONOTONIC of the run's start */
    uint64_t started_real;   /* CLOCK_REALTIME */
    uint32_t stamp_shift;    /* from wire_arena, below 64 */
    uint64_t door_name, door_key;
    struct arena_slot slot[WIRE_PROCESSES];
    /* Offsets of each slot's segments that were checked; 0 = not yet. Not part of struct arena_slot, as
     * most slots are never used, and memory that nobody touches costs nothing. */
    _Atomic uint64_t segment[WIRE_PROCESSES][ARENA_KINDS][ARENA_SEGMENTS];
    _Atomic uint64_t buffer[WIRE_RINGS]; /* offsets of the rings' words that were checked; 0 = not yet */
    _Atomic uint32_t
        owner[WIRE_MAX_CHUNKS]; /* of each chunk: 1 + slot, or WIRE_PROCESSES + 1 + ring; 0 = none */
};

/* Checks and maps the arena that a descriptor refers to; the descriptor must stay open. False if it is not
 * an arena. *arena, which is large, must be all zero. */
bool arena_open(struct arena *arena, int memory);

/* The same for memory that is mapped already, and was checked. */
void arena_adopt(struct arena *arena, struct wire_arena *wire, size_t size, int memory);

/* Bytes of physical memory that it takes. */
uint64_t arena_resident(const struct arena *arena);

/* Returns the memory of everything that was recorded to the system at once, as tracing is over. Reading it
 * gives zeroes from then on. */
void arena_abandon(struct arena *arena);

/* True if another process has the arena mapped. If not, nobody can map it any more, and only this process
 * sees it: from now on, only the collector's own words may be written to. No other thread may use it
 * meanwhile. */
bool arena_held_by_others(struct arena *arena);

/* ---- the collector's own words ------------------------------------------------------------------ */

/* Sets the state that all processes see. why: a sentence, with WIRE_COLLECTOR_FAILED; else NULL. The
 * first one stays, as processes may be reading it. */
void arena_state(struct arena *arena, enum wire_collector_state state, const char *why);
void arena_pid(struct arena *arena, int pid, uint64_t pid_namespace); /* as in struct arena_birth */
void arena_alive(struct arena *arena);  /* until the calling thread, the collector's main thread, ends */
void arena_locked(struct arena *arena); /* another program keeps the database locked, and we are waiting */
void arena_swept(struct arena *arena, uint32_t sweep); /* all rings were read so many times */

/* Lets each thread use only so many words of its ring's buffer. */
void arena_grant(struct arena *arena, uint64_t words);

/* Sleeps until a program wakes us, or the time is over. */
void arena_doze(struct arena *arena, uint64_t ns);
/* The same in two steps, so that the caller can check once more in between. From the first on, programs wake
 * us for any event, not only for a ring that fills up. arena_sleep() must follow, with the value that the
 * first returned. */
uint32_t arena_lie_down(struct arena *arena);
void arena_sleep(struct arena *arena, uint32_t seen, uint64_t ns);
void arena_wake(struct arena *arena);
/* Wakes it only if it is asleep already. Writes nothing, so that it may be called at the same time as
 * arena_held_by_others(). */
void arena_nudge(struct arena *arena);

/* ---- processes ---------------------------------------------------------------------------------- */

/* Slots that have ever been used. */
uint32_t arena_processes(const struct arena *arena);

/* Processes of the run for which there was no room in the arena. */
uint64_t arena_untraced(const struct arena *arena);

/* NULL for a slot that is free, or not filled in yet. */
struct arena_slot *arena_slot(struct arena *arena, uint32_t number);

/* The process that is filling in a slot; should it be gone, arena_release() frees the slot. 0 = none, or
 * not known. */
int arena_claimant(const struct arena *arena, uint32_t number);

struct arena_birth {
    int pid, parent_pid;
    uint64_t pid_namespace; /* the PID namespace of these numbers: its inode; 0 = not known */
    uint32_t flags;         /* enum wire_process_flag */
    uint64_t started_ns;
};

struct arena_death {
    uint64_t ended_ns; /* CLOCK_MONOTONIC, not later than now; 0 = the process did not say */
    bool exit_known;
    int exit_status;
    uint64_t cpu_ns, peak_rss_bytes; /* 0 = the process did not say */
    uint64_t stacks_checked, stacks_different, stacks_slow, events_lost, stacks_lost;
    uint64_t sampled_allocations, sampled_bytes;
    bool stopped; /* it went on untraced */
};

/* False if it cannot be told which process the slot belongs to. */
bool arena_birth(struct arena_slot *slot, struct arena_birth *birth);
void arena_death(const struct arena_slot *slot, struct arena_death *death);

struct arena_piece {
    uint64_t start, end;
};

/* The tracer's own memory in the process, sorted by address, without overlaps; returns the number of
 * pieces. */
size_t arena_pieces(const struct arena_slot *slot, struct arena_piece pieces[WIRE_PIECES]);

bool arena_exiting(const struct arena_slot *slot);      /* it is about to exit */
bool arena_waits(const struct arena_slot *slot);        /* about to exit, waits for arena_commit() */
bool arena_waits_long(const struct arena_slot *slot);   /* about to exit, waits for our end, too */
bool arena_left(const struct arena_slot *slot);         /* it lives on, but is not traced any more */
bool arena_wakes_us(const struct arena_slot *slot);     /* it lives, is traced, and can make system calls */
bool arena_childless(const struct arena_slot *slot);    /* it has never forked */
uint32_t arena_modules(const struct arena_slot *slot);  /* numbers that it has given out */
uint64_t arena_ended_ns(const struct arena_slot *slot); /* as in struct arena_death */
void arena_commit(struct arena_slot *slot);

/* Tells the process that the files of so many of its modules are open, or cannot be opened; more: how many
 * of these are new since the last call. */
void arena_kept(struct arena_slot *slot, uint32_t modules, uint32_t more);

/* Tells the process that its pages were looked at for this mark, or will not be. */
void arena_mark_seen(struct arena_slot *slot, uint32_t number);

/* Tells all processes from when on (since the run's start) they should wait for that; 0 = never. */
void arena_marks_wait(struct arena *arena, uint64_t from_ns);

void arena_damage(struct arena_slot *slot);
uint32_t arena_damages(const struct arena_slot *slot);

/* Frees a slot and all memory of its process for others. Nothing of it may be used any more. */
void arena_release(struct arena_slot *slot);

/* ---- frames and stacks -------------------------------------------------------------------------- */

struct arena_frame {
    uint32_t kind;  /* enum wire_frame_kind; WIRE_FRAME_EMPTY: no such frame */
    uint32_t owner; /* number of a module, code object or type, which may not exist */
    uint64_t value;
};

#define ARENA_FRAMES_MAX (WIRE_FRAMES_FIRST * ((1u << WIRE_FRAME_SEGMENTS) - 1))

uint32_t arena_frames(const struct arena_slot *slot); /* numbers given out, at most ARENA_FRAMES_MAX */
struct arena_frame arena_frame(struct arena_slot *slot, uint32_t number);

/* parent node << 32 | frame; these may not exist. 0 = no such node. */
uint64_t arena_node(struct arena_slot *slot, uint32_t node);

/* ---- memory, for this folder only -------------------------------------------------------------- */

/* The memory of a segment; NULL = none. */
const void *arena_segment(struct arena_slot *slot, enum arena_kind kind, unsigned k);

/* Notes the owner of the chunks from offset on; false if there are no such chunks, or some have another
 * owner. */
bool arena_own(struct arena *arena, uint64_t offset, uint64_t size, uint32_t owner);

/* Returns memory to the system; it reads as zeroes then. */
void arena_punch(struct arena *arena, uint64_t offset, uint64_t size);

#endif
