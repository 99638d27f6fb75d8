/* nameless.c - see nameless.h. */
#define _GNU_SOURCE
#include "nameless.h"
#include "text.h"
#include "units.h"

#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEAST 0.05 /* share of the whole from which on it is worth a line */
#define MODULES 3  /* most modules to name */

/* ---- packages -------------------------------------------------------------------------------- */

/* The first line that a program prints, malloc'ed; NULL on failure. Not through a shell, as a stranger may
 * have chosen the path. */
static char *first_line(char *const arguments[])
{
    int ends[2];
    char *line = NULL;
    size_t size = 0;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return NULL;
    pid_t child = fork();

    if (child == 0) {
        int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);

        dup2(ends[1], STDOUT_FILENO);
        dup2(nothing, STDERR_FILENO);
        execvp(arguments[0], arguments);
        _exit(127);
    }
    close(ends[1]);
    FILE *in = fdopen(ends[0], "r");
    int status = 1, got = child > 0 && in != NULL && getline(&line, &size, in) > 0;

    if (in != NULL)
        fclose(in);
    else
        close(ends[0]);
    if (child > 0)
        waitpid(child, &status, 0);
    if (got)
        return line;
    free(line);
    return NULL;
}

/* The package that has one of the paths, malloc'ed. Searches the lists of dpkg's packages, as dpkg-query does, which
 * reads them all into tables first: 0.3 s on a machine where this takes 0.06. */
static char *owner_of(const char *paths[3])
{
    char *arguments[] = {(char *)"grep",
                         (char *)"-rlxF",
                         (char *)"--include=*.list",
                         (char *)"-e",
                         (char *)paths[0],
                         (char *)"-e",
                         (char *)paths[1],
                         (char *)"-e",
                         (char *)paths[2],
                         (char *)"--",
                         (char *)"/var/lib/dpkg/info",
                         NULL};
    char *line = first_line(arguments), *name = line != NULL ? strrchr(line, '/') : NULL;

    if (name == NULL)
        return free(line), NULL;
    name[strcspn(name, ":\n")] = '\0'; /* "/git.list", "/libc6:amd64.list" */
    size_t length = strlen(name);

    if (length > 5 && strcmp(name + length - 5, ".list") == 0)
        name[length - 5] = '\0';
    memmove(line, name + 1, strlen(name));
    return line;
}

char *nameless_package(const char *file)
{
    char path[PATH_MAX];
    const char *paths[3] = {file, file, file};

    if (*file != '/' || strchr(file, '\n') != NULL)
        return NULL;
    if (strncmp(file, "/usr/", 5) == 0) /* from before /lib moved into /usr */
        paths[1] = file + 4;
    if (realpath(file, path) != NULL && strchr(path, '\n') == NULL)
        paths[2] = path;
    char *package = owner_of(paths);

    if (package == NULL)
        return NULL;
    /* The C library's and Python's packages still end in -dbg, and pythonX-minimal shares that of pythonX. */
    char *minimal = strstr(package, "python3.") != NULL ? strstr(package, "-minimal") : NULL;

    if (minimal != NULL)
        *minimal = '\0';
    int of_old = strcmp(package, "libc6") == 0 || strncmp(package, "python3.", 8) == 0 ||
                 strncmp(package, "libpython3.", 11) == 0;
    char *symbols = text_make("%s%s", package, of_old ? "-dbg" : "-dbgsym");

    free(package);
    return symbols;
}

/* ---- the line -------------------------------------------------------------------------------- */

/* What would help for one module; malloc'ed. */
static char *advice(const struct run *run, const char *module, int symbols)
{
    char *package = run->ours && symbols <= SYMBOLS_NONE ? nameless_package(module) : NULL, *text;

    if (package != NULL)
        text = text_make("install %s", package);
    else if (*module == '\0')
        text = text_make("code that belongs to no file");
    else if (symbols == SYMBOLS_REPLACED || symbols == SYMBOLS_GONE)
        text = text_make("%s was %s: record again", text_basename(module),
                         symbols == SYMBOLS_GONE ? "removed" : "replaced");
    else if (symbols == SYMBOLS_MISSING)
        text = text_make("%s could not be read", text_basename(module));
    else if (symbols == SYMBOLS_SHORT)
        text = text_make("not enough memory to read %s", text_basename(module));
    else
        text = text_make("build %s with -g", text_basename(module));
    free(package);
    return text;
}

/* "install git-dbgsym, install libc6-dbg": says "install" only once. */
static void add_advice(FILE *out, char *text, char **before)
{
    static const char install[] = "install ";
    size_t n = sizeof install - 1;

    if (*before == NULL)
        fprintf(out, "%s", text);
    else if (strncmp(text, install, n) == 0 && strncmp(*before, install, n) == 0)
        fprintf(out, ", %s", text + n);
    else
        fprintf(out, "; %s", text);
    free(*before);
    *before = text;
}

void nameless_print(const struct report *report, const struct run *run, enum measure by)
{
    double whole = (double)measure_value(&run->t.m, by), all = 0;
    char *sql = sqlite3_mprintf(
        "SELECT module, (SELECT m.symbols FROM module AS m WHERE m.run = ?1 AND m.path = t.module), "
        "sum(%s) AS v FROM lines AS t WHERE run = ?1 AND file IS NULL AND language = 'native' "
        "GROUP BY module ORDER BY v DESC",
        measures[by].name);
    sqlite3_stmt *s = whole > 0 && run->resolved ? report_prepare_text(report, sql) : NULL;
    char *text = NULL, *before = NULL, share[UNITS_SIZE];
    size_t size = 0;
    FILE *out = s != NULL ? open_memstream(&text, &size) : NULL;
    int status = EXIT_FINE, named = 0;

    if (s != NULL)
        sqlite3_bind_int64(s, 1, run->number);
    else if (whole <= 0 || !run->resolved)
        sqlite3_free(sql);
    while (s != NULL && report_step(report, s, &status)) {
        const char *module = (const char *)sqlite3_column_text(s, 0);
        double value = sqlite3_column_double(s, 2);

        all += value;
        if (value / whole >= LEAST && named++ < MODULES)
            add_advice(out, advice(run, module != NULL ? module : "", sqlite3_column_int(s, 1)), &before);
    }
    sqlite3_finalize(s);
    free(before);
    if (out != NULL)
        fclose(out);
    if (named > 0) {
        char *harmless = text_harmless(text),
             *line = text_make("%s without lines: %s", units_percent(share, all, whole), harmless);

        if (report->width > 0)
            line = text_cut(line, (size_t)report->width, 0);
        printf("\n%s%s%s\n", report_color(report, "dim"), line, report_color(report, "reset"));
        free(line);
        free(harmless);
    }
    free(text);
}
