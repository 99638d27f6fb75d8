/* store_private.h - what the files of the store share; nobody else includes it. */
#ifndef LIBTRACE_STORE_PRIVATE_H
#define LIBTRACE_STORE_PRIVATE_H

#include "store.h"
#include "thinning.h"

#include <sqlite3.h>

/* One for each function that writes rows; prepared at first use, finalized at the end. */
enum store_statement {
    STORE_RUN_ADD,
    STORE_RUN_TOTALS,
    STORE_RUN_LABEL,
    STORE_RUN_PHASE,
    STORE_RUN_STATE,
    STORE_RUN_WHY,
    STORE_PROCESS,
    STORE_THREAD,
    STORE_MODULE,
    STORE_LINE,
    STORE_FRAME,
    STORE_FRAME_LINE,
    STORE_NODE,
    STORE_SITE,
    STORE_MAPPED_SITE,
    STORE_BLOCK,
    STORE_SAMPLE,
    STORE_SITE_SAMPLE,
    STORE_MARK,
    STORE_MOMENT,
    STORE_EVENT,
    STORE_PAGE_MOMENT,
    STORE_PAGE_ROW,
    STORE_STACK_TYPE,
    STORE_STACK_PART,
    STORE_OBJECT_TYPE,
    STORE_OBJECT_KEYS,
    STORE_UNREADABLE,
    STORE_SAMPLING,
    STORE_SITE_ERROR,
    STORE_SITE_FATE,
    STORE_PEAK_COPY,
    STORE_SITE_CONTENT,
    STORE_STATEMENTS
};

#define FEED_COLUMNS (7 + SITE_KEY_MEMBERS + MEASURES) /* as many as a site has */

/* Rows on their way into a table, see feed.c. */
struct feed {
    int (*next)(struct feed *feed); /* fills in the next row's values; 0 = no more */
    int over;                       /* next has returned 0 */
    unsigned width;                 /* values in a row */
    struct feed_value {
        enum { FEED_NULL, FEED_NUMBER, FEED_BLOB, FEED_TEXT } kind;
        int64_t number;   /* of a blob: its size */
        const void *blob; /* or text, with its NUL */
    } value[FEED_COLUMNS];
};

/* How the run is thinned, see thin.c. */
struct store_thinning {
    int begun;                       /* the run's row is there */
    int force;                       /* see thinning.h */
    int64_t done_ns[THINNING_SPANS]; /* up to when it was thinned, by grain */
    int64_t next_ns;                 /* when the next pass is due */
    int64_t room;                    /* bytes that the WAL may take; 0 = no limit */
    int64_t left;                    /* bytes of the file that were in use after it was thinned by force */
    int is_short;                    /* that did not help, which was noted */
    int64_t last_mark;               /* the id up to which marks were looked at */
    int64_t *kept;                   /* t_ns of moments that marks refer to, in order */
    size_t kept_count, kept_room;
    int64_t rotated_ns; /* the moment of the latest store_rotate(); 0 = none yet */
};

struct store {
    sqlite3 *db;            /* NULL after a failed open */
    char *path;             /* as the user gave it, for messages */
    char *file;             /* what SQLite opens: never taken for an option or a URI */
    uint64_t device, inode; /* of the file; 0 = not known */
    int resolved;           /* 1 = no part of file is a symbolic link */
    int foreign;            /* see store_foreign() */
    int sampled, shown;     /* opened for reading: 1 = it has tables of sampled runs; its views were shown */
    int ours;               /* 1 = the file's header says that it has this build's format */
    int waited_ms;          /* for a lock that another program holds */
    int unsynced;           /* 1 = nothing is synced to disk before the first commit */
    int commits_unsynced;   /* commits until the new file is synced to disk, 0 = it is, or is not new */
    int64_t run;            /* the run that is being written, 0 = none yet */
    sqlite3_stmt *statement[STORE_STATEMENTS];   /* NULL = not prepared yet */
    struct store_batch *batch[STORE_STATEMENTS]; /* rows that wait, see batch.c; NULL = none */
    struct feed *feed;                           /* the rows being inserted now, else NULL */
    struct store_thinning thinning;
    int lock_fd;      /* see recorder_lock.c; -1 = none */
    char error[8192]; /* the last failure as a sentence, '' = none */
};

extern const char store_schema_sql[];
extern const char store_views_sql[];
extern const char store_pages_sql[]; /* tables created on first use, see page_tables.c */
extern const char store_mapped_sql[];
extern const char store_page_views_sql[]; /* and the views of them */
extern const char store_types_sql[];      /* the same of type_table.c */
extern const char store_type_views_sql[];
extern const char store_sampling_sql[]; /* of sampling_table.c */
extern const char store_sampling_views_sql[];
extern const char store_fates_sql[];    /* of fate_table.c */
extern const char store_contents_sql[]; /* of content_table.c */
extern const char store_thinning_sql[]; /* of thinning_table.c */

