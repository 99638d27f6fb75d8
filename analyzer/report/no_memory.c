/* no_memory.c - what trace-report allocates itself is there, or the report ends: whatever it printed else would lack something.
 *
 * trace-report is linked with --wrap, so that what its own objects call comes here first: what allocates, and what of SQLite
 * would only look empty then. The libraries' own calls do not come here, and their other errors are looked at where they are
 * called.
 */
#define _GNU_SOURCE
#include "report.h"

#include <dirent.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* Names that the linker makes: NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t most);
int __real_vasprintf(char **text, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
int __real___vasprintf_chk(char **text, int flag, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));
ssize_t __real___getdelim(char **line, size_t *size, int delimiter, FILE *file);
FILE *__real_open_memstream(char **text, size_t *size);
int __real_fclose(FILE *file);
FILE *__real_fopen(const char *path, const char *mode);
FILE *__real_fdopen(int file, const char *mode);
FILE *__real_popen(const char *command, const char *mode);
DIR *__real_opendir(const char *path);
DIR *__real_fdopendir(int file);
char *__real_realpath(const char *path, char *resolved);
char *__real_getcwd(char *room, size_t size);
int __real_sqlite3_prepare_v2(sqlite3 *db, const char *sql, int size, sqlite3_stmt **statement,
                              const char **rest);
int __real_sqlite3_prepare_v3(sqlite3 *db, const char *sql, int size, unsigned flags,
                              sqlite3_stmt **statement, const char **rest);
