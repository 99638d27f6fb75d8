/* test_rows.c - a run that is sent by another process: recorded like a local one, but nothing in it is
 * believed.
 *
 * LIBTRACE_ROWS_TRIES sets the number of damaged runs; LIBTRACE_ROWS_SEED chooses others.
 */
#define _GNU_SOURCE
#include "receive.h"
#include "rows.h"
#include "rows_run.h"
#include "store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[32], path[64];

static int make_folder(void **state)
{
    (void)state;
    /* Hundreds of databases are synced, so they are put into memory if possible. */
    strcpy(folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm/test_rows.XXXXXX" : "/tmp/test_rows.XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/trace.db", folder);
    return 0;
}

static int remove_folder(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

/* ---- looking at a database --------------------------------------------------------------------------- */

/* All that a query returns, as one text. */
static char *dump_open(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    int result;
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(statement); i++) {
            const unsigned char *bytes = sqlite3_column_blob(statement, i);
            fprintf(out, "%d:", sqlite3_column_type(statement, i));
            for (int k = 0; k < sqlite3_column_bytes(statement, i); k++)
                fprintf(out, bytes[k] < 0x80 && bytes[k] >= ' ' ? "%c" : "\\%02x", bytes[k]);
            fputc('|', out);
        }
        fputc('\n', out);
    }
    assert_int_equal(result, SQLITE_DONE);
    sqlite3_finalize(statement);
    fclose(out);
    return text;
}

static sqlite3 *opened(const char *file)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open_v2(file, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    return db;
}

static char *dump(const char *file, const char *sql)
{
    sqlite3 *db = opened(file);
    char *text = dump_open(db, sql);
    sqlite3_close(db);
    return text;
}

static void assert_dump(sqlite3 *db, const char *sql, const char *expected)
{
    char *text = dump_open(db, sql);
    assert_string_equal(text, expected);
    free(text);
}

/* The folder contains only the database, all its references are valid, and no run is left open. */
static void assert_sound(void)
{
    DIR *open_folder = opendir(folder);
    unsigned files = 0;
    for (const struct dirent *entry; (entry = readdir(open_folder));) {
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, "trace.db") != 0)
            fail_msg("%s is left", entry->d_name);
        files += entry->d_name[0] != '.';
    }
    closedir(open_folder);
    assert_int_equal(files, 1);
    sqlite3 *db = opened(path);
    assert_dump(db, "PRAGMA integrity_check", "3:ok|\n");
    assert_dump(db, "PRAGMA journal_mode", "3:delete|\n");
    assert_dump(db, "SELECT state FROM run WHERE state NOT IN ('complete', 'incomplete', 'interrupted')", "");
    assert_dump(db, "SELECT id FROM node WHERE parent NOT IN (-1, 0) AND parent NOT IN (SELECT id FROM node)",
                "");
    assert_dump(db, "SELECT id FROM node WHERE frame > 0 AND frame NOT IN (SELECT id FROM frame)", "");
    assert_dump(db, "SELECT id FROM frame WHERE module > 0 AND module NOT IN (SELECT id FROM module)", "");
    assert_dump(db,
                "SELECT frame FROM frame_line WHERE line NOT IN (SELECT id FROM line) OR frame NOT IN "
                "(SELECT id FROM frame)",
                "");
    assert_dump(db, "SELECT node FROM site WHERE node > 0 AND node NOT IN (SELECT id FROM node)", "");
    assert_dump(db, "SELECT line FROM site WHERE line NOT IN (SELECT id FROM line)", "");
    assert_dump(db, "SELECT process FROM site WHERE process NOT IN (SELECT id FROM process)", "");
    sqlite3_close(db);
}

/* ---- what a sender sends ------------------------------------------------------------------------------ */

static pid_t start_sender(int socket)
{
    pid_t sender = fork();
    if (sender == 0) {
        dup2(socket, 3);
        execl(ROWS_SENDER, ROWS_SENDER, NULL);
        _exit(127);
    }
    close(socket);
    return sender;
}

struct stream {
    uint8_t bytes[1 << 20];
    size_t size;
    size_t message[4096], count; /* where messages begin */
};

