/* thinning_law.c - see thinning.h. */
#include "thinning.h"

#define SECOND 1000000000ll
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

/* Each divides the next. */
static const int64_t grains[] = {10 * SECOND, MINUTE,    10 * MINUTE, HOUR,
                                 6 * HOUR,    24 * HOUR, 240 * HOUR,  7200 * HOUR};
#define GRAINS (int)(sizeof grains / sizeof grains[0])
_Static_assert(GRAINS <= THINNING_SPANS, "a span for each grain");

#define WHOLE_NS (10 * MINUTE) /* the age up to which all is kept, */
#define FINE_NS HOUR           /* and up to which ten seconds are told apart */
#define PER_AGE 60

/* The least age that has this grain, without force. */
static int64_t least_age(int grain, int64_t keep_ns)
{
    if (grain == 0)
        return keep_ns < WHOLE_NS ? keep_ns : WHOLE_NS;
    if (grain == 1)
        return FINE_NS;
    int64_t age = PER_AGE * grains[grain];

    return age > keep_ns ? age : keep_ns;
}

int thinning_spans(struct thinning_span spans[THINNING_SPANS], int64_t now_ns, int64_t keep_ns, int force)
{
    int count = 0;
    int64_t from_ns = 0;

    for (int i = GRAINS - 1; i >= 0; i--) {
        int64_t to_ns = now_ns - (least_age(i, keep_ns) >> force);

        /* Only whole grains, so that what was merged is not merged again and again; until all has to go. */
        if (to_ns > 0 && force < THINNING_FORCE_MOST)
            to_ns -= to_ns % grains[i];
        if (to_ns > from_ns) {
            spans[count++] = (struct thinning_span){from_ns, to_ns, grains[i], i};
            from_ns = to_ns;
        }
    }
    return count;
}
