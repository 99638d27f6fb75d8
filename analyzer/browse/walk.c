/* walk.c - from view to view, and what is the same in all of them: a title, a list with a selected row, keys at the bottom. */
#define _GNU_SOURCE
#include "browse.h"
#include "missing.h"
#include "screen.h"
#include "store.h"
#include "text.h"
#include "units.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_COLUMNS 40
#define LEAST_ROWS 8
#define EVERY_NS 1000000000 /* between two looks at a run that goes on */
#define REST 3              /* and so many times as long as a look took */

enum { CTRL_B = 2, CTRL_F = 6, CTRL_L = 12 };

/* ---- messages -------------------------------------------------------------------------------- */

void browse_say(struct browse *browse, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    char *text = text_format(format, arguments);

    va_end(arguments);
    free(browse->message);
    browse->message = text;
}

/* ---- views ----------------------------------------------------------------------------------- */

static void free_view(struct view *view)
{
    if (view == NULL)
        return;
    view->kind->free(view);
    free(view);
}

void view_enter(struct browse *browse, struct view *view)
{
    if (view == NULL) {
        browse_say(browse, "Out of memory.");
        return;
    }
    view->from = browse->view;
    browse->view = view;
}

void view_back(struct browse *browse)
{
    struct view *view = browse->view;

    if (view->from == NULL) {
        browse_say(browse, "This is where it begins: q leaves.");
        return;
    }
    browse->view = view->from;
    free_view(view);
}

static void go_to_root(struct browse *browse, int number)
{
    struct view **root = &browse->root[number];

    if (*root == NULL)
        *root = number == ROOT_TIME ? view_time_new() : view_lines_new(number == ROOT_FUNCTIONS);
    if (*root == NULL) {
        browse_say(browse, "Out of memory.");
        return;
    }
    while (browse->view != NULL && browse->view->from != NULL)
        view_back(browse);
    browse->view = *root;
}

static void next_root(struct browse *browse)
{
    const struct view *view = browse->view;
    int number = 0;

    while (view->from != NULL)
        view = view->from;
    while (number < ROOTS && browse->root[number] != view)
        number++;
    go_to_root(browse, (number + 1) % ROOTS);
}

/* ---- drawing --------------------------------------------------------------------------------- */

/* What more of the run there is room for. */
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
    char *title = NULL, state[32];

    if (run->state == RUN_SYMBOLS)
        snprintf(state, sizeof state, "looking up names %.0f %%", run->progress * 100);
    else
        snprintf(state, sizeof state, "%s", run_states[run->state]);
    int right = screen_columns() - (int)strlen(state), width = 0;

    if (asprintf(&title, "run %lld %s", (long long)run->number, run->label) >= 0) {
        width = screen_put(0, 0, right / 2, LOOK_BOLD, title);
        free(title);
    }
    draw_facts(browse, width, right - width - 2);
    screen_put(0, right, screen_columns(), look, state);
}

/* One line where something is missing in the record, or is not of now; i says all of it. Returns its rows. */
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
    char *title = view->kind->title(browse, view), *filter = filter_text(browse->filter), *all = NULL,
         at[64] = "";
    char a[UNITS_SIZE], b[UNITS_SIZE];
    const struct window *window = &browse->run.window;

    if (view->rows > 0)
        snprintf(at, sizeof at, "%s/%s", units_count(a, (int64_t)view->selected + 1),
                 units_count(b, (int64_t)view->rows));
    int right = screen_columns() - (int)strlen(at);

    if (asprintf(&all, "%s%s%s%s%s", title != NULL ? title : "", window->set ? "; a part of the run" : "",
                 filter != NULL ? "; only " : "", filter != NULL ? filter : "", "") >= 0)
        screen_put(y, 0, right - 1, LOOK_BOLD, all);
    screen_put(y, right, screen_columns(), LOOK_DIM, at);
    free(all);
    free(filter);
    free(title);
}