/* Records everything that the sender sends to a receiver that accepts it all. */
static void capture(struct stream *stream)
{
    int pair[2], status;
    const struct rows_answer yes = {0, 0};
    size_t at = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    pid_t sender = start_sender(pair[1]);
    stream->size = stream->count = 0;
    for (ssize_t got;
         (got = recv(pair[0], stream->bytes + stream->size, sizeof stream->bytes - stream->size, 0)) > 0;) {
        stream->size += (size_t)got;
        for (struct rows_head head; at + sizeof head <= stream->size; at += sizeof head + head.size) {
            memcpy(&head, stream->bytes + at, sizeof head);
            if (at + sizeof head + head.size > stream->size)
                break;
            assert_true(stream->count < sizeof stream->message / sizeof stream->message[0]);
            stream->message[stream->count++] = at;
            if (head.type == ROWS_HELLO || head.type == ROWS_COMMIT || head.type == ROWS_FINISH)
                assert_int_equal(send(pair[0], &yes, sizeof yes, MSG_NOSIGNAL), sizeof yes);
        }
    }
    close(pair[0]);
    assert_int_equal(waitpid(sender, &status, 0), sender);
    assert_int_equal(status, 0);
    assert_int_equal(at, stream->size);
}

static char started_with[RECEIVE_ERROR];

static void note_start(void *data, const char *error)
{
    ++*(int *)data;
    snprintf(started_with, sizeof started_with, "%s", error ? error : "");
}

struct written {
    const uint8_t *bytes;
    size_t size;
    int socket;
};

/* A thread, as there may be more than the socket holds; a fork takes far longer under a sanitizer. */
static void *write_all(void *data)
{
    const struct written *w = data;
    char drained[4096];
    for (size_t sent = 0; sent < w->size;) {
        ssize_t more = send(w->socket, w->bytes + sent, w->size - sent, MSG_NOSIGNAL);
        if (more <= 0)
            break;
        sent += (size_t)more;
    }
    shutdown(w->socket, SHUT_WR);
    while (recv(w->socket, drained, sizeof drained, 0) > 0)
        ;
    close(w->socket);
    return NULL;
}

/* Receives a run from these bytes. Fails if that takes long. */
static bool receive_bytes(const uint8_t *bytes, size_t size, char error[RECEIVE_ERROR])
{
    int pair[2], started = 0;
    pthread_t writer;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    struct written written = {bytes, size, pair[1]};
    assert_int_equal(pthread_create(&writer, NULL, write_all, &written), 0);
    const struct receive_options options = {
        .socket = pair[0], .database = path, .sender = -1, .started = note_start, .data = &started};
    alarm(60);
    bool right = receive_run(&options, error);
    alarm(0);
    close(pair[0]);
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_int_equal(started, 1);
    assert_int_equal(right, error[0] == '\0');
    return right;
}

/* ---- tests --------------------------------------------------------------------------------------------- */

/* The same run, recorded here and sent by another process, must be equal except for who recorded it and
 * when. */
static void arrives_whole(void **state)
{
    static const char *const queries[] = {
        "SELECT id, label, command, started, wall_ns, cpu_ns, exit_status, "
        "state, phase, progress, root, allocations, bytes, "
        "frees, freed_bytes, peak_allocations, peak_bytes, peak_ns, "
        "live_allocations, live_bytes, temporary, peak_rss_bytes, "
        "foreign_frees, events_lost, stacks_checked, stacks_different, "
        "stacks_slow, waits, waited_ns, taken_ns, "
        "lap_peak_allocations, lap_peak_bytes, by_thread, damaged, why, stopped, untraced, stacks_lost, "
        "end_allocations, end_bytes FROM run",
        "SELECT * FROM process",
        "SELECT * FROM thread",
        "SELECT * FROM module",
        "SELECT * FROM line",
        "SELECT * FROM frame",
        "SELECT * FROM frame_line",
        "SELECT * FROM node",
        "SELECT * FROM site",
        "SELECT * FROM block",
        "SELECT * FROM sample",
        "SELECT * FROM site_sample",
        "SELECT * FROM mark",
        "SELECT * FROM moment",
        "SELECT * FROM event",
        "SELECT * FROM line_total",
        "SELECT * FROM page_moment",
        "SELECT * FROM page_row",
        "SELECT * FROM stack_type",
        "SELECT * FROM stack_part",
        "SELECT * FROM object_type",
        "SELECT * FROM object_keys",
        "SELECT * FROM unreadable",
        "SELECT * FROM sampling",
        "SELECT * FROM site_error",
        "SELECT * FROM site_fate",
        "SELECT * FROM peak_copy",
        "SELECT * FROM site_content",
        "SELECT * FROM resident"};
    char own[80], error[RECEIVE_ERROR], *expected, *found;
    int pair[2], status, started = 0;
    (void)state;
    snprintf(own, sizeof own, "%s/own.db", folder);
    assert_int_equal(rows_run_record(own, folder), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    pid_t sender = start_sender(pair[1]);
    const struct receive_options options = {
        .socket = pair[0], .database = path, .sender = -1, .started = note_start, .data = &started};
    bool right = receive_run(&options, error);
    assert_string_equal(error, "");
    assert_true(right);
    assert_int_equal(started, 1);
    assert_string_equal(started_with, "");
    assert_int_equal(waitpid(sender, &status, 0), sender);
    assert_int_equal(status, 0);
    close(pair[0]);
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        expected = dump(own, queries[i]);
        found = dump(path, queries[i]);
        assert_true(expected[0]);
        assert_string_equal(found, expected);
        free(expected);
        free(found);
    }
    unlink(own);
    assert_sound();
    unlink(path);
}

