/* units.h - formats numbers for people. Each function writes into a buffer of UNITS_SIZE and returns it. */
#ifndef LIBTRACE_QUERY_UNITS_H
#define LIBTRACE_QUERY_UNITS_H

#include <stdint.h>

#include "measures.h"

#define UNITS_SIZE 40

/* A measure's value; "<= 14.2 MiB" if it is an upper bound. */
char *units_measure(char *out, const struct store_measures *m, enum measure measure, int plain);

char *units_bytes(char *out, int64_t bytes, int plain);       /* 14.2 MiB; plain: 14889779 */
char *units_bytes_signed(char *out, double bytes, int plain); /* +14.2 MiB, -3 B, 0 B */
char *units_count(char *out, int64_t count);                  /* 40,000 */
char *units_count_signed(char *out, double count);            /* +40,000 */
char *units_percent(char *out, double part, double whole);    /* 64.2 %; '-' of nothing */
char *units_exit(char *out, int status);                      /* 3; SIGINT for -2 */
char *units_seconds(char *out, double seconds);               /* 1.23 s, 45 ms, 2 min 5 s */

/* A time among others that all lie within span seconds, with enough digits to tell them apart: 125.250 s. */
char *units_moment(char *out, double seconds, double span);

#endif
