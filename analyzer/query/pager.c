/* pager.c - see pager.h. */
#define _GNU_SOURCE
#include "pager.h"
#include "text.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define NO_PAGER 127 /* the shell's exit status if there is no such command */

static FILE *terminal, *memory;
static char *text;
static size_t size;

static const char *pager(void)
{
    const char *chosen = getenv("PAGER"), *term = getenv("TERM");

    if (chosen == NULL)
        chosen = "less";
    if (*chosen == '\0' || strcmp(chosen, "cat") == 0 || (term != NULL && strcmp(term, "dumb") == 0))
        return NULL;
    return chosen;
}

void pager_begin(struct report *report)
{
    if (!report->terminal || pager() == NULL || memory != NULL)
        return;
    memory = open_memstream(&text, &size);
    terminal = stdout;
    stdout = memory;
    report->paged = 1;
}

void pager_leave(struct report *report)
{
    if (memory == NULL)
        return;
    stdout = terminal;
    fclose(memory);
    memory = NULL;
    report->paged = 0;
}

int pager_rows(const char *line, size_t length, int columns)
{
    char *plain = malloc(length + 1);
    size_t n = 0;

    for (size_t i = 0; i < length; i++) {
        if (line[i] == '\033')
            while (i < length && line[i] != 'm')
                i++;
        else
            plain[n++] = line[i];
    }
    plain[n] = '\0';
    int width = (int)text_width(plain);

    free(plain);
    return width <= columns ? 1 : (width + columns - 1) / columns;
}

static int fits(void)
{
    struct winsize window = {0};
    int rows = 0, known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0,
        most = known && window.ws_row > 1 ? window.ws_row : 24,
        columns = known && window.ws_col > 0 ? window.ws_col : 80;

    for (const char *line = text; *line != '\0' && rows < most;) {
        size_t length = strcspn(line, "\n");

        rows += pager_rows(line, length, columns);
        line += length + (line[length] == '\n');
    }
    return rows < most; /* the prompt takes one row */
}

/* False if the pager cannot be run: nothing was shown. Leaving the pager early is no failure. */
static int page(void)
{
    setenv("LESS", "FRX", 0);
    setenv("LV", "-c", 0);
    /* The user chooses this command line, as for git and man. NOLINTNEXTLINE(cert-env33-c) */
    FILE *out = popen(pager(), "we");

    if (out == NULL)
        return 0;
    void (*on_pipe)(int) = signal(SIGPIPE, SIG_IGN), (*on_interrupt)(int) = signal(SIGINT, SIG_IGN);

    fwrite(text, 1, size, out);
    int status = pclose(out);

    signal(SIGPIPE, on_pipe);
    signal(SIGINT, on_interrupt);
    return !(WIFEXITED(status) && WEXITSTATUS(status) == NO_PAGER);
}

void pager_end(struct report *report)
{
    if (memory == NULL)
        return;
    pager_leave(report);
    if (fits() || !page())
        fwrite(text, 1, size, stdout);
    free(text);
    text = NULL;
}
