/* memory_watch.h - ends the recording before the memory of a control group ends.
 *
 * The program, its shared memory and the collector are in one group, most likely. Where that has no memory
 * left the kernel kills: the collector first (its oom_score_adj), but what that had is not back at once, and
 * then the kernel may take the program as well. So the collector does not let it come to that. A thread of
 * its own looks how much room there is, the more often the less there is, whatever the collector is at:
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
    struct memory_limit program; /* the same of the program's groups, if it is in another one than we */
    struct arena *arena;
    pthread_mutex_t writing;   /* to the arena */
    _Atomic uint64_t room;     /* bytes, when it was looked last; UINT64_MAX = no limit */
    _Atomic uint64_t to_write; /* bytes that it takes to write what was recorded so far; by the collector */
    _Atomic uint64_t fast; /* bytes that the room may get less by before we have had a turn; by the thread */
    uint64_t next_look_ns; /* of the collector's own thread */
    _Atomic enum memory_state state; /* MEMORY_END is for good */
};

/* Finds the groups of this process and of the program's first one (0 = it is not known), and starts to look.
 * NULL, or a sentence: there is no room to begin with. */
const char *memory_watch_start(struct memory_watch *watch, struct arena *arena, int first_pidfd);

/* Why the recording has ended. */
extern const char memory_watch_sentence[];

/* Meanwhile nothing is written to the arena. Not to be called from within memory_watch_look(). */
void memory_watch_pause(struct memory_watch *watch);
void memory_watch_go_on(struct memory_watch *watch);

/* True if there is a limit that is not far away: memory is not to be taken for speed. */
bool memory_watch_is_tight(const struct memory_watch *watch);

/* To be called often by the collector's own thread, which may be the only one that gets a processor. now_ns:
 * any clock's that goes on. */
void memory_watch_look(struct memory_watch *watch, uint64_t now_ns);

/* True if something may take so many bytes and keep them: it is a small part of what there is. Of any thread.
 */
bool memory_watch_fits(const struct memory_watch *watch, uint64_t bytes);

/* Words of its ring's buffer that each of so many threads may use: full, they take a part of the room at
 * most. */
uint64_t memory_watch_ring(const struct memory_watch *watch, uint32_t rings);

static inline enum memory_state memory_watch_state(const struct memory_watch *watch)
{
    return atomic_load_explicit(&watch->state, memory_order_relaxed);
}

#endif
