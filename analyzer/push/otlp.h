/* otlp.h - the body of a push by OTLP: profiles of OpenTelemetry. */
#ifndef LIBTRACE_PUSH_OTLP_H
#define LIBTRACE_PUSH_OTLP_H

#include "parcel.h"
#include "increment.h"

/* Fills in the parcel, which is {0}. Returns an exit status, after saying what is wrong. */
int otlp_write(const struct increment *increment, struct parcel *parcel);

/* ExportProfilesServiceResponse: how many profiles were rejected of a request that was taken otherwise. */
uint64_t otlp_rejected(const char *answer, size_t size);

#endif
