/* pyroscope.h - the body and the query of a push to Pyroscope. */
#ifndef LIBTRACE_PUSH_PYROSCOPE_H
#define LIBTRACE_PUSH_PYROSCOPE_H

#include "parcel.h"
#include "increment.h"

/* Fills in the parcel, which is {0}. Returns an exit status, after saying what is wrong. */
int pyroscope_write(const struct increment *increment, struct parcel *parcel);

#endif
