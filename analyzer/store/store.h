/* store.h - writing and reading the database; schema.sql beside it is the layout.
 *
 * Every function that can fail returns 0 or a negative errno-like code and leaves a sentence for the user
 * in store_error(): what failed, on which file, what to do. Not thread-safe; one thread owns a store.
 * Texts passed in are copied; invalid UTF-8 in them is stored with U+FFFD in place of bad bytes.
 */
#ifndef LIBTRACE_STORE_H
#define LIBTRACE_STORE_H

#include "measures.h"
#include "page_rows.h"
#include "site_key.h"

#include <stddef.h>
#include <stdint.h>

#define STORE_APPLICATION_ID 0x4c547263 /* 'LTrc' */
#define STORE_VERSION 6
#define STORE_OLDEST 1  /* that can be read: what it has not is shown as nothing, see older.c */
#define STORE_MOMENTS 5 /* the first with the table moment */
#define STORE_BLOCKS 100000

struct store;
struct sqlite3;
struct sqlite3_stmt;

struct store_run {
    int64_t wall_ns, cpu_ns;
    int exit_known;
    int exit_status;
    struct store_measures m;
    int64_t frees, freed_bytes;
    int64_t peak_ns;
    int64_t peak_rss_bytes;
    int64_t foreign_frees, events_lost;
    int64_t stacks_checked, stacks_different, stacks_slow;
    int64_t waits, waited_ns;
    int64_t collector_cpu_ns;
    int64_t taken_ns;                             /* CLOCK_MONOTONIC */
    int64_t lap_peak_allocations, lap_peak_bytes; /* the highest heap since the last mark */
    int64_t damaged;                              /* processes whose numbers are not whole */
    int64_t by_thread;                            /* 1 = sites are of one thread each */
    int64_t stopped, untraced, stacks_lost;       /* see schema.sql */
    int64_t end_allocations, end_bytes;           /* live when the last process ended */
};

struct store_process {
    int64_t id;
    int pid, parent_pid;
    const char *command, *executable;
    int64_t started_ns, ended_ns; /* ended_ns < 0: lives */
    int exit_known;
    int exit_status;
    struct store_measures m; /* peak_*: the process's own peak */
    int64_t frees, freed_bytes;
};

struct store_node {
    int64_t id, parent, frame;
};

struct store_site {
    struct site_key key;
    int64_t line, leaf; /* 0 = not known yet (NULL) */
    struct store_measures m;
    int64_t smallest, largest;
    const void *sizes, *lifetimes; /* histograms, NULL = one class only */
    size_t sizes_size, lifetimes_size;
};

/* What changed at a site since its sample before. */
struct store_site_sample {
    int64_t t_ns;
    struct site_key key;
    struct store_measures change; /* of those that are sampled */
};

enum store_mark_kind {
    STORE_MARK_NAMED,
    STORE_MARK_SNAPSHOT,
    STORE_MARK_FINALIZE, /* the process's Python began to tear itself down: automatic, without a name */
};

struct store_mark {
    int64_t id, t_ns, process;
    const char *name;
    int kind, sampled; /* kind: enum store_mark_kind */
    int64_t lap_peak_allocations, lap_peak_bytes;
};

/* Opens or creates path for writing: WAL, synchronous=NORMAL, busy timeout, the schema if the file is new.
 * Refuses what is no database, no trace database, or of another version. On failure *store is still set, for
 * store_error() and store_close(), unless memory is short (-ENOMEM, NULL). */
int store_open(const char *path, struct store **store);

/* What will be recorded is another user's program, who has chosen the names in it: see store_run_is_ours(). */
void store_foreign(struct store *store);

/* To be told, by store_open() and once, that another program has kept the database locked for half a second. It is
 * waited for all the same. */
void store_tell_locked(void (*told)(void *data), void *data);

const char *store_error(const struct store *store);
void store_close(struct store *store); /* rolls back what was not committed */
struct sqlite3 *store_handle(struct store *store);

/* Prepares a statement of ours, lists of measures in it written out (measures_sql). flags: of sqlite3_prepare_v3().
 * Returns what SQLite says. */
int store_prepare(struct sqlite3 *db, const char *sql, unsigned flags, struct sqlite3_stmt **statement);

int store_begin(struct store *store); /* BEGIN IMMEDIATE; waits for other writers */
int store_commit(struct store *store);
int store_rollback(struct store *store); /* of what was not committed */

/* True once nothing can be written any more, whatever is tried: only where that is done by another process, see
 * analyzer/rows. */
int store_lost(const struct store *store);

/* Tells visit the source-level frames that are known of a module from the latest complete runs, at most so
 * many, in which its symbols were in this state: of a frame one after the other from depth 0 on. The texts
 * live until visit returns. */
int store_earlier_frames(struct store *store, const char *path, const uint8_t *build_id, size_t build_id_size,
                         int symbols, int runs,
                         void (*visit)(void *data, int64_t offset, int depth, const char *file, int64_t line,
                                       const char *function),
                         void *data);

/* Adds a run, state 'recording', and returns its number in *run; the other functions write to that run.
 * Also marks runs whose collector is gone as 'interrupted'. Within a transaction. */
int store_run_add(struct store *store, const char *label, const char *command, const char *started,
                  const char *root, int64_t *run);

int store_run_label(struct store *store,
                    const char *label); /* its first process has become another program */
int store_run_totals(struct store *store, const struct store_run *totals);
int store_run_phase(struct store *store, const char *phase, double progress);
int store_run_why(struct store *store, const char *why); /* before the state: why it will not be complete */
int store_run_state(struct store *store, const char *state); /* with any but 'recording' the phases end */

