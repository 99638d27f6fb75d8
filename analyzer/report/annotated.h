/* annotated.h - a source file of a run, line by line: what its lines allocate, and what advise finds in them. */
#ifndef LIBTRACE_REPORT_ANNOTATED_H
#define LIBTRACE_REPORT_ANNOTATED_H

#include "advice.h"
#include "source.h"
#include "source_lines.h"

struct annotated_line {
    int64_t line;         /* 0 = not known */
    const char *function; /* that has most of it */
    struct store_measures m;
    struct variances v;
    bool counted; /* allocations count for it */
    bool found;   /* and there are findings about it */
};

struct annotated {
    const char *file;            /* NULL = the run has no line with a file */
    struct annotated_line *rows; /* that have something, in the order of their lines */
    size_t count, counted;
    struct store_measures sum; /* of them all; lines.sum is the run's */
    struct variances sum_v;
    struct lines lines; /* of the run: texts above belong to them, or to the advice */
    struct advice advice;
    enum source_state state;
    struct source_lines source; /* where the state is fine */
};

/* Finds the one file that the pattern is about, and reads what is known of it. query: of all lines. advise: look for
 * findings, too. If there is no such file, or if there are several, says so. annotated_free() in any case. */
int annotated_read(struct report *report, const struct lines_query *query, const char *pattern, bool advise,
                   struct annotated *annotated);
void annotated_free(struct annotated *annotated);

/* True if the finding is about that line of the file. */
bool annotated_is_about(const struct annotated *annotated, const struct finding *finding, int64_t line);

#endif
