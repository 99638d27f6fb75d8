/* page_writer.c - writes rows of what programs have mapped, of which pages are resident, and of what blocks on them are.
 * See writer_private.h. */
#define _GNU_SOURCE
#include "attribution.h"
#include "shortage.h"
#include "writer_private.h"

#include <stdlib.h>

/* Writes the sites of mappings that programs made themselves; there are few of these. */
void writer_mapped(struct writer *w, struct job *job)
{
    struct site_row *ordered =
        job->mapped_count ? SHORTAGE_UNLESS(calloc(job->mapped_count, sizeof *ordered)) : NULL;
    for (size_t i = 0; ordered && i < job->mapped_count && !w->failed; i++) {
        const struct job_site *site = ordered[i].site = &job->mapped[i];
        uint32_t node = writer_node(w, &w->mapped_nodes, site->index, site->site.process, site->site.node);
        ordered[i].key = writer_key(node, site->site.process, 0);
        if (!job->raw)
            ordered[i].attribution = attribution_of(&w->intern, node);
        writer_check(w, w->intern.error);
    }
    if (ordered && !w->failed) {
        site_rows_sort(ordered, job->mapped_count);
        struct site_rows sites = {.next = ordered, .end = ordered + job->mapped_count};
        writer_check(w, store_mapped_sites(w->store, site_rows_next, &sites));
    }
    free(ordered);
}

/* Writes what a walk found in one process. */
static void write_moment(struct writer *w, const struct page_moment *moment)
{
    const struct store_page_moment row = {.id = moment->number,
                                          .process = moment->process + 1,
                                          .t_ns = (int64_t)moment->t_ns,
                                          .took_ns = (int64_t)moment->took_ns,
                                          .kind = moment->kind,
                                          .mark = moment->mark,
                                          .resident = (int64_t)moment->resident,
                                          .pss = moment->missing ? -1 : (int64_t)moment->pss,
                                          .untouched = (int64_t)moment->untouched,
                                          .swapped = (int64_t)moment->swapped,
                                          .missing = moment->missing};
    if (moment->forget)
        writer_check(w, store_page_forget(w->store, moment->forget));
    writer_check(w, store_page_moment(w->store, &row));
    for (size_t i = 0; i < moment->share_count && !w->failed; i++) {
        const struct page_share *share = &moment->shares[i];
        const struct store_page_row one = {
            .moment = moment->number,
            .process = moment->process + 1,
            .part = share->part,
            .node = writer_node(w, share->mapped ? &w->mapped_nodes : &w->site_nodes, share->site,
                                share->process, share->node),
            .name = "",
            .bytes = (int64_t)share->bytes,
            .blocks = (int64_t)share->blocks};
        writer_check(w, store_page_row(w->store, &one));
    }
    for (size_t i = 0; i < moment->name_count && !w->failed; i++) {
        const struct page_name *name = &moment->names[i];
        const struct store_page_row one = {.moment = moment->number,
                                           .process = moment->process + 1,
                                           .part = name->part,
                                           .name = name->name,
                                           .bytes = (int64_t)name->bytes};
        writer_check(w, store_page_row(w->store, &one));
    }
}

void writer_pages(struct writer *w, const struct job *job)
{
    for (size_t i = 0; i < job->page_count && !w->failed; i++)
        write_moment(w, &job->pages[i]);
}

void writer_name_objects(struct writer *w, const struct job *job)
{
    for (size_t i = 0; i < job->look_count && !w->failed; i++)
        if (job->looks[i].class)
            intern_object_class(&w->intern, writer_process(w, job->looks[i].class->process, NULL),
                                job->looks[i].class);
}

void writer_objects(struct writer *w, const struct job *job)
{
    for (size_t i = 0; i < job->look_count && !w->failed; i++) {
        const struct object_look *look = &job->looks[i];
        uint32_t node = writer_node(w, &w->site_nodes, look->site, look->process, look->node);
        if (look->keys)
            intern_keys_look(&w->intern, node, look->keys - 1);
        else if (look->memory)
            intern_memory_look(&w->intern, node, look->memory);
        else
            intern_object_look(&w->intern, node, look->class);
    }
    if (!job->look_count || w->failed)
        return;
    intern_write_objects(&w->intern);
    intern_write_memory(&w->intern);
}

void writer_contents(struct writer *w, const struct job *job)
{
    for (size_t i = 0; i < job->content_count && !w->failed; i++) {
        const struct content_result *result = &job->contents[i];
        const struct content_counts *counts = &result->found.counts;
        uint32_t node = writer_node(w, &w->site_nodes, result->site, result->process, result->node);
        const struct store_site_content row = {.key = writer_key(node, result->process, result->thread),
                                               .blocks = counts->blocks,
                                               .bytes = (int64_t)counts->bytes,
                                               .alone = counts->alone,
                                               .alone_bytes = (int64_t)counts->alone_bytes,
                                               .contents = counts->contents,
                                               .contents_bytes = (int64_t)counts->contents_bytes,
                                               .again = result->found.again,
                                               .changed = result->found.changed,
                                               .apart_ns = (int64_t)result->found.apart_ns};
        writer_check(w, store_site_content(w->store, &row));
    }
}
