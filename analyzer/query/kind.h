/* kind.h - which memory a report is about: the heap, or what programs map by themselves (mmap() and the
 * like).
 *
 * The two are never added up. Mappings are in a table of their own with the columns of site: for a report
 * on them, views of it hide site and line_total, so that everything that reads sites finds mappings.
 */
#ifndef LIBTRACE_QUERY_KIND_H
#define LIBTRACE_QUERY_KIND_H

#include "args.h"
#include "run.h"

enum kind { KIND_HEAP, KIND_MAPPED };
extern int kind_shown; /* --kind */
extern const char *const kind_names[];

/* A row for a subcommand's table of options. */
#define KIND_OPTION                                                                                  \
    {                                                                                                \
        "kind", OPTION_CHOICE, &kind_shown, NULL,                                                    \
            "which memory: the heap, or what the program maps by itself (default: heap)", kind_names \
    }

/* What --kind selects, in words after 'only'; NULL for the heap, the default. kind_print() prints it as a line. */
const char *kind_words(void);
void kind_print(const struct report *report);

/* Applies --kind to a database that was just opened. */
int kind_show(struct report *report);

/* Replaces the run's totals by those of its mappings. */
int kind_totals(const struct report *report, struct run *run);

/* "6 mappings, 1.05 GiB; peak 1.02 GiB ...", cut to size. */
void kind_text(const struct report *report, const struct run *run, char *text, size_t size);

#endif
