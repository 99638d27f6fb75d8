/* offsets.c - see offsets.h. */
#include "offsets.h"
#include "fixed_offsets.h"

#include <stddef.h>
#include <string.h>

/* Where the qualified name of a class lies behind its PyTypeObject: there are four groups of slots, its name, its
 * __slots__ and then this. */
#define QUALIFIED_NAME 456

/* _Py_DebugOffsets, the first member of _PyRuntime since 3.13: 64-bit numbers in groups, each of which has
 * the size of a structure, then offsets into it. Each version adds some. */
struct debug_head {
    char cookie[8];
    uint64_t version, free_threaded;
    struct {
        uint64_t size, finalizing, interpreters_head;
    } runtime;
};

/* Groups that are the same in several versions. */
#define DEBUG_THREAD                                                                                  \
    struct {                                                                                          \
        uint64_t size, prev, next, interp, current_frame, thread_id, native_thread_id, chunk, status; \
    } thread
#define DEBUG_FRAME                                                                                        \
    struct {                                                                                               \
        uint64_t size, previous, executable, instr_ptr, locals, owner, stack_pointer, tlbc_index;          \
    } frame;                                                                                               \
    struct {                                                                                               \
        uint64_t size, filename, name, qualname, linetable, firstlineno, argcount, names, kinds, bytecode, \
            tlbc;                                                                                          \
    } code
#define DEBUG_OBJECT                      \
    struct {                              \
        uint64_t size, type;              \
    } object;                             \
    struct {                              \
        uint64_t size, name, repr, flags; \
    } type
#define DEBUG_TEXT                                \
    struct {                                      \
        uint64_t size, length, data;              \
    } bytes;                                      \
    struct {                                      \
        uint64_t size, state, length, ascii_size; \
    } string

struct debug_313 {
    struct debug_head head;
    uint64_t interpreter[13];
    DEBUG_THREAD;
    struct {
        uint64_t size, previous, executable, instr_ptr, locals, owner;
    } frame;
    struct {
        uint64_t size, filename, name, qualname, linetable, firstlineno, argcount, names, kinds, bytecode;
    } code;
    DEBUG_OBJECT;
    uint64_t tuple[3], list[3], dict[3], floating[2], integer[3];
    DEBUG_TEXT;
};

struct debug_314 {
    struct debug_head head;
    uint64_t interpreter[16];
    DEBUG_THREAD;
    DEBUG_FRAME;
    DEBUG_OBJECT;
    uint64_t tuple[3], list[3], set[4], dict[3], floating[2], integer[3];
    DEBUG_TEXT;
};

struct debug_315 {
    struct debug_head head;
    uint64_t interpreter[16];
    struct {
        uint64_t size, prev, next, interp, current_frame, base_frame, profiled[2], thread_id,
            native_thread_id, chunk, status, gil[2], exception[2];
    } thread;
    uint64_t exception[1];
    DEBUG_FRAME;
    DEBUG_OBJECT;
    uint64_t type_sizes[2], heap_type[2], tuple[3], list[3], set[4], dict[3], floating[2], integer[3];
    DEBUG_TEXT;
};

/* Derived, as they are not published: the first traceable instruction is stored 16 bytes before the bytecode,
 * and a non-ASCII str has a length and a pointer more before its data. */