/* Each inserts a row or replaces the one with the same key (site samples: adds to it). Rows that come in
 * ascending order of their keys (for sites: node, process, thread) are written faster and make a smaller
 * file.
 */
int store_process(struct store *store, const struct store_process *process);
int store_thread(struct store *store, int64_t process, int64_t id, int tid, const char *name,
                 int64_t allocations, int64_t bytes, int64_t frees);
int store_module(struct store *store, int64_t id, const char *path, const uint8_t *build_id,
                 size_t build_id_size, int symbols /* -1 = NULL */);
int store_line(struct store *store, int64_t id, const char *file, int64_t line, const char *function,
               const char *module, const char *language, int library_code);
int store_frame(struct store *store, int64_t id, int64_t module, int64_t offset);
int store_frame_line(struct store *store, int64_t frame, int depth, int64_t line);
int store_node(struct store *store, int64_t id, int64_t parent, int64_t frame);
int store_site(struct store *store, const struct store_site *site);
int store_block(struct store *store, int64_t process, int64_t address, int64_t size, int64_t node,
                int64_t born_ns);
int store_sample(struct store *store, int64_t t_ns, int64_t live_allocations, int64_t live_bytes,
                 int64_t rss_bytes);
int store_site_sample(struct store *store, const struct store_site_sample *sample);
int store_mark(struct store *store, const struct store_mark *mark);
int store_moment(struct store *store, int64_t t_ns, int64_t until_ns);
int store_event(struct store *store, int64_t id, int64_t t_ns, int64_t process, int tid, const char *kind,
                int64_t address, int64_t size, int64_t node);

/* Where the resident bytes of a process are, see page_rows.h: a moment first, then its rows. The tables are made with the
 * first one; a run without any has nothing of them. Forget: the moment of this id, of all processes, with its rows. */
int store_page_moment(struct store *store, const struct store_page_moment *moment);
int store_page_row(struct store *store, const struct store_page_row *row);
int store_page_forget(struct store *store, int64_t moment);

/* Many rows, for less than half of the time that each takes alone: next fills one in and says whether there
 * was another. What a row points to has to stay until the next one is asked for; next may not use the store.
 */
int store_nodes(struct store *store, int (*next)(void *data, struct store_node *node), void *data);
int store_sites(struct store *store, int (*next)(void *data, struct store_site *site), void *data);

/* The same of what programs map by themselves, which is in a table of its own: made with the first of them. */
int store_mapped_sites(struct store *store, int (*next)(void *data, struct store_site *site), void *data);

/* The collector that a run names: the columns id, collector_pid, collector_start, pid_namespace and taken_ns. */
struct store_collector {
    int64_t run, pid, start, pid_namespace, taken_ns;
};
enum store_collector_state {
    STORE_COLLECTOR_GONE,
    STORE_COLLECTOR_LIVES,
    STORE_COLLECTOR_ELSEWHERE, /* it lives, in a PID namespace that cannot be seen from here */
};
enum store_collector_state store_collector_state(const struct store *store,
                                                 const struct store_collector *collector);

/* True if it is seen to stand still: somebody has stopped it, or debugs it. */
int store_collector_stopped(const struct store_collector *collector);

/* Nanoseconds of CLOCK_MONOTONIC. */
int64_t store_clock(void);

/* Start time of a process in clock ticks since boot, -1 = there is none. */
int64_t store_process_start(int64_t pid);

/* Adds the run's sites up into line_total (replacing what was there). Sites without a line count for line 0,
 * which the views call '[unknown]'. */
int store_line_totals(struct store *store);

/* True for a run that was recorded by this user into this very file, not a copy of it, and was not foreign: the
 * paths in it are nobody else's choice. Of a run that came with a file from elsewhere that cannot be said. */
int store_run_is_ours(struct store *store, int64_t run);

/* Whole runs, by number, within a transaction. A copy gets the next number, from a database that
 * store_open_read opened; what of it is no run of ours is refused. */
int store_run_copy(struct store *to, struct sqlite3 *from, int64_t run, int64_t *copy);
int store_run_delete(struct store *store, int64_t run);
int store_run_rename(struct store *store, int64_t run, const char *label);

/* Gives the room of removed rows back to the file system; outside of a transaction. */
int store_vacuum(struct store *store);

/* After the last commit of a run: truncates the WAL and goes back to journal_mode=DELETE, so that the
 * database is one portable file, unless another process still uses it (then the last one does it). Only
 * store_error and store_close may follow. */
int store_finish(struct store *store);

/* Opens for reading: read-only, trusted_schema=OFF, limits set, defensive; refuses as store_open does, but
 * for files of older versions, which look like ours from then on; and says of a file that is not there how a run is
 * recorded. */
int store_open_read(const char *path, struct store **store);

/* Of a file that is open for reading: where page_moment, page_row and mapped_site are missing, or are no tables, empty ones stand
 * before them. store_open_read() does that; once more after somebody may have made them. */
int store_pages_show(struct store *store);

/* From here on site and line_total are those of what programs map by themselves, and nothing is known of parts of a run. */
int store_show_mapped(struct store *store);

/* Histograms: count of values by power of two: class 0 = value 0, class k = 2^(k-1) <= value < 2^k, 64
 * at most. Encoded as (class, count) pairs of LEB128 numbers. encode returns the size, at most
 * STORE_HISTOGRAM_MAX. */
#define STORE_HISTOGRAM_CLASSES 65
#define STORE_HISTOGRAM_MAX (STORE_HISTOGRAM_CLASSES * 11)
size_t store_histogram_encode(const uint64_t counts[STORE_HISTOGRAM_CLASSES], uint8_t *out);
int store_histogram_decode(const void *data, size_t size, uint64_t counts[STORE_HISTOGRAM_CLASSES]);

#endif
