/* test_files.c - the files of modules are kept open from the first look at a process on: a file that is
 * removed or replaced later is still read as it was loaded. The processes' notes are made up here. */
#define _GNU_SOURCE
#include "files.h"
#include "note_reader.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#define PROCESSES 3
#define MODULES 4

/* ---- a fake arena, as far as files.c needs one ------------------------------------------------------- */

static struct made_up {
    struct arena_slot slot;
    struct wire_note_module *notes[MODULES];
    uint32_t given, kept; /* notes written, and how many of them the program was told are looked at */
} made_up[PROCESSES];

static struct made_up *of_slot(const struct arena_slot *slot)
{
    return (struct made_up *)slot;
}

uint32_t arena_modules(const struct arena_slot *slot)
{
    return of_slot(slot)->given;
}

void arena_kept(struct arena_slot *slot, uint32_t modules, uint32_t more)
{
    assert_int_equal(of_slot(slot)->kept + more, modules);
    of_slot(slot)->kept = modules;
}

const struct wire_note *arena_next_note(struct arena_slot *slot, struct arena_notes *notes)
{
    assert_int_equal(notes->only, WIRE_NOTE_MODULE);
    return notes->at < of_slot(slot)->given ? &of_slot(slot)->notes[notes->at++]->note : NULL;
}

void arena_notes_close(struct arena_notes *notes)
{
    (void)notes;
}

/* ---- a run ----------------------------------------------------------------------------------------- */

static struct run {
    struct arena arena;
    struct tracker tracker;
    struct files *files;
    char directory[64];
} run;

static void add_process(uint32_t index, bool ended)
{
    struct tracked_process **known = GROW_AT(&run.tracker.processes, struct tracked_process *, index);
    assert_non_null(known);
    *known = calloc(1, sizeof **known);
    assert_non_null(*known);
    made_up[index].slot.arena = &run.arena;
    (*known)->slot = &made_up[index].slot;
    (*known)->index = index;
    (*known)->ended = ended;
    run.tracker.process_count = index + 1;
}

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", run.directory, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    int file = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
    close(file);
}

/* The process reports that it has loaded the file. */
static void load(uint32_t index, const char *name)
{
    struct made_up *process = &made_up[index];
    const char *path = path_of(name);
    size_t size = strlen(path) + 1;
    struct stat facts;
    assert_int_equal(stat(path, &facts), 0);
    struct wire_note_module *note = calloc(1, sizeof *note + size);
    assert_non_null(note);
    note->note.type = WIRE_NOTE_MODULE;
    note->path_size = (uint32_t)size;
    note->device = (uint64_t)major(facts.st_dev) << 32 | minor(facts.st_dev);
    note->inode = facts.st_ino;
    memcpy(note->bytes, path, size);
    assert_true(process->given < MODULES);
    process->notes[process->given++] = note;
    note->number = process->given;
}

static int begin(void **state)
{
    (void)state;
    memset(&run, 0, sizeof run);
    strcpy(run.directory, "/tmp/test_files.XXXXXX");
    run.files = files_open();
    return run.files && mkdtemp(run.directory) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    files_close(run.files);
    for (uint32_t i = 0; i < PROCESSES; i++)
        for (uint32_t k = 0; k < made_up[i].given; k++)
            free(made_up[i].notes[k]);
    memset(made_up, 0, sizeof made_up);
    for (uint32_t i = 0; i < run.tracker.process_count; i++)
        free(tracker_process(&run.tracker, i));
    grow_free(&run.tracker.processes);
    unlink(path_of("a.so"));
    unlink(path_of("b.so"));
    return rmdir(run.directory);
}

static enum files_state take(uint32_t process, uint32_t module, char text[16])
{
    int file = -1;
    memset(text, 0, 16);
    enum files_state state = files_take(run.files, files_find(run.files, process, module), &file);
    if (state == FILES_HELD) {
        assert_true(pread(file, text, 15, 0) >= 0);
        close(file);
    }
    return state;
}

/* ---- tests ----------------------------------------------------------------------------------------- */

/* A program that is about to remove a file waits until every process's modules were looked at. A
 * short-lived process may be seen for the first time after it has ended; no program may have to wait until
 * its end is written. */
