/* export.h - a run in the formats of other tools. One file a format, one table of them. */
#ifndef LIBTRACE_EXPORT_EXPORT_H
#define LIBTRACE_EXPORT_EXPORT_H

#include "profile.h"

#include <stdio.h>

/* What to export. */
struct export
{
    const struct report *report;
    const struct run *run;
    const struct filter *filter;   /* prepared */
    const struct profile *profile; /* what passes the filter; empty if the format needs none */
    enum measure by;
    FILE *out; /* the caller checks it for errors, and closes it */
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

/* The run's start, in seconds since 1970; 0 = not known. */
int64_t export_started(const struct run *run);

#endif
