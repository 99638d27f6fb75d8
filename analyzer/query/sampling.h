/* sampling.h - says of a run that only a sample of its blocks was taken. How far its numbers may be off is in
 * variances.h. */
#ifndef LIBTRACE_QUERY_SAMPLING_H
#define LIBTRACE_QUERY_SAMPLING_H

#include "json.h"
#include "run.h"

/* True if the run is sampled: what is read of it are estimates. */
static inline int sampling_is_on(const struct run *run)
{
    return run->sampling.interval > 0;
}

/* Reads a run's row of the table sampling, which is there. For run.c. */
int sampling_read(const struct report *report, struct run *run);

#define SAMPLING_TEXT 200

/* "sampled: one in 512 KiB; 1,234 samples; exact totals: 12,345,678 allocations, 1.20 GiB"; '' for an exact run. */
char *sampling_text(const struct report *report, const struct run *run, char out[SAMPLING_TEXT]);

/* Prints ", sampled: ..." behind a title that took so many columns, and a newline. False for an exact run: nothing is
 * printed. */
int sampling_print(const struct report *report, const struct run *run, size_t taken);

/* Prints "Run 3: sampled: ...", a line below a list of runs. */
void sampling_print_numbered(const struct report *report, const struct run *run);

/* The same as the object "sampling", null for an exact run. */
void sampling_json(struct json *json, const struct run *run);

#endif
