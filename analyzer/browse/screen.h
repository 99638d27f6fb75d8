/* screen.h - full-screen drawing in a terminal. Texts may contain anything: characters that could control
 * the terminal are escaped. */
#ifndef LIBTRACE_BROWSE_SCREEN_H
#define LIBTRACE_BROWSE_SCREEN_H

#include "report.h"

enum look { LOOK_PLAIN, LOOK_DIM, LOOK_BOLD, LOOK_HEAD, LOOK_GREEN, LOOK_YELLOW, LOOK_RED };

/* Keys that are not characters. */
enum {
    SCREEN_NOTHING = -1, /* none in time, or the size has changed */
    SCREEN_UP = 0x200000,
    SCREEN_DOWN,
    SCREEN_LEFT,
    SCREEN_RIGHT,
    SCREEN_PAGE_UP,
    SCREEN_PAGE_DOWN,
    SCREEN_HOME,
    SCREEN_END,
    SCREEN_BACKSPACE,
    SCREEN_ENTER,
    SCREEN_ESCAPE,
};

/* If the terminal cannot be drawn on, prints why and returns EXIT_USAGE. */
int screen_check(const struct report *report);

/* Takes over the terminal; returns an exit status. */
int screen_begin(const struct report *report);

/* Restores the terminal. */
void screen_end(void);

/* The signal that asked to end, 0 = none; SIGHUP if the terminal is gone. */
int screen_ending(void);

int screen_rows(void);
int screen_columns(void);
int screen_ascii(void); /* only ASCII may be used for lines and marks */

/* screen_clear() begins a new picture; screen_show() makes it visible. */
void screen_clear(void);
void screen_show(void);

/* Redraws everything the next time, because something else wrote to the terminal. */
void screen_redraw(void);

/* Says whether the rows drawn from here on are selected. */
void screen_select(int selected);

/* Fills a row with blanks in this look. */
void screen_fill(int y, enum look look);

/* Draws a text, cut to that many columns and to the screen; returns the columns it took. screen_put_right:
 * right-aligned, ending before column x + columns. */
int screen_put(int y, int x, int columns, enum look look, const char *text);
void screen_put_right(int y, int x, int columns, enum look look, const char *text);

/* Draws a single cell with one of our own symbols, such as block elements. */
void screen_cell(int y, int x, enum look look, const char *cell);

/* The next key within that many milliseconds (-1: waits without limit). */
int screen_key(int milliseconds);

#endif
