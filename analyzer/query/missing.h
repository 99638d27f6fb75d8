/* missing.h - what a recording lacks: the same sentences in every report, as text and as JSON. */
#ifndef LIBTRACE_QUERY_MISSING_H
#define LIBTRACE_QUERY_MISSING_H

#include "json.h"
#include "report.h"
#include "sentences.h"

struct run;

/* Fills in the sentences, for sentences_free(); none = the recording is complete. */
void missing_find(const struct run *run, struct sentences *missing);

/* Prints each on its own line; numbered: after the run's number, where several runs are shown. */
void missing_print(const struct report *report, const struct run *run);
void missing_print_numbered(const struct report *report, const struct run *run);

/* Writes the member "missing" of the open object: an array of the sentences. */
void missing_json(struct json *json, const struct run *run);

#endif
