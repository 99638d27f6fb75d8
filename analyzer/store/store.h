/* store.h - writing and reading the database; schema.sql beside it is the layout.
 *
 * Every function that can fail returns 0 or a negative errno code, and leaves a sentence for the user in
 * store_error(): what failed, on which file, what to do. Not thread-safe: one thread at a time uses a
 * store. Texts passed in are copied; where they are not UTF-8, bad bytes are stored as U+FFFD.
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
#define STORE_OLDEST 1  /* the oldest that can be read, see older.c */
#define STORE_MOMENTS 5 /* the first format with the table moment */
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
    int64_t damaged;                              /* processes whose numbers are not complete */
    int64_t by_thread;                            /* 1 = each site is of one thread */
    int64_t stopped, untraced, stacks_lost;       /* see schema.sql */
    int64_t end_allocations, end_bytes;           /* live when the last process ended */
};

struct store_process {
    int64_t id;
    int pid, parent_pid;
    const char *command, *executable;
    int64_t started_ns, ended_ns; /* ended_ns < 0: it still runs */
    int exit_known;
    int exit_status;
    struct store_measures m; /* peak_*: at the process's own peak */
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

/* What changed at a site since its previous sample. */
struct store_site_sample {
    int64_t t_ns;
    struct site_key key;
    struct store_measures change; /* only measures that are sampled */
};

enum store_mark_kind {
    STORE_MARK_NAMED,
    STORE_MARK_SNAPSHOT,
    STORE_MARK_FINALIZE, /* the process's Python began to shut down: added automatically, without a name */
};

#define STORE_MARK_ROTATED "rotated"         /* the name of the mark at t_ns of store_rotate(), */
#define STORE_MARK_NOT_ROTATED "not rotated" /* and where that could not be done: of the latest time only */

struct store_mark {
    int64_t id, t_ns, process;
    const char *name;
    int kind, sampled; /* kind: enum store_mark_kind */
    int64_t lap_peak_allocations, lap_peak_bytes;
};

/* Opens or creates path for writing: WAL, synchronous=NORMAL, a busy timeout, the schema if the file is
 * new. Refuses a file that is no database, is another program's, or has another format. On failure *store
 * is still set, for store_error() and store_close(), unless memory is short (-ENOMEM, NULL). */
int store_open(const char *path, struct store **store);

/* The runs to be recorded are of another user's program, who chooses the names in them: see
 * store_run_is_ours(). */
void store_foreign(struct store *store);

/* Sets a function that store_open() calls once when another program has kept the database locked for
 * half a second. store_open() goes on waiting all the same. */
void store_notify_when_locked(void (*notify)(void *data), void *data);

/* Before the first store, in a program all of whose stores are used by one thread at a time: small blocks for SQLite
 * do not come from malloc() each. */
void store_quick_blocks(void);

const char *store_error(const struct store *store);
void store_close(struct store *store); /* rolls back what was not committed */
struct sqlite3 *store_handle(struct store *store);

/* Prepares a statement of ours, with its lists of measures written out (measures_sql). flags: as for
 * sqlite3_prepare_v3(). Returns SQLite's result code. */
int store_prepare(struct sqlite3 *db, const char *sql, unsigned flags, struct sqlite3_stmt **statement);

int store_begin(struct store *store); /* BEGIN IMMEDIATE; waits for other writers */
int store_commit(struct store *store);
int store_rollback(struct store *store); /* undoes what was not committed */

/* True once nothing can be written any more, whatever is tried: only possible where another process does
 * the writing, see analyzer/rows. */
int store_lost(const struct store *store);

/* Calls visit for each source-level frame that the latest complete runs know of a module: at most `runs`
 * runs, in which its symbols were in this state. The places of one frame come together, from depth 0 on.
 * The texts are valid until visit returns. */
int store_earlier_frames(struct store *store, const char *path, const uint8_t *build_id, size_t build_id_size,
                         int symbols, int runs,
                         void (*visit)(void *data, int64_t offset, int depth, const char *file, int64_t line,
                                       const char *function),
                         void *data);

/* Adds a run in state 'recording' and returns its number in *run; the other functions write to that run.
 * Also marks runs whose collector is gone as 'interrupted'. Call it within a transaction. */
int store_run_add(struct store *store, const char *label, const char *command, const char *started,
                  const char *root, int64_t *run);

int store_run_label(struct store *store,
                    const char *label); /* for when the first process executes another program */
int store_run_totals(struct store *store, const struct store_run *totals);
int store_run_phase(struct store *store, const char *phase, double progress);
int store_run_why(struct store *store, const char *why);     /* before store_run_state() */
int store_run_state(struct store *store, const char *state); /* all but 'recording' end the phases */

/* Each inserts a row, or replaces the one with the same key (site samples: adds to it). Rows that come in
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

/* Where the resident bytes of a process are, see page_rows.h: a moment first, then its rows. The tables
 * are created with the first moment. store_page_forget() removes the moment with this id, for all
 * processes, and its rows. */
int store_page_moment(struct store *store, const struct store_page_moment *moment);
int store_page_row(struct store *store, const struct store_page_row *row);
int store_page_forget(struct store *store, int64_t moment);

/* How it is known what the blocks of a stack are; the least certain first. */
enum store_type_how {
    STORE_TYPE_INFERRED, /* from names of functions on the stack */
    STORE_TYPE_SAMPLED,  /* some of the blocks were looked at */
    STORE_TYPE_EXACT,
    STORE_TYPE_HOWS
};

/* The one of that number in a file; the least certain where there is none. */
enum store_type_how store_type_how(int64_t number);

/* What the blocks of a stack are, as its language writes it. The table is created with its first row. */
int store_stack_type(struct store *store, int64_t node, const char *type, enum store_type_how how);

/* Blocks of a stack were looked at. Where they are of several types, its blocks are divided as the looks are: the
 * looks from `start` on stand for blocks of the stack `part`, which has a type of its own. Where all are of one type,
 * part is node. */
struct store_stack_part {
    int64_t node, part;
    int64_t start, seen, looks; /* start + seen is at most looks */
};
int store_stack_part(struct store *store, const struct store_stack_part *part);

/* What a type of Python objects is like, see type_rows.sql. */
struct store_object_type {
    const char *type;
    int64_t basic_size, item_size; /* bytes */
    int has_dict, at_run_time;     /* 0 or 1 */
    int64_t line;                  /* 0 = not known */
};
int store_object_type(struct store *store, const struct store_object_type *type);

/* Inserts or replaces how many attributes' names the instances of a type share. */
int store_object_keys(struct store *store, const char *type, int64_t keys);

/* Blocks of a process could not be looked at. */
int store_unreadable_process(struct store *store, int64_t process);

/* A sample of the run's blocks was taken, see sampling_rows.sql: what sites, samples and totals say of it are
 * estimates. Inserts or replaces the run's row; the tables are created with the first one of a file. */
struct store_sampling {
    int64_t interval;           /* bytes, at least 1: one block was taken for so many, on average */
    int64_t samples;            /* blocks that were taken so far */
    int64_t allocations, bytes; /* of the whole run, exact; -1 = not known */
};
int store_sampling(struct store *store, const struct store_sampling *sampling);

/* Bounds what grows with the time that a run takes: merges what is known of its past, the older the coarser, see thinning.h.
 * Counts, peaks, marks and the table of sites stay as they are, and so do all other runs. To be called outside of
 * transactions, after each commit; mostly it finds that nothing is due. now_ns: since the start of the run. */
struct store_bounds {
    int64_t keep_ns;    /* what is younger is not merged, where most_bytes allow it; 0 = not said */
    int64_t most_bytes; /* of the file, with its WAL; 0 = no limit, else at least STORE_BYTES_LEAST */
};
#define STORE_BYTES_LEAST (1 << 20)
int store_thin(struct store *store, const struct store_bounds *bounds, int64_t now_ns);

/* Puts a copy of the run aside, as a file of its own, FILE.1, and merges in ours what is known of its past up to t_ns. Older
 * copies get the next numbers, up to `files`. Of the marks by that name each file has the one that it begins with. For a run
 * that is thinned, outside of transactions. Where no copy can be made, as there is no room, nothing is merged, and 0
 * returned. */
int store_rotate(struct store *store, int files, int64_t t_ns);

/* The variances of what a site's row says: of numbers of blocks, and of bytes (bytes squared). Finite, not negative;
 * -EINVAL where one is above STORE_VARIANCE_MAX. A site without such a row is exact. Inserts or replaces. */
#define STORE_VARIANCE_MAX 1e36
struct store_site_error {
    struct site_key key;
    double allocations, bytes;
    double live_allocations, live_bytes;
    double peak_allocations, peak_bytes;
};
int store_site_error(struct store *store, const struct store_site_error *error);

/* What became of a site's blocks beyond being freed; and blocks that took the place of others while both were there, of which
 * each run has all kinds. The tables are created with their first row, in files that have none. */
struct store_site_fate {
    struct site_key key;
    int64_t freed_elsewhere, moves, moved_bytes;
};
int store_site_fate(struct store *store, const struct store_site_fate *fate);

enum store_copy_kind {
    STORE_COPY_COUNTED, /* both were live at the run's peak, as it was counted */
    STORE_COPY_INSIDE,  /* within a realloc, where no count is: the highest such moment */
    STORE_COPY_KINDS
};
struct store_peak_copy {
    enum store_copy_kind kind;
    struct site_key key;                               /* of the new block; node 0: there is none */
    int64_t old_bytes, new_bytes, height, next_height; /* see fate_rows.sql */
};
int store_peak_copy(struct store *store, const struct store_peak_copy *copy);

/* What looks at the contents of a site's blocks found, see content_rows.sql. The table is created with its first row. */
struct store_site_content {
    struct site_key key;
    int64_t blocks, bytes, alone, alone_bytes, contents, contents_bytes, again, changed, apart_ns;
};
int store_site_content(struct store *store, const struct store_site_content *content);

/* Writes many rows, in less than half the time that one call for each takes: next fills in a row and
 * returns false if there is none left. What the row points to must stay valid until next is called again;
 * next must not use the store.
 */
int store_nodes(struct store *store, int (*next)(void *data, struct store_node *node), void *data);
int store_sites(struct store *store, int (*next)(void *data, struct store_site *site), void *data);

/* The same for memory that programs map by themselves, in a table of its own, created with the first row. */
int store_mapped_sites(struct store *store, int (*next)(void *data, struct store_site *site), void *data);

/* A run's collector, from the columns id, collector_pid, collector_start, pid_namespace and taken_ns. */
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

/* False if nothing but the time of its last write says that the collector lives: it holds no lock, and its process
 * cannot be seen. */
int store_collector_sure(const struct store *store, const struct store_collector *collector);

/* True if the collector's process is stopped: by a signal, or by a debugger. */
int store_collector_stopped(const struct store_collector *collector);

/* Nanoseconds of CLOCK_MONOTONIC. */
int64_t store_clock(void);

/* Start time of a process in clock ticks since boot, -1 = there is none. */
int64_t store_process_start(int64_t pid);

/* Adds up the run's sites into line_total, replacing what was there. Sites without a line count for line
 * 0, which the views call '[unknown]'. */
int store_line_totals(struct store *store);

/* 1 for a run that this user recorded into this very file (not a copy), and that was not foreign:
 * nobody else chose the paths in it. 0 as well where it cannot be known; negative on error. */
int store_run_is_ours(struct store *store, int64_t run);

/* Whole runs, by number, within a transaction. A copy gets the next free number; `from` was opened by
 * store_open_read(). Rows that are not possible in a run are refused. */
int store_run_copy(struct store *to, struct sqlite3 *from, int64_t run, int64_t *copy);
int store_run_delete(struct store *store, int64_t run);
int store_run_rename(struct store *store, int64_t run, const char *label);

/* Returns the space of removed rows to the file system; not within a transaction. */
int store_vacuum(struct store *store);

/* To be called after the last commit of a run: truncates the WAL and goes back to journal_mode=DELETE, so
 * that the database is one portable file. If another process still uses it, the last one does this. Only
 * store_error() and store_close() may follow. */
int store_finish(struct store *store);

/* Opens for reading: read-only, trusted_schema=OFF, limits set, defensive. Refuses what store_open()
 * refuses, except files of older formats, which then look like ours. If there is no such file, the error
 * says how to record a run. */
int store_open_read(const char *path, struct store **store);

/* For a file opened for reading: where page_moment, page_row and mapped_site are missing, or are not
 * tables, empty temporary ones take their place. store_open_read() does that; call it again when a
 * collector may have created them since. */
int store_pages_show(struct store *store);

/* The same of the tables of type_rows.sql: the types of blocks. */
int store_types_show(struct store *store);

/* For a file opened for reading: looks whether it has tables of sampled runs; if so, the views have their errors from
 * here on. store_open_read() does that; call it again when a collector may have created them since. */
int store_sampling_show(struct store *store);

/* The same of the table of what was thinned, see thinning_table.c. */
int store_thinning_show(struct store *store);

/* True if a file opened for reading has the tables sampling and site_error; else they must not be read. */
int store_is_sampled(const struct store *store);

/* The same of site_fate and peak_copy, which no collector creates while the file is read. */
int store_fates_show(struct store *store);

/* The same of site_content. */
int store_contents_show(struct store *store);

/* Sets *looks to the number of the latest look at resident pages that a command requested in a run; 0 = none. */
int store_pages_asked(struct store *store, int64_t run, int64_t *looks);

/* From here on, site and line_total are those of memory that programs map by themselves; nothing is known
 * of parts of a run. */
int store_show_mapped(struct store *store);

/* Histograms count values by power of two: class 0 is value 0, class k is 2^(k-1) <= value < 2^k, k at
 * most 64. They are encoded as (class, count) pairs of LEB128 numbers. encode returns the size, at most
 * STORE_HISTOGRAM_MAX. */
#define STORE_HISTOGRAM_CLASSES 65
#define STORE_HISTOGRAM_MAX (STORE_HISTOGRAM_CLASSES * 11)
size_t store_histogram_encode(const uint64_t counts[STORE_HISTOGRAM_CLASSES], uint8_t *out);
int store_histogram_decode(const void *data, size_t size, uint64_t counts[STORE_HISTOGRAM_CLASSES]);

#endif
