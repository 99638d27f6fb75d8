/* repeats.c - see repeats.h. */
#include "repeats.h"

double repeats_share(const struct repeats *repeats)
{
    double all = repeats->all > repeats->blocks ? repeats->all : repeats->blocks, share;

    if (!(repeats->bytes > 0) || !(repeats->blocks > 0))
        return 0;
    share = 1 - (repeats->alone_bytes + repeats->contents_bytes * repeats->blocks / all) / repeats->bytes;
    return share > 0 && share <= 1 ? share : 0;
}

/* One more of each kind, so that it is not 0 where all or none are alone. */
double repeats_variance(const struct repeats *repeats)
{
    double alone = (repeats->alone + 1) / (repeats->blocks + 2);

    return repeats->blocks > 0 && alone > 0 && alone < 1 ? alone * (1 - alone) / repeats->blocks : 1;
}
