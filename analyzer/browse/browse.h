/* browse.h - trace-report browse: views of a run, one above the other, on a terminal.
 *
 * browse.c   the command: what it is called with, and whether there is a terminal for it
 * walk.c     keys: from view to view, within a list, searching
 * draw.c     what all views have: the run, a title, a list, keys at the bottom
 * screen.c   the terminal, which is given back whatever happens; terminfo.c   whether there is one
 * look.c     reading: the database is open only while something is read, and so in no collector's way
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
    const struct view_key *keys; /* its own, the most useful first; ends with a NULL key */
    int is_aside;                /* a look at something else: another one takes its place */

    /* Reads what it shows, and stays on the row that was selected. Returns an exit status; what went wrong is said on
     * stderr, as everywhere. */
    int (*read)(struct browse *browse, struct view *view);
    void (*sort)(struct browse *browse,
                 struct view *view); /* by browse->by; NULL: it has an order of its own */
    char *(*title)(struct browse *browse, struct view *view); /* malloc'ed */
    const char *(*empty)(struct browse *browse,
                         struct view *view); /* why it has no rows; NULL = nothing is said */

    /* Draws at most so many rows from y on above the list; returns how many. NULL = none. */
    int (*above)(struct browse *browse, struct view *view, int y, int rows);
    void (*head)(struct browse *browse, struct view *view,
                 int y); /* names of columns; NULL = there are none */
    void (*row)(struct browse *browse, struct view *view, size_t row, int y);
    char *(*text)(struct browse *browse, struct view *view, size_t row); /* to search in; malloc'ed */
    int (*key)(struct browse *browse, struct view *view, int key);       /* true: it was one of its own */
    void (*free)(struct view *view);                                     /* all but the view itself */
};

/* The beginning of each view's own struct. */
struct view {
    const struct view_kind *kind;
    struct view *from;            /* where one goes back to; NULL = it is one of the roots */
    unsigned age;                 /* of browse, when it was read; 0 = it was not */
    enum measure by;              /* it is sorted by */
    size_t rows, selected, first; /* first: uppermost on the screen */
};

enum { ROOT_LINES, ROOT_FUNCTIONS, ROOT_TIME, ROOTS };

struct browse {
    struct report *report;
    struct filter *filter;
    struct run run; /* as it was at the last look */
    enum measure by;
    unsigned age;           /* looks at a run that goes on, from 1 on: views of an older one are read again */
    struct profile profile; /* its stacks, once a view needs them */
    uint32_t *keys;         /* by place of it: the first one that looks the same */
    unsigned profile_age;   /* 0 = not read */
    struct view *root[ROOTS]; /* NULL = not seen yet */
    struct view *view;        /* that is shown */
    char *message;            /* instead of the keys, until the next one is pressed */
    char *stale;              /* why what is shown of a run that goes on is not of now; NULL = it is */
    int page;                 /* rows of the list on the screen */
    char pattern[128];        /* that was searched for last */
};

/* ---- walk.c ---------------------------------------------------------------------------------- */

/* Until somebody leaves, or a signal ends it. */
void walk(struct browse *browse);

/* Shows another view; view_back: the one before it. A NULL view, for lack of memory, is said. */
void view_enter(struct browse *browse, struct view *view);
void view_back(struct browse *browse);

void browse_say(struct browse *browse, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- draw.c ---------------------------------------------------------------------------------- */

/* The view, and what is around it. prompt: what is typed, in place of the keys; NULL = nothing is. */
void browse_draw(struct browse *browse, const char *prompt);

/* ---- look.c ---------------------------------------------------------------------------------- */

/* Has a view read what it shows. */
void look_view(struct browse *browse, struct view *view);

/* Whether the run goes on, and a look at what is new of it. */
int look_is_live(const struct browse *browse);
void look_again(struct browse *browse);

/* For a view that reads: the run's stacks are there, and their frames are folded. */
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
struct view *view_facts_new(void); /* of the run */

/* What Enter, e, f and such keys do with the line of a row, in whichever view; true: it was one of them. */
int view_line_key(struct browse *browse, const struct line_row *row, int key);

#endif
