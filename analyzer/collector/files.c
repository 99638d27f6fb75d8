/* files.c - see files.h. */
#define _GNU_SOURCE
#include "files.h"
#include "build_id.h"
#include "module_file.h"
#include "note_reader.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#define HELD_SHARE 2 /* keep at most one in so many of the descriptors that we may have */

/* A module's file; kept until the end of the run. */
struct module_file {
    int file; /* -1 unless the state is FILES_HELD */
    enum files_state state;
    uint32_t number;
    bool is_named;            /* its key is a build ID; else: */
    struct timespec modified; /* its time of modification when it was opened */
    off_t size;
    UT_hash_handle hh;
    size_t key_size;
    char key[]; /* build ID, or device and inode; then the path */
};

/* How far a process's modules were looked at. */
struct followed {
    struct arena_notes notes;
    uint32_t taken;      /* number of notes read */
    struct grow numbers; /* uint32_t: number of the file, by the module's number in the process */
};

struct files {
    pthread_mutex_t lock;
    struct module_file *by_key;
    struct grow all;       /* struct module_file * by number, from 1 on */
    struct grow followed;  /* struct followed by the process's index */
    uint32_t count, first; /* number of files; first process that is not done with */
    uint32_t held, held_most;
    bool failed; /* out of memory: some module was missed */
};

struct files *files_open(void)
{
    struct rlimit limit;
    struct files *files = calloc(1, sizeof *files);
    if (!files)
        return NULL;
    pthread_mutex_init(&files->lock, NULL);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        files->held_most = (uint32_t)(limit.rlim_cur < UINT32_MAX ? limit.rlim_cur : UINT32_MAX) / HELD_SHARE;
    return files;
}

static void unfollow(struct followed *followed)
{
    arena_notes_close(&followed->notes);
    grow_free(&followed->numbers);
}

void files_close(struct files *files)
{
    struct module_file *file, *next;
    if (!files)
        return;
    HASH_ITER(hh, files->by_key, file, next)
    {
        HASH_DEL(files->by_key, file);
        if (file->file >= 0)
            close(file->file);
        free(file);
    }
    for (size_t i = 0; i < files->followed.room / sizeof(struct followed); i++)
        unfollow((struct followed *)files->followed.memory + i);
    grow_free(&files->followed);
    grow_free(&files->all);
    pthread_mutex_destroy(&files->lock);
    free(files);
}

/* ---- opening ------------------------------------------------------------------------------------- */

/* The file that a note is about, added if it is new. NULL = out of memory. */
static struct module_file *file_of(struct files *files, const struct wire_note_module *note)
{
    const uint64_t place[] = {note->device, note->inode};
    size_t id_size = note->build_id_size ? note->build_id_size : sizeof place;
    size_t size = id_size + note->path_size;
    struct module_file *file = calloc(1, sizeof *file + size), *known;
    if (!file)
        return NULL;
    memcpy(file->key, note->build_id_size ? (const void *)note->bytes : place, id_size);
    memcpy(file->key + id_size, note->bytes + note->build_id_size, note->path_size);
    file->key_size = size;
    file->is_named = note->build_id_size != 0;
    file->file = -1;
    file->state = FILES_BY_PATH;
    HASH_FIND(hh, files->by_key, file->key, size, known);
    struct module_file **in_all = known ? NULL : GROW_AT(&files->all, struct module_file *, files->count + 1);
    if (!in_all) {
        free(file);
        return known;
    }
    file->number = ++files->count;
    *in_all = file;
    HASH_ADD_KEYPTR(hh, files->by_key, file->key, size, file);
    return file;
}

/* Converts a time of CLOCK_MONOTONIC to real time. */
static struct timespec real_time(const struct arena *arena, uint64_t ns)
{
    uint64_t real = arena->started_real + (ns > arena->started_ns ? ns - arena->started_ns : 0);
    return (struct timespec){(time_t)(real / 1000000000u), (long)(real % 1000000000u)};
}