/* The sender ends in the middle, at any point. */
static void cut_off(void **state)
{
    static struct stream stream;
    char error[RECEIVE_ERROR];
    (void)state;
    capture(&stream);
    assert_true(receive_bytes(stream.bytes, stream.size, error));
    assert_sound();
    unlink(path);
    for (size_t i = 0; i < stream.count; i += i < 20 || i + 20 > stream.count ? 1 : 37) {
        assert_false(receive_bytes(stream.bytes, stream.message[i] + i % 8, error));
        assert_sound();
        unlink(path);
    }
}

/* Invalid messages: the run ends with a sentence that names what is wrong. */
static struct stream stream;

static size_t first(enum rows_type type)
{
    for (size_t i = 0; i < stream.count; i++) {
        struct rows_head head;
        memcpy(&head, stream.bytes + stream.message[i], sizeof head);
        if (head.type == type)
            return stream.message[i] + sizeof head;
    }
    fail_msg("no message %d", type);
    return 0;
}

static void assert_refused(enum rows_type type, size_t offset, int64_t value, size_t size, const char *says)
{
    static uint8_t bytes[sizeof stream.bytes];
    char error[RECEIVE_ERROR];
    memcpy(bytes, stream.bytes, stream.size);
    memcpy(bytes + first(type) + offset, &value, size);
    assert_false(receive_bytes(bytes, stream.size, error));
    if (!strstr(error, says))
        fail_msg("'%s' does not say '%s'", error, says);
    assert_sound();
    unlink(path);
}

