/* parcel.h - what is sent in one request, and waits as one file in the spool. */
#ifndef LIBTRACE_PUSH_PARCEL_H
#define LIBTRACE_PUSH_PARCEL_H

#include <stddef.h>
#include <stdint.h>

struct increment;

struct parcel {
    char *query; /* of the URL, without '?', made of printable characters; "" = none */
    char *body;
    size_t size;
};

/* Where parcels go to. */
struct target {
    const char *name;         /* for --to, and the end of names in the spool */
    const char *path;         /* appended to the URL */
    const char *content_type; /* of the request */
    const char *encoding;     /* of its body; NULL = it is what the content type says */
    int retries_500;          /* any status of 500 and above may be tried again, not only 502 to 504 */
    /* An exit status, after saying why. */
    int (*write)(const struct increment *increment, struct parcel *parcel);
    /* How many profiles a server that took the request says it has rejected; NULL = it would not say so. */
    uint64_t (*rejected)(const char *answer, size_t size);
};

extern const struct target targets[]; /* in the order of the choices of --to */

#endif