/* The selected row is on the screen, and there are no empty rows below the list where it has more above. */
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

/* As many as there is room for; how to leave and how to know more are always there. */
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

/* prompt: what is typed, in place of the keys; NULL = nothing is. */
static void draw(struct browse *browse, const char *prompt)
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

/* ---- searching ------------------------------------------------------------------------------- */

static int has_capitals(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text >= 'A' && *text <= 'Z')
            return 1;
    return 0;
}

static int matches(struct browse *browse, size_t row)
{
    char *text = browse->view->kind->text(browse, browse->view, row);
    int found = text != NULL && (has_capitals(browse->pattern) ? strstr(text, browse->pattern)
                                                               : strcasestr(text, browse->pattern)) != NULL;

    free(text);
    return found;
}

/* The next row with the pattern, from one on, that one included; or the one before. It goes round. */
static void find(struct browse *browse, size_t from, int forward)
{
    struct view *view = browse->view;

    for (size_t i = 0; i < view->rows; i++) {
        size_t row = forward ? (from + i) % view->rows : (from + view->rows - i) % view->rows;

        if (!matches(browse, row))
            continue;
        if (forward ? row < from : row > from)
            browse_say(browse, "It went on from the %s.", forward ? "top" : "bottom");
        view->selected = row;
        return;
    }
    browse_say(browse, "Nothing here has '%s' in it.", browse->pattern);
}

static void find_next(struct browse *browse, int forward)
{
    struct view *view = browse->view;

    if (*browse->pattern == '\0')
        browse_say(browse, "Nothing was searched for yet: / does.");
    else if (view->rows > 0)
        find(browse,
             forward ? (view->selected + 1) % view->rows : (view->selected + view->rows - 1) % view->rows,
             forward);
}

/* A character more, or one less; false where it is full, or empty. */
static int edit(char *text, size_t size, int key)
{
    size_t length = strlen(text);
    char utf8[8] = "";

    if (key == SCREEN_BACKSPACE) {
        while (length > 0 && (text[--length] & 0xc0) == 0x80)
            ;
        int some = *text != '\0';

        text[length] = '\0';
        return some;
    }
    int n = wctomb(utf8, (wchar_t)key);

    if (n <= 0 || length + (size_t)n >= size)
        return 0;
    memcpy(text + length, utf8, (size_t)n);
    text[length + (size_t)n] = '\0';
    return 1;
}