#define FROM_DEBUG(layout, d)                                                                          \
    do {                                                                                               \
        (layout)->thread_frame = (uint16_t)(d)->thread.current_frame;                                  \
        (layout)->thread_interpreter = (uint16_t)(d)->thread.interp;                                   \
        (layout)->thread_id = (uint16_t)(d)->thread.thread_id;                                         \
        (layout)->frame_previous = (uint16_t)(d)->frame.previous;                                      \
        (layout)->frame_code = (uint16_t)(d)->frame.executable;                                        \
        (layout)->frame_instruction = (uint16_t)(d)->frame.instr_ptr;                                  \
        (layout)->frame_owner = (uint16_t)(d)->frame.owner;                                            \
        (layout)->code_file = (uint16_t)(d)->code.filename;                                            \
        (layout)->code_name = (uint16_t)(d)->code.qualname;                                            \
        (layout)->code_first_line = (uint16_t)(d)->code.firstlineno;                                   \
        (layout)->code_lines = (uint16_t)(d)->code.linetable;                                          \
        (layout)->code_bytecode = (uint16_t)(d)->code.bytecode;                                        \
        (layout)->code_first_traceable = (uint16_t)((d)->code.bytecode - 16);                          \
        (layout)->string_data = (uint16_t)(d)->string.ascii_size;                                      \
        (layout)->string_wide_data = (uint16_t)((d)->string.ascii_size + 16);                          \
        (layout)->type_flags = (uint16_t)(d)->type.flags;                                              \
        (layout)->type_qualified_name = (uint16_t)((d)->type.size + QUALIFIED_NAME);                   \
        (layout)->finalizing = (uint16_t)(d)->head.runtime.finalizing;                                 \
        same = (d)->object.type == PYTHON_OBJECT_TYPE && (d)->string.length == PYTHON_STRING_LENGTH && \
               (d)->string.state == PYTHON_STRING_STATE && (d)->bytes.length == PYTHON_BYTES_SIZE &&   \
               (d)->bytes.data == PYTHON_BYTES_DATA;                                                   \
    } while (0)

/* False if the objects are not what the published offsets say: then this version's groups are not those known
 * here. */
static bool plausible(const struct python_layout *l)
{
    const uint16_t words[] = {l->thread_frame, l->thread_interpreter, l->thread_id,         l->frame_previous,
                              l->frame_code,   l->code_file,          l->frame_instruction, l->code_name,
                              l->code_lines,   l->string_data,        l->code_bytecode};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i] % 8 || words[i] > 1024)
            return false;
    return l->code_file < l->code_name && l->code_name < l->code_bytecode &&
           l->code_lines < l->code_bytecode && l->frame_code != l->frame_previous &&
           l->frame_owner > l->frame_instruction && l->frame_owner < 128 && l->code_first_line % 4 == 0 &&
           l->code_first_line < l->code_file && l->string_data == 40;
}

static const char *from_debug_offsets(struct python_layout *layout, uint64_t version_hex, const void *runtime)
{
    const struct debug_head *head = runtime;
    bool same = false;

    if (!runtime || memcmp(head->cookie, "xdebugpy", 8) != 0 || head->version != version_hex)
        return "it does not publish its offsets";
    if (head->free_threaded)
        return "it is free-threaded";
    *layout = (struct python_layout){.version = (uint32_t)(version_hex >> 16),
                                     .cframe_frame = PYTHON_NO_OFFSET,
                                     .frame_is_entry = PYTHON_NO_OFFSET,
                                     .instruction = PYTHON_POINTER};
    if (layout->version == PYTHON_VERSION(3, 13)) {
        const struct debug_313 *d = runtime;
        FROM_DEBUG(layout, d);
        layout->interpreter_lock = 16;
        layout->interpreter_flags = 8440;
    } else if (layout->version == PYTHON_VERSION(3, 14)) {
        const struct debug_314 *d = runtime;
        FROM_DEBUG(layout, d);
        layout->interpreter_lock = 16;
        layout->interpreter_flags = 8488;
    } else if (layout->version == PYTHON_VERSION(3, 15)) {
        const struct debug_315 *d = runtime;
        FROM_DEBUG(layout, d);
        layout->interpreter_lock = 16;
        layout->interpreter_flags = 8440;
    } else {
        return "its version is not known";
    }
    return same && plausible(layout) ? NULL : "the offsets that it publishes are not understood";
}

const char *python_layout_find(struct python_layout *layout, uint64_t version_hex, const void *runtime)
{
    uint32_t version = (uint32_t)(version_hex >> 16);

    for (size_t i = 0; i < sizeof python_fixed / sizeof *python_fixed; i++) {
        if (python_fixed[i].version == version) {
            *layout = python_fixed[i];
            return NULL;
        }
    }
    if (version < PYTHON_VERSION(3, 13))
        return "its version is not known";
    return from_debug_offsets(layout, version_hex, runtime);
}
