/* smaps.c - a fuzz target: the text of /proc/PID/smaps, in which a program names its mappings. */
#include "input.h"
#include "smaps.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mappings mappings = {0};
    char *text = malloc(size + 1);
    size_t length = 0;
    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    if (mappings_parse(&mappings, text) == 0)
        for (size_t i = 0; i < mappings.count; i++) {
            const struct mapping *m = &mappings.list[i];
            length += strlen(mapping_name(&mappings, m));
            if (m->start >= m->end || (i > 0 && m->start < mappings.list[i - 1].end))
                abort(); /* in order, without overlaps: who reads them relies on it */
        }
    if (length > size)
        abort();
    mappings_free(&mappings);
    free(text);
    return 0;
}
