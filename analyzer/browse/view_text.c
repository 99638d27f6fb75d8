/* view_text.c - lines of text: help for the keys, and facts about the run. */
#define _GNU_SOURCE
#include "browse.h"
#include "missing.h"
#include "screen.h"
#include "text.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct view_text {
    struct view view;
    const char *title;
    char **lines;
    size_t count;
    int columns; /* the width that they were wrapped to */
};

static void forget(struct view_text *v)
{
    for (size_t i = 0; i < v->count; i++)
        free(v->lines[i]);
    free(v->lines);
    v->lines = NULL;
    v->count = v->view.rows = 0;
}

/* Adds a text, which may have several lines. */
static void add(struct view_text *v, const char *text)
{
    while (*text != '\0') {
        size_t size = strcspn(text, "\n");
        char **line = profile_grow(&v->lines, &v->count, sizeof *line);

        *line = strndup(text, size);
        text += size + (text[size] == '\n');
    }
}

/* Adds a sentence, wrapped to the screen's width. */
static void add_sentence(struct view_text *v, const char *sentence)
{
    char *harmless = text_harmless(sentence), *broken = NULL;
    size_t size;
    FILE *out = open_memstream(&broken, &size);

    text_wrap(out, harmless, (size_t)screen_columns(), 2);
    fclose(out);
    add(v, broken);
    free(broken);
    free(harmless);
}

static char *title(struct browse *browse, struct view *view)
{
    (void)browse;
    return strdup(((struct view_text *)view)->title);
}

static void row(struct browse *browse, struct view *view, size_t at, int y)
{
    (void)browse;
    screen_put(y, 0, screen_columns(), LOOK_PLAIN, ((struct view_text *)view)->lines[at]);
}

static char *text(struct browse *browse, struct view *view, size_t at)
{
    (void)browse;
    return strdup(((struct view_text *)view)->lines[at]);
}

static void release(struct view *view)
{
    forget((struct view_text *)view);
}

/* ---- what the keys do ------------------------------------------------------------------------ */

static const char help[] = "1 2 3, Tab   lines, functions, time\n"
                           "Enter        deeper: a line's callers, a function's own\n"
                           "             in a tree: opens and closes (+ - Space)\n"
                           "Esc, Left    back to where you came from\n"
                           "e            source; ] [ go to lines that allocate\n"
                           "f            the function: who calls it, what it calls\n"
                           "x            functions with all that they call\n"
                           "s S, > <     sort by the next measure, the one before\n"
                           "/ n N        search (a finds A, too), next, previous\n"
                           "j k g G      down, up, first, last, as arrows, Home, End\n"
                           "PgUp PgDn    a page, as Ctrl-B, Ctrl-F\n"
                           "i            the run, and what is missing in it\n"
                           "Ctrl-L       draw it all anew\n"
                           "q, Ctrl-C    leave\n"
                           " \n"
                           "peak         held when the run held most\n"
                           "live         never freed; so far, while it runs\n"
                           "bytes        allocated in all\n"
                           "temporary    freed at once\n"
                           "own-peak     the most that a line ever held\n";

static int read_help(struct browse *browse, struct view *view)
{
    struct view_text *v = (struct view_text *)view;

    (void)browse;
    forget(v);
    add(v, help);
    view->rows = v->count;
    return EXIT_FINE;
}

/* ---- what is known of the run ---------------------------------------------------------------- */

static void add_fact(struct view_text *v, const char *what, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void add_fact(struct view_text *v, const char *what, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    char *value = text_format(format, arguments), *line = text_make("%-16s %s", what, value);

    va_end(arguments);
    add_sentence(v, line);
    free(line);
    free(value);
}

static void add_amount(struct view_text *v, const struct browse *browse, const char *what, int64_t bytes,
                       int64_t blocks, const char *noun)
{
    char a[UNITS_SIZE], b[UNITS_SIZE];

    add_fact(v, what, "%s in %s %s", units_bytes(a, bytes, browse->report->bytes), units_count(b, blocks),
             noun);
}

static int read_facts(struct browse *browse, struct view *view)
{
    struct view_text *v = (struct view_text *)view;
    const struct run *run = &browse->run;
    struct sentences missing = {0};
    char number[UNITS_SIZE], *filter = filter_text(browse->filter);

    forget(v);
    missing_find(run, &missing);
    for (int i = 0; i < missing.count; i++)
        add_sentence(v, missing.text[i]);
    if (browse->stale != NULL)
        add_sentence(v, browse->stale);
    if (v->count > 0)
        add(v, " \n");
    sentences_free(&missing);
    add_fact(v, "run", "%lld %s", (long long)run->number, run->label);
    add_fact(v, "command", "%s", run->command);
    add_fact(v, "started", "%s", run->started);
    add_fact(v, "state", "%s", run_states[run->state]);
    add_fact(v, "ran for", "%s", units_seconds(number, (double)run->t.wall_ns / 1e9));
    if (run->t.exit_known)
        add_fact(v, "exit status", "%s", units_exit(number, run->t.exit_status));
    add_fact(v, "processes", "%lld", (long long)run->processes);
    add_amount(v, browse, "peak", run->t.m.peak_bytes, run->t.m.peak_allocations, "blocks");
    add_fact(v, "peak at", "%s", units_seconds(number, (double)run->t.peak_ns / 1e9));
    add_amount(v, browse, "live", run->t.end_bytes, run->t.end_allocations, "blocks");
    add_amount(v, browse, "allocated", run->t.m.bytes, run->t.m.allocations, "allocations");
    add_fact(v, "temporary", "%s", units_count(number, run->t.m.temporary));
    if (filter != NULL)
        add_fact(v, "shown of it", "%s", filter);
    free(filter);
    view->rows = v->count;
    return EXIT_FINE;
}

static struct view *new_view(const struct view_kind *kind, const char *title_text)
{
    struct view_text *v = calloc(1, sizeof *v);

    v->view.kind = kind;
    v->title = title_text;
    return &v->view;
}

static const struct view_key no_keys[] = {{0}};

struct view *view_help_new(void)
{
    static const struct view_kind kind = {no_keys, 1,    read_help, NULL, title, NULL,
                                          NULL,    NULL, row,       text, NULL,  release};

    return new_view(&kind, "Keys");
}

struct view *view_facts_new(void)
{
    static const struct view_kind kind = {no_keys, 1,    read_facts, NULL, title, NULL,
                                          NULL,    NULL, row,        text, NULL,  release};

    return new_view(&kind, "The run");
}
