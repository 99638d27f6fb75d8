/* mapping_use.c - see mapping_use.h. */
#include "mapping_use.h"
#include "residence.h"

#include <string.h>

/* glibc's malloc reserves a piece of 64 MiB, aligned to its size, for each arena but the first. */
#define ARENA ((uint64_t)64 << 20)
#define GUARD_MOST ((uint64_t)1 << 20) /* below a thread's stack; a page unless the program wants more */

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool is_anonymous(const struct mappings *mappings, const struct mapping *mapping)
{
    return mapping->inode == 0 && !mapping->is_shared && mapping_name(mappings, mapping)[0] == '\0';
}

/* Returns the mapping that ends where this one begins; NULL = none. */
static const struct mapping *below(const struct mappings *mappings, size_t at)
{
    const struct mapping *this = &mappings->list[at];
    return at > 0 && this[-1].end == this->start ? this - 1 : NULL;
}

static bool is_arena(const struct mapping *mapping)
{
    return mapping->start % ARENA == 0;
}

static bool is_no_access(const struct mapping *mapping)
{
    return !mapping->read && !mapping->write;
}

/* A stack lies above a guard that is not the reserved rest of an arena. */
static bool is_stack(const struct mappings *mappings, size_t at)
{
    const struct mapping *guard = below(mappings, at);
    if (!guard || !is_no_access(guard) || guard->end - guard->start > GUARD_MOST || guard->inode != 0)
        return false;
    const struct mapping *before = below(mappings, at - 1);
    return !before || !is_arena(before) || guard->end % ARENA != 0;
}

/* Zero-initialised variables of a library lie directly behind its data from the file. */
static const struct mapping *file_of_zeroes(const struct mappings *mappings, size_t at)
{
    const struct mapping *data = below(mappings, at);
    return data && data->inode != 0 && data->write && !data->is_shared ? data : NULL;
}

static bool is_tracers(const char *name)
{
    const char *slash = strrchr(name, '/');
    return begins(name, "/memfd:libtrace") || begins(name, "[anon:libtrace") ||
           (slash && begins(slash, "/libtrace.so"));
}

/* Memory without a file that the kernel shows as shared, by a flag or by its name. */
static bool is_shared_memory(const struct mapping *mapping, const char *name)
{
    return begins(name, "/SYSV") || begins(name, "/memfd:") || begins(name, "/dev/shm/") ||
           begins(name, "/dev/zero") || begins(name, "[anon_shmem") ||
           (mapping->is_shared && mapping->inode == 0);
}

/* Use of a mapping of a file, or one that the kernel or the program has named. */
static struct mapping_use use_of_named(const struct mapping *mapping, const char *name, bool has_blocks)
{
    if (is_tracers(name))
        return (struct mapping_use){RESIDENCE_TRACER, name};
    if (begins(name, "[heap]"))
        return (struct mapping_use){RESIDENCE_FREE, ""};
    if (begins(name, "[stack"))
        return (struct mapping_use){RESIDENCE_STACKS, name};
    if (is_shared_memory(mapping, name))
        return (struct mapping_use){RESIDENCE_MAPPED, name};
    if (mapping->inode != 0)
        return (struct mapping_use){RESIDENCE_FILES, name};
    if (has_blocks || strstr(name, "malloc")) /* named by glibc if glibc.mem.decorate_maps is set */
        return (struct mapping_use){RESIDENCE_FREE, ""};
    if (strstr(name, "stack"))
        return (struct mapping_use){RESIDENCE_STACKS, name};
    return (struct mapping_use){begins(name, "[anon") ? RESIDENCE_MAPPED : RESIDENCE_OTHER, name};
}

struct mapping_use mapping_use(const struct mappings *mappings, size_t at, bool has_blocks)
{
    const struct mapping *mapping = &mappings->list[at], *file;
    const char *name = mapping_name(mappings, mapping);
    if (!is_anonymous(mappings, mapping))
        return use_of_named(mapping, name, has_blocks);
    if (has_blocks || is_arena(mapping))
        return (struct mapping_use){RESIDENCE_FREE, ""};
    if (is_stack(mappings, at))
        return (struct mapping_use){RESIDENCE_STACKS, "stacks of threads"};
    file = file_of_zeroes(mappings, at);
    if (file)
        return use_of_named(file, mapping_name(mappings, file), false);
    return (struct mapping_use){RESIDENCE_MAPPED, ""};
}
