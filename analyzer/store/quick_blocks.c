/* quick_blocks.c - memory for SQLite in a program that uses it from one thread at a time.
 *
 * When SQLite opens a database it parses the definitions of all tables and views, into thousands of blocks of a few
 * bytes, most of which it frees at once; the traced program waits for that. malloc() joins and splits such blocks
 * again and again. Here a free block waits in a list for the next one of its size. What is in these lists is not
 * returned; that is little, as large blocks (pages of the cache, results) come from malloc().
 */
#include "store_private.h"

#include <stdlib.h>
#include <string.h>

#define GRAIN ((size_t)16)    /* a block, with its size before it, is a multiple of that */
#define SMALL ((size_t)2048)  /* the largest block that has a list */
#define PIECE ((size_t)65536) /* what is taken from malloc() at a time */

/* What precedes a block. Blocks begin 8 bytes behind a multiple of 16: SQLite wants multiples of 8. */
union head {
    size_t size; /* with the head itself */
};

static union head *listed[SMALL / GRAIN + 1]; /* by size; a free block begins with its successor's address */
static char *rest, *rest_end;                 /* of the piece taken last: nothing of it was handed out yet */

static union head *head_of(void *block)
{
    return (union head *)block - 1;
}

static union head **next_of(union head *free_block)
{
    return (union head **)(free_block + 1);
}

static size_t whole_size(int size)
{
    return ((size_t)size + sizeof(union head) + GRAIN - 1) & ~(GRAIN - 1);
}

static void *take_large(size_t size)
{
    union head *piece = malloc(size + sizeof *piece);

    if (piece == NULL)
        return NULL;
    piece[1].size = size;
    return piece + 2;
}

static void *take(int size)
{
    size_t whole = whole_size(size);

    if (whole > SMALL)
        return take_large(whole);
    union head *head = listed[whole / GRAIN];

    if (head != NULL) {
        listed[whole / GRAIN] = *next_of(head);
        return head + 1;
    }
    if ((size_t)(rest_end - rest) < whole) {
        char *piece = malloc(PIECE);

        if (piece == NULL)
            return NULL;
        rest = piece;
        rest_end = piece + PIECE;
    }
    head = (union head *)rest;
    rest += whole;
    head->size = whole;
    return head + 1;
}

static void give_back(void *block)
{
    union head *head = head_of(block);

    if (head->size > SMALL) {
        free(head - 1);
        return;
    }
    *next_of(head) = listed[head->size / GRAIN];
    listed[head->size / GRAIN] = head;
}

static int size_of(void *block)
{
    return block != NULL ? (int)(head_of(block)->size - sizeof(union head)) : 0;
}

static void *resize(void *block, int size)
{
    size_t before = head_of(block)->size, whole = whole_size(size);

    if (whole == before)
        return block;
    if (before > SMALL && whole > SMALL) {
        union head *piece = realloc(head_of(block) - 1, whole + sizeof *piece);

        if (piece == NULL)
            return NULL;
        piece[1].size = whole;
        return piece + 2;
    }
    void *other = take(size);

    if (other == NULL)
        return NULL;
    memcpy(other, block, (before < whole ? before : whole) - sizeof(union head));
    give_back(block);
    return other;
}

static int round_up(int size)
{
    return (int)(whole_size(size) - sizeof(union head));
}

static int begin(void *data)
{
    (void)data;
    return SQLITE_OK;
}

static void end(void *data)
{
    (void)data;
}

/* Sanitizers see each block of malloc(), but would not see these. */
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

void store_quick_blocks(void)
{
    static const sqlite3_mem_methods methods = {.xMalloc = take,
                                                .xFree = give_back,
                                                .xRealloc = resize,
                                                .xSize = size_of,
                                                .xRoundup = round_up,
                                                .xInit = begin,
                                                .xShutdown = end};

    if (!SANITIZED)
        sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
}
