/* test_reader.c - analyzer/arena against shared memory with arbitrary contents. */
#define _GNU_SOURCE
#include "note_reader.h"
#include "reader_memory.h"
#include "rings.h"
#include "track.h"
#include "wire_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- what is accepted as an arena ---------------------------------------------------------------- */

static bool taken(int memory)
{
    uint64_t size = 1;
    bool is = wire_check(memory, &size);
    assert_true(!is || size == SIZE);
    close(memory);
    return is;
}

static void only_sealed_memory(void **unused)
{
    (void)unused;
    char name[] = "/tmp/test_reader_XXXXXX";
    int file = mkstemp(name), pipes[2];
    assert_true(file >= 0 && ftruncate(file, SIZE) == 0 && pipe(pipes) == 0);
    int path = open(name, O_PATH);
    unlink(name);
    assert_false(taken(file));
    assert_false(taken(path));
    assert_false(taken(pipes[0]));
    assert_false(taken(pipes[1]));
    assert_false(taken(-1));
    assert_false(taken(new_memory(SIZE, F_SEAL_GROW)));
    assert_false(taken(new_memory(SIZE, F_SEAL_SHRINK)));
    assert_false(taken(new_memory(SIZE, WIRE_SEALS | F_SEAL_WRITE)));
    assert_false(taken(new_memory(SIZE + 4096, WIRE_SEALS)));
    assert_false(taken(new_memory(WIRE_FIRST_CHUNK * WIRE_CHUNK_SIZE - WIRE_CHUNK_SIZE, WIRE_SEALS)));
    assert_false(taken(new_memory((WIRE_MAX_CHUNKS + 1) * WIRE_CHUNK_SIZE, WIRE_SEALS)));
    int other = new_memory(SIZE, WIRE_SEALS);
    const uint64_t magic = WIRE_MAGIC + 1;
    assert_int_equal(pwrite(other, &magic, sizeof magic, 0), sizeof magic);
    assert_false(taken(other));
    assert_true(taken(new_memory(SIZE, WIRE_SEALS)));
}

static void why_it_failed(void **unused)
{
    (void)unused;
    arena_state(arena, WIRE_COLLECTOR_FAILED, "no memory");
    assert_string_equal(wire->error, "no memory");
    arena_state(arena, WIRE_COLLECTOR_FAILED, "something else"); /* a process may be reading the first */
    arena_state(arena, WIRE_COLLECTOR_FAILED, NULL);
    assert_string_equal(wire->error, "no memory");
    assert_int_equal(wire->collector, WIRE_COLLECTOR_FAILED);
}

static void known_who_is_left(void **unused)
{
    (void)unused;
    assert_true(arena_held_by_others(arena)); /* our own second mapping */
    int ready[2], done[2];
    char byte;
    assert_true(pipe(ready) == 0 && pipe(done) == 0);
    pid_t child = fork();
    if (child == 0) {
        munmap(arena->wire, SIZE);
        _exit(write(ready[1], "x", 1) != 1 || read(done[0], &byte, 1) != 1);
    }
    munmap(wire, SIZE);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_true(arena_held_by_others(arena)); /* the child's */
    arena->wire->rings = 7;                   /* it is still shared */
    assert_int_equal(write(done[1], "x", 1), 1);
    waitpid(child, NULL, 0);
    assert_false(arena_held_by_others(arena));
    arena_beat(arena); /* it can still be written to */
    wire = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, arena->memory, 0);
    assert_true(wire != MAP_FAILED && wire->rings == 7);
}

/* ---- offsets and counts -------------------------------------------------------------------------- */

