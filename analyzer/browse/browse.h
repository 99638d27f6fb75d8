/* browse.h - trace-report browse: views of a run, stacked one above the other, in a terminal.
 *
 * browse.c   the command: its options, and whether the terminal is good enough
 * walk.c     keys: from view to view, within a list, searching
 * draw.c     what all views have: the run, a title, a list, keys at the bottom
 * screen.c   the terminal, which is always restored at the end; terminfo.c   whether there is one
 * look.c     reading: the database is open only while something is read, so that collectors can write
 * amounts.c  columns of numbers      cells.c    columns of names
 * callers.c  who calls a line, as a tree that grows where it is opened
 * view_*.c   one view each
 */
#ifndef LIBTRACE_BROWSE_H
#define LIBTRACE_BROWSE_H

#include "filter.h"
#include "profile.h"

struct browse;
struct view;

/* A key and what it does, for the bottom line. */
struct view_key {
    const char *key, *what;
};

struct view_kind {
    const struct view_key *keys; /* its own keys, the most useful first; ends with a NULL key */
    int is_aside;                /* a side view: opening another one replaces it */

    /* Reads what the view shows, and keeps the selected row. Returns an exit status, after printing errors
     * on stderr. */
    int (*read)(struct browse *browse, struct view *view);
    void (*sort)(struct browse *browse, struct view *view);   /* by browse->by; NULL: its order is fixed */
    char *(*title)(struct browse *browse, struct view *view); /* malloc'ed */
    const char *(*empty)(struct browse *browse,
                         struct view *view); /* why it has no rows; NULL = no message */

    /* Draws at most that many rows above the list, from y on; returns how many. NULL = none. */
    int (*above)(struct browse *browse, struct view *view, int y, int rows);
    void (*head)(struct browse *browse, struct view *view,
                 int y); /* headings of columns; NULL = there are none */
    void (*row)(struct browse *browse, struct view *view, size_t row, int y);
    /* text of a row to search in; malloc'ed */
    char *(*text)(struct browse *browse, struct view *view, size_t row);
    int (*key)(struct browse *browse, struct view *view, int key); /* true: it has handled the key */
    void (*free)(struct view *view);                               /* frees all but the view itself */
};

/* The beginning of each view's own struct. */
struct view {
    const struct view_kind *kind;
    struct view *from;            /* the view to go back to; NULL = it is a root */
    unsigned age;                 /* value of browse->age when it was read; 0 = not read */
    enum measure by;              /* measure that it is sorted by */
    size_t rows, selected, first; /* first: the topmost row on the screen */
};

enum { ROOT_LINES, ROOT_FUNCTIONS, ROOT_TIME, ROOTS };

struct browse {
    struct report *report;
    struct filter *filter;
    struct run run; /* as of the last look */
    enum measure by;
    /* counts the looks at a live run, from 1 on: views with a lower age are read again */
    unsigned age;
    struct profile profile;   /* its stacks, once a view has needed them */
    uint32_t *keys;           /* by place of the profile: the first place that looks the same */
    unsigned profile_age;     /* value of age when it was read; 0 = not read */
    struct view *root[ROOTS]; /* NULL = not opened yet */
    struct view *view;        /* the current view */
    char *message;            /* shown instead of the keys, until the next key */
    char *stale;              /* why the view of a live run is not up to date; NULL = it is */
    int page;                 /* rows of the list that fit on the screen */
    char pattern[128];        /* the last search */
};

/* ---- walk.c ---------------------------------------------------------------------------------- */

/* Runs until the user quits, or a signal ends it. */
void walk(struct browse *browse);

/* Shows another view; view_back: the previous one. */
void view_enter(struct browse *browse, struct view *view);
void view_back(struct browse *browse);

void browse_say(struct browse *browse, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- draw.c ---------------------------------------------------------------------------------- */

/* Draws the view and what is around it. prompt: text being typed, shown in place of the keys; NULL = none. */
void browse_draw(struct browse *browse, const char *prompt);

/* ---- look.c ---------------------------------------------------------------------------------- */

/* Reads what the view shows. */
void look_view(struct browse *browse, struct view *view);

/* look_is_live: whether the run is still being recorded or its symbols looked up. look_again: looks for
 * what is new in it. */
int look_is_live(const struct browse *browse);
void look_again(struct browse *browse);

/* To be called by a view's read(): loads the run's stacks, with frames folded. */
int look_profile(struct browse *browse);
void look_end(struct browse *browse);

/* ---- the views ------------------------------------------------------------------------------- */

struct line_row;

struct view *view_lines_new(int functions);
struct view *view_callers_new(const struct line_row *row); /* of a line */
struct view *view_neighbours_new(const char *function);
struct view *view_source_new(const char *file, int64_t line);
struct view *view_time_new(void);
struct view *view_help_new(void);
struct view *view_facts_new(void); /* about the run */

/* Handles keys for the line of a row (Enter, e, f and so on) in any view; true if the key was one of them. */
int view_line_key(struct browse *browse, const struct line_row *row, int key);

#endif
