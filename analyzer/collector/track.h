/* track.h - what the collector knows of the processes and threads that it records. */
#ifndef LIBTRACE_TRACK_H
#define LIBTRACE_TRACK_H

#include "arena_reader.h"
#include "blocks.h"
#include "inherited.h"
#include "ledger.h"
#include "map_ranges.h"
#include "note_reader.h"
#include "number_map.h"
#include "samples.h"

#include <stdbool.h>
#include <sys/types.h>

struct pending_frees;

/* A thread's counts, kept after it is gone. */
struct tracked_thread {
    uint32_t process; /* index into tracker.processes */
    uint32_t id;      /* its number in the process, from 1 on */
    uint32_t tid;
    char name[16];
    bool ended; /* its ring was released, in this sweep: */
    uint32_t sweep;
    uint32_t next_free; /* 1 + index of the next one that is not used any more */
    uint64_t allocations, bytes, frees;
};

/* An object whose type was expected, and may turn out to be another. */
struct expected_object {
    uint64_t address;            /* 0 = none */
    uint32_t size;               /* the library writes no larger ones */
    uint32_t thread;             /* index into tracker.threads */
    struct ledger_before before; /* what its site was */
};

/* A ring that is used by a thread. */
struct tracked_ring {
    struct wire_ring *ring;
    const uint64_t *words;
    struct tracked_process *process;
    uint32_t thread;     /* index into tracker.threads */
    uint32_t by;         /* the thread as blocks know it, see struct block */
    uint64_t tail, head; /* words consumed; words published when the sweep began */
    uint64_t end;        /* events before this word are ordinary ones as far as is known, see drain.c */
    /* Which part of the buffer was written to, see trim.c: */
    uint64_t run_from;   /* the word at which the writer's latest pass through the buffer began, */
    uint64_t longest;    /* words of the longest pass since memory was last returned, */
    uint64_t round_tail; /* and what was consumed at the last look */
    uint64_t evicted;    /* the word up to which its cache lines are in no cache, see drain.c */
    uint64_t far, near;  /* words up to which the data of events was prefetched, see fetch_ahead.h */
    uint64_t looked;     /* the word from which on it is to be looked again whether that is needed, */
    bool fetch_blocks, fetch_sites;   /* and the answer, see working_set.h */
    uint64_t stamp;                   /* time of the event before the next one */
    uint64_t next;                    /* time of the next event, while rings are merged */
    uint32_t huge;                    /* size >> 32 of the next allocation */
    uint64_t last_made;               /* its address if the thread's last event was an allocation; else 0 */
    struct block moving;              /* kept after REALLOC_BEGIN for REALLOC_FAIL; address 0 = none */
    uint32_t moving_age;              /* its age at that time, in ticks */
    bool moved;                       /* the new block that takes its place is still to come */
    struct map_removed unmapped;      /* by its last event that unmaps, kept in case of UNMAP_FAIL */
    struct expected_object *expected; /* the latest OBJECT of the GIL that its objects are of */
    /* What the ledger had counted in this run of events before the thread's turn. */
    uint64_t before_allocations, before_bytes, before_frees;
};

