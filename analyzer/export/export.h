/* export.h - a run in the formats of other tools. One file a format, one table of them. */
#ifndef LIBTRACE_EXPORT_EXPORT_H
#define LIBTRACE_EXPORT_EXPORT_H

#include "profile.h"

#include <stdio.h>

/* A part of a run's time, in ns since 1970. The profile has what was allocated in it, and what lived at its end. */
struct export_interval {
    int64_t from_ns, until_ns;
};

/* What to export. */
struct export
{
    const struct report *report;
    const struct run *run;
    const struct filter *filter;   /* prepared */
    const struct profile *profile; /* what passes the filter; empty if the format needs none */
    enum measure by;
    FILE *out;                              /* the caller checks it for errors, and closes it */
    const struct export_interval *interval; /* for trace-report push; NULL = the whole run */
};

struct export_format {
    const char *name;                          /* for --format */
    int (*write)(const struct export *export); /* returns an exit status, after printing what is wrong */
    enum {
        EXPORT_NO_PROFILE,
        EXPORT_STACKS,
        EXPORT_LIFETIMES,
        EXPORT_PROCESSES
    } needs;          /* see profile_load */
    int all_measures; /* it writes all measures, so --by is refused */
    int binary;       /* must not go to a terminal */
    const char *next; /* hint: what to do with the file */
};

extern const struct export_format export_formats[]; /* ends with a NULL name */

int export_pprof(const struct export *export);
int export_folded(const struct export *export);
int export_speedscope(const struct export *export);
int export_dhat(const struct export *export);
int export_massif(const struct export *export);
int export_csv(const struct export *export);
int export_json(const struct export *export);

/* "0x401136: main (list.c:10)", as valgrind's tools write places: only the file's own name. malloc'ed and
 * harmless. */
char *export_place(const struct profile *profile, const struct profile_frame *frame, uint32_t place);

/* The run's processes, in order, in a malloc'ed array. */
struct export_process {
    int64_t process, pid; /* process: its number in the run */
};
int export_processes(const struct export *export, struct export_process **processes, size_t *count);

/* Modules may lie at different addresses in several processes, so each gets a range of addresses of its own, one after
 * the other: from [its index] up to [its index + 1]; malloc'ed. The address of a frame is its module's beginning and
 * export_address(). */
uint64_t *export_ranges(const struct profile *profile);
uint64_t export_address(const struct profile_frame *frame);

/* True for the measures that an interval has; and for a site that has any of them. */
int export_is_news(enum measure measure);
int export_has_news(const struct store_measures *m);

/* The run's start, in seconds since 1970; 0 = not known. */
int64_t export_started(const struct run *run);

#endif
