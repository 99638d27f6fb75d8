/* memory_watch.h - ends the recording before the memory of a control group ends.
 *
 * The program, its shared memory and the collector most likely are in the same group. If that has no memory left, the
 * kernel kills: first the collector (by its oom_score_adj), but its memory is not free at once, so the kernel may kill
 * the program as well. The collector does not let it come to that: a thread of its own watches how much room there
 * is, the more often the less there is, whatever the collector is doing:
 *
 *   room           what is done
 *   plenty         nothing
 *   getting short  the collector gives back what it can do without (MEMORY_SHORT)
 *   short          nothing is recorded any more; what is there is written, and all is given back (MEMORY_END)
 *   nearly none    all is given back at once, and the collector is gone
 */
#ifndef LIBTRACE_MEMORY_WATCH_H
#define LIBTRACE_MEMORY_WATCH_H

#include "arena_reader.h"
#include "memory_limit.h"

#include <pthread.h>
#include <stdatomic.h>

enum memory_state { MEMORY_PLENTY, MEMORY_SHORT, MEMORY_END };

struct memory_watch {
    struct memory_limit limit;
    struct memory_limit program; /* the same for the program's groups, if it is in another one */
    struct arena *arena;
    pthread_mutex_t writing;   /* held while writing to the arena */
    _Atomic uint64_t room;     /* bytes, at the last look; UINT64_MAX = no limit */
    _Atomic uint64_t to_write; /* bytes needed to write what was recorded; by the collector */
    _Atomic uint64_t fast; /* bytes by which the room may shrink before our next turn; set by the thread */
    uint64_t next_look_ns; /* for the collector's main thread */
    _Atomic enum memory_state state; /* MEMORY_END is final */
};

/* Finds the groups of this process and of the program's first process (0 = not known), and starts
 * watching if they have a limit. attached: that process was running already. Returns NULL, or a sentence if there is not
 * enough room to begin. */
const char *memory_watch_start(struct memory_watch *watch, struct arena *arena, int first_pidfd,
                               bool attached);

/* Why the recording has ended. */
extern const char memory_watch_sentence[];

/* While paused, nothing is written to the arena. Not to be called from within memory_watch_look(). */
void memory_watch_pause(struct memory_watch *watch);
void memory_watch_go_on(struct memory_watch *watch);

/* True if there is a limit, and it is not far away: do not use memory to gain speed. */
bool memory_watch_is_tight(const struct memory_watch *watch);

/* To be called often by the collector's main thread, as the watching thread may not get a processor, and as there is
 * none while there is no limit: then this looks for one every minute, and starts it.
 * now_ns: of any clock that never stops. */
void memory_watch_look(struct memory_watch *watch, uint64_t now_ns);

/* True if so many bytes may be taken and kept: they are a small part of the room. Any thread may call it. */
bool memory_watch_fits(const struct memory_watch *watch, uint64_t bytes);

/* Words of its ring's buffer that each of so many threads may use, so that all buffers when full take only
 * a part of the room. */
uint64_t memory_watch_ring(const struct memory_watch *watch, uint32_t rings);

static inline enum memory_state memory_watch_state(const struct memory_watch *watch)
{
    return atomic_load_explicit(&watch->state, memory_order_relaxed);
}

#endif