/* One image of one process: fork creates another, and so does exec. */
struct tracked_process {
    struct arena_slot *slot;       /* NULL once it is done with and freed */
    uint32_t index;                /* in tracker.processes; its number in the database is index + 1 */
    int pidfd;                     /* -1 = none */
    uint64_t pid_namespace;        /* of its own and its threads' numbers; 0 = ours */
    int own_pid, own_parent_pid;   /* as it knows them itself */
    bool ended;                    /* gone, or replaced by exec; all its events were read */
    bool written;                  /* (writer) it has read everything of it; see tracker_written() */
    struct arena_notes type_notes; /* how far types' notes were read, for object_looks.h */
    struct grow types;             /* struct object_type by its own number */
    struct grow calls;             /* bool by its own number of the frame: a call of which memory was met */
    bool unreadable;               /* its blocks could not be looked at, see object_looks.h */
    bool pages_seen;               /* looked at its pages at its end, see page_walks.h */
    bool shares_rows;              /* (writer) some of its sites share a row: all are written each time */
    uint32_t last_peak;            /* LEDGER_LIVES, or from ledger_process_ended() */
    uint32_t last_mapped_peak;     /* likewise, in tracker.mapped */
    uint32_t rings_seen;           /* > 1: events are ordered by their stamps */
    struct blocks blocks;
    struct inherited inherited;      /* blocks from the process that it was forked from */
    struct expected_object expected; /* the latest OBJECT of its main GIL, */
    struct expected_object *further; /* and of the others, by number - 1; NULL = there are none */
    struct heap heap;
    struct map_ranges maps;   /* what it has mapped by itself */
    struct heap mapped;       /* and its sum, in tracker.mapped */
    struct grow site_of_node; /* uint32_t: site, by the process's own number of the stack */
    struct grow active;       /* struct tracked_ring *: during a sweep, those that hold something */
    size_t active_count;
    struct pending_frees *pending; /* addresses with events out of order */
    uint64_t foreign_frees;
    uint64_t live_blocks, live_bytes; /* at the end */
    bool finalized;                   /* its interpreter has begun to shut down, see tracker_finalize() */
    /* Copied from the slot when the process ended. */
    struct {
        int pid, parent_pid;
        uint32_t flags;
        uint64_t started_ns, ended_ns; /* CLOCK_MONOTONIC; 0 = lives */
        bool exit_known;
        int exit_status;
        uint64_t cpu_ns, peak_rss_bytes;
        uint64_t stacks_checked, stacks_different, stacks_slow, events_lost, stacks_lost;
        uint64_t sampled_allocations, sampled_bytes; /* all, see wire_process */
        bool stopped;                                /* it went on untraced */
        bool damaged;                                /* something impossible was found in what it wrote */
    } facts;
};

#define MARK_ROTATED \
    UINT32_MAX /* the number of a mark that no process made: what was before goes into a file of its own */
struct mark {
    uint64_t t_ns;
    uint32_t process, number; /* index; the process's own number of the mark */
    bool finalize;            /* the process's interpreter began to shut down: there is no name */
    bool sampled;             /* what sites (finalize: the process's) had counted by then is known */
    uint64_t since_mark_bytes, since_mark_blocks; /* the highest heap since the previous mark */
};

struct point {
    uint64_t t_ns, bytes, blocks, rss;
};

/* What was met last in each place: a piece of memory, as a hash of it, and a site. 1 MiB of leaves, and of sites. */
#define WORKING_SET_PIECE_BITS 14
#define WORKING_SET_SITE_BITS 13
struct working_set {
    uint32_t piece[1 << WORKING_SET_PIECE_BITS], site[1 << WORKING_SET_SITE_BITS];
};

struct tracker {
    struct arena *arena;
    int first_pidfd; /* of the run's first process; 0 = none */
    struct ledger ledger;
    struct grow processes; /* struct tracked_process * */
    uint32_t process_count;
    uint32_t first_living;                    /* all processes before it have ended */
    uint32_t ends;                            /* processes that have ended */
    const struct tracked_process *ended_last; /* by its own time; NULL = none has ended */
    uint32_t unwritten;  /* processes that have ended, and keep their slots until the writer has read them */
    struct grow threads; /* struct tracked_thread */
    uint32_t thread_count;
    uint32_t free_thread; /* 1 + index of one that ended and was written, to be used again; 0 = none */
    struct tracked_ring *rings[WIRE_RINGS]; /* by ring slot; NULL = not in use */
    uint32_t ring_count;                    /* slots that have ever been used */
    struct tracked_process *by_slot[WIRE_PROCESSES];
    struct grow points; /* struct point */
    uint32_t point_count, points_written;
    uint64_t point_every_ns, next_point_ns;
    struct grow marks; /* struct mark */
    uint32_t mark_count, marks_written;
    uint32_t marks_dropped; /* of these so many are not in memory any more */
    bool bounded;           /* what is older is thinned: points do not become rare */
    uint64_t moment_ns;     /* the latest one that tracker_moment() returned */
    struct samples samples;
    uint64_t waits, waited_ns; /* of rings that were freed */
    uint64_t peak_rss;
    uint32_t sweep;           /* number of the current sweep */
    uint64_t swept, swept_ns; /* when it began: the counter that stamps are made of, and CLOCK_MONOTONIC */
    /* Ticks of WIRE_TICK_NS since the start of the run: when the rings were read last, and the time before,
     * which what was found in them now came after. */
    uint32_t read_tick, tick;
    uint64_t limit;        /* the latest possible stamp: the clock at the sweep's begin, and a little more */
    uint64_t next_trim_ns; /* when the next round of trim_rings() begins, */
    uint32_t trim_at;      /* and the slot that this round has reached */
    bool sparing;          /* memory is short: busy rings are trimmed as well */
    uint32_t sample;       /* LIBTRACE_SAMPLE: bytes between samples; 0 = every block is recorded */
    uint64_t taken;        /* blocks that were recorded, in a sampled run */
    bool by_thread;        /* LIBTRACE_THREADS=1: each thread has sites of its own */
    /* By 1 + index of the thread << 32 | number of the stack; otherwise site_of_node is used. */
    struct number_map site_of_thread;
    struct ledger mapped;              /* of what programs map by themselves, with its own sites and totals */
    struct number_map site_of_mapping; /* its site, by 1 + index of the process << 32 | number of the stack */
    bool log_events;                   /* LIBTRACE_EVENTS=1 */
    struct tracked_ring *turn;         /* whose events are being read */
    bool evicts;                       /* lines of rings that were read leave the caches, see drain.c */
    struct working_set working_set;
    struct grow events; /* struct logged_event, not yet written */
    uint64_t event_count;
};

