/* draw.c - what all views have in common: the run, a title, a list with a selected row, keys at the
 * bottom. */
#define _GNU_SOURCE
#include "browse.h"
#include "missing.h"
#include "sampling.h"
#include "screen.h"
#include "text.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_COLUMNS 40
#define LEAST_ROWS 8

/* Adds facts about the run, as many as fit. */
static void draw_facts(const struct browse *browse, int x, int columns)
{
    const struct store_run *t = &browse->run.t;
    char fact[4][2 * UNITS_SIZE + 32], a[UNITS_SIZE], b[UNITS_SIZE];
    int bytes = browse->report->bytes;

    snprintf(fact[0], sizeof fact[0], "peak %s at %s", units_bytes(a, t->m.peak_bytes, bytes),
             units_seconds(b, (double)t->peak_ns / 1e9));
    snprintf(fact[1], sizeof fact[1], "live %s", units_bytes(a, t->end_bytes, bytes));
    snprintf(fact[2], sizeof fact[2], "%s allocations", units_count(a, t->m.allocations));
    snprintf(fact[3], sizeof fact[3], "%s in all", units_bytes(a, t->m.bytes, bytes));
    for (int i = 0; i < 4; i++) {
        int width = (int)strlen(fact[i]);

        if (width + 2 > columns)
            break;
        screen_put(0, x + 2, columns, LOOK_PLAIN, fact[i]);
        x += width + 2;
        columns -= width + 2;
    }
}

static void draw_run(const struct browse *browse)
{
    const struct run *run = &browse->run;
    enum look look = run->state == RUN_COMPLETE ? LOOK_DIM : look_is_live(browse) ? LOOK_GREEN : LOOK_YELLOW;
    char state[32];

    if (run->state == RUN_SYMBOLS)
        snprintf(state, sizeof state, "looking up names %.0f %%", run->progress * 100);
    else
        snprintf(state, sizeof state, "%s%s", run_states[run->state], sampling_is_on(run) ? ", sampled" : "");
    int right = screen_columns() - (int)strlen(state);

    char *title = text_make("run %lld %s", (long long)run->number, run->label);
    int width = screen_put(0, 0, right / 2, LOOK_BOLD, title);

    free(title);
    draw_facts(browse, width, right - width - 2);
    screen_put(0, right, screen_columns(), look, state);
}

/* Draws one line if the record is incomplete or not up to date; key i shows the details. Returns its rows. */
static int draw_missing(const struct browse *browse, int y)
{
    struct sentences missing = {0};

    missing_find(&browse->run, &missing);
    const char *what = browse->stale != NULL ? browse->stale : missing.count > 0 ? missing.text[0] : NULL;
    int rows = what != NULL;

    if (rows)
        screen_put(y, 0, screen_columns(), LOOK_YELLOW, what);
    sentences_free(&missing);
    return rows;
}

static void draw_title(struct browse *browse, struct view *view, int y)
{
    char *title = view->kind->title(browse, view), *filter = filter_only(browse->filter), at[64] = "";
    char a[UNITS_SIZE], b[UNITS_SIZE];
    const struct window *window = &browse->run.window;

    if (view == browse->root[ROOT_TIME]) { /* the heap's curve ignores filters */
        free(filter);
        filter = NULL;
    }
    if (view->rows > 0)
        snprintf(at, sizeof at, "%s/%s", units_count(a, (int64_t)view->selected + 1),
                 units_count(b, (int64_t)view->rows));
    int right = screen_columns() - (int)strlen(at);

    char *all = text_make("%s%s%s%s", title, window->set ? "; a part of the run" : "",
                          filter != NULL ? "; only " : "", filter != NULL ? filter : "");

    screen_put(y, 0, right - 1, LOOK_BOLD, all);
    screen_put(y, right, screen_columns(), LOOK_DIM, at);
    free(all);
    free(filter);
    free(title);
}

