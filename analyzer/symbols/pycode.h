/* pycode.h - from an instruction of a Python code object to its source line.
 *
 * CPython keeps the lines of a code object in a compact table beside the bytecode, in a format of its own
 * for each era. The traced process copies the table as it is (wire_note_code); it is decoded here.
 */
#ifndef LIBTRACE_PYCODE_H
#define LIBTRACE_PYCODE_H

#include <stddef.h>
#include <stdint.h>

/* Version numbers as in wire_note_code: major << 8 | minor. */
#define PYCODE_VERSION(major, minor) ((uint32_t)(major) << 8 | (minor))

/* The line of the instruction at instruction_offset bytes from the start of the bytecode, as
 * PyCode_Addr2Line gives it; 0 where the table says that the instruction has no line, or does not
 * cover it. A negative offset (as signed 64-bit number) is a frame that has not started: first_line.
 *
 * The table may hold anything: never more than size bytes of it are read. Thread-safe.
 *
 * Formats: Objects/lnotab_notes.txt up to 3.10, InternalDocs/code_objects.md from 3.11 on (of CPython). */
int32_t pycode_line(const uint8_t *table, size_t size, int32_t first_line, uint32_t version,
                    uint64_t instruction_offset);

#endif