static void offsets_lead_to_chunks(void **unused)
{
    (void)unused;
    static const uint64_t wrong[] = {1,
                                     8,
                                     WIRE_CHUNK_SIZE, /* the header */
                                     CHUNK(-1),
                                     CHUNK(0) + 8,
                                     CHUNK(64), /* beyond the end */
                                     SIZE - 1,
                                     1ull << 40,
                                     UINT64_MAX,
                                     -WIRE_CHUNK_SIZE};
    struct arena_slot *slot = arena_slot(arena, 0);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        wire->process[0].frame_segment[0] = wrong[i];
        assert_null(arena_segment(slot, ARENA_FRAMES, 0));
        assert_int_equal(arena_damages(slot), i + 1);
    }
    wire->process[0].node_segment[3] = CHUNK(60); /* 8 chunks, of which 4 exist */
    assert_null(arena_segment(slot, ARENA_NODES, 3));
    wire->process[0].node_segment[3] = CHUNK(56);
    assert_non_null(arena_segment(slot, ARENA_NODES, 3));
    assert_null(arena_segment(slot, ARENA_NODES, WIRE_NODE_SEGMENTS));
    assert_null(arena_segment(slot, ARENA_FRAMES, WIRE_FRAME_SEGMENTS));
    assert_null(arena_segment(slot, ARENA_NOTES, WIRE_NOTE_SEGMENTS));
}

static void chunks_have_one_owner(void **unused)
{
    (void)unused;
    struct arena_slot *first = arena_slot(arena, 0), *second = arena_slot(arena, 1);
    wire->process[0].node_segment[1] = CHUNK(10); /* and 11 */
    wire->process[1].node_segment[1] = CHUNK(9);  /* and 10 */
    const void *memory = arena_segment(first, ARENA_NODES, 1);
    assert_non_null(memory);
    assert_null(arena_segment(second, ARENA_NODES, 1));
    assert_int_equal(arena_damages(first), 0);
    assert_int_equal(arena_damages(second), 1);
    wire->process[1].node_segment[0] = CHUNK(9); /* the wrong value was not kept */
    assert_non_null(arena_segment(second, ARENA_NODES, 0));
    wire->process[0].node_segment[1] = CHUNK(20); /* the first value seen is kept */
    assert_ptr_equal(arena_segment(first, ARENA_NODES, 1), memory);
}

static void release_takes_its_own_only(void **unused)
{
    (void)unused;
    struct arena_slot *first = arena_slot(arena, 0), *second = arena_slot(arena, 1);
    for (unsigned chunk = 0; chunk < CHUNKS; chunk++)
        wire->chunk_map[chunk / 64] |= 1ull << chunk % 64;
    wire->process[0].note_segment[0] = CHUNK(1);
    wire->process[0].frame_segment[0] = CHUNK(2); /* not used before */
    wire->process[0].node_segment[0] = CHUNK(3);  /* the other process's */
    wire->process[0].node_segment[1] = WIRE_CHUNK_SIZE;
    wire->process[1].node_segment[0] = CHUNK(3);
    for (unsigned chunk = 1; chunk <= 4; chunk++)
        memset(at(CHUNK(chunk)), 0x55, WIRE_CHUNK_SIZE);
    assert_non_null(arena_segment(first, ARENA_NOTES, 0));
    assert_non_null(arena_segment(second, ARENA_NODES, 0));
    wire->process[0].note_segment[0] = CHUNK(4); /* too late to change it */
    arena_release(first);
    for (unsigned chunk = 0; chunk < CHUNKS; chunk++) {
        bool released = chunk == WIRE_FIRST_CHUNK + 1 || chunk == WIRE_FIRST_CHUNK + 2;
        assert_int_equal(wire->chunk_map[chunk / 64] >> chunk % 64 & 1, !released);
    }
    assert_int_equal(*(uint64_t *)at(CHUNK(1)), 0);
    assert_int_equal(*(uint64_t *)at(CHUNK(2)), 0);
    assert_int_equal(*(uint64_t *)at(CHUNK(3)), 0x5555555555555555ull);
    assert_int_equal(*(uint64_t *)at(CHUNK(4)), 0x5555555555555555ull);
    assert_int_equal(wire->magic, WIRE_MAGIC);
    assert_null(arena_slot(arena, 0));
    assert_non_null(arena_slot(arena, 1));
}

