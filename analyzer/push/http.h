/* http.h - requests by libcurl, which is loaded when the first one is made: it and the forty libraries that it needs
 * are not loaded for any other report. */
#ifndef LIBTRACE_PUSH_HTTP_H
#define LIBTRACE_PUSH_HTTP_H

#include "headers.h"
#include "parcel.h"

struct http;

#define HTTP_WHY 320

struct http_answer {
    enum {
        HTTP_TAKEN,   /* the server has it */
        HTTP_LATER,   /* not now: it is away, or asks to try again */
        HTTP_REFUSED, /* nor will it be taken later */
    } result;
    double retry_after_s; /* the server asks to wait so long; 0 = it does not */
    char why[HTTP_WHY];   /* for people, without credentials; "" = taken */
};

/* Prepares requests to that URL, with the target's path. Returns an exit status, after saying what is wrong. ca_file:
 * whom to trust (PEM); NULL = whom the system trusts. */
int http_open(const struct report *report, const char *url, const struct target *target,
              const struct headers *headers, const char *ca_file, struct http **http);

/* Sends a parcel once, which takes so many seconds at most. */
void http_post(struct http *http, const struct parcel *parcel, double seconds, struct http_answer *answer);

/* The URL for people: without user, password and query. */
const char *http_shown(const struct http *http);

void http_close(struct http *http);

#endif
