/* screen.c - see screen.h; the only file that draws with ncurses. */
#define _GNU_SOURCE
#include "screen.h"
#include "text.h"

#include <curses.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define ESCAPE_MS \
    100 /* after this time Escape counts as a key, not as the start of a sequence; enough for slow lines */

static SCREEN *screen;
static int ascii, colors;
static attr_t selected; /* attributes of a selected row, added to those of a look */
static volatile sig_atomic_t ending, resized;

/* ---- taking the terminal and giving it back -------------------------------------------------- */

static void on_signal(int number)
{
    if (number == SIGWINCH)
        resized = 1;
    else
        ending = number;
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH};
#define SIGNALS (sizeof signals / sizeof signals[0])

/* To be called after newterm(): ncurses sets handlers of its own, which would end the program at once. */
static void catch_signals(void)
{
    for (size_t i = 0; i < SIGNALS; i++) {
        struct sigaction action = {.sa_handler = on_signal};

        sigaction(signals[i], &action, NULL);
    }
}

static void set_colors(void)
{
    colors = has_colors() && start_color() == OK;
    if (!colors)
        return;
    use_default_colors();
    init_pair(1, COLOR_GREEN, -1);
    init_pair(2, COLOR_YELLOW, -1);
    init_pair(3, COLOR_RED, -1);
}

int screen_begin(const struct report *report)
{
    const char *term = getenv("TERM");

    screen = newterm(term, stdout, stdin);
    if (screen == NULL)
        return report_error(report, EXIT_USAGE,
                            "this terminal (TERM=%s) cannot be drawn on; elsewhere: trace-report top", term);
    atexit(screen_end);
    catch_signals();
    ascii = report->ascii;
    if (report->color)
        set_colors();
    cbreak();
    noecho();
    nonl();
    intrflush(stdscr, FALSE);
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(ESCAPE_MS);
    curs_set(0);
    return EXIT_FINE;
}

void screen_end(void)
{
    if (screen == NULL)
        return;
    erase(); /* some terminals that have grown in the meantime show again what was drawn */
    refresh();
    endwin();
    delscreen(screen);
    screen = NULL;
}

int screen_ending(void)
{
    return ending;
}

int screen_rows(void)
{
    return LINES;
}

int screen_columns(void)
{
    return COLS;
}

int screen_ascii(void)
{
    return ascii;
}

/* ---- drawing --------------------------------------------------------------------------------- */

static attr_t attributes(enum look look)
{
    static const attr_t plain[] = {A_NORMAL, A_DIM, A_BOLD, A_REVERSE, A_NORMAL, A_BOLD, A_BOLD};
    attr_t found = plain[look];

    if (colors && look >= LOOK_GREEN)
        found = COLOR_PAIR(look - LOOK_GREEN + 1);
    return selected != 0 ? (found & ~(attr_t)A_DIM) | selected : found;
}

void screen_clear(void)
{
    erase();
}

void screen_show(void)
{
    refresh();
}

void screen_select(int is_selected)
{
    selected = is_selected ? A_REVERSE : 0;
}

void screen_fill(int y, enum look look)
{
    attrset(attributes(look));
    mvhline(y, 0, ' ', COLS);
}

/* The character to draw: U+FFFD in place of one that is harmful, or whose width is not known. */
static wchar_t drawable(uint32_t c)
{
    return text_is_harmful(c) || wcwidth((wchar_t)c) < 0 ? L'\xfffd' : (wchar_t)c;
}

int screen_put(int y, int x, int columns, enum look look, const char *text)
{
    int room = columns < COLS - x ? columns : COLS - x, at = 0;

    if (y < 0 || y >= LINES || x < 0 || room <= 0)
        return 0;
    char *harmless = text_cut(text_harmless(text), (size_t)room, 0);

    attrset(attributes(look));
    move(y, x);
    for (const char *p = harmless; *p != '\0';) {
        const wchar_t c = drawable(text_next(&p));
        int width = wcwidth(c);

        if (at + width > room)
            break;
        addnwstr(&c, 1);
        at += width;
    }
    free(harmless);
    return at;
}

void screen_put_right(int y, int x, int columns, enum look look, const char *text)
{
    int width = (int)text_width(text);

    screen_put(y, width < columns ? x + columns - width : x, columns, look, text);
}

void screen_cell(int y, int x, enum look look, const char *cell)
{
    if (y < 0 || y >= LINES || x < 0 || x >= COLS)
        return;
    attrset(attributes(look));
    mvaddstr(y, x, cell);
}

void screen_redraw(void)
{
    clearok(stdscr, TRUE);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void follow_size(void)
{
    struct winsize size;

    resized = 0;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0 &&
        (size.ws_row != LINES || size.ws_col != COLS)) {
        resize_term(size.ws_row, size.ws_col);
        clearok(stdscr, TRUE);
    }
}

static int name_of(wint_t c)
{
    static const int names[][2] = {
        {KEY_UP, SCREEN_UP},       {KEY_DOWN, SCREEN_DOWN},     {KEY_LEFT, SCREEN_LEFT},
        {KEY_RIGHT, SCREEN_RIGHT}, {KEY_PPAGE, SCREEN_PAGE_UP}, {KEY_NPAGE, SCREEN_PAGE_DOWN},
        {KEY_HOME, SCREEN_HOME},   {KEY_END, SCREEN_END},       {KEY_BACKSPACE, SCREEN_BACKSPACE},
        {KEY_ENTER, SCREEN_ENTER}, {KEY_FIND, SCREEN_HOME},     {KEY_SELECT, SCREEN_END},
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if ((wint_t)names[i][0] == c)
            return names[i][1];
    return SCREEN_NOTHING;
}

static int read_key(void)
{
    wint_t c;
    int kind = get_wch(&c);

    if (kind == KEY_CODE_YES)
        return name_of(c);
    if (kind != OK)
        return SCREEN_NOTHING;
    return c == '\r' || c == '\n'   ? SCREEN_ENTER
           : c == 0x7f || c == '\b' ? SCREEN_BACKSPACE
           : c == 0x1b              ? SCREEN_ESCAPE
                                    : (int)c;
}

/* Waits until there is something to read, or a signal comes, even if it came just before. */
static void wait_for_key(int milliseconds)
{
    struct timespec pause = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    struct pollfd terminal = {.fd = STDIN_FILENO, .events = POLLIN};
    sigset_t ours, before;
    int bytes = 0;

    sigemptyset(&ours);
    for (size_t i = 0; i < SIGNALS; i++)
        sigaddset(&ours, signals[i]);
    sigprocmask(SIG_BLOCK, &ours, &before);
    int ready = ending || resized ? 0 : ppoll(&terminal, 1, milliseconds >= 0 ? &pause : NULL, &before);

    sigprocmask(SIG_SETMASK, &before, NULL);
    /* Ready although there is nothing to read: the terminal is gone. */
    if (ready > 0 && (ioctl(STDIN_FILENO, FIONREAD, &bytes) != 0 || bytes == 0) && !ending)
        ending = SIGHUP;
}

int screen_key(int milliseconds)
{
    int key = read_key();

    if (key == SCREEN_NOTHING && !ending) {
        wait_for_key(milliseconds);
        key = ending ? SCREEN_NOTHING : read_key();
    }
    follow_size();
    return key;
}