static void counts_are_clamped(void **unused)
{
    (void)unused;
    wire->processes = wire->rings = wire->process[0].frames = UINT32_MAX;
    assert_int_equal(arena_processes(arena), WIRE_PROCESSES);
    assert_int_equal(arena_rings(arena), WIRE_FEW_RINGS);
    assert_int_equal(arena_frames(&arena->slot[0]), ARENA_FRAMES_MAX);
    assert_null(arena_slot(arena, WIRE_PROCESSES));
    struct arena_birth birth;
    wire->process[0].pid = -1;
    assert_false(arena_birth(&arena->slot[0], &birth));
    struct arena_death death;
    wire->process[0].ended_ns = UINT64_MAX;
    wire->process[0].cpu_ns = UINT64_MAX;
    wire->process[0].events_lost = UINT64_MAX;
    arena_death(&arena->slot[0], &death);
    assert_true(death.ended_ns <= tracker_clock() && death.cpu_ns <= 1ull << 53 &&
                death.events_lost <= 1ull << 53);
}

/* Pieces are listed in order, each address once, and without impossible ones. */
static void pieces_in_order(void **unused)
{
    (void)unused;
    struct arena_piece pieces[WIRE_PIECES];
    struct arena_slot *slot = arena_slot(arena, 0);
    struct wire_piece *said = wire->process[0].pieces;
    assert_int_equal(arena_pieces(slot, pieces), 0);
    said[0] = (struct wire_piece){.start = 0x30000, .end = 0x50000};
    said[1] = (struct wire_piece){.start = 0x20000, .end = 0}; /* not written yet */
    said[2] = (struct wire_piece){.start = UINT64_MAX, .end = 0x10000};
    said[3] = (struct wire_piece){.start = 0x10000, .end = UINT64_MAX};
    said[4] = (struct wire_piece){.start = 0x10000, .end = 0x20000};
    said[9] = (struct wire_piece){.start = 0x40000, .end = 0x60000};
    said[WIRE_PIECES - 1] = (struct wire_piece){.start = 0x38000, .end = 0x39000};
    assert_int_equal(arena_pieces(slot, pieces), 2);
    assert_int_equal(pieces[0].start, 0x10000);
    assert_int_equal(pieces[0].end, 0x20000);
    assert_int_equal(pieces[1].start, 0x30000);
    assert_int_equal(pieces[1].end, 0x60000);
}

static void frames_and_nodes_by_number(void **unused)
{
    (void)unused;
    struct arena_slot *slot = arena_slot(arena, 0);
    wire->process[0].frame_segment[0] = CHUNK(0);
    wire->process[0].node_segment[0] = CHUNK(1);
    struct wire_frame *frames = at(CHUNK(0));
    frames[0] = (struct wire_frame){.value = 77, .owner = 5, .kind = WIRE_FRAME_NATIVE};
    frames[1] = (struct wire_frame){.value = 78, .owner = 6, .kind = 99};
    ((uint64_t *)at(CHUNK(1)))[WIRE_NODES_FIRST - 1] = 1ull << 32 | 1;
    assert_int_equal(arena_frame(slot, 0).kind, WIRE_FRAME_EMPTY);
    assert_int_equal(arena_frame(slot, 1).value, 77);
    assert_int_equal(arena_frame(slot, 1).owner, 5);
    assert_int_equal(arena_damages(slot), 0);
    assert_int_equal(arena_frame(slot, 2).kind, WIRE_FRAME_EMPTY);
    assert_int_equal(arena_damages(slot), 1);
    for (unsigned shift = 12; shift < 32; shift++)
        assert_int_equal(arena_frame(slot, 1u << shift).kind, WIRE_FRAME_EMPTY);
    assert_int_equal(arena_frame(slot, UINT32_MAX).kind, WIRE_FRAME_EMPTY);
    assert_int_equal(arena_node(slot, 0), 0);
    assert_int_equal(arena_node(slot, WIRE_NODES_FIRST), 1ull << 32 | 1);
    assert_int_equal(arena_node(slot, WIRE_NODES_FIRST + 1), 0);
    assert_int_equal(arena_node(slot, UINT32_MAX), 0);
    assert_int_equal(arena_node(slot, UINT32_MAX - 1), 0);
}

