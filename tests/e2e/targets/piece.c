/* piece.c - a library, or a program, that tells by its lines which of several it is. */
#include <stdlib.h>

static void *volatile kept;

/* clang-format off */
#line PIECE_LINE "piece.c"
__attribute__((noinline)) void piece_work(size_t size) { kept = malloc(size); }
/* clang-format on */
