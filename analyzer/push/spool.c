/* spool.c - see spool.h. */
#define _GNU_SOURCE
#include "spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "libtrace push 1\n"
#define DIGITS 20
#define QUERY_MOST 65536
#define UNFINISHED "unfinished"

struct entry {
    uint64_t number;
    int64_t size; /* of the file */
};

struct spool {
    int folder, lock;
    const char *target;
    int64_t most, size; /* bytes */
    struct entry *entries;
    size_t count; /* ascending numbers */
    int64_t dropped;
};

/* ---- the folder ------------------------------------------------------------------------------ */

static void name_of(const struct spool *spool, uint64_t number, char name[64])
{
    snprintf(name, 64, "%0*" PRIu64 ".%s", DIGITS, number, spool->target);
}

/* The number in a name of ours; 0 = it is none. */
static uint64_t number_of(const struct spool *spool, const char *name)
{
    if (strspn(name, "0123456789") != DIGITS || name[DIGITS] != '.' ||
        strcmp(name + DIGITS + 1, spool->target) != 0)
        return 0;
    return strtoull(name, NULL, 10);
}

static void append(struct spool *spool, uint64_t number, int64_t size)
{
    struct entry *more = realloc(spool->entries, (spool->count + 1) * sizeof *more);

    spool->entries = more;
    more[spool->count++] = (struct entry){number, size};
    spool->size += size;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = ((const struct entry *)a)->number, y = ((const struct entry *)b)->number;

    return (x > y) - (x < y);
}

static int list(struct spool *spool)
{
    int descriptor = openat(spool->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = descriptor >= 0 ? fdopendir(descriptor) : NULL;
    struct stat about;

    if (folder == NULL) {
        if (descriptor >= 0)
            close(descriptor);
        return 0;
    }
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        uint64_t number = number_of(spool, entry->d_name);

        if (number != 0 && number < UINT64_MAX &&
            fstatat(spool->folder, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(about.st_mode))
            append(spool, number, about.st_size);
    }
    closedir(folder);
    if (spool->count > 1)
        qsort(spool->entries, spool->count, sizeof *spool->entries, by_number);
    return 1;
}

/* What is wrong with the folder; NULL = nothing. */
static const char *check(const struct spool *spool)
{
    struct stat about;

    if (fstat(spool->folder, &about) != 0)
        return strerror(errno);
    if (about.st_uid != geteuid())
        return "it is another user's";
    if ((about.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return "other users may write to it: chmod go-w";
    return NULL;
}

int spool_open(const struct report *report, const char *path, int64_t most_bytes, const struct target *target,
               struct spool **spool)
{
    struct spool *new = *spool = calloc(1, sizeof *new);

    *new = (struct spool){.folder = -1, .lock = -1, .target = target->name, .most = most_bytes};
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        new->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const char *why = new->folder < 0 ? strerror(errno) : check(new);

    if (why != NULL)
        return report_error(report, EXIT_FAILED, "%s cannot be the spool: %s", path, why);
    new->lock = openat(new->folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (new->lock < 0)
        return report_error(report, EXIT_FAILED, "%s cannot be the spool: %s", path, strerror(errno));
    if (flock(new->lock, LOCK_EX | LOCK_NB) != 0)
        return report_error(report, EXIT_FAILED,
                            "another trace-report push uses the spool %s; each needs its own.", path);
    return list(new) ? EXIT_FINE : report_error(report, EXIT_FAILED, "cannot read the spool %s", path);
}

void spool_close(struct spool *spool)
{
    if (spool == NULL)
        return;
    if (spool->lock >= 0)
        close(spool->lock);
    if (spool->folder >= 0)
        close(spool->folder);
    free(spool->entries);
    free(spool);
}

/* ---- parcels --------------------------------------------------------------------------------- */

void spool_remove(struct spool *spool)
{
    char name[64];

    if (spool->count == 0)
        return;
    name_of(spool, spool->entries[0].number, name);
    unlinkat(spool->folder, name, 0);
    spool->size -= spool->entries[0].size;
    memmove(spool->entries, spool->entries + 1, --spool->count * sizeof *spool->entries);
}

static int write_parcel(const struct spool *spool, const struct parcel *parcel, const char *name)
{
    int descriptor =
        openat(spool->folder, UNFINISHED, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *file = descriptor >= 0 ? fdopen(descriptor, "w") : NULL;

    if (file == NULL) {
        if (descriptor >= 0)
            close(descriptor);
        return 0;
    }
    fprintf(file, MAGIC "%s\n", parcel->query);
    fwrite(parcel->body, 1, parcel->size, file);
    int fine = !ferror(file);

    fine &= fclose(file) == 0;
    fine = fine && renameat(spool->folder, UNFINISHED, spool->folder, name) == 0;
    if (!fine)
        unlinkat(spool->folder, UNFINISHED, 0);
    return fine;
}

int spool_add(struct spool *spool, const struct parcel *parcel)
{
    int64_t size = (int64_t)(strlen(MAGIC) + strlen(parcel->query) + 1 + parcel->size);
    uint64_t number = spool->count > 0 ? spool->entries[spool->count - 1].number + 1 : 1;
    char name[64];

    if (size > spool->most)
        return 0;
    while (spool->count > 0 && spool->size + size > spool->most) {
        spool_remove(spool);
        spool->dropped++;
    }
    name_of(spool, number, name);
    if (!write_parcel(spool, parcel, name))
        return 0;
    append(spool, number, size);
    return 1;
}

/* A query is of printable characters: it goes into a request as it is. */
static int split(char *data, size_t size, struct parcel *parcel)
{
    size_t magic = strlen(MAGIC);
    char *query = data + magic;
    char *end = size > magic && memcmp(data, MAGIC, magic) == 0 ? memchr(query, '\n', size - magic) : NULL;

    if (end == NULL || end - query > QUERY_MOST)
        return 0;
    for (const char *c = query; c < end; c++)
        if (*c <= ' ' || *c >= 0x7f)
            return 0;
    parcel->query = strndup(query, (size_t)(end - query));
    parcel->size = (size_t)(data + size - end - 1);
    parcel->body = malloc(parcel->size + 1);
    memcpy(parcel->body, end + 1, parcel->size);
    return 1;
}

static int read_parcel(const struct spool *spool, const struct entry *entry, struct parcel *parcel)
{
    char name[64], *data = NULL;
    struct stat about;
    int fine = 0;

    name_of(spool, entry->number, name);
    int descriptor = openat(spool->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (descriptor >= 0 && fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode) &&
        about.st_size == entry->size)
        data = malloc((size_t)entry->size + 1);
    if (data != NULL) {
        size_t got = 0;

        for (ssize_t n = 1; got < (size_t)entry->size && n > 0; got += n > 0 ? (size_t)n : 0)
            n = read(descriptor, data + got, (size_t)entry->size - got);
        fine = got == (size_t)entry->size && split(data, got, parcel);
    }
    if (descriptor >= 0)
        close(descriptor);
    free(data);
    return fine;
}

int spool_first(struct spool *spool, struct parcel *parcel)
{
    while (spool->count > 0) {
        *parcel = (struct parcel){0};
        if (read_parcel(spool, &spool->entries[0], parcel))
            return 1;
        spool_remove(spool);
        spool->dropped++;
    }
    return 0;
}

size_t spool_waiting(const struct spool *spool)
{
    return spool != NULL ? spool->count : 0;
}

int64_t spool_dropped(const struct spool *spool)
{
    return spool != NULL ? spool->dropped : 0;
}
