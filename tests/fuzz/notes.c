/* notes.c - a fuzz target: how a process describes itself (modules, Python code, types, marks), and its frames and stacks,
 * as the collector takes them into a run. The store keeps nothing (no_store.c); no symbols are looked up.
 *
 * The input is a list of notes, each a type, a size (mostly the right one) and its bytes; then of frames; then of stacks.
 */
#define _GNU_SOURCE
#include "arena_memory.h"
#include "input.h"
#include "intern.h"

#include <stdlib.h>

enum { NOTES = 64, FRAMES = 64, NODES = 128 };

/* Writes notes one behind the other, and returns whether there may be more. */
static bool write_note(struct input *in, char **at, const char *end)
{
    char bytes[INPUT_TEXT] = {0};
    size_t size;
    uint8_t type = (uint8_t)input_number(in, 1), odd = (uint8_t)input_number(in, 1);
    const uint8_t *from = input_bytes(in, sizeof bytes, &size);
    struct wire_note *note = (struct wire_note *)*at;
    uint32_t whole = (uint32_t)((sizeof *note + size + 7) & ~7ul);
    if (*at + whole + sizeof *note > end || type == 0)
        return false;
    memcpy(note + 1, from, size);
    note->type = type % 8;
    note->size = odd < 250 ? whole : (uint32_t)input_number(in, 4);
    *at += whole;
    return true;
}

static void write_all(struct input *in)
{
    char *at = (char *)arena_memory_chunk(CHUNK_NOTES), *end = at + WIRE_CHUNK_SIZE / 2;
    for (int i = 0; i < NOTES && write_note(in, &at, end); i++)
        ;
    uint64_t *frames = arena_memory_chunk(CHUNK_FRAMES), *nodes = arena_memory_chunk(CHUNK_NODES);
    for (unsigned i = 0; i < 2 * FRAMES && input_left(in) > 64; i++)
        frames[i] = input_number(in, 8);
    for (unsigned i = 1; i < NODES && input_left(in) > 0; i++)
        nodes[i] = input_number(in, 1) << 32 | input_number(in, 1);
    arena_memory->process[0].frames = FRAMES;
}

static void read_all(struct intern *intern, struct intern_process *process)
{
    int kind;
    intern_identity(process);
    intern_notes(intern, process);
    for (uint32_t i = 0; i < NODES; i++) {
        uint32_t node = intern_node(intern, process, i);
        if (node > intern->node_count)
            abort();
        intern_write_type(intern, node, i % 4 * 8);
        intern_memory_look(intern, node, i % 3 ? "list items" : "dict keys");
        intern_object_look(intern, node, NULL);
        (void)intern_mark(process, i, &kind);
    }
    intern_write_memory(intern);
    intern_write_objects(intern);
    intern_write_nodes(intern);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct intern intern = {0};
    struct intern_process process = {0};
    struct input in = input_of(data, size);
    struct arena *arena = arena_memory_new();
    write_all(&in);
    process.slot = arena_slot(arena, 0);
    if (!process.slot || !intern_open(&intern, NULL))
        abort();
    read_all(&intern, &process);
    intern_process_close(&process);
    intern_close(&intern);
    free(arena);
    return 0;
}
