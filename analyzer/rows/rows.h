/* rows.h - the rows of a run on their way between two processes.
 *
 * When root traces another user's program, what reads that program's data (trace-parser) has that user's
 * rights, and what writes the database (trace-collector --store) has root's. The first is built with send.c,
 * which is store.h over a socket, in place of the real one; the second takes nothing from it unchecked: a
 * program that has taken the parser over can make its own run wrong, and nothing else.
 *
 *   parser -> writer   messages, each   u32 size of the fields | u32 type | fields
 *   field              a number: 8 bytes; measures: that for each; a text or bytes: u32 size | so many bytes; a text ends with a NUL,
 * the only one in it, and counts it; size 0 = no text writer -> parser   to HELLO, COMMIT and FINISH an
 * answer: i32 code (0 or -errno) | u32 size | text
 *
 * All in the machine's byte order. What fields a message has and what may be in them is said in fields.c.
 */
#ifndef LIBTRACE_ROWS_H
#define LIBTRACE_ROWS_H

#include "store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROWS_VERSION (100 * STORE_VERSION + 7) /* with what the database holds, what is sent changes */

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
    ROWS_AT, /* a moment of which the sites are known */
    ROWS_EVENT,
    ROWS_PAGE_MOMENT,
    ROWS_PAGE_ROW,
    ROWS_PAGE_FORGET,
    ROWS_LINE_TOTALS,
    ROWS_FINISH,
    ROWS_TYPES
};

/* Words of the database are sent as their place in these lists. */
#define ROWS_STATES 3
#define ROWS_WORDS 2
extern const char *const rows_states[ROWS_STATES], *const rows_events[ROWS_WORDS],
                                                       *const rows_languages[ROWS_WORDS];

#define ROWS_FIELDS 40
#define ROWS_TEXT_MAX (256u << 10) /* its NUL included; longer ones are cut by the sender */
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

/* What is numbered from 1 on in a run, so that others can name it. */
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
    ROWS_COUNT_OR_NONE, /* that, or -1 */
    ROWS_RANGE,         /* from 0 to the limit */
    ROWS_INT,           /* 32 bits, with a sign */
    ROWS_SHARE,         /* a double from 0 to 1 */
    ROWS_RANGE_OR_NONE, /* that, or -1 */
    ROWS_NEXT,          /* the number after the last of its entity */
    ROWS_NEXT_OR_KNOWN, /* that, or one before: the row is replaced */
    ROWS_KNOWN,         /* one that was there before */
    ROWS_KNOWN_OR_NONE, /* that, or 0 */
    ROWS_PARENT,        /* of a node: one before it, 0, or -1 */
    ROWS_STACK,         /* a node, or 0; it has to be there by the next commit */
    ROWS_MEASURES,      /* all of them, one number each: see rows_may_be_negative() */
    ROWS_CHANGES,       /* as changes: anything */
    ROWS_TEXT,          /* up to the limit */
    ROWS_TEXT_OR_NULL,
    ROWS_MOMENT, /* a text as 2026-01-31T23:59:59.999Z */
    ROWS_BYTES,  /* up to the limit */
    ROWS_HISTOGRAM,
};

struct rows_field {
    uint8_t kind, entity;
    uint32_t limit;
};

struct rows_kind {
    const char *name;
    bool outside;    /* of a transaction; else inside of one */
    bool before_run; /* possible before the run's row */
    uint8_t count;   /* of the fields */
    struct rows_field field[ROWS_FIELDS];
};
extern const struct rows_kind rows_kinds[ROWS_TYPES];

/* What stands is a difference of two counts, of which one may be wrong; nothing else is below 0. */
static inline bool rows_may_be_negative(const struct rows_field *field, enum measure measure)
{
    return field->kind == ROWS_CHANGES || measures[measure].time == MEASURE_LEVEL;
}

/* ---- a message that was checked ---------------------------------------------------------------------- */

struct rows_value {
    int64_t number;
    double share;
    const void *bytes; /* in the message; NULL = none */
    size_t size;       /* of a text without its NUL */
};

struct rows_message {
    enum rows_type type;
    struct store_measures measures; /* where it has them */
    struct rows_value value[ROWS_FIELDS];
};

/* What was said so far. All zeroes before the first message. */
struct rows_state {
    bool greeted, has_run, open, finished; /* open: within a transaction */
    uint32_t known[ROWS_ENTITIES];         /* highest number given */
    uint32_t stack;                        /* highest node that a row named */
};

#define ROWS_WHY 256

/* Takes one message apart and notes what it makes known. False, with a sentence in why, if anything in it is
 * not as it has to be; message and state are of no use then. */
bool rows_check(struct rows_state *state, uint32_t type, const void *fields, size_t size,
                struct rows_message *message, char why[ROWS_WHY]);

#endif
