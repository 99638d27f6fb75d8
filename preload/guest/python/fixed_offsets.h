/* fixed_offsets.h - the layouts of versions that do not publish theirs, measured with the headers of each. They are here so
 * that the functions for one version have them as constants.
 */
#ifndef LIBTRACE_PYTHON_FIXED_OFFSETS_H
#define LIBTRACE_PYTHON_FIXED_OFFSETS_H

#include "interpreter.h"

enum { PYTHON_FIXED_38, PYTHON_FIXED_39, PYTHON_FIXED_310, PYTHON_FIXED_311, PYTHON_FIXED_312 };

/* What 3.8, 3.9 and 3.10 have in common: all but the place and the kind of a frame's instruction. */
#define UP_TO_310                                                                                     \
    .thread_frame = 24, .cframe_frame = PYTHON_NO_OFFSET, .thread_interpreter = 16, .thread_id = 176, \
    .frame_previous = 24, .frame_code = 32, .frame_owner = PYTHON_NO_OFFSET,                          \
    .frame_is_entry = PYTHON_NO_OFFSET, .code_file = 104, .code_name = 112, .code_first_line = 40,    \
    .code_lines = 120, .code_bytecode = PYTHON_NO_OFFSET, .code_first_traceable = PYTHON_NO_OFFSET,   \
    .string_data = 48, .string_wide_data = 72, .type_flags = 168, .finalizing = 16

/* Releases of one minor version share a layout: CPython freezes these structures at the first of them. */
static const struct python_layout python_fixed[] = {
    [PYTHON_FIXED_38] = {.version = PYTHON_VERSION(3, 8),
                         UP_TO_310,
                         .type_qualified_name = 864,
                         .frame_instruction = 104,
                         .instruction = PYTHON_BYTES},
    [PYTHON_FIXED_39] = {.version = PYTHON_VERSION(3, 9),
                         UP_TO_310,
                         .type_qualified_name = 856,
                         .frame_instruction = 104,
                         .instruction = PYTHON_BYTES},
    [PYTHON_FIXED_310] = {.version = PYTHON_VERSION(3, 10),
                          UP_TO_310,
                          .type_qualified_name = 864,
                          .frame_instruction = 96,
                          .instruction = PYTHON_UNITS},
    [PYTHON_FIXED_311] = {.version = PYTHON_VERSION(3, 11),
                          .thread_frame = 56,
                          .cframe_frame = 8,
                          .thread_interpreter = 16,
                          .thread_id = 152,
                          .frame_previous = 48,
                          .frame_code = 32,
                          .frame_instruction = 56,
                          .frame_owner = 69,
                          .frame_is_entry = 68,
                          .code_file = 112,
                          .code_name = 128,
                          .code_first_line = 72,
                          .code_lines = 136,
                          .code_bytecode = 184,
                          .code_first_traceable = 168,
                          .string_data = 48,
                          .string_wide_data = 72,
                          .type_flags = 168,
                          .type_qualified_name = 864,
                          .finalizing = 24,
                          .instruction = PYTHON_POINTER},
    [PYTHON_FIXED_312] = {.version = PYTHON_VERSION(3, 12),
                          .thread_frame = 56,
                          .cframe_frame = 0,
                          .thread_interpreter = 16,
                          .thread_id = 136,
                          .frame_previous = 8,
                          .frame_code = 0,
                          .frame_instruction = 56,
                          .frame_owner = 70,
                          .frame_is_entry = PYTHON_NO_OFFSET,
                          .code_file = 112,
                          .code_name = 128,
                          .code_first_line = 68,
                          .code_lines = 136,
                          .code_bytecode = 192,
                          .code_first_traceable = 176,
                          .string_data = 40,
                          .string_wide_data = 56,
                          .type_flags = 168,
                          .type_qualified_name = 872,
                          .finalizing = 24,
                          .interpreter_lock = 384,
                          .interpreter_flags = 1712,
                          .instruction = PYTHON_POINTER},
};

/* The layout of the interpreter that was found, if it is of this family. */
INLINE const struct python_layout *python_layout_of(enum python_family family)
{
    if (family == PYTHON_FROM_311)
        return &python_fixed[PYTHON_FIXED_311];
    return family == PYTHON_FROM_312 ? &python_fixed[PYTHON_FIXED_312] : &python.layout;
}

#undef UP_TO_310

#endif