/* Moves to what is found while it is typed; Escape goes back to where it began. */
static void search(struct browse *browse)
{
    size_t from = browse->view->selected;
    char before[sizeof browse->pattern];

    strcpy(before, browse->pattern);
    *browse->pattern = '\0';
    while (!screen_ending()) {
        draw(browse, browse->pattern);
        int key = screen_key(-1);

        if (key == SCREEN_ENTER)
            break;
        if (key == SCREEN_ESCAPE ||
            (key == SCREEN_BACKSPACE && !edit(browse->pattern, sizeof browse->pattern, key))) {
            *browse->pattern = '\0';
            browse->view->selected = from;
            break;
        }
        if (key >= ' ' && key < SCREEN_UP)
            edit(browse->pattern, sizeof browse->pattern, key);
        browse->view->selected = from;
        if (*browse->pattern != '\0' && browse->view->rows > 0)
            find(browse, from, 1);
    }
    if (*browse->pattern == '\0')
        strcpy(browse->pattern, before);
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* The next measure, or the one before, that is known of what is looked at. */
static void sort_by_next(struct browse *browse, int step)
{
    int place = measures[browse->by].place, count = 0;

    while (measure_at(count + 1) != MEASURES)
        count++;
    do
        place = (place - 1 + step + count) % count + 1;
    while (browse->run.window.set && !measure_sampled(measure_at(place)));
    browse->by = measure_at(place);
    browse->view->selected = browse->view->first = 0;
}

static void move(struct view *view, long rows)
{
    long at = (long)view->selected + rows, last = (long)view->rows - 1;

    view->selected = (size_t)(at > last ? (last > 0 ? last : 0) : at < 0 ? 0 : at);
}

static int move_key(const struct browse *browse, int key)
{
    struct view *view = browse->view;

    switch (key) {
    case SCREEN_UP:
    case 'k':
        move(view, -1);
        return 1;
    case SCREEN_DOWN:
    case 'j':
        move(view, 1);
        return 1;
    case SCREEN_PAGE_UP:
    case CTRL_B:
        move(view, -(long)browse->page);
        return 1;
    case SCREEN_PAGE_DOWN:
    case CTRL_F:
        move(view, browse->page);
        return 1;
    case SCREEN_HOME:
    case 'g':
        view->selected = 0;
        return 1;
    case SCREEN_END:
    case 'G':
        move(view, (long)view->rows);
        return 1;
    default:
        return 0;
    }
}

/* False: somebody leaves. */
static int press(struct browse *browse, int key)
{
    const struct view_kind *kind = browse->view->kind;

    if ((kind->key != NULL && kind->key(browse, browse->view, key)) || move_key(browse, key))
        return 1;
    switch (key) {
    case 'q':
        return 0;
    case SCREEN_ESCAPE:
    case SCREEN_BACKSPACE:
    case SCREEN_LEFT:
        view_back(browse);
        break;
    case '1':
    case '2':
    case '3':
        go_to_root(browse, key - '1');
        break;
    case 't':
        go_to_root(browse, ROOT_TIME);
        break;
    case '\t':
        next_root(browse);
        break;
    case 's':
    case '>':
    case 'S':
    case '<':
        sort_by_next(browse, key == 's' || key == '>' ? 1 : -1);
        break;
    case '/':
        search(browse);
        break;
    case 'n':
    case 'N':
        find_next(browse, key == 'n');
        break;
    case CTRL_L:
        screen_redraw();
        break;
    case '?':
    case 'h':
    case 'i':
        if (kind->is_aside)
            view_back(browse);
        view_enter(browse, key == 'i' ? view_facts_new() : view_help_new());
        break;
    default:
        break;
    }
    return 1;
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* What the view shows is there, and in order. */
static void prepare(struct browse *browse)
{
    struct view *view = browse->view;

    if (view->age != browse->age && browse->run.state != RUN_SYMBOLS)
        look_view(browse, view);
    else if (view->age == 0)
        look_view(browse, view);
    if (view->by != browse->by && view->kind->sort != NULL)
        view->kind->sort(browse, view);
    view->by = browse->by;
}

/* Milliseconds until the next look at a run that goes on; -1 = none is needed. */
static int until(const struct browse *browse, int64_t due_ns)
{
    int64_t left = due_ns - store_clock();

    return !look_is_live(browse) ? -1 : left > 0 ? (int)(left / 1000000) + 1 : 0;
}

void walk(struct browse *browse)
{
    int64_t due_ns = store_clock() + EVERY_NS;

    go_to_root(browse, ROOT_LINES);
    for (int going = browse->view != NULL; going && !screen_ending();) {
        prepare(browse);
        draw(browse, NULL);
        int wait = until(browse, due_ns), key = screen_key(wait);

        if (key != SCREEN_NOTHING) {
            free(browse->message);
            browse->message = NULL;
            going = press(browse, key);
        }
        if (going && until(browse, due_ns) == 0) {
            int64_t begin = store_clock();

            look_again(browse);
            prepare(browse);
            int64_t end = store_clock();

            due_ns = end + EVERY_NS + REST * (end - begin);
        }
    }
    while (browse->view != NULL && browse->view->from != NULL)
        view_back(browse);
    for (int i = 0; i < ROOTS; i++)
        free_view(browse->root[i]);
    look_end(browse);
    free(browse->message);
    free(browse->stale);
}
