/* terminfo.c - whether the terminal can be drawn on. A file of its own because term.h defines macros like
 * columns. */
#include "screen.h"

#include <stdlib.h>
#include <unistd.h>

#include <curses.h>
#include <term.h>

/* Why this terminal type does not work; NULL = it does. */
static const char *unfit(const char *term)
{
    int known = 0;

    if (term == NULL || *term == '\0')
        return "it is not known what kind of terminal this is: TERM is not set";
    if (setupterm(term, STDOUT_FILENO, &known) != OK || known != 1)
        return "this kind of terminal (TERM) is not known here: terminfo has no entry for it";
    const char *why = cursor_address == NULL || clear_screen == NULL
                          ? "this kind of terminal (TERM) cannot be drawn on"
                          : NULL;

    del_curterm(cur_term);
    return why;
}

int screen_check(const struct report *report)
{
    const char *why = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) ? unfit(getenv("TERM"))
                                                                    : "a screen to walk in needs a terminal";

    return why == NULL ? EXIT_FINE : report_error(report, EXIT_USAGE, "%s; elsewhere: trace-report top", why);
}
