/* known_symbols.c - see known_symbols.h. */
#include "known_symbols.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define RUNS 8 /* only the latest runs are read */

struct known_frame {
    uint64_t offset; /* key */
    size_t count;
    struct symbols_frame *lines; /* innermost first, with texts of their own */
    UT_hash_handle hh;
};

struct known_symbols {
    struct known_frame *frames; /* uthash */
    struct known_frame *filled; /* that the next line belongs to; NULL: that frame is complete already */
    bool is_short;              /* memory ran out: a frame may lack a line */
};

static struct known_frame *add_frame(struct known_symbols *known, uint64_t offset)
{
    struct known_frame *frame;
    HASH_FIND(hh, known->frames, &offset, sizeof offset, frame);
    if (frame)
        return NULL;
    frame = calloc(1, sizeof *frame);
    if (!frame) {
        known->is_short = true;
        return NULL;
    }
    frame->offset = offset;
    HASH_ADD(hh, known->frames, offset, sizeof frame->offset, frame);
    return frame;
}

static void add_line(void *data, int64_t offset, int depth, const char *file, int64_t line,
                     const char *function)
{
    struct known_symbols *known = data;
    if (depth == 0)
        known->filled = add_frame(known, (uint64_t)offset);
    struct known_frame *frame = known->filled;
    if (!frame)
        return;
    struct symbols_frame *lines = realloc(frame->lines, (frame->count + 1) * sizeof *lines);
    if (!lines) {
        known->is_short = true;
        return;
    }
    frame->lines = lines;
    struct symbols_frame *added = &lines[frame->count++];
    *added = (struct symbols_frame){strdup(function), file ? strdup(file) : NULL, (uint32_t)line};
    if (!added->function || (file && !added->file))
        known->is_short = true;
}

struct known_symbols *known_symbols_open(struct store *store, const char *path, const uint8_t *build_id,
                                         size_t build_id_size)
{
    struct known_symbols *known = build_id_size ? calloc(1, sizeof *known) : NULL;
    if (!known)
        return NULL;
    if (store_earlier_frames(store, path, build_id, build_id_size, (int)SYMBOLS_LINES, RUNS, add_line,
                             known) < 0 ||
        !known->frames || known->is_short) {
        known_symbols_close(known);
        return NULL;
    }
    return known;
}

const struct symbols_frame *known_symbols_find(const struct known_symbols *known, uint64_t offset,
                                               size_t *count)
{
    struct known_frame *frame = NULL;
    if (known)
        HASH_FIND(hh, known->frames, &offset, sizeof offset, frame);
    *count = frame ? frame->count : 0;
    return frame && frame->count ? frame->lines : NULL;
}

void known_symbols_close(struct known_symbols *known)
{
    struct known_frame *frame, *next;
    if (!known)
        return;
    HASH_ITER(hh, known->frames, frame, next)
    {
        HASH_DEL(known->frames, frame);
        for (size_t i = 0; i < frame->count; i++) {
            free((char *)frame->lines[i].function);
            free((char *)frame->lines[i].file);
        }
        free(frame->lines);
        free(frame);
    }
    free(known);
}
