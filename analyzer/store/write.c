/* write.c - rows of a run. Each function is one prepared statement that inserts or replaces. */
#include "store_private.h"

#include <unistd.h>

/* ---- rows ------------------------------------------------------------------------------ */

/* A row being written: bound to a statement, or collected with others of its table (batch.c). */
struct row {
    struct store *store;
    enum store_statement which;
    sqlite3_stmt *statement; /* NULL = it is collected, or after a failure */
    int next;                /* parameter to bind, or value, from 1 on */
    int result;              /* of SQLite: the first thing that went wrong */
    int collected;
    uint32_t is_text; /* values, as bits */
    int64_t value[FEED_COLUMNS];
};

int store_is_first(const struct store *store, enum store_statement which)
{
    return store->statement[which] == NULL && store->batch[which] == NULL;
}

static void row_begin(struct row *row, struct store *store, enum store_statement which)
{
    row->store = store;
    row->which = which;
    row->statement = store->statement[which];
    row->next = 1;
    row->result = SQLITE_OK;
    row->collected = store_is_batched(which);
    row->is_text = 0;
    if (row->statement == NULL && !row->collected) {
        row->result = store_prepare(store->db, store_statement_sql(which), SQLITE_PREPARE_PERSISTENT,
                                    &store->statement[which]);
        row->statement = store->statement[which];
    }
}

static void number(struct row *row, int64_t value)
{
    if (row->collected)
        row->value[row->next++ - 1] = value;
    else if (row->result == SQLITE_OK)
        row->result = sqlite3_bind_int64(row->statement, row->next++, value);
}

static void number_or_null(struct row *row, int known, int64_t value)
{
    if (known)
        number(row, value);
    else if (row->result == SQLITE_OK)
        row->result = sqlite3_bind_null(row->statement, row->next++);
}

static void real(struct row *row, double value)
{
    if (row->result == SQLITE_OK)
        row->result = sqlite3_bind_double(row->statement, row->next++, value);
}

static void totals(struct row *row, const struct store_measures *m)
{
    for (int i = 0; i < MEASURES; i++)
        if (!measures[i].sites_only)
            number(row, measure_value(m, i));
}

static void text(struct row *row, const char *value)
{
    if (row->result != SQLITE_OK)
        return;
    if (row->collected) {
        row->is_text |= 1u << (row->next - 1);
        row->result = store_batch_text(row->store, row->which, value, &row->value[row->next++ - 1]);
    } else {
        row->result = store_bind_text(row->statement, row->next++, value);
    }
}

static void site_key(struct row *row, struct site_key key)
{
    for (unsigned i = 0; i < SITE_KEY_MEMBERS; i++)
        number(row, site_key_values(&key)[i]);
}

static int row_end(struct row *row)
{
    if (row->collected && row->result == SQLITE_OK)
        return store_batch_add(row->store, row->which, row->value, (unsigned)row->next - 1, row->is_text);
    if (row->result == SQLITE_OK) {
        row->result = sqlite3_step(row->statement);
        sqlite3_reset(row->statement);
    }
    return row->result == SQLITE_DONE ? 0 : store_check(row->store, row->result, "write");
}

/* ---- transactions ---------------------------------------------------------------------------- */

int store_begin(struct store *store)
{
    return store_execute(store, "BEGIN IMMEDIATE", "write");
}