int __real_sqlite3_step(sqlite3_stmt *statement);
int __real_sqlite3_finalize(sqlite3_stmt *statement);
char *__real_sqlite3_str_finish(sqlite3_str *text);
char *__real_sqlite3_vmprintf(const char *format, va_list arguments);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t most);
int __wrap_asprintf(char **text, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap_vasprintf(char **text, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
int __wrap___asprintf_chk(char **text, int flag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int __wrap___vasprintf_chk(char **text, int flag, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));
ssize_t __wrap_getline(char **line, size_t *size, FILE *file);
ssize_t __wrap___getdelim(char **line, size_t *size, int delimiter, FILE *file);
FILE *__wrap_open_memstream(char **text, size_t *size);
int __wrap_fclose(FILE *file);
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__wrap_fdopen(int file, const char *mode);
FILE *__wrap_popen(const char *command, const char *mode);
DIR *__wrap_opendir(const char *path);
DIR *__wrap_fdopendir(int file);
char *__wrap_realpath(const char *path, char *resolved);
char *__wrap_getcwd(char *room, size_t size);
int __wrap_sqlite3_prepare_v2(sqlite3 *db, const char *sql, int size, sqlite3_stmt **statement,
                              const char **rest);
int __wrap_sqlite3_prepare_v3(sqlite3 *db, const char *sql, int size, unsigned flags,
                              sqlite3_stmt **statement, const char **rest);
int __wrap_sqlite3_step(sqlite3_stmt *statement);
int __wrap_sqlite3_finalize(sqlite3_stmt *statement);
char *__wrap_sqlite3_str_finish(sqlite3_str *text);
char *__wrap_sqlite3_vmprintf(const char *format, va_list arguments);
char *__wrap_sqlite3_mprintf(const char *format, ...);

static void *must(void *memory)
{
    if (memory == NULL)
        report_no_memory();
    return memory;
}

void *__wrap_malloc(size_t size)
{
    return must(__real_malloc(size ? size : 1));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return must(__real_calloc(count ? count : 1, size ? size : 1));
}

void *__wrap_realloc(void *block, size_t size)
{
    return must(__real_realloc(block, size ? size : 1));
}

char *__wrap_strdup(const char *text)
{
    return must(__real_strdup(text));
}

char *__wrap_strndup(const char *text, size_t most)
{
    return must(__real_strndup(text, most));
}

int __wrap_vasprintf(char **text, const char *format, va_list arguments)
{
    int length = __real_vasprintf(text, format, arguments);

    if (length < 0)
        report_no_memory();
    return length;
}

int __wrap_asprintf(char **text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int length = __wrap_vasprintf(text, format, arguments);

    va_end(arguments);
    return length;
}

/* What the two are with _FORTIFY_SOURCE. */
int __wrap___vasprintf_chk(char **text, int flag, const char *format, va_list arguments)
{
    int length = __real___vasprintf_chk(text, flag, format, arguments);

    if (length < 0)
        report_no_memory();
    return length;
}

int __wrap___asprintf_chk(char **text, int flag, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int length = __wrap___vasprintf_chk(text, flag, format, arguments);

    va_end(arguments);
    return length;
}

/* What a call of getline() is in optimized code. */
ssize_t __wrap___getdelim(char **line, size_t *size, int delimiter, FILE *file)
{
    errno = 0;
    ssize_t length = __real___getdelim(line, size, delimiter, file);

    if (length < 0 && errno == ENOMEM)
        report_no_memory();
    return length;
}

ssize_t __wrap_getline(char **line, size_t *size, FILE *file)
{
    return __wrap___getdelim(line, size, '\n', file);
}

FILE *__wrap_open_memstream(char **text, size_t *size)
{
    return must(__real_open_memstream(text, size));
}

/* A stream in memory, which has no descriptor, fails where it cannot grow. At its end it is made as small as it can be; where that
 * fails its text is gone, and nothing but errno says so. */
int __wrap_fclose(FILE *file)
{
    int before = errno, in_memory = fileno(file) < 0;

    if (in_memory && ferror(file))
        report_no_memory();
    errno = 0;
    int result = __real_fclose(file);

    if (in_memory && errno == ENOMEM)
        report_no_memory();
    if (errno == 0)
        errno = before;
    return result;
}

/* What may well fail, but not for that. */
static void *unless_no_memory(void *got)
{
    if (got == NULL && errno == ENOMEM)
        report_no_memory();
    return got;
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
    return unless_no_memory(__real_fopen(path, mode));
}

FILE *__wrap_fdopen(int file, const char *mode)
{
    return unless_no_memory(__real_fdopen(file, mode));
}

FILE *__wrap_popen(const char *command, const char *mode)
{
    return unless_no_memory(__real_popen(command, mode));
}

DIR *__wrap_opendir(const char *path)
{
    return unless_no_memory(__real_opendir(path));
}

DIR *__wrap_fdopendir(int file)
{
    return unless_no_memory(__real_fdopendir(file));
}

char *__wrap_realpath(const char *path, char *resolved)
{
    return unless_no_memory(__real_realpath(path, resolved));
}

char *__wrap_getcwd(char *room, size_t size)
{
    return unless_no_memory(__real_getcwd(room, size));
}

static int unless_nomem(int result)
{
    if (result == SQLITE_NOMEM)
        report_no_memory();
    return result;
}

int __wrap_sqlite3_prepare_v2(sqlite3 *db, const char *sql, int size, sqlite3_stmt **statement,
                              const char **rest)
{
    return unless_nomem(__real_sqlite3_prepare_v2(db, sql, size, statement, rest));
}

int __wrap_sqlite3_prepare_v3(sqlite3 *db, const char *sql, int size, unsigned flags,
                              sqlite3_stmt **statement, const char **rest)
{
    return unless_nomem(__real_sqlite3_prepare_v3(db, sql, size, flags, statement, rest));
}

int __wrap_sqlite3_step(sqlite3_stmt *statement)
{
    return unless_nomem(__real_sqlite3_step(statement));
}

/* The error may be that of a column, whose text was taken for NULL. */
int __wrap_sqlite3_finalize(sqlite3_stmt *statement)
{
    return unless_nomem(__real_sqlite3_finalize(statement));
}

char *__wrap_sqlite3_str_finish(sqlite3_str *text)
{
    int result = sqlite3_str_errcode(text);
    char *finished = __real_sqlite3_str_finish(text);

    if (result == SQLITE_NOMEM)
        report_no_memory();
    return finished;
}

char *__wrap_sqlite3_vmprintf(const char *format, va_list arguments)
{
    return must(__real_sqlite3_vmprintf(format, arguments));
}

char *__wrap_sqlite3_mprintf(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    char *text = __wrap_sqlite3_vmprintf(format, arguments);

    va_end(arguments);
    return text;
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