static void refuses(void **state)
{
    (void)state;
    capture(&stream);
    const double beyond = 1.5, nothing = __builtin_nan("");
    const double no_variance[] = {nothing, -1, __builtin_inf(), 2 * STORE_VARIANCE_MAX};
    int64_t bits;
    assert_refused(ROWS_HELLO, 0, 99, 8, "different versions");
    assert_refused(ROWS_RUN, 4, 'a' << 8, 2, "run: field 1");                 /* a NUL within */
    assert_refused(ROWS_RUN, 0, ROWS_TEXT_MAX + 1, 4, "run: field 1");        /* longer than the message */
    assert_refused(ROWS_RUN, 0, 0, 4, "run: field 1");                        /* no text */
    assert_refused(ROWS_RUN, 4 + 6 + 4 + 8 + 4 + 10, ' ', 1, "run: field 3"); /* no valid time */
    assert_refused(ROWS_PROCESS, 0, 2, 8, "process: field 1");                /* not the next number */
    assert_refused(ROWS_PROCESS, 0, 0, 8, "process: field 1");
    assert_refused(ROWS_THREAD, 0, 2, 8, "thread: field 1");          /* no such process */
    assert_refused(ROWS_THREAD, 16, 1ll << 32, 8, "thread: field 3"); /* more than 32 bits */
    assert_refused(ROWS_LINE, 0, 7, 8, "line: field 1");
    assert_refused(ROWS_FRAME, 8, 3, 8, "frame: field 2"); /* no such module */
    assert_refused(ROWS_FRAME, 8, -1, 8, "frame: field 2");
    assert_refused(ROWS_FRAME_LINE, 8, 256, 8, "frame_line: field 2");
    assert_refused(ROWS_FRAME_LINE, 16, 3, 8, "frame_line: field 3");
    assert_refused(ROWS_NODE, 8, 1, 8, "node: field 2"); /* its own parent */
    assert_refused(ROWS_NODE, 8, -2, 8, "node: field 2");
    assert_refused(ROWS_NODE, 16, 3, 8, "node: field 3");
    assert_refused(ROWS_SITE, 0, ROWS_RUN_SITES + 1, 8, "stack is not there");
    assert_refused(ROWS_SITE, 24, 3, 8, "site: field 4");
    assert_refused(ROWS_SITE, 40, -1, 8, "site: field 6");
    assert_refused(ROWS_SITE, (7 + MEASURES) * 8 + 4, 0xffff, 2, "site: field 9"); /* no histogram */
    assert_refused(ROWS_EVENT, 32, 2, 8, "event: field 5");
    assert_refused(ROWS_PAGE_MOMENT, 8, 2, 8, "page_moment: field 2"); /* no such process */
    assert_refused(ROWS_PAGE_MOMENT, 32, STORE_PAGES_KINDS, 8, "page_moment: field 5");
    assert_refused(ROWS_PAGE_MOMENT, 48, -1, 8, "page_moment: field 7");
    assert_refused(ROWS_PAGE_MOMENT, 56, -2, 8, "page_moment: field 8");
    assert_refused(ROWS_PAGE_ROW, 8, 2, 8, "page_row: field 2");
    assert_refused(ROWS_PAGE_ROW, 16, STORE_PAGES_UNTOUCHED + 1, 8, "page_row: field 3");
    assert_refused(ROWS_PAGE_ROW, 24, ROWS_RUN_SITES + 1, 8, "stack is not there");
    assert_refused(ROWS_PAGE_ROW, 32, 3, 8, "page_row: field 5");          /* no such line */
    assert_refused(ROWS_PAGE_ROW, 40 + 4 + 1, -1, 8, "page_row: field 7"); /* an empty name */
    assert_refused(ROWS_STACK_TYPE, 0, ROWS_RUN_SITES + 1, 8, "stack is not there");
    assert_refused(ROWS_STACK_TYPE, 8 + 4 + sizeof "dict", STORE_TYPE_HOWS, 8, "stack_type: field 3");
    assert_refused(ROWS_STACK_PART, 8, ROWS_RUN_SITES + 1, 8, "stack is not there");
    assert_refused(ROWS_STACK_PART, 32, -1, 8, "stack_part: field 5");
    assert_refused(ROWS_OBJECT_TYPE, 4 + sizeof "app.Item", -1, 8, "object_type: field 2");
    assert_refused(ROWS_OBJECT_TYPE, 4 + sizeof "app.Item" + 16, 2, 8, "object_type: field 4");
    assert_refused(ROWS_OBJECT_TYPE, 4 + sizeof "app.Item" + 32, 4, 8,
                   "object_type: field 6"); /* no such line */
    assert_refused(ROWS_OBJECT_KEYS, 4 + sizeof "app.Item", -1, 8, "object_keys: field 2");
    assert_refused(ROWS_UNREADABLE, 0, 2, 8, "unreadable: field 1"); /* no such process */
    assert_refused(ROWS_SAMPLING, 0, 0, 8, "sampling: field 1");
    assert_refused(ROWS_SAMPLING, 8, -1, 8, "sampling: field 2");
    assert_refused(ROWS_SAMPLING, 16, -2, 8, "sampling: field 3");
    assert_refused(ROWS_SITE_ERROR, 0, ROWS_RUN_SITES + 1, 8, "stack is not there");
    assert_refused(ROWS_SITE_ERROR, 8, 2, 8, "site_error: field 2"); /* no such process */
    for (size_t i = 0; i < sizeof no_variance / sizeof no_variance[0]; i++) {
        memcpy(&bits, &no_variance[i], sizeof bits);
        assert_refused(ROWS_SITE_ERROR, (SITE_KEY_MEMBERS + 1) * 8, bits, 8, "site_error: field 5");
        assert_refused(ROWS_SITE_ERROR, (SITE_KEY_MEMBERS + 5) * 8, bits, 8, "site_error: field 9");
    }
    assert_refused(ROWS_SITE_FATE, 0, ROWS_RUN_SITES + 1, 8, "stack is not there");
    assert_refused(ROWS_SITE_FATE, 24, -1, 8, "site_fate: field 4");
    assert_refused(ROWS_PEAK_COPY, 0, STORE_COPY_KINDS, 8, "peak_copy: field 1");
    assert_refused(ROWS_PEAK_COPY, 16, 2, 8, "peak_copy: field 3"); /* no such process */
    assert_refused(ROWS_SITE_CONTENT, 0, ROWS_RUN_SITES + 1, 8, "stack is not there");
    assert_refused(ROWS_SITE_CONTENT, SITE_KEY_MEMBERS * 8, -1, 8, "site_content: field 4");
    memcpy(&bits, &beyond, sizeof bits);
    assert_refused(ROWS_PHASE, 0, bits, 8, "phase: field 1");
    memcpy(&bits, &nothing, sizeof bits);
    assert_refused(ROWS_PHASE, 0, bits, 8, "phase: field 1");
    assert_refused(ROWS_STATE, 0, ROWS_STATES, 8, "state: field 1");
    assert_refused(ROWS_STATE, -sizeof(uint32_t), ROWS_TYPES, 4, "there is no message");
    assert_refused(ROWS_STATE, -sizeof(uint32_t), ROWS_HELLO, 4, "hello comes twice");
    assert_refused(ROWS_STATE, -sizeof(uint32_t), ROWS_BEGIN, 4, "begin comes within a transaction");
    assert_refused(ROWS_BEGIN, -sizeof(uint32_t), ROWS_STATE, 4, "state comes outside of a transaction");
    assert_refused(ROWS_RUN, -sizeof(uint32_t), ROWS_TOTALS, 4, "totals comes before the run");
    assert_refused(ROWS_PROCESS, -sizeof(uint32_t), ROWS_RUN, 4, "run comes twice");
    assert_refused(ROWS_SITE, -sizeof(struct rows_head), ROWS_MESSAGE_MAX + 1, 4, "it has");
}

