/* missing.h - what a record lacks: the same sentences in every report, as text and as JSON. */
#ifndef LIBTRACE_QUERY_MISSING_H
#define LIBTRACE_QUERY_MISSING_H

#include "json.h"
#include "report.h"
#include "sentences.h"

struct run;

/* For sentences_free(); none: the record is whole. */
void missing_find(const struct run *run, struct sentences *missing);

/* Each in a line of its own; for a run among others: behind its number. */
void missing_print(const struct report *report, const struct run *run);
void missing_print_numbered(const struct report *report, const struct run *run);

/* The member "missing" of the open object, an array of the sentences. */
void missing_json(struct json *json, const struct run *run);

#endif
