/* source.c - a fuzz target: the text of a Python source file, of which advise asks how a line's list is used, and what a class needs. */
#include "input.h"
#include "python_source.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct python_walk walk;
    char *text = malloc(size + 1); /* of its own; a file's text has no NUL behind it */
    if (!text)
        abort();
    memcpy(text, data, size);
    char *whole = realloc(text, size ? size : 1);
    for (int64_t line = 0; line < 24; line++) {
        python_walked_once(whole, size, line, &walk);
        python_extends(whole, size, line);
    }
    python_walked_once(whole, size, INT64_MAX, &walk);
    python_needs_dict(whole, size, "A");
    free(whole);
    return 0;
}
