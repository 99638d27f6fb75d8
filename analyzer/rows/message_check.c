/* message_check.c - parses one message and checks everything in it. See rows.h. */
#include "rows.h"
#include "store.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The rest of a message's fields. */
struct reading {
    const uint8_t *at;
    size_t left;
};

static bool take(struct reading *reading, void *into, size_t size)
{
    if (reading->left < size)
        return false;
    memcpy(into, reading->at, size);
    reading->at += size;
    reading->left -= size;
    return true;
}

/* 2026-01-31T23:59:59.999Z */
static bool is_moment(const char *text, size_t size)
{
    static const char form[] = "0000-00-00T00:00:00.000Z";
    if (size != sizeof form - 1)
        return false;
    for (size_t i = 0; i < size; i++)
        if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            return false;
    return true;
}

/* The bytes are not copied: they stay in the message. */
static bool take_bytes(struct reading *reading, const struct rows_field *field, struct rows_value *value)
{
    uint64_t counts[STORE_HISTOGRAM_CLASSES];
    uint32_t size;
    if (!take(reading, &size, sizeof size) || size > field->limit || size > reading->left)
        return false;
    value->bytes = size ? reading->at : NULL;
    value->size = size;
    reading->at += size;
    reading->left -= size;
    if (field->kind == ROWS_BYTES)
        return true;
    if (field->kind == ROWS_HISTOGRAM)
        return !size || store_histogram_decode(value->bytes, size, counts) == 0;
    if (!size)
        return field->kind == ROWS_TEXT_OR_NULL;
    value->size--;
    if (memchr(value->bytes, '\0', size) != (const char *)value->bytes + value->size)
        return false;
    return field->kind != ROWS_MOMENT || is_moment(value->bytes, value->size);
}

static bool number_fits(struct rows_state *state, const struct rows_field *field, int64_t number)
{
    int64_t known = state->known[field->entity];
    switch ((enum rows_field_kind)field->kind) {
    case ROWS_NUMBER:
        return true;
    case ROWS_COUNT:
        return number >= 0;
    case ROWS_COUNT_OR_NONE:
        return number >= -1;
    case ROWS_POSITIVE:
        return number >= 1;
    case ROWS_RANGE:
        return number >= 0 && number <= field->limit;
    case ROWS_RANGE_OR_NONE:
        return number >= -1 && number <= (int64_t)field->limit;
    case ROWS_INT:
        return number == (int32_t)number;
    /* counted at once, as a node's parent, which has to be an earlier one, follows its number */
    case ROWS_NEXT:
        if (number != known + 1 || number > INT32_MAX)
            return false;
        state->known[field->entity]++;
        return true;
    case ROWS_NEXT_OR_KNOWN:
        if (number == known + 1 && number <= INT32_MAX)
            state->known[field->entity]++;
        return number >= 1 && number <= state->known[field->entity];
    case ROWS_KNOWN:
        return number >= 1 && number <= known;
    case ROWS_KNOWN_OR_NONE:
        return number >= 0 && number <= known;
    case ROWS_PARENT:
        return number >= -1 && number < known;
    case ROWS_STACK:
        if (number < 0 || number > INT32_MAX)
            return false;
        if (number > state->stack)
            state->stack = (uint32_t)number;
        return true;
    default:
        return false;
    }
}

static bool take_measures(struct reading *reading, const struct rows_field *field, struct store_measures *m)
{
    if (!take(reading, m, sizeof *m))
        return false;
    for (int i = 0; i < MEASURES; i++)
        if (measure_value(m, i) < 0 && !rows_may_be_negative(field, i))
            return false;
    return true;
}

static bool take_field(struct rows_state *state, struct reading *reading, const struct rows_field *field,
                       struct rows_message *message, struct rows_value *value)
{
    *value = (struct rows_value){0};
    if (field->kind == ROWS_MEASURES || field->kind == ROWS_CHANGES)
        return take_measures(reading, field, &message->measures);
    if (field->kind >= ROWS_TEXT)
        return take_bytes(reading, field, value);
    if (field->kind == ROWS_SHARE || field->kind == ROWS_VARIANCE)
        return take(reading, &value->real, sizeof value->real) && value->real >= 0 &&
               value->real <= (field->kind == ROWS_SHARE ? 1 : STORE_VARIANCE_MAX);
    return take(reading, &value->number, sizeof value->number) && number_fits(state, field, value->number);
}

/* NULL if a message of this type may come now, else why not. */
static const char *order(struct rows_state *state, enum rows_type type)
{
    const struct rows_kind *kind = &rows_kinds[type];
    if (state->finished)
        return "comes after the end";
    if (state->greeted == (type == ROWS_HELLO))
        return state->greeted ? "comes twice" : "comes before the greeting";
    if (kind->outside == state->open)
        return state->open ? "comes within a transaction" : "comes outside of a transaction";
    if (!kind->before_run && !state->has_run)
        return "comes before the run";
    if (type == ROWS_RUN && state->has_run)
        return "comes twice";
    if (type == ROWS_COMMIT && state->stack > state->known[ROWS_NODES])
        return "leaves a row whose stack is not there";
    return NULL;
}

static void note_order(struct rows_state *state, enum rows_type type)
{
    state->greeted = true;
    state->has_run |= type == ROWS_RUN;
    state->open = type == ROWS_BEGIN || (state->open && type != ROWS_COMMIT);
    state->finished = type == ROWS_FINISH;
}

static bool refuse(char why[ROWS_WHY], const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool refuse(char why[ROWS_WHY], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, ROWS_WHY, format, arguments);
    va_end(arguments);
    return false;
}

bool rows_check(struct rows_state *state, uint32_t type, const void *fields, size_t size,
                struct rows_message *message, char why[ROWS_WHY])
{
    struct reading reading = {fields, size};
    if (type >= ROWS_TYPES)
        return refuse(why, "there is no message %u", type);
    const struct rows_kind *kind = &rows_kinds[type];
    const char *bad = order(state, (enum rows_type)type);
    if (bad)
        return refuse(why, "%s %s", kind->name, bad);
    for (unsigned i = 0; i < kind->count; i++)
        if (!take_field(state, &reading, &kind->field[i], message, &message->value[i]))
            return refuse(why, "%s: field %u cannot be what it is", kind->name, i + 1);
    if (reading.left)
        return refuse(why, "%s: %zu bytes too many", kind->name, reading.left);
    message->type = (enum rows_type)type;
    note_order(state, message->type);
    return true;
}
