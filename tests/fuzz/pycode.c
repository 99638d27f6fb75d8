/* pycode.c - a fuzz target: line tables of Python code objects, of all versions. The input is the first line, the
 * version, an instruction, and the table. */
#include "pycode.h"
#include "input.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = input_of(data, size);
    int32_t first_line = (int32_t)input_number(&in, 4);
    uint32_t version = PYCODE_VERSION(3, 6 + (uint32_t)input_number(&in, 1) % 12);
    uint64_t instruction = input_number(&in, 8);
    size_t table_size = input_left(&in);
    uint8_t *table = malloc(table_size); /* of its own, so that one byte beyond it is noticed */
    if (!table && table_size)
        abort();
    if (table_size)
        memcpy(table, in.at, table_size);
    pycode_line(table, table_size, first_line, version, instruction);
    for (uint64_t offset = 0; offset < 128; offset += 2)
        pycode_line(table, table_size, first_line, version, offset);
    free(table);
    return 0;
}
