/* writer.h - the thread that looks up symbols and writes the database, so that the rings never wait for
 * either.
 *
 * The collector's main thread hands it one job at a time: copies of what has changed. It reads notes, frames
 * and nodes from the arena by itself; they never change once written.
 */
#ifndef LIBTRACE_WRITER_H
#define LIBTRACE_WRITER_H

#include "files.h"
#include "page_walks.h"
#include "store.h"
#include "track.h"

struct writer;

enum { ALL_BLOCKS, ALL_BYTES, LIVE_BLOCKS, LIVE_BYTES, PEAK_BLOCKS, PEAK_BYTES, SITE_VARIANCES };

struct job_site {
    struct site site; /* a copy; its histograms are the job's own */
    uint32_t index;   /* in the ledger */
    uint64_t peak_allocations, peak_bytes;
    /* Variances of what is counted; all 0 in a run that is not sampled. Narrow, as there are many sites in those. */
    float variance[SITE_VARIANCES];
    struct site_fate fate;
};

/* A copy at the peak, as its site is known to the writer. */
struct job_copy {
    struct peak_copy copy;
    uint32_t process, node, thread;
};

struct job_process {
    uint32_t index;
    struct arena_slot *slot;
    struct store_process row; /* texts are not filled in */
    bool ended;
    bool unreadable;
    struct tracked_process *tracked; /* .written and .shares_rows are set when the job is done */
};

struct job_block {
    uint32_t process, node;
    struct block block;
};

struct job {
    bool last;          /* the run's last job */
    bool raw;           /* without symbols: the same sites come again in a later job */
    bool interrupted;   /* the program continues: a signal ended the collector, or */
    const char *why;    /* there was no room to continue, for this reason (a sentence); else NULL */
    uint64_t shortage;  /* value of shortage_count (see shortage.h) that the totals include */
    uint64_t now_ns;    /* since the start of the run */
    uint64_t rotate_ns; /* the moment up to which the past goes into a file of its own; 0 = not now */
    int rotations;      /* such files that are kept */
    struct store_run totals;
    struct store_sampling sampling; /* interval 0: the run is not sampled */
    struct job_process *processes;
    size_t process_count;
    struct tracked_thread *threads;
    size_t thread_count;
    struct job_site *sites;
    size_t site_count;
    struct job_copy copies[STORE_COPY_KINDS]; /* in no raw job */
    struct job_site *mapped;                  /* sites of tracker.mapped */
    size_t mapped_count;
    struct point *points;
    size_t point_count;
    struct mark *marks;
    size_t mark_count, first_mark; /* number of the first mark in the run, from 0 on */
    struct sample *samples;        /* see samples.h */
    size_t sample_count;
    struct moment *moments;
    size_t moment_count;
    struct logged_event *events;
    size_t event_count;
    struct job_block *blocks;
    size_t block_count;
    struct page_moment *pages; /* results of page walks */
    size_t page_count;
    struct object_look *looks; /* at blocks; in no raw job */
    size_t look_count;
    struct content_result *contents; /* likewise */
    size_t content_count;
};

enum writer_state {
    WRITER_OPENING = 0, /* opening the database; counts as busy */
    WRITER_READY,       /* the run's row is there */
    WRITER_FAILED,      /* see writer_error() */
};

/* Starts the thread, which opens the database and adds the run's row from what the first process reported
 * about itself. database (a path) and files must outlive it. bounds: of what grows with
 * time; {0} = none. NULL = out of memory or threads. */
struct writer *writer_start(struct arena *arena, const char *database, struct files *files,
                            struct store_bounds bounds);

enum writer_state writer_state(struct writer *writer);

bool writer_busy(struct writer *writer);

/* Sleeps while it is busy, at most that long. */
void writer_wait(struct writer *writer, uint64_t ns);

/* Hands over a job, which the writer frees. Only allowed while it is not busy. */
void writer_post(struct writer *writer, struct job *job);

/* True if the last job, not the run's final one, had only some of the sites that share a row. The next job
 * has them all. */
bool writer_wants_more(struct writer *writer);

/* Duration of the last job in nanoseconds. */
uint64_t writer_cost(struct writer *writer);

/* Why something could not be written (a sentence); NULL if all could. */
const char *writer_error(struct writer *writer);

/* Waits for the last job to be done, and ends the thread. */
void writer_end(struct writer *writer);

void job_free(struct job *job);
void job_drop_sites(struct job *job);

#endif
