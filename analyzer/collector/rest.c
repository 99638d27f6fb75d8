/* rest.c - see rest.h. */
#include "rest.h"

#include <malloc.h>

uint64_t rest_look(struct rest *rest, struct symbols *symbols, uint64_t now_ns)
{
    uint64_t asked = symbols_asked(symbols);
    if (!rest->quiet_ns)
        rest->quiet_ns = REST_QUIET_NS;
    if (asked != rest->asked) {
        if (rest->resting && rest->quiet_ns < REST_QUIET_MOST)
            rest->quiet_ns *= 2;
        rest->resting = false;
        rest->asked = asked;
        rest->used_ns = now_ns;
    }
    if (asked == 0 || rest->resting)
        return 0;
    if (now_ns - rest->used_ns < rest->quiet_ns)
        return rest->used_ns + rest->quiet_ns;
    symbols_rest(symbols);
    malloc_trim(0);
    rest->resting = true;
    return 0;
}
