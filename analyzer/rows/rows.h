/* rows.h - how the rows of a run are passed from one process to another.
 *
 * When root traces another user's program, the process that reads that program's data (trace-parser) has that
 * user's rights, and the process that writes the database (trace-collector --store) has root's. The first is
 * built with send.c, which implements store.h over a socket. The second checks everything that it receives: a
 * program that has taken over the parser can falsify its own run, and nothing else.
 *
 *   parser -> writer   messages, each   u32 size of the fields | u32 type | fields
 *   field              a number: 8 bytes; measures: 8 bytes for each of them;
 *                      a text or bytes: u32 size | so many bytes. A text ends with a NUL, the only one in it,
 *                      which its size includes; size 0 = no text
 *   writer -> parser   an answer to HELLO, COMMIT and FINISH:   i32 code (0 or -errno) | u32 size | text
 *
 * All numbers have the machine's byte order. fields.c lists each message's fields and their limits.
 */
#ifndef LIBTRACE_ROWS_H
#define LIBTRACE_ROWS_H

#include "store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROWS_VERSION (100 * STORE_VERSION + 14) /* new if the database changes, too: the messages follow it */

enum rows_type {
    ROWS_HELLO,
    ROWS_BEGIN,
    ROWS_COMMIT,
    ROWS_RUN,
    ROWS_LABEL,
    ROWS_TOTALS,
    ROWS_PHASE,
    ROWS_WHY_ENDED,
    ROWS_STATE,
    ROWS_PROCESS,
    ROWS_THREAD,
    ROWS_MODULE,
    ROWS_LINE,
    ROWS_FRAME,
    ROWS_FRAME_LINE,
    ROWS_NODE,
    ROWS_SITE,
    ROWS_MAPPED_SITE,
    ROWS_BLOCK,
    ROWS_SAMPLE,
    ROWS_SITE_SAMPLE,
    ROWS_MARK,
    ROWS_AT, /* a moment at which the sites are known */
    ROWS_EVENT,
    ROWS_PAGE_MOMENT,
    ROWS_PAGE_ROW,
    ROWS_PAGE_FORGET,
    ROWS_STACK_TYPE,
    ROWS_STACK_PART,
    ROWS_OBJECT_TYPE,
    ROWS_OBJECT_KEYS,
    ROWS_UNREADABLE,
    ROWS_SAMPLING,
    ROWS_SITE_ERROR,
    ROWS_SITE_FATE,
    ROWS_PEAK_COPY,
    ROWS_SITE_CONTENT,
    ROWS_THIN,
    ROWS_LINE_TOTALS,
    ROWS_FINISH,
    ROWS_TYPES
};

/* Fixed words of the database are sent as an index into these lists. */
#define ROWS_STATES 3
#define ROWS_WORDS 2
extern const char *const rows_states[ROWS_STATES], *const rows_events[ROWS_WORDS],
                                                       *const rows_languages[ROWS_WORDS];

#define ROWS_FIELDS 40
#define ROWS_TEXT_MAX (256u << 10) /* including its NUL; the sender cuts longer ones */
#define ROWS_MESSAGE_MAX (4 * ROWS_TEXT_MAX + 4096)

struct rows_head {
    uint32_t size, type;
};

struct rows_answer {
    int32_t code;
    uint32_t size;
};
#define ROWS_ANSWER_MAX 8192

/* ---- what a message may say ------------------------------------------------------------------------- */

/* Rows that are numbered from 1 on in a run, so that others can refer to them. */
enum rows_entity {
    ROWS_NO_ENTITY,
    ROWS_PROCESSES,
    ROWS_MODULES,
    ROWS_LINES,
    ROWS_FRAMES,
    ROWS_NODES,
    ROWS_ENTITIES
};

enum rows_field_kind {
    ROWS_NUMBER,        /* anything */
    ROWS_COUNT,         /* not negative */
    ROWS_COUNT_OR_NONE, /* a COUNT, or -1 */
    ROWS_POSITIVE,      /* at least 1 */
    ROWS_RANGE,         /* from 0 to the limit */
    ROWS_INT,           /* 32 bits, signed */
    ROWS_SHARE,         /* a double from 0 to 1 */
    ROWS_VARIANCE,      /* a double from 0 to STORE_VARIANCE_MAX */
    ROWS_RANGE_OR_NONE, /* a RANGE, or -1 */
    ROWS_NEXT,          /* the number after the last one of its entity */
    ROWS_NEXT_OR_KNOWN, /* NEXT, or an earlier one: that row is replaced */
    ROWS_KNOWN,         /* an earlier one of its entity */
    ROWS_KNOWN_OR_NONE, /* KNOWN, or 0 */
    ROWS_PARENT,        /* parent of a node: an earlier node, 0, or -1 */
    ROWS_STACK,         /* a node, or 0; the node has to be sent before the next commit */
    ROWS_MEASURES,      /* one number for each measure: see rows_may_be_negative() */
    ROWS_CHANGES,       /* differences of all measures: any numbers */
    ROWS_TEXT,          /* up to the limit */
    ROWS_TEXT_OR_NULL,
    ROWS_MOMENT, /* a text like 2026-01-31T23:59:59.999Z */
    ROWS_BYTES,  /* up to the limit */
    ROWS_HISTOGRAM,
};

struct rows_field {
    uint8_t kind, entity;
    uint32_t limit;
};

struct rows_kind {
    const char *name;
    bool outside;    /* comes outside of a transaction; else inside */
    bool before_run; /* may come before the run's row */
    uint8_t count;   /* number of fields */
    struct rows_field field[ROWS_FIELDS];
};
extern const struct rows_kind rows_kinds[ROWS_TYPES];

/* Only live measures may be below 0: they are a difference of two counts, and one of these may be wrong. */
static inline bool rows_may_be_negative(const struct rows_field *field, enum measure measure)
{
    return field->kind == ROWS_CHANGES || measures[measure].time == MEASURE_LEVEL;
}

/* ---- a message that was checked ---------------------------------------------------------------------- */

struct rows_value {
    int64_t number;
    double real;       /* of SHARE and VARIANCE */
    const void *bytes; /* points into the message; NULL = none */
    size_t size;       /* for a text, without its NUL */
};

struct rows_message {
    enum rows_type type;
    struct store_measures measures; /* if it has measures */
    struct rows_value value[ROWS_FIELDS];
};

/* What was received so far. All zeroes before the first message. */
struct rows_state {
    bool greeted, has_run, open, finished; /* open: within a transaction */
    uint32_t known[ROWS_ENTITIES];         /* highest number received */
    uint32_t stack;                        /* highest node that a row referred to */
};

#define ROWS_WHY 256

/* Parses one message, and updates the state. False if anything in it is wrong, with a sentence in why;
 * then neither message nor state may be used. */
bool rows_check(struct rows_state *state, uint32_t type, const void *fields, size_t size,
                struct rows_message *message, char why[ROWS_WHY]);

#endif