static void test_one_that_has_ended_is_looked_at(void **state)
{
    (void)state;
    char text[16];
    write_file("a.so", "first");
    add_process(0, false);
    add_process(1, true);
    load(0, "a.so");
    load(1, "a.so");
    files_look(run.files, &run.tracker);
    assert_int_equal(made_up[0].kept, 1);
    assert_int_equal(made_up[1].kept, 1);
    unlink(path_of("a.so"));
    assert_int_equal(take(1, 1, text), FILES_HELD);
    assert_string_equal(text, "first");
    assert_int_equal(take(0, 1, text), FILES_TAKEN); /* both processes have loaded the same file */
}

static void test_what_is_loaded_later(void **state)
{
    (void)state;
    char text[16];
    write_file("a.so", "first");
    write_file("b.so", "second");
    add_process(0, false);
    files_look(run.files, &run.tracker);
    assert_int_equal(made_up[0].kept, 0);
    load(0, "a.so");
    files_look(run.files, &run.tracker);
    assert_int_equal(made_up[0].kept, 1);
    assert_int_equal(files_find(run.files, 0, 2), 0); /* not looked up yet */
    load(0, "b.so");
    files_look(run.files, &run.tracker);
    assert_int_equal(made_up[0].kept, 2);
    assert_int_equal(take(0, 2, text), FILES_HELD);
    assert_string_equal(text, "second");
}

static void test_removed_and_replaced(void **state)
{
    (void)state;
    char text[16];
    write_file("a.so", "first");
    write_file("b.so", "second");
    add_process(0, false);
    load(0, "a.so");
    load(0, "b.so");
    unlink(path_of("a.so")); /* before the first look */
    unlink(path_of("b.so"));
    write_file("b.so", "another");
    files_look(run.files, &run.tracker);
    assert_int_equal(made_up[0].kept, 2); /* no second look is needed */
    assert_int_equal(take(0, 1, text), FILES_GONE);
    assert_int_equal(take(0, 2, text), FILES_REPLACED);
}

static void test_overwritten_while_held(void **state)
{
    (void)state;
    char text[16];
    write_file("a.so", "first");
    add_process(0, false);
    load(0, "a.so");
    files_look(run.files, &run.tracker);
    write_file("a.so", "another text");
    assert_int_equal(take(0, 1, text), FILES_REPLACED);
}

/* A process that is finished has no slot any more. That must not make the loop skip the next process. */
static void test_one_without_a_slot(void **state)
{
    (void)state;
    write_file("a.so", "first");
    add_process(0, true);
    load(0, "a.so");
    files_look(run.files, &run.tracker);
    tracker_process(&run.tracker, 0)->slot = NULL;
    files_look(run.files, &run.tracker);
    add_process(1, true);
    add_process(2, false);
    load(1, "a.so");
    load(2, "a.so");
    files_look(run.files, &run.tracker);
    assert_int_equal(made_up[1].kept, 1);
    assert_int_equal(made_up[2].kept, 1);
    assert_int_equal(files_find(run.files, 1, 1), files_find(run.files, 2, 1));
}

/* A process that is done with is forgotten, though one before it lives: a server that forks would fill the memory. */
static void test_one_that_is_gone_is_forgotten(void **state)
{
    (void)state;
    write_file("a.so", "first");
    add_process(0, false);
    add_process(1, true);
    load(0, "a.so");
    load(1, "a.so");
    files_look(run.files, &run.tracker);
    assert_int_not_equal(files_find(run.files, 1, 1), 0);
    tracker_process(&run.tracker, 1)->slot = NULL;
    files_look(run.files, &run.tracker);
    assert_int_equal(files_find(run.files, 1, 1), 0);
    assert_int_not_equal(files_find(run.files, 0, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_that_has_ended_is_looked_at, begin, end),
        cmocka_unit_test_setup_teardown(test_what_is_loaded_later, begin, end),
        cmocka_unit_test_setup_teardown(test_removed_and_replaced, begin, end),
        cmocka_unit_test_setup_teardown(test_overwritten_while_held, begin, end),
        cmocka_unit_test_setup_teardown(test_one_without_a_slot, begin, end),
        cmocka_unit_test_setup_teardown(test_one_that_is_gone_is_forgotten, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