/* Keeps the selected row on the screen, without empty rows below the list while there are more above. */
static void scroll(struct view *view, int page)
{
    size_t rows = page > 0 ? (size_t)page : 1;

    if (view->selected >= view->rows)
        view->selected = view->rows > 0 ? view->rows - 1 : 0;
    if (view->first + rows > view->rows)
        view->first = view->rows > rows ? view->rows - rows : 0;
    if (view->selected < view->first)
        view->first = view->selected;
    if (view->selected >= view->first + rows)
        view->first = view->selected - rows + 1;
}

static void draw_list(struct browse *browse, struct view *view, int y, int rows)
{
    const char *empty = view->rows == 0 && view->kind->empty != NULL ? view->kind->empty(browse, view) : NULL;

    if (empty != NULL)
        screen_put(y, 0, screen_columns(), LOOK_PLAIN, empty);
    browse->page = rows > 1 ? rows : 1;
    scroll(view, rows);
    for (int i = 0; i < rows && view->first + (size_t)i < view->rows; i++) {
        size_t row = view->first + (size_t)i;

        screen_select(row == view->selected);
        screen_fill(y + i, LOOK_PLAIN);
        view->kind->row(browse, view, row, y + i);
    }
    screen_select(0);
}

static int key_width(const struct view_key *key)
{
    return (int)(strlen(key->key) + 1 + strlen(key->what) + 2);
}

static int draw_key(int y, int x, const struct view_key *key)
{
    screen_put(y, x, screen_columns(), LOOK_BOLD, key->key);
    screen_put(y, x + (int)strlen(key->key) + 1, screen_columns(), LOOK_DIM, key->what);
    return key_width(key);
}

/* Draws as many keys as fit; those for quitting and help are always shown. */
static void draw_keys(const struct browse *browse, int y)
{
    static const struct view_key back = {"Esc", "back"},
                                 common[] = {{"/", "search"}, {"1 2 3", "lines, functions, time"}, {0}},
                                 always[] = {{"?", "help"}, {"q", "quit"}};
    int x = 0, right = screen_columns() - key_width(&always[0]) - key_width(&always[1]) + 2;
    const struct view_key *const lists[] = {browse->view->kind->keys, common};

    if (browse->view->from != NULL)
        x += draw_key(y, x, &back);
    for (int i = 0; i < 2; i++)
        for (const struct view_key *key = lists[i]; key->key != NULL && x + key_width(key) <= right; key++)
            x += draw_key(y, x, key);
    draw_key(y, right, &always[0]);
    draw_key(y, right + key_width(&always[0]), &always[1]);
}

void browse_draw(struct browse *browse, const char *prompt)
{
    struct view *view = browse->view;
    int y = 1, bottom = screen_rows() - 1;

    screen_clear();
    if (screen_columns() < LEAST_COLUMNS || screen_rows() < LEAST_ROWS) {
        screen_put(0, 0, screen_columns(), LOOK_PLAIN, "Too small: 40 columns");
        screen_put(1, 0, screen_columns(), LOOK_PLAIN, "and 8 rows at least.");
        screen_put(2, 0, screen_columns(), LOOK_PLAIN, "q leaves.");
        screen_show();
        return;
    }
    draw_run(browse);
    y += draw_missing(browse, y);
    draw_title(browse, view, y++);
    if (view->kind->above != NULL)
        y += view->kind->above(browse, view, y, bottom - y);
    if (view->kind->head != NULL) {
        screen_fill(y, LOOK_HEAD);
        view->kind->head(browse, view, y++);
    }
    draw_list(browse, view, y, bottom - y);
    if (prompt != NULL)
        screen_put(bottom, screen_put(bottom, 0, screen_columns(), LOOK_BOLD, "/"), screen_columns(),
                   LOOK_PLAIN, prompt);
    else if (browse->message != NULL)
        screen_put(bottom, 0, screen_columns(), LOOK_YELLOW, browse->message);
    else
        draw_keys(browse, bottom);
    screen_show();
}
