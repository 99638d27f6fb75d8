/* rest.c - see rest.h. */
#include "rest.h"

uint64_t rest_due(struct rest *rest, int is_inflated, uint64_t now_ns)
{
    if (!rest->quiet_ns)
        rest->quiet_ns = is_inflated ? REST_QUIET_INFLATED_NS : REST_QUIET_NS;
    if (rest->is_used)
        rest->used_ns = now_ns;
    rest->is_used = 0;
    return rest->used_ns + rest->quiet_ns;
}

void rest_disturbed(struct rest *rest)
{
    rest->quiet_ns = rest->quiet_ns < REST_QUIET_MOST_NS / 2 ? 2 * rest->quiet_ns : REST_QUIET_MOST_NS;
}
