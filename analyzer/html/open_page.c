/* open_page.c - see open_page.h. */
#define _GNU_SOURCE
#include "open_page.h"
#include "text.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORDS 32
#define PATIENCE_MS 3000 /* on a desktop, an opener that fails does so within this time */

static const char *const openers[] = {"xdg-open", "sensible-browser", "x-www-browser", "www-browser"};

static int on_a_desktop(void)
{
    return getenv("DISPLAY") != NULL || getenv("WAYLAND_DISPLAY") != NULL;
}

/* 1 = it succeeded, or is still running on the desktop. */
static int ended_well(pid_t child)
{
    int status = -1;

    if (!on_a_desktop())
        return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    for (int waited = 0; waited < PATIENCE_MS; waited += 20) {
        if (waitpid(child, &status, WNOHANG) == child)
            return WIFEXITED(status) && WEXITSTATUS(status) == 0;
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    return 1;
}

static int start(char *const *words)
{
    fflush(stdout);
    pid_t child = fork();

    if (child == 0) {
        if (on_a_desktop())
            setsid(); /* Ctrl-C in this terminal must not end the browser */
        execvp(words[0], words);
        _exit(127);
    }
    return child > 0 && ended_well(child);
}

/* Replaces %s by the file in one word of BROWSER; malloc'ed. */
static char *fill_in(const char *word, const char *path, int *named)
{
    const char *place = strstr(word, "%s");

    if (place == NULL)
        return strdup(word);
    *named = 1;
    return text_make("%.*s%s%s", (int)(place - word), word, path, place + 2);
}

/* Runs a command of words separated by spaces, without a shell. */
static int open_with(char *command, const char *path)
{
    char *words[WORDS + 2] = {NULL}, *rest = NULL;
    size_t count = 0;
    int named = 0;

    for (char *word = strtok_r(command, " \t", &rest); word != NULL && count < WORDS;
         word = strtok_r(NULL, " \t", &rest))
        words[count++] = fill_in(word, path, &named);
    if (count > 0 && !named)
        words[count++] = strdup(path);
    int fine = count > 0 && start(words);

    for (size_t i = 0; i < count; i++)
        free(words[i]);
    return fine;
}

int open_page(const char *path)
{
    const char *named = getenv("BROWSER");
    char whole[PATH_MAX], *rest = NULL;
    int opened = 0;

    if (realpath(path, whole) == NULL)
        return 0;
    char *list = strdup(named != NULL ? named : "");

    for (char *one = strtok_r(list, ":", &rest); one != NULL && !opened; one = strtok_r(NULL, ":", &rest))
        opened = open_with(one, whole);
    free(list);
    for (size_t i = 0; i < sizeof openers / sizeof openers[0] && !opened; i++)
        opened = start((char *[]){(char *)openers[i], whole, NULL});
    return opened;
}
