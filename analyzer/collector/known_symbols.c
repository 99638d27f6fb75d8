/* known_symbols.c - see known_symbols.h. */
#include "known_symbols.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define RUNS 8 /* so many of the latest runs are asked */

struct known_frame {
    uint64_t offset; /* key */
    size_t count;
    struct symbols_frame *lines; /* innermost first; their texts are their own */
    UT_hash_handle hh;
};

struct earlier {
    struct known_frame *frames; /* uthash */
    struct known_frame *filled; /* that the next line belongs to; NULL: to one that is known already */
};

static void add_line(void *data, int64_t offset, int depth, const char *file, int64_t line,
                     const char *function)
{
    struct earlier *earlier = data;
    uint64_t key = (uint64_t)offset;
    if (depth == 0) {
        struct known_frame *frame;
        HASH_FIND(hh, earlier->frames, &key, sizeof key, frame);
        earlier->filled = frame ? NULL : calloc(1, sizeof *frame);
        if (!earlier->filled)
            return;
        earlier->filled->offset = key;
        HASH_ADD(hh, earlier->frames, offset, sizeof key, earlier->filled);
    }
    struct known_frame *frame = earlier->filled;
    struct symbols_frame *lines = frame ? realloc(frame->lines, (frame->count + 1) * sizeof *lines) : NULL;
    if (!lines)
        return;
    frame->lines = lines;
    lines[frame->count++] =
        (struct symbols_frame){strdup(function), file ? strdup(file) : NULL, (uint32_t)line};
}

struct earlier *earlier_open(struct store *store, const char *path, const uint8_t *build_id,
                             size_t build_id_size)
{
    struct earlier *earlier = build_id_size ? calloc(1, sizeof *earlier) : NULL;
    if (!earlier)
        return NULL;
    if (store_earlier_frames(store, path, build_id, build_id_size, (int)SYMBOLS_LINES, RUNS, add_line,
                             earlier) < 0 ||
        !earlier->frames) {
        earlier_close(earlier);
        return NULL;
    }
    return earlier;
}

const struct symbols_frame *earlier_find(const struct earlier *earlier, uint64_t offset, size_t *count)
{
    struct known_frame *frame = NULL;
    if (earlier)
        HASH_FIND(hh, earlier->frames, &offset, sizeof offset, frame);
    *count = frame ? frame->count : 0;
    return frame && frame->count ? frame->lines : NULL;
}

void earlier_close(struct earlier *earlier)
{
    struct known_frame *frame, *next;
    if (!earlier)
        return;
    HASH_ITER(hh, earlier->frames, frame, next)
    {
        HASH_DEL(earlier->frames, frame);
        for (size_t i = 0; i < frame->count; i++) {
            free((char *)frame->lines[i].function);
            free((char *)frame->lines[i].file);
        }
        free(frame->lines);
        free(frame);
    }
    free(earlier);
}
