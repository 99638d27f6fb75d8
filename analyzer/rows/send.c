/* send.c - implements store.h in a process that may not write the database: every call becomes a message to
 * the process that may. See rows.h.
 *
 * Values that the writer would refuse are changed rather than lose the run: texts are cut, and counts that
 * wrapped below 0 are sent as 0.
 */
#include "rows.h"
#include "store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER (64u << 10)

struct store {
    int socket;
    int lost;          /* the writer is gone */
    size_t used;       /* bytes of the buffer */
    size_t message;    /* where the current message begins */
    unsigned field;    /* index of its next field */
    enum rows_type of; /* its type */
    char error[ROWS_ANSWER_MAX];
    uint8_t *buffer; /* sent up to `message` once it holds more than BUFFER */
};

/* ---- bytes ----------------------------------------------------------------------------------------- */

static int lose(struct store *store)
{
    store->lost = 1;
    if (!store->error[0])
        snprintf(store->error, sizeof store->error, "the process that writes the database is gone");
    return -EPIPE;
}

static int flush(struct store *store)
{
    const uint8_t *at = store->buffer;
    size_t left = store->used;
    while (left && !store->lost) {
        ssize_t sent = send(store->socket, at, left, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return lose(store);
        at += sent;
        left -= (size_t)sent;
    }
    store->used = 0;
    return store->lost ? -EPIPE : 0;
}

static int receive(struct store *store, void *into, size_t size)
{
    for (size_t got = 0; got < size;) {
        ssize_t more = recv(store->socket, (char *)into + got, size - got, 0);
        if (more < 0 && errno == EINTR)
            continue;
        if (more <= 0)
            return lose(store);
        got += (size_t)more;
    }
    return 0;
}

/* Flushes the buffer, and waits for an answer. */
static int ask(struct store *store)
{
    struct rows_answer answer;
    char text[ROWS_ANSWER_MAX];
    if (flush(store) < 0 || receive(store, &answer, sizeof answer) < 0)
        return -EPIPE;
    if (answer.size >= sizeof text || receive(store, text, answer.size) < 0)
        return lose(store);
    text[answer.size] = '\0';
    if (answer.code < 0)
        snprintf(store->error, sizeof store->error, "%s", text);
    return answer.code;
}

/* ---- fields ---------------------------------------------------------------------------------------- */

static void put(struct store *store, const void *bytes, size_t size)
{
    if (size)
        memcpy(store->buffer + store->used, bytes, size);
    store->used += size;
}

static void begin(struct store *store, enum rows_type type)
{
    struct rows_head head = {0, type};
    store->message = store->used;
    store->of = type;
    store->field = 0;
    put(store, &head, sizeof head);
}

static const struct rows_field *next_field(struct store *store)
{
    return &rows_kinds[store->of].field[store->field++];
}

static void number(struct store *store, int64_t value)
{
    enum rows_field_kind kind = next_field(store)->kind;
    if (kind == ROWS_COUNT && value < 0)
        value = 0;
    if (kind == ROWS_COUNT_OR_NONE && value < 0)
        value = -1;
    if (kind == ROWS_POSITIVE && value < 1)
        value = 1;
    put(store, &value, sizeof value);
}

static void numbers(struct store *store, const int64_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        number(store, values[i]);
}

/* Several that follow each other. */
#define NUMBERS(store, ...) \
    numbers(store, (int64_t[]){__VA_ARGS__}, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

static void real(struct store *store, double value)
{
    double most = next_field(store)->kind == ROWS_SHARE ? 1 : STORE_VARIANCE_MAX;
    value = value >= 0 && value <= most ? value : 0;
    put(store, &value, sizeof value);
}

static void bytes(struct store *store, const void *value, size_t size)
{
    uint32_t limit = next_field(store)->limit, sent = size <= limit ? (uint32_t)size : 0;
    put(store, &sent, sizeof sent);
    put(store, value, sent);
}

static void text(struct store *store, const char *value)
{
    uint32_t limit = next_field(store)->limit, size = value ? (uint32_t)strnlen(value, limit - 1) : 0;
    uint32_t sent = value ? size + 1 : 0;
    /* Never cut a character in two. */
    if (value && value[size])
        while (size && (value[size] & 0xc0) == 0x80)
            size--, sent--;
    put(store, &sent, sizeof sent);
    put(store, value, size);
    if (value)
        put(store, "", 1);
}

static void word(struct store *store, const char *const words[], int64_t count, const char *value)
{
    int64_t place = 0;
    while (place < count - 1 && strcmp(words[place], value) != 0)
        place++;
    number(store, place);
}

static void all_measures(struct store *store, const struct store_measures *m)
{
    const struct rows_field *field = next_field(store);
    for (int i = 0; i < MEASURES; i++) {
        int64_t value = measure_value(m, i);
        value = value < 0 && !rows_may_be_negative(field, i) ? 0 : value;
        put(store, &value, sizeof value);
    }
}

static void site_key(struct store *store, struct site_key key)
{
    for (unsigned i = 0; i < SITE_KEY_MEMBERS; i++)
        number(store, site_key_values(&key)[i]);
}

static int end(struct store *store)
{
    uint32_t size = (uint32_t)(store->used - store->message - sizeof(struct rows_head));
    memcpy(store->buffer + store->message, &size, sizeof size);
    return store->used < BUFFER ? (store->lost ? -EPIPE : 0) : flush(store);
}

static int only(struct store *store, enum rows_type type)
{
    begin(store, type);
    return end(store);
}

/* ---- the connection -------------------------------------------------------------------------------- */

/* path is /dev/fd/N, the socket. */
int store_open(const char *path, struct store **opened)
{
    static const char folder[] = "/dev/fd/";
    struct store *store = *opened = calloc(1, sizeof *store);
    if (!store)
        return -ENOMEM;
    store->socket = strncmp(path, folder, sizeof folder - 1) == 0 ? atoi(path + sizeof folder - 1) : -1;
    store->buffer = malloc(BUFFER + ROWS_MESSAGE_MAX);
    if (!store->buffer)
        return store->lost = 1, -ENOMEM;
    begin(store, ROWS_HELLO);
    number(store, ROWS_VERSION);
    end(store);
    return ask(store);
}

const char *store_error(const struct store *store)
{
    return store ? store->error : "out of memory";
}

int store_lost(const struct store *store)
{
    return store->lost;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    if (store->socket >= 0)
        close(store->socket);
    free(store->buffer);
    free(store);
}

int store_begin(struct store *store)
{
    return only(store, ROWS_BEGIN);
}

int store_commit(struct store *store)
{
    only(store, ROWS_COMMIT);
    return ask(store);
}

/* Can only drop the connection: the writer then rolls back and ends the run. */
int store_rollback(struct store *store)
{
    return lose(store);
}

int store_finish(struct store *store)
{
    only(store, ROWS_FINISH);
    return ask(store);
}

/* Returns nothing: other runs in the database are private to its owner. */
int store_earlier_frames(struct store *store, const char *path, const uint8_t *build_id, size_t build_id_size,
                         int symbols, int runs,
                         void (*visit)(void *data, int64_t offset, int depth, const char *file, int64_t line,
                                       const char *function),
                         void *data)
{
    (void)store, (void)path, (void)build_id, (void)build_id_size, (void)symbols, (void)runs, (void)visit,
        (void)data;
    return 0;
}

/* Not needed: the writer does any waiting, and does not report it. */
void store_notify_when_locked(void (*notify)(void *data), void *data)
{
    (void)notify, (void)data;
}

/* ---- the run --------------------------------------------------------------------------------------- */

/* root is not needed: the writer knows where its database is. */
int store_run_add(struct store *store, const char *label, const char *command, const char *started,
                  const char *root, int64_t *run)
{
    (void)root;
    *run = 0;
    begin(store, ROWS_RUN);
    text(store, label);
    text(store, command);
    text(store, started);
    return end(store);
}

int store_run_label(struct store *store, const char *label)
{
    begin(store, ROWS_LABEL);
    text(store, label);
    return end(store);
}

int store_run_totals(struct store *store, const struct store_run *r)
{
    begin(store, ROWS_TOTALS);
    all_measures(store, &r->m);
    number(store, r->wall_ns);
    number(store, r->cpu_ns);
    number(store, r->exit_known != 0);
    number(store, r->exit_status);
    number(store, r->frees);
    number(store, r->freed_bytes);
    number(store, r->peak_ns);
    number(store, r->peak_rss_bytes);
    number(store, r->foreign_frees);
    number(store, r->events_lost);
    number(store, r->stacks_checked);
    number(store, r->stacks_different);
    number(store, r->stacks_slow);
    number(store, r->waits);
    number(store, r->waited_ns);
    number(store, r->collector_cpu_ns);
    number(store, r->taken_ns);
    number(store, r->lap_peak_allocations);
    number(store, r->lap_peak_bytes);
    number(store, r->by_thread != 0);
    number(store, r->damaged);
    number(store, r->stopped);
    number(store, r->untraced);
    number(store, r->stacks_lost);
    number(store, r->end_allocations);
    number(store, r->end_bytes);
    return end(store);
}

int store_run_phase(struct store *store, const char *phase, double progress)
{
    (void)phase; /* 'symbols' is the only one */
    begin(store, ROWS_PHASE);
    real(store, progress);
    return end(store);
}

int store_run_why(struct store *store, const char *why)
{
    begin(store, ROWS_WHY_ENDED);
    text(store, why);
    return end(store);
}

int store_run_state(struct store *store, const char *state)
{
    begin(store, ROWS_STATE);
    word(store, rows_states, ROWS_STATES, state);
    return end(store);
}

int store_line_totals(struct store *store)
{
    return only(store, ROWS_LINE_TOTALS);
}

int store_thin(struct store *store, const struct store_bounds *bounds, int64_t now_ns)
{
    begin(store, ROWS_THIN);
    number(store, bounds->keep_ns);
    number(store, bounds->most_bytes);
    number(store, now_ns);
    return end(store);
}

/* trace-attach refuses it where the program is another user's: files are not renamed because that one says so. */
int store_rotate(struct store *store, int files, int64_t t_ns)
{
    (void)store, (void)files, (void)t_ns;
    return 0;
}

/* ---- rows ------------------------------------------------------------------------------------------ */

int store_process(struct store *store, const struct store_process *p)
{
    begin(store, ROWS_PROCESS);
    number(store, p->id);
    number(store, p->pid);
    number(store, p->parent_pid);
    text(store, p->command);
    text(store, p->executable);
    all_measures(store, &p->m);
    number(store, p->started_ns);
    number(store, p->ended_ns);
    number(store, p->exit_known != 0);
    number(store, p->exit_status);
    number(store, p->frees);
    number(store, p->freed_bytes);
    return end(store);
}

int store_thread(struct store *store, int64_t process, int64_t id, int tid, const char *name,
                 int64_t allocations, int64_t bytes, int64_t frees)
{
    begin(store, ROWS_THREAD);
    number(store, process);
    number(store, id);
    number(store, tid);
    text(store, name);
    number(store, allocations);
    number(store, bytes);
    number(store, frees);
    return end(store);
}

int store_module(struct store *store, int64_t id, const char *path, const uint8_t *build_id,
                 size_t build_id_size, int symbols)
{
    begin(store, ROWS_MODULE);
    number(store, id);
    text(store, path);
    bytes(store, build_id, build_id_size);
    number(store, symbols);
    return end(store);
}

int store_line(struct store *store, int64_t id, const char *file, int64_t line, const char *function,
               const char *module, const char *language, int library_code)
{
    begin(store, ROWS_LINE);
    number(store, id);
    text(store, file);
    number(store, line);
    text(store, function);
    text(store, module);
    word(store, rows_languages, ROWS_WORDS, language);
    number(store, library_code != 0);
    return end(store);
}

int store_frame(struct store *store, int64_t id, int64_t module, int64_t offset)
{
    begin(store, ROWS_FRAME);
    number(store, id);
    number(store, module);
    number(store, offset);
    return end(store);
}

int store_frame_line(struct store *store, int64_t frame, int depth, int64_t line)
{
    begin(store, ROWS_FRAME_LINE);
    number(store, frame);
    number(store, depth);
    number(store, line);
    return end(store);
}

int store_node(struct store *store, int64_t id, int64_t parent, int64_t frame)
{
    begin(store, ROWS_NODE);
    number(store, id);
    number(store, parent);
    number(store, frame);
    return end(store);
}

static int send_site(struct store *store, enum rows_type type, const struct store_site *s)
{
    begin(store, type);
    site_key(store, s->key);
    number(store, s->line);
    number(store, s->leaf);
    all_measures(store, &s->m);
    number(store, s->smallest);
    number(store, s->largest);
    bytes(store, s->sizes, s->sizes ? s->sizes_size : 0);
    bytes(store, s->lifetimes, s->lifetimes ? s->lifetimes_size : 0);
    return end(store);
}

int store_site(struct store *store, const struct store_site *s)
{
    return send_site(store, ROWS_SITE, s);
}

int store_nodes(struct store *store, int (*next)(void *data, struct store_node *node), void *data)
{
    struct store_node node;
    int code = 0;
    while (next(data, &node))
        code = store_node(store, node.id, node.parent, node.frame);
    return code;
}

int store_sites(struct store *store, int (*next)(void *data, struct store_site *site), void *data)
{
    struct store_site site;
    int code = 0;
    while (next(data, &site))
        code = store_site(store, &site);
    return code;
}

int store_mapped_sites(struct store *store, int (*next)(void *data, struct store_site *site), void *data)
{
    struct store_site site;
    int code = 0;
    while (next(data, &site))
        code = send_site(store, ROWS_MAPPED_SITE, &site);
    return code;
}

int store_block(struct store *store, int64_t process, int64_t address, int64_t size, int64_t node,
                int64_t born_ns)
{
    begin(store, ROWS_BLOCK);
    number(store, process);
    number(store, address);
    number(store, size);
    number(store, node);
    number(store, born_ns);
    return end(store);
}

int store_sample(struct store *store, int64_t t_ns, int64_t live_allocations, int64_t live_bytes,
                 int64_t rss_bytes)
{
    begin(store, ROWS_SAMPLE);
    number(store, t_ns);
    number(store, live_allocations);
    number(store, live_bytes);
    number(store, rss_bytes);
    return end(store);
}

int store_site_sample(struct store *store, const struct store_site_sample *s)
{
    begin(store, ROWS_SITE_SAMPLE);
    number(store, s->t_ns);
    site_key(store, s->key);
    all_measures(store, &s->change);
    return end(store);
}

int store_mark(struct store *store, const struct store_mark *mark)
{
    begin(store, ROWS_MARK);
    number(store, mark->id);
    number(store, mark->t_ns);
    number(store, mark->process);
    text(store, mark->name);
    number(store, mark->kind);
    number(store, mark->sampled != 0);
    number(store, mark->lap_peak_allocations);
    number(store, mark->lap_peak_bytes);
    return end(store);
}

int store_moment(struct store *store, int64_t t_ns, int64_t until_ns)
{
    begin(store, ROWS_AT);
    number(store, t_ns);
    number(store, until_ns);
    return end(store);
}

int store_event(struct store *store, int64_t id, int64_t t_ns, int64_t process, int tid, const char *kind,
                int64_t address, int64_t size, int64_t node)
{
    begin(store, ROWS_EVENT);
    number(store, id);
    number(store, t_ns);
    number(store, process);
    number(store, tid);
    word(store, rows_events, ROWS_WORDS, kind);
    number(store, address);
    number(store, size);
    number(store, node);
    return end(store);
}

int store_page_moment(struct store *store, const struct store_page_moment *m)
{
    begin(store, ROWS_PAGE_MOMENT);
    NUMBERS(store, m->id, m->process, m->t_ns, m->took_ns, m->kind, m->mark, m->resident, m->pss,
            m->untouched, m->swapped);
    text(store, m->missing);
    return end(store);
}

int store_page_row(struct store *store, const struct store_page_row *r)
{
    begin(store, ROWS_PAGE_ROW);
    number(store, r->moment);
    number(store, r->process);
    number(store, r->part);
    number(store, r->node);
    number(store, r->line);
    text(store, r->name ? r->name : "");
    number(store, r->bytes);
    number(store, r->blocks);
    return end(store);
}

int store_stack_type(struct store *store, int64_t node, const char *type, enum store_type_how how)
{
    begin(store, ROWS_STACK_TYPE);
    number(store, node);
    text(store, type);
    number(store, how);
    return end(store);
}

int store_stack_part(struct store *store, const struct store_stack_part *part)
{
    begin(store, ROWS_STACK_PART);
    NUMBERS(store, part->node, part->part, part->start, part->seen, part->looks);
    return end(store);
}

int store_object_type(struct store *store, const struct store_object_type *type)
{
    begin(store, ROWS_OBJECT_TYPE);
    text(store, type->type);
    number(store, type->basic_size);
    number(store, type->item_size);
    number(store, type->has_dict);
    number(store, type->at_run_time);
    number(store, type->line);
    return end(store);
}

int store_object_keys(struct store *store, const char *type, int64_t keys)
{
    begin(store, ROWS_OBJECT_KEYS);
    text(store, type);
    number(store, keys);
    return end(store);
}

int store_unreadable_process(struct store *store, int64_t process)
{
    begin(store, ROWS_UNREADABLE);
    number(store, process);
    return end(store);
}

int store_sampling(struct store *store, const struct store_sampling *sampling)
{
    begin(store, ROWS_SAMPLING);
    number(store, sampling->interval);
    number(store, sampling->samples);
    number(store, sampling->allocations);
    number(store, sampling->bytes);
    return end(store);
}

int store_site_error(struct store *store, const struct store_site_error *error)
{
    begin(store, ROWS_SITE_ERROR);
    site_key(store, error->key);
    real(store, error->allocations);
    real(store, error->bytes);
    real(store, error->live_allocations);
    real(store, error->live_bytes);
    real(store, error->peak_allocations);
    real(store, error->peak_bytes);
    return end(store);
}

int store_site_fate(struct store *store, const struct store_site_fate *fate)
{
    begin(store, ROWS_SITE_FATE);
    site_key(store, fate->key);
    number(store, fate->freed_elsewhere);
    number(store, fate->moves);
    number(store, fate->moved_bytes);
    return end(store);
}

int store_peak_copy(struct store *store, const struct store_peak_copy *copy)
{
    begin(store, ROWS_PEAK_COPY);
    number(store, copy->kind);
    site_key(store, copy->key);
    number(store, copy->old_bytes);
    number(store, copy->new_bytes);
    number(store, copy->height);
    number(store, copy->next_height);
    return end(store);
}

int store_site_content(struct store *store, const struct store_site_content *content)
{
    begin(store, ROWS_SITE_CONTENT);
    site_key(store, content->key);
    NUMBERS(store, content->blocks, content->bytes, content->alone, content->alone_bytes, content->contents,
            content->contents_bytes, content->again, content->changed, content->apart_ns);
    return end(store);
}

int store_page_forget(struct store *store, int64_t moment)
{
    begin(store, ROWS_PAGE_FORGET);
    number(store, moment);
    return end(store);
}
