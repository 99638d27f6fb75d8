/* deliver.c - see deliver.h. */
#include "deliver.h"
#include "pause.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define FIRST_WAIT_S 0.5
#define LONGEST_WAIT_S 30.0

/* Many senders that lost the same server are not to come back at the same moment: a quarter more or less. */
static double spread(double seconds)
{
    uint32_t random = UINT32_MAX / 2;

    if (getrandom(&random, sizeof random, GRND_NONBLOCK) < 0)
        return seconds;
    return seconds * (0.75 + 0.5 * random / UINT32_MAX);
}

/* Tells once that the server is away, and once that it is back. */
static void say_away(struct delivery *d, const char *why)
{
    if (!d->away)
        report_error(d->report, EXIT_FINE, "%s does not take it now: %s", http_shown(d->http), why);
    d->away = 1;
}

static void say_back(struct delivery *d)
{
    if (d->away)
        report_error(d->report, EXIT_FINE, "%s takes it again", http_shown(d->http));
    d->away = 0;
}

/* Tries until the server has decided, or the time is over. */
static int try_until(struct delivery *d, const struct parcel *parcel, double end)
{
    struct http_answer answer;
    double wait = FIRST_WAIT_S;

    if (d->not_before > end)
        return HTTP_LATER;
    if (d->not_before > pause_now())
        pause_for(d->not_before - pause_now());
    for (;;) {
        http_post(d->http, parcel, fmax(end - pause_now(), 0.1), &answer);
        if (answer.result != HTTP_LATER)
            break;
        double pause = answer.retry_after_s > 0 ? answer.retry_after_s : spread(wait);

        memcpy(d->why, answer.why, sizeof d->why);
        d->not_before = answer.retry_after_s > 0 ? pause_now() + answer.retry_after_s : 0;
        say_away(d, answer.why);
        if (pause_now() + pause >= end || pause_was_ended())
            return HTTP_LATER;
        pause_for(pause);
        wait = fmin(wait * 2, LONGEST_WAIT_S);
    }
    d->not_before = 0;
    say_back(d);
    if (answer.result == HTTP_TAKEN) {
        d->sent++;
        d->sent_bytes += (int64_t)parcel->size;
        return HTTP_TAKEN;
    }
    d->refused++;
    memcpy(d->why, answer.why, sizeof d->why);
    report_error(d->report, EXIT_FAILED, "%s refuses it: %s", http_shown(d->http), answer.why);
    return HTTP_REFUSED;
}

/* Sends what waits, oldest first. False: the server is away. */
static int drain(struct delivery *d, double end)
{
    struct parcel parcel;

    while (d->spool != NULL && spool_first(d->spool, &parcel)) {
        int result = try_until(d, &parcel, end);

        free(parcel.query);
        free(parcel.body);
        if (result == HTTP_LATER)
            return 0;
        spool_remove(d->spool);
    }
    return 1;
}

enum delivered deliver(struct delivery *d, const struct parcel *parcel)
{
    double end = pause_now() + d->patience_s;

    if (drain(d, end) && try_until(d, parcel, end) != HTTP_LATER)
        return DELIVERED;
    if (d->spool == NULL)
        return DELIVERED_NOTHING;
    if (spool_add(d->spool, parcel))
        return DELIVERED_LATER;
    d->lost++;
    report_error(d->report, EXIT_FAILED,
                 "a push is lost: it is larger than the spool, or cannot be written there");
    return DELIVERED;
}

int64_t deliver_dropped(const struct delivery *d)
{
    return d->lost + spool_dropped(d->spool);
}
