/* deliver.h - gets parcels to the server in their order: tries again, and keeps them in the spool meanwhile. */
#ifndef LIBTRACE_PUSH_DELIVER_H
#define LIBTRACE_PUSH_DELIVER_H

#include "http.h"
#include "spool.h"

struct delivery {
    const struct report *report;
    struct http *http;
    struct spool *spool; /* NULL = there is none */
    double patience_s;   /* for one call of deliver(), all tries and waits together */
    double not_before;   /* pause_now() before which the server asked not to be tried; 0 = it did not */
    int away;            /* it was said that the server does not answer */
    int64_t sent, sent_bytes, refused, lost;
    char why[HTTP_WHY]; /* of the last one that was not taken */
};

enum delivered {
    DELIVERED,        /* or refused, or lost for good: that is counted, and said */
    DELIVERED_LATER,  /* it waits in the spool */
    DELIVERED_NOTHING /* the server is away, and there is no spool */
};

/* Sends what waits in the spool, then this parcel. */
enum delivered deliver(struct delivery *delivery, const struct parcel *parcel);

/* Dropped from the spool, or too large for it. */
int64_t deliver_dropped(const struct delivery *delivery);

#endif
