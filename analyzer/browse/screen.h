/* screen.h - a terminal that is drawn on as a whole. Texts may be anything: what could steer a terminal is written out. */
#ifndef LIBTRACE_BROWSE_SCREEN_H
#define LIBTRACE_BROWSE_SCREEN_H

#include "report.h"

enum look { LOOK_PLAIN, LOOK_DIM, LOOK_BOLD, LOOK_HEAD, LOOK_GREEN, LOOK_YELLOW, LOOK_RED };

/* Keys that are no characters. */
enum {
    SCREEN_NOTHING = -1, /* none came in time, or the size has changed */
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

/* Where there is no terminal that can be drawn on: says why, and returns EXIT_USAGE. */
int screen_check(const struct report *report);

/* Takes the terminal; an exit status. */
int screen_begin(const struct report *report);

/* Gives it back as it was. */
void screen_end(void);

/* The signal that asks to end, 0 = none; SIGHUP also where the terminal is gone. */
int screen_ending(void);

int screen_rows(void);
int screen_columns(void);
int screen_ascii(void); /* lines and marks are to be drawn with ASCII */

/* A new picture, which is seen when it is shown. */
void screen_clear(void);
void screen_show(void);

/* All of it is sent anew the next time: somebody else wrote on the terminal. */
void screen_redraw(void);

/* Rows drawn from here on are selected ones, or not. */
void screen_select(int selected);

/* A row of blanks in a look. */
void screen_fill(int y, enum look look);

/* A text at a place, cut where it takes more than so many columns (or leaves the screen); returns those that it took.
 * screen_put_right: it ends before column x + columns. */
int screen_put(int y, int x, int columns, enum look look, const char *text);
void screen_put_right(int y, int x, int columns, enum look look, const char *text);

/* A cell of our own making: block elements and such. */
void screen_cell(int y, int x, enum look look, const char *cell);

/* The next key, within so many milliseconds (-1: whenever it comes). */
int screen_key(int milliseconds);

#endif