/* ---- notes --------------------------------------------------------------------------------------- */

static uint64_t note_end;

static void *put(enum wire_note_type type, uint32_t size)
{
    struct wire_note *note = at(CHUNK(0) + note_end);
    memset(note, 0, size);
    note->size = size;
    note->type = type;
    note_end += size;
    return note;
}

static void put_module(uint32_t number, uint32_t build_id_size, uint32_t path_size,
                       const char bytes[static 16])
{
    struct wire_note_module *module = put(WIRE_NOTE_MODULE, sizeof *module + 16);
    module->number = number;
    module->build_id_size = build_id_size;
    module->path_size = path_size;
    memcpy(module->bytes, bytes, 16);
}

static void broken_notes_are_skipped(void **unused)
{
    (void)unused;
    struct arena_slot *slot = arena_slot(arena, 0);
    struct arena_notes notes = {0};
    wire->process[0].note_segment[0] = CHUNK(0);
    note_end = 0;
    put_module(1, 4, 12, "idid/a/module\0xx");             /* longer than it says */
    put_module(1, 4, 9, "idid/a/module\0xx");              /* cut */
    put_module(1, 40, 4, "idid/a/module\0xx");             /* longer than the note */
    put_module(1, UINT32_MAX, 2, "idid/a/module\0xx");     /* the sum of both overflows */
    put_module(1, 4, UINT32_MAX - 3, "idid/a/module\0xx"); /* ditto */
    put_module(0, 4, 10, "idid/a/modul\0xxx");
    put_module(UINT32_MAX, 4, 9, "idid/a/modu\0xxxx");
    put_module(1, 4, 0, "idid/a/module\0xx");
    put(WIRE_NOTE_MODULE, 16); /* less than its fixed part */
    put(77, 16);
    struct wire_note_code *code = put(WIRE_NOTE_CODE, sizeof *code + 8);
    *code = (struct wire_note_code){.note = {.size = code->note.size, .type = WIRE_NOTE_CODE},
                                    .number = 1,
                                    .file_size = 1,
                                    .name_size = 1,
                                    .table_size = 7};
    struct wire_note_mark *mark = put(WIRE_NOTE_MARK, sizeof *mark + 8);
    mark->number = 1;
    memset(mark->name, 'x', 8);
    struct wire_note_process *process = put(WIRE_NOTE_PROCESS, sizeof *process + 8);
    process->executable_size = process->command_size = 4;
    struct wire_note_object_type *type = put(WIRE_NOTE_TYPE, sizeof *type + 8);
    type->number = 1;
    type->module_size = type->name_size = 4; /* without a NUL each */
    memset(type->text, 'x', 8);
    type = put(WIRE_NOTE_TYPE, sizeof *type + 8);
    type->module_size = type->name_size = 4; /* without a number */
    static const uint32_t headers[] = {4, WIRE_HEADERS_MOST + 8, UINT32_MAX - 47};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        type = put(WIRE_NOTE_TYPE, sizeof *type + 8);
        type->number = 1;
        type->module_size = type->name_size = 4;
        type->headers = headers[i];
    }
    put(WIRE_NOTE_TYPE, 16);
    const unsigned broken = 19;
    put_module(9, 4, 8, "idid/a/file\0xxxx");
    const struct wire_note_module *good = (const void *)arena_next_note(slot, &notes);
    assert_non_null(good);
    assert_int_equal(arena_damages(slot), broken);
    assert_int_equal(good->number, 9);
    assert_string_equal(good->bytes + good->build_id_size, "/a/file");
    memset(at(CHUNK(0)), 0xff, WIRE_CHUNK_SIZE); /* the module is a copy */
    assert_string_equal(good->bytes + good->build_id_size, "/a/file");
    arena_notes_close(&notes);
}

