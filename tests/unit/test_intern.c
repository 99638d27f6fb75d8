/* test_intern.c - how the collector takes a process's stacks into the run, where notes come late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "arena_memory.h"
#include "intern.h"

#include <stdlib.h>
#include <string.h>

enum { OBJECTS = 1, TYPE_FRAME = 3 }; /* the first node; the others are outwards of it */

static uint32_t size_of(const char *name)
{
    return (uint32_t)((sizeof(struct wire_note_object_type) + 1 + strlen(name) + 1 + 7) & ~7ul);
}

/* A type in builtins, made by a stack. Returns where the next note is. */
static char *put_type(char *at, uint32_t number, uint32_t made, const char *name)
{
    struct wire_note_object_type *note = (struct wire_note_object_type *)at;
    *note = (struct wire_note_object_type){.note = {.size = size_of(name), .type = WIRE_NOTE_TYPE},
                                           .number = number,
                                           .basic_size = 16,
                                           .made = made,
                                           .module_size = 1,
                                           .name_size = (uint32_t)strlen(name) + 1};
    strcpy(note->text + 1, name);
    return at + note->note.size;
}

/* Nodes are counted from 1 on, as frames are. */
static void put_node(uint32_t node, uint32_t parent, uint32_t frame)
{
    arena_memory_chunk(CHUNK_NODES)[node - WIRE_NODE_BASE(wire_node_segment(node))] =
        (uint64_t)parent << 32 | frame;
}

/* A stack's objects are met before their type, which another stack has made: each stays what it is. */
static void a_type_that_is_described_late(void **unused)
{
    struct arena *arena = arena_memory_new();
    struct intern intern = {0};
    struct intern_process process = {.slot = arena_slot(arena, 0)};
    struct wire_frame *frames = (struct wire_frame *)arena_memory_chunk(CHUNK_FRAMES);
    (void)unused;
    for (uint32_t i = 1; i < TYPE_FRAME; i++)
        frames[i - 1] = (struct wire_frame){.value = 100 * i, .kind = WIRE_FRAME_NATIVE};
    frames[TYPE_FRAME - 1] = (struct wire_frame){.owner = 1, .kind = WIRE_FRAME_TYPE};
    arena_memory->process[0].frames = TYPE_FRAME;
    put_node(2, WIRE_NODE_ROOT, 1);
    put_node(3, WIRE_NODE_ROOT, 2);
    put_node(4, 3, 1);
    put_node(OBJECTS, 2, TYPE_FRAME);
    put_type(put_type((char *)arena_memory_chunk(CHUNK_NOTES), 1, 4, "Early"), 2, 4, "Late");
    assert_true(intern_open(&intern, NULL));
    uint32_t objects = intern_node(&intern, &process, OBJECTS), made = intern_node(&intern, &process, 4);
    const struct run_node *nodes = intern.nodes.memory;
    assert_int_equal(nodes[objects].frame, nodes[intern_node(&intern, &process, 2)].frame);
    assert_int_not_equal(nodes[objects].type, 0);
    assert_int_equal(nodes[made].type, 0);
    assert_int_equal(nodes[made].parent, intern_node(&intern, &process, 3));
    intern_process_close(&process);
    intern_close(&intern);
    free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_type_that_is_described_late)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
