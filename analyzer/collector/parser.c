/* parser.c - trace-parser: the collector without a database and without rights, for another user's program.
 * What it reads may have been made to take it over; then whoever did that has got nothing. */
#include "collector_main.h"

#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    /* Whoever starts it has seen to that. */
    if (geteuid() == 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) {
        fprintf(stderr, "trace-parser is started by trace-attach, not by hand\n");
        return 2;
    }
    /* What the program executes opens the shared memory through /proc/PID/fd, as the same user. */
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    return collector_main(argc, argv);
}
