/* walk.c - keys, searching, and the main loop, which regularly looks at a live run. */
#define _GNU_SOURCE
#include "browse.h"
#include "screen.h"
#include "store.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_NS 1000000000 /* pause between two looks at a live run */
#define REST 3              /* and this many times the duration of the last look */

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
    int found = (has_capitals(browse->pattern) ? strstr(text, browse->pattern)
                                               : strcasestr(text, browse->pattern)) != NULL;

    free(text);
    return found;
}

/* Selects the next (or previous) row that contains the pattern, beginning with `from`, and wrapping
 * around. */
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

/* Adds or removes a character; false if the text is full, or empty. */
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

/* Moves to the match while the pattern is typed; Escape goes back to the start. */
static void search(struct browse *browse)
{
    size_t from = browse->view->selected;
    char before[sizeof browse->pattern];

    strcpy(before, browse->pattern);
    *browse->pattern = '\0';
    while (!screen_ending()) {
        browse_draw(browse, browse->pattern);
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

/* Sorts by the next (or previous) measure that is known for this selection. */
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

/* False to quit. */
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

/* Makes sure that the view is read and sorted. */
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

/* Milliseconds until the next look at a live run; -1 = it is not live. */
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
        browse_draw(browse, NULL);
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
