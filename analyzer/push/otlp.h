/* otlp.h - the body of a push by OTLP: profiles of OpenTelemetry. */
#ifndef LIBTRACE_PUSH_OTLP_H
#define LIBTRACE_PUSH_OTLP_H

#include "parcel.h"
#include "increment.h"

/* Fills in the parcel, which is {0}. Returns an exit status, after saying what is wrong. */
int otlp_write(const struct increment *increment, struct parcel *parcel);

#endif
