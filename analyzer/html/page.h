/* page.h - what trace-report html writes: one file with everything in it.
 *
 *   page.c          the file: the bundle that node built (html_page), with the data inserted as JSON
 *   page_stacks.c   the tree of stacks: folded, packed
 *   page_rows.c     the table of lines, or of changes, with source text
 *   page_times.c    for selecting a time: how each line and stack changes in slices of time
 *   page_resident.c what was resident, by part, at the moments that are known
 *   page_details.c  what a click on a line shows
 *   page_errors.c   of a sampled run: how far what stacks and histograms say may be off
 *   page_findings.c what advise finds
 *   page_pack.c     numbers as text
 *
 * The size of a page is limited, whatever the run holds; what is too small to see is added up. Sums stay
 * exact: the stacks and the lines of a page each add up to the run. Every name may be a stranger's: names
 * are JSON strings in which '<' is escaped, and the page shows them only as text.
 */
#ifndef LIBTRACE_HTML_PAGE_H
#define LIBTRACE_HTML_PAGE_H

#include "profile.h"
#include "texts.h"
#include "call_tree.h"

#include <stdio.h>

#define PAGE_STACK_NODES 16000 /* of the tree */
#define PAGE_ROWS 1500         /* of a table */
#define PAGE_DETAILED 200      /* rows that have details */
#define PAGE_SLICES 128        /* of time */
#define PAGE_SLICE_VALUES 40000
#define PAGE_MOMENTS 200      /* at which the pages of memory were looked at */
#define PAGE_TEXT (800 << 10) /* bytes of names, all together */

/* The built page, which contains PAGE_DATA once; "" if it could not be built. */
extern const char html_page[];
extern const char html_page_missing[]; /* why there is none, and what helps */
#define PAGE_DATA "{\"libtrace\":\"data\"}"

/* A run and a place that has this function's texts. */
struct page_function {
    int run; /* 0 or 1 */
    uint32_t place;
};

struct page {
    const struct report *report;
    const struct run *runs[2];
    const struct filter *filter; /* prepared for all runs */
    int run_count;
    enum measure by; /* shown first */
    int source;      /* include the text of source lines */
    struct profile profiles[2];
    uint32_t *keys[2]; /* by place: its function, 1 and up */
    struct page_function *functions;
    size_t function_count;
    struct tree tree;
    uint32_t *nodes[2];      /* by node of a profile: the tree's node; after page_stacks(), the page's */
    uint32_t *row_of;        /* by place of the first profile: its row; 0 = it was left out */
    size_t stack_count;      /* nodes on the page, the root included */
    unsigned char *detailed; /* by row: it is one of the largest, which have details */
    size_t row_count;        /* rows on the page, the rest (row 0) included */
    struct texts texts;      /* what is written as "texts" */
    struct json *json;
};

/* A list that grows. */
struct page_numbers {
    int64_t *list;
    size_t count;
};

/* Numbers in base 128, which are written as base 64. */
struct pack {
    uint8_t *data;
    size_t size;
};

void pack_number(struct pack *pack, uint64_t value);
void pack_signed(struct pack *pack, int64_t value); /* zigzag: small numbers of either sign are short */
void pack_errors(struct pack *pack, const struct variances *v);
void pack_json(struct pack *pack, struct json *json, const char *key); /* as a member; frees it */

/* True if one of its runs is sampled: then there are errors. */
int page_is_sampled(const struct page *page);

/* Adds the run's errors to the object of the run, which is open; nothing if it is exact. */
void page_run_errors(struct page *page, int run);

/* Each adds members to page->json; those that read return an exit status, after printing what is wrong. */
void page_stacks(struct page *page);
void page_stack_errors(struct page *page); /* after page_stacks() */
int page_rows(struct page *page);
int page_changes(struct page *page);
int page_times(struct page *page);
int page_resident(struct page *page);
void page_row_stacks(struct page *page);
int page_findings(struct page *page);

/* Adds the source around a line, where it is at hand. */
void page_around(struct page *page, struct page_numbers *to, size_t row, const char *file, int64_t line);

/* The file's shortened name, as its number in page->texts; 0 = none. */
uint32_t page_file(struct page *page, const struct run *run, const char *file);

/* Writes the whole page about what passes the filter; the curve of memory over time is always of the whole
 * run. */
int page_write(const struct report *report, const struct run *const *runs, int count,
               const struct filter *filter, enum measure by, int source, int all_frames, FILE *out);

#endif
