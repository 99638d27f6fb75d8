/* dhat.c - the format of valgrind 3.19 --tool=dhat, for its viewer dh_view.html: dhatFileVersion 2, without
 * counts of accesses ("bkacc": false). It contains all measures.
 *
 * The format asks for two values that the database does not have exactly. "tl", the summed lifetime of a
 * stack's blocks, is as exact as their histogram. "mbk", the number of blocks when a stack held the most
 * bytes, is computed from its mean block size.
 */
#include "export.h"

#include <stdlib.h>

#define MICRO 1e6

/* Writes the frame table: an entry for each place of each frame; entry 0 is "[root]", so places count from
 * 1. */
static void write_frames(struct json *json, const struct profile *p)
{
    json_array(json, "ftbl");
    json_text(json, NULL, "[root]");
    for (size_t i = 0; i < p->frame_count; i++)
        for (uint32_t k = 0; k < p->frames[i].count; k++) {
            char *text = export_place(p, &p->frames[i], p->frame_places[p->frames[i].first + k]);

            json_text(json, NULL, text);
            free(text);
        }
    json_close(json);
}

/* For each frame, the table entry of its first place. */
static int64_t *number_frames(const struct profile *p)
{
    int64_t *first = calloc(p->frame_count, sizeof *first), next = 1;

    for (size_t i = 0; i < p->frame_count; i++) {
        first[i] = next;
        next += p->frames[i].count;
    }
    return first;
}

static int64_t blocks_at_most(const struct profile_site *site)
{
    const struct store_measures *m = &site->m;
    double blocks =
        m->bytes > 0 ? (double)m->own_peak_bytes / ((double)m->bytes / (double)m->allocations) : 0;
    int64_t most = blocks < (double)m->allocations ? (int64_t)(blocks + 0.5) : m->allocations;

    return most > 0 || m->own_peak_bytes <= 0 ? most : 1;
}

static void write_point(struct json *json, const struct profile *p, const struct profile_site *site,
                        const int64_t *first, struct profile_stack *stack)
{
    const struct store_measures *m = &site->m;

    stack->count = 0;
    for (uint32_t node = site->node; node != PROFILE_NONE; node = p->nodes[node].parent) {
        const struct profile_frame *frame = &p->frames[p->nodes[node].frame];

        for (uint32_t k = 0; k < frame->count; k++) {
            int64_t *to = profile_grow(&stack->places, &stack->count, sizeof *to);

            *to = first[p->nodes[node].frame] + k;
        }
    }
    json_object(json, NULL);
    json_number(json, "tb", m->bytes);
    json_number(json, "tbk", m->allocations);
    json_number(json, "tl", (int64_t)(site->lifetime_s * MICRO));
    json_number(json, "mb", m->own_peak_bytes);
    json_number(json, "mbk", blocks_at_most(site));
    json_number(json, "gb", m->peak_bytes);
    json_number(json, "gbk", m->peak_allocations);
    json_number(json, "eb", m->live_bytes);
    json_number(json, "ebk", m->live_allocations);
    json_numbers(json, "fs", stack->places, stack->count);
    json_close(json);
}

int export_dhat(const struct export *export)
{
    const struct profile *p = export->profile;
    int64_t *first = number_frames(p);
    struct profile_stack stack = {0};
    struct json json = {.out = export->out};
    struct export_process *processes = NULL;
    size_t process_count;
    int status = export_processes(export, &processes, &process_count);

    json_object(&json, NULL);
    json_number(&json, "dhatFileVersion", 2);
    json_text(&json, "mode", "heap");
    json_text(&json, "verb", "Allocated");
    json_true(&json, "bklt", 1);
    json_true(&json, "bkacc", 0);
    json_text(&json, "tu", "\xc2\xb5s");
    json_text(&json, "Mtu", "s");
    json_number(&json, "tuth", 10000); /* a lifetime below one tick is shown as 'less' */
    json_text(&json, "cmd", export->run->command);
    json_number(&json, "pid", process_count > 0 ? processes[0].pid : 0);
    json_number(&json, "te", export->run->t.wall_ns / 1000);
    json_number(&json, "tg", export->run->t.peak_ns / 1000);
    json_array(&json, "pps");
    for (size_t i = 0; i < p->site_count; i++)
        write_point(&json, p, &p->sites[i], first, &stack);
    json_close(&json);
    write_frames(&json, p);
    json_end(&json);
    free(stack.places);
    free(first);
    free(processes);
    return status;
}
