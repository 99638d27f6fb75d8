/* receive.c - see receive.h. */
#include "receive.h"
#include "store.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER (ROWS_MESSAGE_MAX + (256u << 10))

/* A sender that is silent for that long in the middle of a transaction is given up, as nobody else can
 * write to the database meanwhile. */
#define PATIENCE_MS 60000
#define LOOK_MS 1000

struct receiver {
    const struct receive_options *options;
    struct store *store;
    struct rows_state state;
    bool started; /* options->started was called */
    bool ended;   /* no more messages will come; see why */
    bool said;    /* the run's end was reported; it is concluded once that is committed */
    bool concluded;
    bool taken; /* message is still to be processed */
    struct rows_message message;
    uint8_t *buffer;
    size_t at, end;  /* the part of the buffer that is not processed yet */
    uint64_t number; /* messages so far */
    char why[ROWS_WHY + 64];
};

static volatile sig_atomic_t hurries;

void receive_hurry(void)
{
    hurries = hurries + 1;
}

/* ---- messages -------------------------------------------------------------------------------------- */

static bool give_up(struct receiver *r, const char *why)
{
    r->ended = true;
    if (!r->why[0])
        snprintf(r->why, sizeof r->why, "%s", why);
    return false;
}

/* Waits for bytes. If the sender has died, that ends once everything it sent is read, even if another
 * process still has its socket. */
static bool wait_for_bytes(struct receiver *r)
{
    struct pollfd polled[] = {{.fd = r->options->socket, .events = POLLIN},
                              {.fd = r->options->sender, .events = POLLIN}};
    for (int waited_ms = 0;;) {
        bool hurried = r->state.open || hurries;
        int ready = poll(polled, 2, hurried ? LOOK_MS : -1);
        if (hurries > 1)
            return give_up(r, "was told to end");
        if (ready > 0 && polled[0].revents)
            return true;
        if (ready > 0)
            return give_up(r, "the process that reads the program's data has ended before its time");
        if (ready < 0 && errno != EINTR)
            return give_up(r, "cannot wait for the process that reads the program's data");
        waited_ms += ready == 0 ? LOOK_MS : 0;
        if (waited_ms >= PATIENCE_MS)
            return give_up(r, "the process that reads the program's data says nothing any more");
    }
}

/* Makes sure that so many bytes are in the buffer, from `at` on. */
static bool have(struct receiver *r, size_t size)
{
    if (r->at + size > BUFFER) {
        memmove(r->buffer, r->buffer + r->at, r->end - r->at);
        r->end -= r->at;
        r->at = 0;
    }
    while (r->end - r->at < size) {
        if (!wait_for_bytes(r))
            return false;
        ssize_t got = recv(r->options->socket, r->buffer + r->end, BUFFER - r->end, MSG_DONTWAIT);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got <= 0)
            return give_up(r, "the process that reads the program's data has ended before its time");
        r->end += (size_t)got;
    }
    return true;
}

/* Looks at the next message without taking it, which invalidates pointers into the one before. False if
 * there is none, or it is wrong. */
static bool peek(struct receiver *r)
{
    struct rows_head head;
    char why[ROWS_WHY];
    if (r->taken || r->ended)
        return !r->ended;
    if (r->at == r->end)
        r->at = r->end = 0;
    if (!have(r, sizeof head))
        return false;
    memcpy(&head, r->buffer + r->at, sizeof head);
    r->number++;
    bool fits = head.size <= ROWS_MESSAGE_MAX;
    if (fits && !have(r, sizeof head + head.size))
        return false;
    if (!fits)
        snprintf(why, sizeof why, "it has %u bytes", head.size);
    if (!fits ||
        !rows_check(&r->state, head.type, r->buffer + r->at + sizeof head, head.size, &r->message, why)) {
        r->ended = true;
        snprintf(r->why, sizeof r->why, "message %llu is not to be believed: %s",
                 (unsigned long long)r->number, why);
        return false;
    }
    r->at += sizeof head + head.size;
    return r->taken = true;
}