/* Notes behind one that is reserved but not written yet are read at once; that one, when it is written. */
static void notes_behind_a_hole(void **unused)
{
    (void)unused;
    struct arena_slot *slot = arena_slot(arena, 0);
    struct arena_notes notes = {0};
    wire->process[0].note_segment[0] = CHUNK(0);
    note_end = 0;
    put_module(1, 4, 8, "idid/a/file\0xxxx");
    struct wire_note_mark *late[2];
    for (uint32_t i = 0; i < 2; i++) {
        late[i] = put(WIRE_NOTE_NONE, sizeof *late[i] + 8);
        late[i]->number = 70 + i;
    }
    put_module(2, 4, 8, "idid/a/file\0xxxx");
    assert_int_equal(((const struct wire_note_module *)arena_next_note(slot, &notes))->number, 1);
    assert_int_equal(((const struct wire_note_module *)arena_next_note(slot, &notes))->number, 2);
    assert_null(arena_next_note(slot, &notes));
    late[1]->note.type = WIRE_NOTE_MARK;
    assert_int_equal(((const struct wire_note_mark *)arena_next_note(slot, &notes))->number, 71);
    assert_null(arena_next_note(slot, &notes));
    put_module(3, 4, 8, "idid/a/file\0xxxx");
    late[0]->note.type = WIRE_NOTE_MARK;
    assert_int_equal(((const struct wire_note_mark *)arena_next_note(slot, &notes))->number, 70);
    assert_int_equal(((const struct wire_note_module *)arena_next_note(slot, &notes))->number, 3);
    assert_null(arena_next_note(slot, &notes));
    /* more holes than are remembered: later notes have to wait */
    for (unsigned i = 0; i < 2 * ARENA_HOLES; i++)
        put(WIRE_NOTE_NONE, 16);
    put_module(4, 4, 8, "idid/a/file\0xxxx");
    assert_null(arena_next_note(slot, &notes));
    assert_int_equal(arena_damages(slot), 0);
    arena_notes_close(&notes);
}

static void a_wrong_size_ends_the_notes(void **unused)
{
    (void)unused;
    static const uint32_t sizes[] = {0, 4, 9, WIRE_CHUNK_SIZE + 8, UINT32_MAX, UINT32_MAX - 7};
    struct arena_slot *slot = arena_slot(arena, 0);
    wire->process[0].note_segment[0] = CHUNK(0);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct arena_notes notes = {0};
        note_end = 0;
        struct wire_note *note = put(WIRE_NOTE_MARK, 64);
        note->size = sizes[i];
        assert_null(arena_next_note(slot, &notes));
        assert_int_equal(arena_damages(slot), i + 1);
        note->size = 64;
        assert_null(arena_next_note(slot, &notes)); /* lost for good, and counted once */
        assert_int_equal(arena_damages(slot), i + 1);
        arena_notes_close(&notes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_sealed_memory),
        cmocka_unit_test_setup_teardown(why_it_failed, begin, end),
        cmocka_unit_test_setup_teardown(known_who_is_left, begin, end),
        cmocka_unit_test_setup_teardown(pieces_in_order, begin, end),
        cmocka_unit_test_setup_teardown(offsets_lead_to_chunks, begin, end),
        cmocka_unit_test_setup_teardown(chunks_have_one_owner, begin, end),
        cmocka_unit_test_setup_teardown(release_takes_its_own_only, begin, end),
        cmocka_unit_test_setup_teardown(counts_are_clamped, begin, end),
        cmocka_unit_test_setup_teardown(frames_and_nodes_by_number, begin, end),
        cmocka_unit_test_setup_teardown(broken_notes_are_skipped, begin, end),
        cmocka_unit_test_setup_teardown(notes_behind_a_hole, begin, end),
        cmocka_unit_test_setup_teardown(a_wrong_size_ends_the_notes, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