struct logged_event {
    uint64_t t_ns;
    uint64_t address, size;
    uint32_t process, tid, node;
    uint32_t is_free;
};

static inline struct tracked_process *tracker_process(const struct tracker *tracker, uint32_t index)
{
    return ((struct tracked_process **)tracker->processes.memory)[index];
}

static inline struct tracked_thread *tracker_thread(const struct tracker *tracker, uint32_t index)
{
    return (struct tracked_thread *)tracker->threads.memory + index;
}

static inline struct mark *tracker_mark_at(const struct tracker *tracker, uint32_t index)
{
    return (struct mark *)tracker->marks.memory + (index - tracker->marks_dropped);
}

/* True if the writer is done with the process: everything that it has read of its slot was read before. */
static inline bool tracker_written(const struct tracked_process *process)
{
    return __atomic_load_n(&process->written, __ATOMIC_ACQUIRE);
}

/* True if any process has not ended, as far as is known. */
bool tracker_some_live(const struct tracker *tracker);

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t tracker_clock(void);

/* Returns a time since the start of the run that is later than any returned before, so that they are in
 * the order in which events were read. */
uint64_t tracker_moment(struct tracker *tracker, uint64_t t_ns);

/* The program set a mark. number: the process's own number for it. */
void tracker_mark(struct tracker *tracker, uint32_t process, uint32_t number, uint64_t t_ns);

/* Marks up to that number have served their purpose: lets go of them, if they were written, too. */
void tracker_marks_done(struct tracker *tracker, uint32_t count);

/* Copies what has to be written of threads; count is set. Of one that has ended that is the last time, and its place is
 * used again. NULL = out of memory. */
struct tracked_thread *tracker_take_threads(struct tracker *tracker, size_t *count);

/* A process's interpreter begins to shut down: records what its sites hold now. Once for each process. */
void tracker_finalize(struct tracker *tracker, struct tracked_process *process, uint64_t t_ns);

/* True if something impossible was found in what a process wrote into the arena: its numbers are
 * incomplete. */
bool tracker_damaged(const struct tracked_process *process);

/* Updates what a living process has said of itself. */
void tracker_ask(struct tracked_process *process);

/* Updates the names of living threads. */
void tracker_name_threads(struct tracker *tracker);

/* Finds new processes and rings. */
void tracker_look(struct tracker *tracker);

/* Looks for new processes and rings, and ends the processes that said when they ended, and are gone. To be called once it
 * is known up to where the rings are to be read, and before they are: most events carry no time, and those that came after
 * the end of another process are not to count beside what that one held. True if there were any: that has read rings.
 * tracker_reap() is to be called soon then. */
bool tracker_reap_first(struct tracker *tracker);

/* Notices which processes are gone, reads what they left, frees rings and slots. Returns how many are alive.
 */
uint32_t tracker_reap(struct tracker *tracker);

/* Ends the recording while programs live: closes their rings, and frees memory that only further events
 * would need. Nothing may be read from the rings any more. */
void tracker_stop(struct tracker *tracker);

/* Reads what is left of all processes that have not ended, and treats them as ended. */
void tracker_end(struct tracker *tracker);

/* Samples the sites if that is due, or notes that nothing has changed: everything published up to now is
 * counted. quiet: the latest sweep found nothing. */
void tracker_look_at_sites(struct tracker *tracker, uint64_t now_ns, bool quiet);

/* Resident bytes of the process now; 0 = not known. */
uint64_t tracker_resident(const struct tracked_process *process);

/* Adds a point to the time series if it is due. */
void tracker_sample(struct tracker *tracker, uint64_t now_ns);

#endif