/* Does not wait for a sender that does not read its answers. */
static void answer(struct receiver *r, int code, const char *text)
{
    uint8_t bytes[sizeof(struct rows_answer) + ROWS_ANSWER_MAX];
    struct rows_answer head = {code, code < 0 ? (uint32_t)strnlen(text, ROWS_ANSWER_MAX - 1) : 0};
    memcpy(bytes, &head, sizeof head);
    memcpy(bytes + sizeof head, text, head.size);
    if (send(r->options->socket, bytes, sizeof head + head.size, MSG_NOSIGNAL | MSG_DONTWAIT) !=
        (ssize_t)(sizeof head + head.size))
        give_up(r, "the process that reads the program's data does not listen");
}

/* ---- into the database ----------------------------------------------------------------------------- */

static int64_t number(const struct rows_message *m, unsigned field)
{
    return m->value[field].number;
}

static const char *text(const struct rows_message *m, unsigned field)
{
    return m->value[field].bytes;
}

/* Reads a site's key, from this field on. */
static struct site_key site_key(const struct rows_message *m, unsigned field)
{
    struct site_key key;
    for (unsigned i = 0; i < SITE_KEY_MEMBERS; i++)
        site_key_values(&key)[i] = number(m, field + i);
    return key;
}

static int apply_run(struct receiver *r, const struct rows_message *m)
{
    char *root = strdup(r->options->database), *slash = root ? strrchr(root, '/') : NULL;
    int64_t run;
    if (slash)
        *slash = '\0';
    store_foreign(r->store); /* the sender must not gain the right to open the files that it names */
    int code = store_run_add(r->store, text(m, 0), text(m, 1), text(m, 2), root ? root : "", &run);
    free(root);
    return code;
}

