/* pycode.h - finds the source line of an instruction of a Python code object.
 *
 * CPython keeps the lines of a code object in a compact table beside the bytecode, in formats that differ
 * between versions. The traced process copies the table unchanged (wire_note_code); it is decoded here.
 */
#ifndef LIBTRACE_PYCODE_H
#define LIBTRACE_PYCODE_H

#include <stddef.h>
#include <stdint.h>

/* Version numbers as in wire_note_code: major << 8 | minor. */
#define PYCODE_VERSION(major, minor) ((uint32_t)(major) << 8 | (minor))

/* The line of the instruction at instruction_offset bytes from the start of the bytecode, as PyCode_Addr2Line
 * returns it; 0 if the table says that the instruction has no line, or does not cover it. A negative offset
 * (as a signed 64-bit number) means a frame that has not started: first_line.
 *
 * The table may hold anything: never more than size bytes of it are read. Thread-safe.
 *
 * Formats: CPython's Objects/lnotab_notes.txt up to 3.10, InternalDocs/code_objects.md from 3.11 on.
 */
int32_t pycode_line(const uint8_t *table, size_t size, int32_t first_line, uint32_t version,
                    uint64_t instruction_offset);

#endif