static void open_file(struct files *files, struct module_file *file, const struct tracked_process *process,
                      const struct wire_note_module *note)
{
    static const enum files_state states[] = {[MODULE_FILE_OPENED] = FILES_HELD,
                                              [MODULE_FILE_NOT_OURS] = FILES_BY_PATH,
                                              [MODULE_FILE_GONE] = FILES_GONE,
                                              [MODULE_FILE_REPLACED] = FILES_REPLACED};
    const struct module_claim claim = {
        .path = note->bytes + note->build_id_size,
        .build_id = (const uint8_t *)note->bytes,
        .build_id_size = note->build_id_size,
        .device = note->device,
        .inode = note->inode,
        .start = note->start,
        .pid = process->ended ? 0 : process->facts.pid,
        .before = real_time(process->slot->arena, process->facts.started_ns),
    };
    struct stat facts;
    if (claim.build_id_size > BUILD_ID_MAX || !strchr(claim.path, '/')) /* the kernel's own have no file */
        return;
    if (files->held >= files->held_most)
        return;
    file->state = states[module_file_open(&claim, &file->file)];
    if (file->state != FILES_HELD)
        return;
    files->held++;
    if (fstat(file->file, &facts) == 0) {
        file->modified = facts.st_mtim;
        file->size = facts.st_size;
    }
}

static void take_note(struct files *files, struct followed *followed, const struct tracked_process *process,
                      const struct wire_note_module *note)
{
    uint32_t *number = GROW_AT(&followed->numbers, uint32_t, note->number);
    struct module_file *file = number ? file_of(files, note) : NULL;
    followed->taken++;
    if (!number) {
        files->failed = true;
        return;
    }
    *number = file ? file->number : FILES_UNKNOWN;
    if (file && file->state != FILES_HELD && file->state != FILES_TAKEN)
        open_file(files, file, process, note);
}

static void look(struct files *files, const struct tracked_process *process)
{
    struct followed *followed = GROW_AT(&files->followed, struct followed, process->index);
    files->failed |= !followed;
    if (!followed || arena_modules(process->slot) == followed->taken)
        return;
    uint32_t before = followed->taken;
    const struct wire_note *note;
    followed->notes.only = WIRE_NOTE_MODULE;
    while ((note = arena_next_note(process->slot, &followed->notes)))
        take_note(files, followed, process, (const struct wire_note_module *)note);
    if (followed->taken != before)
        arena_kept(process->slot, followed->taken, followed->taken - before);
}

void files_look(struct files *files, const struct tracker *tracker)
{
    pthread_mutex_lock(&files->lock);
    for (uint32_t i = files->first; i < tracker->process_count; i++) {
        const struct tracked_process *process = tracker_process(tracker, i);
        if (process->slot)
            look(files, process);
        else if (i < files->followed.room / sizeof(struct followed))
            unfollow((struct followed *)files->followed.memory + i);
    }
    while (files->first < tracker->process_count && !tracker_process(tracker, files->first)->slot)
        files->first++;
    pthread_mutex_unlock(&files->lock);
}

/* ---- handing them out -------------------------------------------------------------------------- */

uint32_t files_find(struct files *files, uint32_t process, uint32_t module)
{
    pthread_mutex_lock(&files->lock);
    uint32_t number = 0;
    if (((size_t)process + 1) * sizeof(struct followed) <= files->followed.room) {
        const struct followed *followed = (const struct followed *)files->followed.memory + process;
        if (((size_t)module + 1) * sizeof number <= followed->numbers.room)
            number = ((const uint32_t *)followed->numbers.memory)[module];
    }
    if (!number && files->failed)
        number = FILES_UNKNOWN;
    pthread_mutex_unlock(&files->lock);
    return number;
}

/* False if the file was written to since: then it is not what the program had loaded. With a build ID,
 * that is checked later. */
static bool is_as_it_was(const struct module_file *file)
{
    struct stat facts;
    return file->is_named ||
           (fstat(file->file, &facts) == 0 && facts.st_size == file->size &&
            facts.st_mtim.tv_sec == file->modified.tv_sec && facts.st_mtim.tv_nsec == file->modified.tv_nsec);
}

static enum files_state take(struct files *files, struct module_file *file, int *descriptor)
{
    if (file->state != FILES_HELD)
        return file->state;
    files->held--;
    if (is_as_it_was(file)) {
        *descriptor = file->file;
        file->state = FILES_TAKEN;
        file->file = -1;
        return FILES_HELD;
    }
    close(file->file);
    file->file = -1;
    return file->state = FILES_REPLACED;
}

enum files_state files_take(struct files *files, uint32_t number, int *file)
{
    pthread_mutex_lock(&files->lock);
    enum files_state state = FILES_BY_PATH;
    if (number && number <= files->count)
        state = take(files, ((struct module_file **)files->all.memory)[number], file);
    pthread_mutex_unlock(&files->lock);
    return state;
}