/* A database without runs, as a file; size 0 = none is known. */
extern const unsigned char store_image[];
extern const size_t store_image_size;

/* Makes a file that is such a database; 0 = that is not possible, or the name is taken. */
int store_make_whole(int directory, const char *name);

/* To be called after each commit: syncs such a file to disk once that delays nobody any more. */
void store_sync_made(struct store *store);

/* More than a short run has: it is synced at its end. */
#define STORE_COMMITS_UNSYNCED 5

/* Allocates a store for a path; NULL = out of memory. */
struct store *store_new(const char *path);

/* Sets the error sentence and returns code. */
int store_fail(struct store *store, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Turns SQLite's result into our sentence ("cannot <what> ...") and code; 0 for SQLITE_OK, ROW and DONE. */
int store_check(struct store *store, int result, const char *what);

/* Runs statements of ours that return nothing, with lists of measures written out. */
int store_execute(struct store *store, const char *sql, const char *what);

/* Gets the first column of the first row, as a number. */
int store_number(struct store *store, const char *sql, const char *what, int64_t *value);

/* Marks runs as interrupted whose collectors were killed (or whose machine went down): nothing else would. */
int store_mark_interrupted(struct store *store);

/* True while another collector records into the same file. */
int store_others_record(struct store *store);

/* The lock that shows others that a run's collector lives. store_lock_take(): within the transaction that
 * adds the run; returns 0 where there are no locks, too. store_lock_forget(): for a run that is removed. */
enum store_lock_state {
    STORE_LOCK_UNKNOWN, /* the collector had no lock, or not on this file */
    STORE_LOCK_FREE,
    STORE_LOCK_HELD,
};
int store_lock_take(struct store *store, int64_t run);
void store_lock_release(struct store *store);
enum store_lock_state store_lock_state(const struct store *store, int64_t run);
int store_lock_forget(struct store *store, int64_t run);

/* The inode of our PID namespace. */
int64_t store_pid_namespace(void);

/* Makes sure that SQLite's locks are really released, see lock.c. */
void store_guard_locks(void);

/* Looks at the file before SQLite does: 0 = fine, 1 = missing or empty, negative = refused. */
int store_look(struct store *store);

/* store_own(): before the file is opened for writing. Creates it, for us alone, if there is none; refuses
 * another user's link, and, in a directory that everybody may write to, any other user's file of its name
 * or of the names that SQLite uses beside it. store_own_still(): once the file is there; nobody else can
 * replace our files in such a directory. */
int store_own(struct store *store);
int store_own_still(struct store *store);

/* Closes the database for good. SQLite then removes its files beside it, except where the database was
 * replaced: somebody may have deleted it and be recording into a new file of that name. */
void store_let_go(struct store *store);

/* True if the file of that name is not the one that was opened. */
int store_replaced(const struct store *store);

/* Notes where a run is recorded, see origin.c; removes that note. */
int store_origin_add(struct store *store, int64_t run);
int store_origin_delete(struct store *store, int64_t run);
/* Removes the run's rows from a table with a column run; the table may be missing. */
int store_forget(struct store *store, const char *table, int64_t run);
int store_forget_all(struct store *store, const char *const tables[], size_t count, int64_t run);

/* The tables of page_tables.c: creates them if they are missing; removes a run's rows; copies them. */
int store_pages_make(struct store *store);
int store_pages_delete(struct store *store, int64_t run);
int store_pages_copy(struct store *to, sqlite3 *from, int64_t run, int64_t copy);

/* The same of the tables of type_table.c. */
int store_types_make(struct store *store);
int store_types_delete(struct store *store, int64_t run);
int store_types_copy(struct store *to, sqlite3 *from, int64_t run, int64_t copy);

/* Makes views in the file, in one of their forms (view_forms.c), in the place of those that are there; and as temporary
 * views of this build, which hide those in the file. again: they are there, in the other form. */
int store_views_make(struct store *store, const char *sql, int sampled);
int store_views_show(struct store *store, const char *sql, int again);

/* Shows all views of a file that was opened for reading. */
int store_views_show_all(struct store *store, int again);

/* The same of the tables of sampling_table.c. */
int store_sampling_make(struct store *store);
int store_sampling_delete(struct store *store, int64_t run);
int store_sampling_copy(struct store *to, sqlite3 *from, int64_t run, int64_t copy);
/* The same of the table of thinning_table.c. */
int store_thinning_make(struct store *store);
/* True if another process has a database open. Only call it while we have not: closing the descriptor would release our own
 * locks. A symbolic link is none. */
int store_in_use(const char *path);
/* Only one collector at a time creates, closes or renames a file of this directory. -1: there is no lock to be had, and we go
 * on without. */
int store_lock_directory(const struct store *store);
void store_unlock_directory(int lock);
/* A second connection, for reading, to the file that we write; without its public views. Nothing may open that file by
 * itself meanwhile: closing it would release SQLite's locks. */
int store_open_again(const struct store *writer, struct store **store);
/* Merges what is known of the run's past up to a moment, of a run that is thinned, and forgets the mark of the moment that it
 * was called for before. */
int store_merge_past(struct store *store, int64_t t_ns);
/* Forgets the mark of a moment at which the run's past could not be put aside: no file begins there. */
int store_forget_rotation(struct store *store, int64_t t_ns);
int store_thinning_delete(struct store *store, int64_t run);
int store_thinning_copy(struct store *to, sqlite3 *from, int64_t run, int64_t copy);
/* The same of the tables of fate_table.c. */
int store_fates_make(struct store *store);
int store_fates_delete(struct store *store, int64_t run);
int store_fates_copy(struct store *to, sqlite3 *from, int64_t run, int64_t copy);

/* The same of the table of content_table.c. */
int store_contents_make(struct store *store);
int store_contents_delete(struct store *store, int64_t run);
int store_contents_copy(struct store *to, sqlite3 *from, int64_t run, int64_t copy);

/* Sets *there if the file has a table of that name: a view or a virtual table in its place could do anything. */
int store_has_table(struct store *store, const char *table, int64_t *there);

/* Copies the rows of a table whose column key is run; key becomes copy in them, unless copy is 0. See
 * manage.c. */
int store_copy_table(struct store *to, sqlite3 *from, const char *table, const char *key, int64_t run,
                     int64_t copy);
/* The same of several tables, by their column run. */
int store_copy_all(struct store *to, sqlite3 *from, const char *const names[], size_t count, int64_t run,
                   int64_t copy);
/* 1 if the other database has such rows of a run, 0 if not, else a negative code; sql: takes the run's number. */
int store_has_rows(struct store *to, sqlite3 *from, const char *sql, int64_t run);
int store_unreadable(struct store *to, sqlite3 *from); /* sets the sentence, and returns -EIO */

/* When root opens another user's database, the files that SQLite makes beside it must be that user's from their
 * first moment: SQLite makes them as root and gives them away afterwards, and a collector of that user which
 * starts in between is locked out, so that its run is lost. store_act_as_owner() lets this thread use files with
 * the owner's rights; it returns 0, and changes nothing, where we are not root or the file is root's. */
int store_act_as_owner(const struct store *store);
void store_act_as_ourselves(void);

/* Sets a sentence that says why the file cannot be opened: whose it is, and what to do. Returns -error. */
int store_not_readable(struct store *store, int error);

/* The name of a user, or the number as text; returns name. */
#define STORE_USER_NAME 64
const char *store_user_name(uint32_t uid, char name[STORE_USER_NAME]);

/* Rows that are inserted by the many, see batch.c; each is collected as numbers. Returns 0 or a negative code, which may
 * be of rows that were added earlier. */
int store_is_batched(enum store_statement which);
int store_batch_add(struct store *store, enum store_statement which, const int64_t *values, unsigned width,
                    uint32_t is_text);

/* Keeps a copy of a text, repaired where it is not UTF-8, and sets the number that stands for it in a row; NULL stands
 * for NULL. Returns a result of SQLite. */
int store_batch_text(struct store *store, enum store_statement which, const char *text, int64_t *value);

/* Inserts the rows that wait: of one table, of all. store_batches_drop(): forgets them. */
int store_batch_flush(struct store *store, enum store_statement which);
int store_batches_flush(struct store *store);
void store_batches_drop(struct store *store);

/* True if no row of the kind was written since the database was opened: its table may be missing. */
int store_is_first(const struct store *store, enum store_statement which);

/* The statement's text, with {feed} where rows of batch.c come from. */
const char *store_statement_sql(enum store_statement which);

/* Creates the virtual table 'feed', which reads store->feed. */
int store_feed_open(struct store *store);

/* Runs a statement that has {feed} where rows come from. */
int store_feed_run(struct store *store, enum store_statement which, struct feed *feed);

/* Writes the WAL back into the file, and cuts it, unless a reader is in the way. */
void store_checkpoint(struct store *store);

/* From here on commits survive a crash of the machine; they wait for the disk now and then. */
int store_sync_from_now_on(struct store *store);

/* Reads application_id and user_version. Returns the format of a file of ours, if it is at least oldest; 0
 * = an empty database; negative = refused. */
int store_identify(struct store *store, int oldest);

/* For a file of that format, opened for reading: makes its tables look like today's. */
int store_show_older(struct store *store, int version);

/* A build ID as text; '' = none. */
#define STORE_BUILD_ID_HEX (2 * 64 + 1)
void store_build_id_hex(const uint8_t *build_id, size_t size, char hex[STORE_BUILD_ID_HEX]);

/* Binds text, repaired where it is not UTF-8; NULL binds NULL. text must stay valid until the statement
 * has run. */
int store_bind_text(sqlite3_stmt *statement, int index, const char *text);
int store_text_is_fine(const char *text);    /* UTF-8 */
char *store_text_repaired(const char *text); /* malloc'ed; NULL = no memory */

#endif