static unsigned setting(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    return text && *text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

/* A copy of the run with some bytes changed, some messages repeated, moved or missing; or just noise. */
static size_t damage(uint8_t *bytes)
{
    size_t size = 0;
    for (size_t i = 0; i < stream.count && size + ROWS_MESSAGE_MAX / 8 < sizeof stream.bytes; i++) {
        size_t from = random() % 400 ? i : (size_t)random() % stream.count;
        size_t end = from + 1 < stream.count ? stream.message[from + 1] : stream.size;
        if (random() % 400 == 0)
            continue;
        for (long times = random() % 200 ? 1 : 2; times; times--) {
            memcpy(bytes + size, stream.bytes + stream.message[from], end - stream.message[from]);
            size += end - stream.message[from];
        }
    }
    static const uint8_t edges[] = {0, 1, 0x7f, 0x80, 0xff};
    for (long changes = random() % 6; changes; changes--) {
        size_t at = (size_t)random() % size;
        bytes[at] = random() % 2 ? (uint8_t)random() : edges[(size_t)random() % sizeof edges];
    }
    if (random() % 20 == 0)
        for (size_t at = (size_t)random() % size; at < size; at++)
            bytes[at] = (uint8_t)random();
    return size;
}

static void takes_no_harm(void **state)
{
    static uint8_t bytes[sizeof stream.bytes];
    char error[RECEIVE_ERROR];
    unsigned tries = setting("LIBTRACE_ROWS_TRIES", 100), whole = 0;
    (void)state;
    srandom(setting("LIBTRACE_ROWS_SEED", 1));
    capture(&stream);
    for (unsigned i = 0; i < tries; i++) {
        whole += receive_bytes(bytes, damage(bytes), error);
        assert_sound();
        unlink(path);
    }
    print_message("%u of %u damaged runs were refused\n", tries - whole, tries);
    assert_in_range(whole, 0, tries * 3 / 4);
}

/* Only the check, with many more messages. */
static void checks_anything(void **state)
{
    static uint8_t bytes[8192];
    struct rows_message message;
    struct rows_head head;
    char why[ROWS_WHY];
    unsigned refused = 0;
    (void)state;
    srandom(setting("LIBTRACE_ROWS_SEED", 1));
    for (unsigned i = 0; i < 100000; i++) {
        struct rows_state so_far = {
            .greeted = true, .has_run = true, .open = random() % 8 != 0, .known = {0, 3, 3, 3, 3, 3}};
        size_t at = stream.message[(size_t)random() % stream.count];
        memcpy(&head, stream.bytes + at, sizeof head);
        uint32_t size = head.size < sizeof bytes ? head.size : sizeof bytes;
        uint8_t *copy = malloc(size); /* malloc'ed, so that a sanitizer watches its end */
        memcpy(copy, stream.bytes + at + sizeof head, size);
        for (long changes = random() % 4; size && changes; changes--)
            copy[(size_t)random() % size] = (uint8_t)random();
        uint32_t shown = random() % 3 && size ? (uint32_t)random() % size : size;
        refused += !rows_check(&so_far, random() % 9 ? head.type : (uint32_t)random() % 40, copy, shown,
                               &message, why);
        free(copy);
    }
    assert_in_range(refused, 30000, 99999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrives_whole), cmocka_unit_test(cut_off),         cmocka_unit_test(refuses),
        cmocka_unit_test(takes_no_harm), cmocka_unit_test(checks_anything),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
