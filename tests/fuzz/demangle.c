/* demangle.c - a fuzz target: names of functions and types, demangled, and what is told from them. */
#include "block_types.h"
#include "input.h"
#include "symbols.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct symbols *symbols = symbols_open();
    char *text = malloc(size + 1);
    if (!text || !symbols)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    char *name = symbols_demangle(text);
    const struct symbols_frame frames[] = {{.function = text, .file = "list.c", .line = 1},
                                           {.function = name, .file = text}};
    for (size_t i = 0; i < 2; i++)
        (void)symbols_is_library_code(&frames[i]);
    const char *type = symbols_type(symbols, text);
    free(block_type(name ? name : text));
    free(block_type_of_class(name ? name : text));
    (void)block_type_is_part(text, type ? type : text);
    free(name);
    free(text);
    symbols_close(symbols);
    return 0;
}
