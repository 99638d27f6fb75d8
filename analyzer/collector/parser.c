/* parser.c - trace-parser: the collector without a database and without privileges, for another user's
 * program. What it reads may be crafted to take it over; then the attacker has gained nothing. */
#include "collector_main.h"

#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    /* trace-attach, which starts it, has ensured this. */
    if (geteuid() == 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) {
        fprintf(stderr, "trace-parser is started by trace-attach, not by hand\n");
        return 2;
    }
    /* So that the traced program, which runs as the same user, cannot open our shared memory or
     * descriptors through /proc/PID/fd. */
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    return collector_main(argc, argv);
}
