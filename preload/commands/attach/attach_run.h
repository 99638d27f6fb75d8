/* attach_run.h - a run of trace-attach: its options, and what is known of it so far. */
#ifndef LIBTRACE_ATTACH_RUN_H
#define LIBTRACE_ATTACH_RUN_H

#include "apart.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct options {
    pid_t pid;
    double duration; /* seconds, 0 = until a signal */
    bool background, detach, verbose;
    const char *label, *database;
};

struct run {
    const struct options *options;
    char library[PATH_MAX];
    bool bring;         /* the program does not see it */
    int process;        /* pidfd of the program */
    int memory;         /* a descriptor of the arena */
    int report;         /* our end of the collector's pipe */
    uintptr_t children; /* address in the program of what its children find us by; 0 = none */
    struct owner owner;
    pid_t collector;
    pid_t parser;  /* if there is one, see apart.h */
    bool recorded; /* the collector has ended, and everything is in the database */
};

/* Prints a message on stderr, after the command's name. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints that the program cannot be traced, and why, in the form of target.h's sentences. Always returns
 * false. */
bool refuse(const struct options *options, const char *why);

/* Of another user's program: files are not renamed because that user's process says so. False unless it was asked for. */
bool rotation_refused(const struct run *run);

/* A number from the environment. */
uint32_t setting(const char *name, uint32_t otherwise);

/* LIBTRACE_KEEP, LIBTRACE_MAX_SIZE, as quantity.h reads them; 0 = without limit. */
uint64_t limit_setting(const char *name, uint64_t (*value_of)(const char *text));

/* LIBTRACE_SAMPLE: bytes between samples; 0 = every block is recorded. */
uint32_t sample_setting(void);

#endif
