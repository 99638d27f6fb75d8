/* attach_run.h - a run of trace-attach: what was asked for, and what has come of it so far. */
#ifndef LIBTRACE_ATTACH_RUN_H
#define LIBTRACE_ATTACH_RUN_H

#include "apart.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct options {
    pid_t pid;
    double duration; /* seconds, 0 = until told */
    bool background, detach, verbose;
    const char *label, *database;
};

struct run {
    const struct options *options;
    char library[PATH_MAX];
    int process;        /* pidfd of the program */
    int memory;         /* the arena's descriptor */
    int report;         /* end of the collector's pipe */
    uintptr_t children; /* where the program has what its children are to find us by; 0 = nowhere */
    struct owner owner;
    pid_t collector;
    pid_t parser;  /* where it has one of its own; see apart.h */
    bool recorded; /* the collector has ended, and all is in the database */
};

/* Says it on stderr, with the command's name. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same of the program: why, as target.h's sentences say it. Always false. */
bool refuse(const struct options *options, const char *why);

/* A number in the environment. */
uint32_t setting(const char *name, uint32_t otherwise);

#endif