int store_commit(struct store *store)
{
    int code = store_execute(store, "COMMIT", "write"); /* with the rows that wait */

    store_batches_drop(store);
    /* If the disk is full, the transaction may have been rolled back already; either way the caller may
     * begin anew. */
    if (code != 0 && !sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    if (code == 0)
        store_sync_made(store);
    return code == 0 && store->unsynced ? store_sync_from_now_on(store) : code;
}

int store_rollback(struct store *store)
{
    store_batches_drop(store);
    return store_execute(store, "ROLLBACK", "write");
}

int store_lost(const struct store *store)
{
    (void)store; /* what fails now because the disk is full may succeed later */
    return 0;
}

/* ---- runs ------------------------------------------------------------------------------------ */

int store_run_add(struct store *store, const char *label, const char *command, const char *started,
                  const char *root, int64_t *run)
{
    int code = store_mark_interrupted(store);

    if (code != 0)
        return code;
    struct row row;

    row_begin(&row, store, STORE_RUN_ADD);

    text(&row, label);
    text(&row, command);
    text(&row, started);
    text(&row, root);
    number(&row, getpid());
    number(&row, store_process_start(getpid()));
    number(&row, store_pid_namespace());
    number(&row, store_clock());
    code = row_end(&row);
    if (code == 0)
        *run = store->run = sqlite3_last_insert_rowid(store->db);
    if (code == 0)
        code = store_lock_take(store, store->run);
    return code == 0 ? store_origin_add(store, store->run) : code;
}

int store_run_totals(struct store *store, const struct store_run *r)
{
    struct row row;

    row_begin(&row, store, STORE_RUN_TOTALS);

    totals(&row, &r->m);
    number(&row, r->wall_ns);
    number(&row, r->cpu_ns);
    number_or_null(&row, r->exit_known, r->exit_status);
    number(&row, r->frees);
    number(&row, r->freed_bytes);
    number(&row, r->peak_ns);
    number(&row, r->peak_rss_bytes);
    number(&row, r->foreign_frees);
    number(&row, r->events_lost);
    number(&row, r->stacks_checked);
    number(&row, r->stacks_different);
    number(&row, r->stacks_slow);
    number(&row, r->waits);
    number(&row, r->waited_ns);
    number(&row, r->collector_cpu_ns);
    number(&row, r->taken_ns);
    number(&row, r->lap_peak_allocations);
    number(&row, r->lap_peak_bytes);
    number(&row, r->by_thread);
    number(&row, r->damaged);
    number(&row, r->stopped);
    number(&row, r->untraced);
    number(&row, r->stacks_lost);
    number(&row, r->end_allocations);
    number(&row, r->end_bytes);
    number(&row, store->run);
    return row_end(&row);
}

int store_run_label(struct store *store, const char *label)
{
    struct row row;

    row_begin(&row, store, STORE_RUN_LABEL);

    number(&row, store->run);
    text(&row, label);
    return row_end(&row);
}

int store_run_phase(struct store *store, const char *phase, double progress)
{
    struct row row;

    row_begin(&row, store, STORE_RUN_PHASE);

    number(&row, store->run);
    text(&row, phase);
    real(&row, progress);
    return row_end(&row);
}

int store_run_state(struct store *store, const char *state)
{
    struct row row;

    row_begin(&row, store, STORE_RUN_STATE);

    number(&row, store->run);
    text(&row, state);
    return row_end(&row);
}

int store_run_why(struct store *store, const char *why)
{
    struct row row;

    row_begin(&row, store, STORE_RUN_WHY);

    number(&row, store->run);
    text(&row, why);
    return row_end(&row);
}

/* ---- rows of a run --------------------------------------------------------------------------- */

int store_process(struct store *store, const struct store_process *p)
{
    struct row row;

    row_begin(&row, store, STORE_PROCESS);

    number(&row, store->run);
    number(&row, p->id);
    number(&row, p->pid);
    number(&row, p->parent_pid);
    text(&row, p->command);
    text(&row, p->executable);
    number(&row, p->started_ns);
    number_or_null(&row, p->ended_ns >= 0, p->ended_ns);
    number_or_null(&row, p->exit_known, p->exit_status);
    number(&row, p->frees);
    number(&row, p->freed_bytes);
    totals(&row, &p->m);
    return row_end(&row);
}

int store_thread(struct store *store, int64_t process, int64_t id, int tid, const char *name,
                 int64_t allocations, int64_t bytes, int64_t frees)
{
    struct row row;

    row_begin(&row, store, STORE_THREAD);

    number(&row, store->run);
    number(&row, process);
    number(&row, id);
    number(&row, tid);
    text(&row, name);
    number(&row, allocations);
    number(&row, bytes);
    number(&row, frees);
    return row_end(&row);
}

int store_module(struct store *store, int64_t id, const char *path, const uint8_t *build_id,
                 size_t build_id_size, int symbols)
{
    char hex[STORE_BUILD_ID_HEX];
    struct row row;

    row_begin(&row, store, STORE_MODULE);

    store_build_id_hex(build_id, build_id_size, hex);
    number(&row, store->run);
    number(&row, id);
    text(&row, path);
    text(&row, hex);
    number_or_null(&row, symbols >= 0, symbols);
    return row_end(&row);
}

int store_line(struct store *store, int64_t id, const char *file, int64_t line, const char *function,
               const char *module, const char *language, int library_code)
{
    struct row row;

    row_begin(&row, store, STORE_LINE);

    number(&row, store->run);
    number(&row, id);
    text(&row, file);
    number(&row, line);
    text(&row, function);
    text(&row, module);
    text(&row, language);
    number(&row, library_code);
    return row_end(&row);
}

int store_frame(struct store *store, int64_t id, int64_t module, int64_t offset)
{
    struct row row;

    row_begin(&row, store, STORE_FRAME);

    number(&row, store->run);
    number(&row, id);
    number(&row, module);
    number(&row, offset);
    return row_end(&row);
}

int store_frame_line(struct store *store, int64_t frame, int depth, int64_t line)
{
    struct row row;

    row_begin(&row, store, STORE_FRAME_LINE);

    number(&row, store->run);
    number(&row, frame);
    number(&row, depth);
    number(&row, line);
    return row_end(&row);
}

int store_block(struct store *store, int64_t process, int64_t address, int64_t size, int64_t node,
                int64_t born_ns)
{
    struct row row;

    row_begin(&row, store, STORE_BLOCK);

    number(&row, store->run);
    number(&row, process);
    number(&row, address);
    number(&row, size);
    number(&row, node);
    number(&row, born_ns);
    return row_end(&row);
}

int store_sample(struct store *store, int64_t t_ns, int64_t live_allocations, int64_t live_bytes,
                 int64_t rss_bytes)
{
    struct row row;

    row_begin(&row, store, STORE_SAMPLE);

    number(&row, store->run);
    number(&row, t_ns);
    number(&row, live_allocations);
    number(&row, live_bytes);
    number(&row, rss_bytes);
    return row_end(&row);
}

int store_site_sample(struct store *store, const struct store_site_sample *s)
{
    struct row row;

    row_begin(&row, store, STORE_SITE_SAMPLE);

    number(&row, store->run);
    number(&row, s->t_ns);
    site_key(&row, s->key);
    for (int i = 0; i < MEASURES; i++)
        if (measure_sampled(i))
            number(&row, measure_value(&s->change, i));
    return row_end(&row);
}

int store_mark(struct store *store, const struct store_mark *mark)
{
    struct row row;

    row_begin(&row, store, STORE_MARK);

    number(&row, store->run);
    number(&row, mark->id);
    number(&row, mark->t_ns);
    number(&row, mark->process);
    text(&row, mark->name);
    number(&row, mark->kind);
    number(&row, mark->sampled);
    number(&row, mark->lap_peak_allocations);
    number(&row, mark->lap_peak_bytes);
    return row_end(&row);
}

int store_moment(struct store *store, int64_t t_ns, int64_t until_ns)
{
    struct row row;

    row_begin(&row, store, STORE_MOMENT);

    number(&row, store->run);
    number(&row, t_ns);
    number(&row, until_ns);
    return row_end(&row);
}

int store_event(struct store *store, int64_t id, int64_t t_ns, int64_t process, int tid, const char *kind,
                int64_t address, int64_t size, int64_t node)
{
    struct row row;

    row_begin(&row, store, STORE_EVENT);

    number(&row, store->run);
    number(&row, id);
    number(&row, t_ns);
    number(&row, process);
    number(&row, tid);
    text(&row, kind);
    number(&row, address);
    number(&row, size);
    number(&row, node);
    return row_end(&row);
}

int store_page_moment(struct store *store, const struct store_page_moment *m)
{
    int code = store_pages_make(store);

    if (code != 0)
        return code;
    struct row row;

    row_begin(&row, store, STORE_PAGE_MOMENT);

    number(&row, store->run);
    number(&row, m->id);
    number(&row, m->process);
    number(&row, m->t_ns);
    number(&row, m->took_ns);
    number(&row, m->kind);
    number(&row, m->mark);
    number(&row, m->resident);
    number(&row, m->pss);
    number(&row, m->untouched);
    number(&row, m->swapped);
    text(&row, m->missing);
    return row_end(&row);
}

int store_page_row(struct store *store, const struct store_page_row *r)
{
    int code = store_is_first(store, STORE_PAGE_ROW) ? store_pages_make(store) : 0;

    if (code != 0)
        return code;
    struct row row;

    row_begin(&row, store, STORE_PAGE_ROW);

    number(&row, store->run);
    number(&row, r->moment);
    number(&row, r->process);
    number(&row, r->part);
    number(&row, r->node);
    number(&row, r->line);
    text(&row, r->name != NULL ? r->name : "");
    number(&row, r->bytes);
    number(&row, r->blocks);
    return row_end(&row);
}

int store_stack_type(struct store *store, int64_t node, const char *type, enum store_type_how how)
{
    int code = store_is_first(store, STORE_STACK_TYPE) ? store_types_make(store) : 0;

    if (code != 0)
        return code;
    struct row row;

    row_begin(&row, store, STORE_STACK_TYPE);

    number(&row, store->run);
    number(&row, node);
    text(&row, type);
    number(&row, how);
    return row_end(&row);
}

int store_stack_part(struct store *store, const struct store_stack_part *part)
{
    int code = store_is_first(store, STORE_STACK_PART) ? store_types_make(store) : 0;

    if (code != 0)
        return code;
    struct row row;

    row_begin(&row, store, STORE_STACK_PART);

    number(&row, store->run);
    number(&row, part->node);
    number(&row, part->part);
    number(&row, part->start);
    number(&row, part->seen);
    number(&row, part->looks);
    return row_end(&row);
}

int store_object_type(struct store *store, const struct store_object_type *type)
{
    int code = store_is_first(store, STORE_OBJECT_TYPE) ? store_types_make(store) : 0;

    if (code != 0)
        return code;
    struct row row;

    row_begin(&row, store, STORE_OBJECT_TYPE);

    number(&row, store->run);
    text(&row, type->type);
    number(&row, type->basic_size);
    number(&row, type->item_size);
    number(&row, type->has_dict);
    number(&row, type->at_run_time);
    number(&row, type->line);
    return row_end(&row);
}

int store_object_keys(struct store *store, const char *type, int64_t keys)
{
    int code = store_is_first(store, STORE_OBJECT_KEYS) ? store_types_make(store) : 0;

    if (code != 0)
        return code;
    struct row row;

    row_begin(&row, store, STORE_OBJECT_KEYS);

    number(&row, store->run);
    text(&row, type);
    number(&row, keys);
    return row_end(&row);
}

int store_unreadable_process(struct store *store, int64_t process)
{
    int code = store_is_first(store, STORE_UNREADABLE) ? store_types_make(store) : 0;

    if (code != 0)
        return code;
    struct row row;

    row_begin(&row, store, STORE_UNREADABLE);

    number(&row, store->run);
    number(&row, process);
    return row_end(&row);
}

int store_sampling(struct store *store, const struct store_sampling *sampling)
{
    int code = store_sampling_make(store);

    if (code != 0)
        return code;
    struct row row;

    row_begin(&row, store, STORE_SAMPLING);

    number(&row, store->run);
    number(&row, sampling->interval);
    number(&row, sampling->samples);
    number_or_null(&row, sampling->allocations >= 0, sampling->allocations);
    number_or_null(&row, sampling->bytes >= 0, sampling->bytes);
    return row_end(&row);
}

int store_site_error(struct store *store, const struct store_site_error *error)
{
    int code = store_is_first(store, STORE_SITE_ERROR) ? store_sampling_make(store) : 0;

    if (code != 0)
        return code;
    struct row row;

    row_begin(&row, store, STORE_SITE_ERROR);
    struct site_key key = error->key;

    number(&row, store->run);
    for (unsigned i = 0; i < SITE_KEY_MEMBERS; i++)
        number(&row, site_key_values(&key)[i]);
    real(&row, error->allocations);
    real(&row, error->bytes);
    real(&row, error->live_allocations);
    real(&row, error->live_bytes);
    real(&row, error->peak_allocations);
    real(&row, error->peak_bytes);
    return row_end(&row);
}

int store_site_fate(struct store *store, const struct store_site_fate *fate)
{
    int code = store_is_first(store, STORE_SITE_FATE) ? store_fates_make(store) : 0;

    if (code != 0)
        return code;
    struct row row;

    row_begin(&row, store, STORE_SITE_FATE);

    number(&row, store->run);
    site_key(&row, fate->key);
    number(&row, fate->freed_elsewhere);
    number(&row, fate->moves);
    number(&row, fate->moved_bytes);
    return row_end(&row);
}

int store_peak_copy(struct store *store, const struct store_peak_copy *copy)
{
    int code = store_is_first(store, STORE_PEAK_COPY) ? store_fates_make(store) : 0;

    if (code != 0)
        return code;
    struct row row;

    row_begin(&row, store, STORE_PEAK_COPY);

    number(&row, store->run);
    number(&row, copy->kind);
    site_key(&row, copy->key);
    number(&row, copy->old_bytes);
    number(&row, copy->new_bytes);
    number(&row, copy->height);
    number(&row, copy->next_height);
    return row_end(&row);
}

int store_site_content(struct store *store, const struct store_site_content *content)
{
    int code = store_is_first(store, STORE_SITE_CONTENT) ? store_contents_make(store) : 0;

    if (code != 0)
        return code;
    struct row row;

    row_begin(&row, store, STORE_SITE_CONTENT);

    number(&row, store->run);
    site_key(&row, content->key);
    number(&row, content->blocks);
    number(&row, content->bytes);
    number(&row, content->alone);
    number(&row, content->alone_bytes);
    number(&row, content->contents);
    number(&row, content->contents_bytes);
    number(&row, content->again);
    number(&row, content->changed);
    number(&row, content->apart_ns);
    return row_end(&row);
}
