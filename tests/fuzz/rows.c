/* rows.c - a fuzz target: what the parser, which has a program's rights, sends to the process that writes the database.
 *
 * The input chooses messages and their fields: each field is mostly one that may be there, else any bytes. Whatever is
 * sent, the database is sound afterwards, and its run does not go on.
 */
#define _GNU_SOURCE
#include "folder.h"
#include "input.h"
#include "receive.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define STREAM (96u << 10) /* fits into a socket without anybody reading */
#define ANY 24             /* of 256 fields have any bytes */

static struct stream {
    uint8_t bytes[STREAM];
    size_t size;
    uint32_t known[ROWS_ENTITIES]; /* the highest number that was sent */
} stream;

static void put(const void *bytes, size_t size)
{
    if (stream.size + size > sizeof stream.bytes)
        return;
    memcpy(stream.bytes + stream.size, bytes, size);
    stream.size += size;
}

static void put_number(int64_t number)
{
    put(&number, sizeof number);
}

static void put_text(struct input *in, bool ended)
{
    char text[INPUT_TEXT];
    uint32_t size = (uint32_t)strlen(input_text(in, text)) + ended;
    put(&size, sizeof size);
    put(text, size);
}

static void put_bytes(struct input *in)
{
    size_t size;
    const uint8_t *bytes = input_bytes(in, 64, &size);
    uint32_t size32 = (uint32_t)size;
    put(&size32, sizeof size32);
    put(bytes, size);
}

static void put_field(struct input *in, const struct rows_field *field)
{
    uint8_t how = (uint8_t)input_number(in, 1);
    uint32_t *known = &stream.known[field->entity];
    double share = how / 256.0;
    if (how < ANY) {
        if (field->kind >= ROWS_TEXT)
            put_text(in, how % 2);
        else
            put_number((int64_t)input_number(in, 8));
        return;
    }
    switch (field->kind) {
    case ROWS_RANGE:
    case ROWS_RANGE_OR_NONE:
        put_number(how % ((int64_t)field->limit + 1));
        break;
    case ROWS_SHARE:
        put(&share, sizeof share);
        break;
    case ROWS_NEXT:
        put_number(++*known);
        break;
    case ROWS_NEXT_OR_KNOWN:
        put_number(how % 2 || *known == 0 ? ++*known : 1 + how % *known);
        break;
    case ROWS_KNOWN:
    case ROWS_KNOWN_OR_NONE:
    case ROWS_PARENT:
    case ROWS_STACK:
        put_number(*known ? 1 + how % *known : 0);
        break;
    case ROWS_MEASURES:
    case ROWS_CHANGES:
        for (int i = 0; i < MEASURES; i++)
            put_number(i < 4 ? how * (i + 1) : 0);
        break;
    case ROWS_TEXT:
    case ROWS_TEXT_OR_NULL:
        put_text(in, true);
        break;
    case ROWS_MOMENT:
        put(&(uint32_t){25}, 4);
        put("2026-01-31T23:59:59.999Z", 25);
        break;
    case ROWS_BYTES:
    case ROWS_HISTOGRAM:
        put_bytes(in);
        break;
    default:
        put_number(how);
    }
}

static void put_message(struct input *in, uint32_t type)
{
    size_t head = stream.size;
    struct rows_head message = {0, type};
    put(&message, sizeof message);
    for (unsigned i = 0; type < ROWS_TYPES && i < rows_kinds[type].count; i++)
        put_field(in, &rows_kinds[type].field[i]);
    message.size = (uint32_t)(stream.size - head - sizeof message);
    if (stream.size > head)
        memcpy(stream.bytes + head, &message, sizeof message);
}

static void begin(struct input *in)
{
    static const uint8_t plain[] = {255, 1, 'a', 255, 1, 'b', 255}; /* a label, a command, a moment */
    struct input fields = input_of(plain, sizeof plain);
    stream.size = 0;
    memset(stream.known, 0, sizeof stream.known);
    put(&(struct rows_head){8, ROWS_HELLO}, sizeof(struct rows_head));
    put_number(ROWS_VERSION);
    put(&(struct rows_head){0, ROWS_BEGIN}, sizeof(struct rows_head));
    if (input_number(in, 1) % 8)
        put_message(&fields, ROWS_RUN);
}

static int count(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement;
    int number = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

static void check(const char *path)
{
    sqlite3 *db;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        abort();
    if (count(db, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'") != 0)
        abort();
    if (count(db, "SELECT count(*) FROM run") > 1 ||
        count(db, "SELECT count(*) FROM run WHERE state = 'recording'") != 0)
        abort();
    sqlite3_close(db);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int sockets[2];
    char path[FOLDER_PATH], error[RECEIVE_ERROR];
    struct input in = input_of(data, size);
    begin(&in);
    while (input_left(&in) > 0 && stream.size < STREAM - 4096)
        put_message(&in, (uint32_t)input_number(&in, 1) % (ROWS_TYPES + 1));
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
        abort();
    if (send(sockets[0], stream.bytes, stream.size, MSG_DONTWAIT) != (ssize_t)stream.size)
        abort();
    shutdown(sockets[0], SHUT_WR);
    folder_clear();
    const struct receive_options options = {
        .socket = sockets[1], .database = folder_path("trace.db", path), .sender = -1};
    if (!receive_run(&options, error) && getenv("FUZZ_SAY"))
        fprintf(stderr, "rows: %s\n", error); /* for whoever wonders how far an input gets */
    close(sockets[0]);
    close(sockets[1]);
    check(path);
    return 0;
}
