/* watch.c - see watch.h.
 *
 * A frame is drawn over the previous one by moving up as many rows as that had. Apart from hiding the cursor,
 * neither the terminal's mode nor its alternate screen is used: so there is little to restore, and what was shown
 * last can be scrolled back to.
 */
#define _GNU_SOURCE
#include "watch.h"
#include "args.h"
#include "pager.h"
#include "signal_wait.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define HIDE_CURSOR "\033[?25l"
#define SHOW_CURSOR "\033[?25h"
#define CLEAR "\033[H\033[2J"

/* Signals that arrived since these were last checked. */
static volatile sig_atomic_t ending, resized, stopping, continued;

static void on_signal(int number)
{
    if (number == SIGWINCH)
        resized = 1;
    else if (number == SIGTSTP)
        stopping = 1;
    else if (number == SIGCONT)
        continued = 1;
    else
        ending = number;
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP, SIGCONT};
#define SIGNALS (sizeof signals / sizeof signals[0])

/* A second Ctrl-C, while names are being looked up, ends it at once. */
static void catch_signals(void)
{
    for (size_t i = 0; i < SIGNALS; i++) {
        struct sigaction action = {.sa_handler = on_signal,
                                   .sa_flags = SA_RESTART | (i < 3 ? (int)SA_RESETHAND : 0)};

        sigaction(signals[i], &action, NULL);
    }
}

/* ---- drawing --------------------------------------------------------------------------------- */

static int screen_rows(void)
{
    struct winsize size;

    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1 ? size.ws_row : 24;
}

static int screen_columns(void)
{
    struct winsize size;

    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* Draws a frame over the previous one's rows; whole: even what does not fit the screen. Returns its number of
 * rows. */
static int draw(const char *frame, int before, int whole)
{
    int rows = 0, most = whole ? INT32_MAX : screen_rows() - 1;

    if (before > 0)
        printf("\033[%dA\r", before);
    for (const char *line = frame; *line != '\0';) {
        size_t size = strcspn(line, "\n");
        int more = pager_rows(line, size, screen_columns());

        if (rows + more > most)
            break;
        rows += more;
        printf("%.*s\033[K\n", (int)size, line);
        line += size + (line[size] == '\n');
    }
    fputs("\033[J", stdout);
    fflush(stdout);
    return rows;
}

/* Runs the report and captures what it prints, on stderr too. */
static int capture(struct report *report, watch_show *show, const char *run, int64_t *recording, char **frame)
{
    FILE *out = stdout, *err = stderr;
    size_t size;
    FILE *memory = open_memstream(frame, &size);

    stdout = stderr = memory;
    int status = show(report, run, recording);

    stdout = out;
    stderr = err;
    fclose(memory);
    report_close(report); /* closed, so that the collector can bring the file into its final form */
    return status;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static int signal_came(void)
{
    return ending || resized || stopping || continued;
}

static FILE *hidden_on; /* the terminal whose cursor is hidden, NULL = it is not */

static void hide_cursor(void)
{
    hidden_on = stdout;
    fputs(HIDE_CURSOR, stdout);
}

static void show_cursor(void)
{
    if (hidden_on == NULL)
        return;
    fputs(SHOW_CURSOR, hidden_on);
    fflush(hidden_on);
    hidden_on = NULL;
}

/* Ctrl-Z: shows the cursor again, and stops as any program does. */
static void stop(void)
{
    stopping = 0;
    show_cursor();
    raise(SIGSTOP);
    hide_cursor();
}

/* True if the next frame cannot be drawn over the previous one: the size changed, or another program wrote
 * meanwhile. */
static int moved(struct report *report)
{
    int was = resized || continued;

    if (resized) {
        args_measure(report);
        fputs(CLEAR, stdout);
    }
    resized = continued = 0;
    return was;
}

int watch(struct report *report, double seconds, watch_show *show, const char *run)
{
    const char *term = getenv("TERM");
    int rows = 0, status = EXIT_FINE, hints = report->hints;
    int64_t recording = 1;
    char number[24];

    if (report->json || !isatty(STDOUT_FILENO) || (term != NULL && strcmp(term, "dumb") == 0))
        return report_error(report, EXIT_USAGE,
                            "--watch refreshes a terminal%s; elsewhere, call it again without --watch.",
                            report->json ? ", and JSON is for programs" : ", and standard output is none");
    pager_leave(report);
    report->watching = 1;
    report->hints = 0;
    catch_signals();
    atexit(show_cursor);
    hide_cursor();
    while (recording != 0 && !ending && status == EXIT_FINE) {
        char *frame = NULL;

        recording = 0;
        status = capture(report, show, run, &recording, &frame);
        if (moved(report))
            rows = 0;
        rows = draw(frame != NULL ? frame : "", rows, status != EXIT_FINE || recording == 0 || ending);
        free(frame);
        if (recording != 0 && status == EXIT_FINE) {
            snprintf(number, sizeof number, "%lld", (long long)recording);
            run = number; /* stay with this run, even if a newer one begins */
            signal_wait(signals, SIGNALS, signal_came, seconds);
        }
        if (stopping)
            stop();
    }
    show_cursor();
    report->hints = hints;
    if (ending == SIGTERM || ending == SIGHUP) {
        signal(ending, SIG_DFL);
        raise(ending);
    }
    return status;
}
