/* batch.c - rows of tables that have many: they are collected, put into the order of the table's key, and inserted
 * by one statement (see feed.c). A statement for each of them took 1.4 to 1.9 times as many instructions.
 *
 * Rows wait until there are enough of them, or until anything else is done with the database: whoever reads it
 * within the transaction finds them there. Outside of a transaction none waits.
 */
#define _GNU_SOURCE
#include "store_private.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_MOST 1024
#define NO_TEXT (-1)

struct store_batch {
    int64_t *rows;  /* a row's values side by side; of a text: its offset in texts, or NO_TEXT */
    unsigned width; /* values in a row */
    unsigned count, room;
    uint32_t is_text; /* columns, as bits */
    int unordered;    /* a row came after one of a higher key */
    char *texts;      /* each with its NUL */
    size_t texts_size, texts_room;
    uint16_t order[ROWS_MOST];
};

/* By how many values, from the first on, rows are ordered: the numbers of the table's key. 0 = not by the many. */
static const uint8_t keys[STORE_STATEMENTS] = {
    [STORE_LINE] = 2,
    [STORE_FRAME] = 2,
    [STORE_FRAME_LINE] = 3,
    [STORE_BLOCK] = 3,
    [STORE_SITE_SAMPLE] = 2 + SITE_KEY_MEMBERS,
    [STORE_EVENT] = 2,
    [STORE_PAGE_ROW] = 6,
    [STORE_STACK_TYPE] = 2,
};

int store_is_batched(enum store_statement which)
{
    return keys[which] != 0;
}

/* ---- collecting ------------------------------------------------------------------------------- */

static int compare(const int64_t *a, const int64_t *b, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return 0;
}

static struct store_batch *batch_of(struct store *store, enum store_statement which)
{
    if (store->batch[which] == NULL)
        store->batch[which] = calloc(1, sizeof *store->batch[which]);
    return store->batch[which];
}

static int make_room(struct store_batch *b, unsigned width)
{
    if (b->count < b->room)
        return 1;
    unsigned room = b->room != 0 ? 2 * b->room : 32;
    int64_t *rows = realloc(b->rows, (size_t)room * width * sizeof *rows);

    if (rows == NULL)
        return 0;
    b->rows = rows;
    b->room = room;
    return 1;
}

int store_batch_text(struct store *store, enum store_statement which, const char *text, int64_t *value)
{
    struct store_batch *b = batch_of(store, which);
    char *repaired = NULL;

    *value = NO_TEXT;
    if (b == NULL)
        return SQLITE_NOMEM;
    if (text == NULL)
        return SQLITE_OK;
    if (!store_text_is_fine(text) && (text = repaired = store_text_repaired(text)) == NULL)
        return SQLITE_NOMEM;
    size_t size = strlen(text) + 1;

    if (size > b->texts_room - b->texts_size) {
        size_t room = 2 * (b->texts_size + size) + 1024;
        char *texts = realloc(b->texts, room);

        if (texts == NULL) {
            free(repaired);
            return SQLITE_NOMEM;
        }
        b->texts = texts;
        b->texts_room = room;
    }
    memcpy(b->texts + b->texts_size, text, size);
    *value = (int64_t)b->texts_size;
    b->texts_size += size;
    free(repaired);
    return SQLITE_OK;
}

int store_batch_add(struct store *store, enum store_statement which, const int64_t *values, unsigned width,
                    uint32_t is_text)
{
    struct store_batch *b = batch_of(store, which);

    if (b == NULL || !make_room(b, width))
        return store_check(store, SQLITE_NOMEM, "write");
    if (b->count > 0 && compare(b->rows + (size_t)(b->count - 1) * width, values, keys[which]) > 0)
        b->unordered = 1;
    memcpy(b->rows + (size_t)b->count * width, values, width * sizeof *values);
    b->order[b->count] = (uint16_t)b->count;
    b->count++;
    b->width = width;
    b->is_text = is_text;
    if (b->count < ROWS_MOST && !sqlite3_get_autocommit(store->db))
        return 0;
    return store_batch_flush(store, which);
}

/* ---- inserting -------------------------------------------------------------------------------- */

struct row_feed {
    struct feed feed; /* must be first */
    const struct store_batch *batch;
    unsigned next;
};

static int next_row(struct feed *feed)
{
    struct row_feed *rows = (struct row_feed *)feed;
    const struct store_batch *b = rows->batch;

    if (rows->next == b->count)
        return 0;
    const int64_t *row = b->rows + (size_t)b->order[rows->next++] * b->width;

    for (unsigned i = 0; i < b->width; i++) {
        struct feed_value *value = &feed->value[i];

        value->number = row[i];
        value->kind = FEED_NUMBER;
        if (b->is_text >> i & 1) {
            value->kind = row[i] == NO_TEXT ? FEED_NULL : FEED_TEXT;
            value->blob = row[i] == NO_TEXT ? NULL : b->texts + row[i];
        }
    }
    return 1;
}

struct ordering {
    const struct store_batch *batch;
    unsigned keys;
};

/* Of rows with the same key the later one comes later: it may replace the other one. */
static int by_key(const void *a, const void *b, void *data)
{
    const struct ordering *ordering = data;
    uint16_t first = *(const uint16_t *)a, second = *(const uint16_t *)b;
    const int64_t *rows = ordering->batch->rows;
    size_t width = ordering->batch->width;
    int order = compare(rows + first * width, rows + second * width, ordering->keys);

    return order != 0 ? order : first - second;
}

int store_batch_flush(struct store *store, enum store_statement which)
{
    struct store_batch *b = store->batch[which];

    if (b == NULL || b->count == 0)
        return 0;
    struct row_feed rows = {.feed = {.next = next_row, .width = b->width}, .batch = b};
    struct ordering ordering = {b, keys[which]};

    if (b->unordered)
        qsort_r(b->order, b->count, sizeof *b->order, by_key, &ordering);
    int code = store_feed_run(store, which, &rows.feed);

    b->count = 0;
    b->texts_size = 0;
    b->unordered = 0;
    return code;
}

int store_batches_flush(struct store *store)
{
    int first = 0;

    for (int i = 0; i < STORE_STATEMENTS; i++) {
        int code = store_batch_flush(store, (enum store_statement)i);

        first = first != 0 ? first : code;
    }
    return first;
}

void store_batches_drop(struct store *store)
{
    for (int i = 0; i < STORE_STATEMENTS; i++) {
        if (store->batch[i] != NULL) {
            free(store->batch[i]->rows);
            free(store->batch[i]->texts);
        }
        free(store->batch[i]);
        store->batch[i] = NULL;
    }
}