static int64_t own_cpu_ns(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0;
    return ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000 +
           ((int64_t)usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

/* Adds our own CPU time to the collector's. Times in the future are not believed. */
static int apply_totals(struct receiver *r, const struct rows_message *m)
{
    int64_t now_ns = store_clock(), cpu_ns, own_ns = own_cpu_ns();
    if (__builtin_add_overflow(number(m, 16), own_ns, &cpu_ns))
        cpu_ns = own_ns;
    const struct store_run row = {
        .wall_ns = number(m, 1),
        .cpu_ns = number(m, 2),
        .exit_known = number(m, 3) != 0,
        .exit_status = (int)number(m, 4),
        .m = m->measures,
        .frees = number(m, 5),
        .freed_bytes = number(m, 6),
        .peak_ns = number(m, 7),
        .peak_rss_bytes = number(m, 8),
        .foreign_frees = number(m, 9),
        .events_lost = number(m, 10),
        .stacks_checked = number(m, 11),
        .stacks_different = number(m, 12),
        .stacks_slow = number(m, 13),
        .waits = number(m, 14),
        .waited_ns = number(m, 15),
        .collector_cpu_ns = cpu_ns,
        .taken_ns = number(m, 17) < now_ns ? number(m, 17) : now_ns,
        .lap_peak_allocations = number(m, 18),
        .lap_peak_bytes = number(m, 19),
        .by_thread = number(m, 20),
        .damaged = number(m, 21),
        .stopped = number(m, 22),
        .untraced = number(m, 23),
        .stacks_lost = number(m, 24),
        .end_allocations = number(m, 25),
        .end_bytes = number(m, 26),
    };
    return store_run_totals(r->store, &row);
}

static int apply_process(struct receiver *r, const struct rows_message *m)
{
    const struct store_process row = {
        .id = number(m, 0),
        .pid = (int)number(m, 1),
        .parent_pid = (int)number(m, 2),
        .command = text(m, 3),
        .executable = text(m, 4),
        .started_ns = number(m, 6),
        .ended_ns = number(m, 7),
        .exit_known = number(m, 8) != 0,
        .exit_status = (int)number(m, 9),
        .m = m->measures,
        .frees = number(m, 10),
        .freed_bytes = number(m, 11),
    };
    return store_process(r->store, &row);
}

static int apply_mark(struct receiver *r, const struct rows_message *m)
{
    const struct store_mark row = {
        .id = number(m, 0),
        .t_ns = number(m, 1),
        .process = number(m, 2),
        .name = text(m, 3),
        .kind = (int)number(m, 4),
        .sampled = (int)number(m, 5),
        .lap_peak_allocations = number(m, 6),
        .lap_peak_bytes = number(m, 7),
    };
    return store_mark(r->store, &row);
}

static int apply_site_sample(struct receiver *r, const struct rows_message *m)
{
    const struct store_site_sample row = {
        .t_ns = number(m, 0),
        .key = site_key(m, 1),
        .change = m->measures,
    };
    return store_site_sample(r->store, &row);
}

static int apply_page_moment(struct receiver *r, const struct rows_message *m)
{
    const struct store_page_moment row = {
        .id = number(m, 0),
        .process = number(m, 1),
        .t_ns = number(m, 2),
        .took_ns = number(m, 3),
        .kind = (int)number(m, 4),
        .mark = number(m, 5),
        .resident = number(m, 6),
        .pss = number(m, 7),
        .untouched = number(m, 8),
        .swapped = number(m, 9),
        .missing = text(m, 10),
    };
    return store_page_moment(r->store, &row);
}

static int apply_page_row(struct receiver *r, const struct rows_message *m)
{
    const struct store_page_row row = {
        .moment = number(m, 0),
        .process = number(m, 1),
        .part = (int)number(m, 2),
        .node = number(m, 3),
        .line = number(m, 4),
        .name = text(m, 5),
        .bytes = number(m, 6),
        .blocks = number(m, 7),
    };
    return store_page_row(r->store, &row);
}

static int apply_stack_part(struct receiver *r, const struct rows_message *m)
{
    const struct store_stack_part row = {number(m, 0), number(m, 1), number(m, 2), number(m, 3),
                                         number(m, 4)};
    return store_stack_part(r->store, &row);
}

static int apply_object_type(struct receiver *r, const struct rows_message *m)
{
    const struct store_object_type row = {.type = text(m, 0),
                                          .basic_size = number(m, 1),
                                          .item_size = number(m, 2),
                                          .has_dict = (int)number(m, 3),
                                          .at_run_time = (int)number(m, 4),
                                          .line = number(m, 5)};
    return store_object_type(r->store, &row);
}

static int apply_sampling(struct receiver *r, const struct rows_message *m)
{
    const struct store_sampling row = {number(m, 0), number(m, 1), number(m, 2), number(m, 3)};
    return store_sampling(r->store, &row);
}

static int apply_site_error(struct receiver *r, const struct rows_message *m)
{
    const struct rows_value *variances = m->value + SITE_KEY_MEMBERS;
    const struct store_site_error row = {
        .key = site_key(m, 0),
        .allocations = variances[0].real,
        .bytes = variances[1].real,
        .live_allocations = variances[2].real,
        .live_bytes = variances[3].real,
        .peak_allocations = variances[4].real,
        .peak_bytes = variances[5].real,
    };
    return store_site_error(r->store, &row);
}

static int apply_site_fate(struct receiver *r, const struct rows_message *m)
{
    const unsigned rest = SITE_KEY_MEMBERS;
    const struct store_site_fate row = {site_key(m, 0), number(m, rest), number(m, rest + 1),
                                        number(m, rest + 2)};
    return store_site_fate(r->store, &row);
}

static int apply_peak_copy(struct receiver *r, const struct rows_message *m)
{
    const unsigned rest = 1 + SITE_KEY_MEMBERS;
    const struct store_peak_copy row = {(enum store_copy_kind)number(m, 0),
                                        site_key(m, 1),
                                        number(m, rest),
                                        number(m, rest + 1),
                                        number(m, rest + 2),
                                        number(m, rest + 3)};
    return store_peak_copy(r->store, &row);
}

static int apply_site_content(struct receiver *r, const struct rows_message *m)
{
    const unsigned rest = SITE_KEY_MEMBERS;
    const struct store_site_content row = {.key = site_key(m, 0),
                                           .blocks = number(m, rest),
                                           .bytes = number(m, rest + 1),
                                           .alone = number(m, rest + 2),
                                           .alone_bytes = number(m, rest + 3),
                                           .contents = number(m, rest + 4),
                                           .contents_bytes = number(m, rest + 5),
                                           .again = number(m, rest + 6),
                                           .changed = number(m, rest + 7),
                                           .apart_ns = number(m, rest + 8)};
    return store_site_content(r->store, &row);
}

static int next_node(void *data, struct store_node *row)
{
    struct receiver *r = data;
    const struct rows_message *m = &r->message;
    if (!peek(r) || m->type != ROWS_NODE)
        return 0;
    *row = (struct store_node){number(m, 0), number(m, 1), number(m, 2)};
    r->taken = false;
    return 1;
}

static int next_site_of(struct receiver *r, enum rows_type type, struct store_site *row)
{
    const struct rows_message *m = &r->message;
    if (!peek(r) || m->type != type)
        return 0;
    const unsigned rest = SITE_KEY_MEMBERS; /* first field after the key */
    *row = (struct store_site){
        .key = site_key(m, 0),
        .line = number(m, rest),
        .leaf = number(m, rest + 1),
        .m = m->measures,
        .smallest = number(m, rest + 3),
        .largest = number(m, rest + 4),
        .sizes = m->value[rest + 5].bytes,
        .sizes_size = m->value[rest + 5].size,
        .lifetimes = m->value[rest + 6].bytes,
        .lifetimes_size = m->value[rest + 6].size,
    };
    r->taken = false;
    return 1;
}

static int next_site(void *data, struct store_site *row)
{
    return next_site_of(data, ROWS_SITE, row);
}

static int next_mapped_site(void *data, struct store_site *row)
{
    return next_site_of(data, ROWS_MAPPED_SITE, row);
}

static int apply(struct receiver *r, const struct rows_message *m)
{
    struct store *store = r->store;
    switch (m->type) {
    case ROWS_BEGIN:
        return store_begin(store);
    case ROWS_COMMIT:
        return store_commit(store);
    case ROWS_RUN:
        return apply_run(r, m);
    case ROWS_LABEL:
        return store_run_label(store, text(m, 0));
    case ROWS_TOTALS:
        return apply_totals(r, m);
    case ROWS_PHASE:
        return store_run_phase(store, "symbols", m->value[0].real);
    case ROWS_WHY_ENDED:
        return store_run_why(store, text(m, 0));
    case ROWS_STATE:
        r->said = true;
        return store_run_state(store, rows_states[number(m, 0)]);
    case ROWS_PROCESS:
        return apply_process(r, m);
    case ROWS_THREAD:
        return store_thread(store, number(m, 0), number(m, 1), (int)number(m, 2), text(m, 3), number(m, 4),
                            number(m, 5), number(m, 6));
    case ROWS_MODULE:
        return store_module(store, number(m, 0), text(m, 1), m->value[2].bytes, m->value[2].size,
                            (int)number(m, 3));
    case ROWS_LINE:
        return store_line(store, number(m, 0), text(m, 1), number(m, 2), text(m, 3), text(m, 4),
                          rows_languages[number(m, 5)], (int)number(m, 6));
    case ROWS_FRAME:
        return store_frame(store, number(m, 0), number(m, 1), number(m, 2));
    case ROWS_FRAME_LINE:
        return store_frame_line(store, number(m, 0), (int)number(m, 1), number(m, 2));
    case ROWS_BLOCK:
        return store_block(store, number(m, 0), number(m, 1), number(m, 2), number(m, 3), number(m, 4));
    case ROWS_SAMPLE:
        return store_sample(store, number(m, 0), number(m, 1), number(m, 2), number(m, 3));
    case ROWS_SITE_SAMPLE:
        return apply_site_sample(r, m);
    case ROWS_AT:
        return store_moment(store, number(m, 0), number(m, 1));
    case ROWS_MARK:
        return apply_mark(r, m);
    case ROWS_EVENT:
        return store_event(store, number(m, 0), number(m, 1), number(m, 2), (int)number(m, 3),
                           rows_events[number(m, 4)], number(m, 5), number(m, 6), number(m, 7));
    case ROWS_PAGE_MOMENT:
        return apply_page_moment(r, m);
    case ROWS_PAGE_ROW:
        return apply_page_row(r, m);
    case ROWS_PAGE_FORGET:
        return store_page_forget(store, number(m, 0));
    case ROWS_STACK_TYPE:
        return store_stack_type(store, number(m, 0), text(m, 1), (enum store_type_how)number(m, 2));
    case ROWS_STACK_PART:
        return apply_stack_part(r, m);
    case ROWS_OBJECT_TYPE:
        return apply_object_type(r, m);
    case ROWS_OBJECT_KEYS:
        return store_object_keys(store, text(m, 0), number(m, 1));
    case ROWS_UNREADABLE:
        return store_unreadable_process(store, number(m, 0));
    case ROWS_SAMPLING:
        return apply_sampling(r, m);
    case ROWS_SITE_ERROR:
        return apply_site_error(r, m);
    case ROWS_SITE_FATE:
        return apply_site_fate(r, m);
    case ROWS_PEAK_COPY:
        return apply_peak_copy(r, m);
    case ROWS_SITE_CONTENT:
        return apply_site_content(r, m);
    case ROWS_THIN:
        return store_thin(store, &(struct store_bounds){number(m, 0), number(m, 1)}, number(m, 2));
    case ROWS_LINE_TOTALS:
        return store_line_totals(store);
    default: /* rows that come in large numbers, or the end */
        return 0;
    }
}

/* ---- a run ----------------------------------------------------------------------------------------- */

static void start(struct receiver *r, const char *error)
{
    if (!r->started && r->options->started)
        r->options->started(r->options->data, error);
    r->started = true;
}

/* Processes the current message. The first error of the database is kept, as a collector would do; later
 * rows are still read. */
static void take(struct receiver *r, int *failed)
{
    enum rows_type type = r->message.type;
    bool many = type == ROWS_NODE || type == ROWS_SITE || type == ROWS_MAPPED_SITE;
    r->taken = many;
    int code = type == ROWS_NODE          ? store_nodes(r->store, next_node, r)
               : type == ROWS_SITE        ? store_sites(r->store, next_site, r)
               : type == ROWS_MAPPED_SITE ? store_mapped_sites(r->store, next_mapped_site, r)
                                          : apply(r, &r->message);
    /* After an error, the rest of these rows is only skipped. */
    while (many && r->taken && r->message.type == type) {
        r->taken = false;
        peek(r);
    }
    *failed = code < 0 && !*failed ? code : *failed;
    if (type != ROWS_COMMIT)
        return;
    r->concluded = r->said && code == 0;
    answer(r, *failed, store_error(r->store));
    if (r->state.has_run)
        start(r, *failed < 0 ? store_error(r->store) : NULL);
}

static bool greet(struct receiver *r)
{
    bool fits = peek(r) && number(&r->message, 0) == ROWS_VERSION;
    if (!fits)
        give_up(r, "libtrace is installed in parts of different versions");
    r->taken = false;
    answer(r, fits ? 0 : -EPROTO, r->why);
    return fits;
}

/* Keeps what was committed, and marks the run as interrupted. */
static void interrupt(struct receiver *r, const char *why)
{
    if (r->state.open)
        store_rollback(r->store);
    if (store_begin(r->store) == 0) {
        store_run_why(r->store, why);
        store_run_state(r->store, "interrupted");
        store_commit(r->store);
    }
}

static bool failed_to_open(struct receiver *r, char error[RECEIVE_ERROR])
{
    snprintf(error, RECEIVE_ERROR, "%s", r->buffer ? store_error(r->store) : "out of memory");
    start(r, error);
    answer(r, -EIO, error);
    store_close(r->store);
    free(r->buffer);
    return false;
}

bool receive_run(const struct receive_options *options, char error[RECEIVE_ERROR])
{
    static struct receiver receiver;
    struct receiver *r = &receiver;
    int failed = 0;
    *r = (struct receiver){.options = options, .buffer = malloc(BUFFER)};
    if (!r->buffer || store_open(options->database, &r->store) != 0)
        return failed_to_open(r, error);
    bool greeted = greet(r);
    while (greeted && !r->state.finished && peek(r))
        take(r, &failed);
    error[0] = '\0';
    if (failed < 0)
        snprintf(error, RECEIVE_ERROR, "%s", store_error(r->store));
    else if (!r->state.finished)
        snprintf(error, RECEIVE_ERROR, "%s", r->why);
    if (r->state.has_run && !r->concluded) {
        if (!error[0])
            snprintf(error, RECEIVE_ERROR, "%s",
                     "the process that reads the program's data did not say how the run ended");
        interrupt(r, error);
    }
    bool finished = store_finish(r->store) == 0;
    if (!finished && !error[0])
        snprintf(error, RECEIVE_ERROR, "%s", store_error(r->store));
    start(r, error[0] ? error : "the run ended before it began");
    if (r->state.finished)
        answer(r, error[0] ? -EIO : 0, error);
    store_close(r->store);
    free(r->buffer);
    return !error[0];
}
