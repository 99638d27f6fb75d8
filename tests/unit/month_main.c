/* month_main.c - a run of so many days, as fast as the machine can; scripts/test-month calls it.
 *
 *   month FILE DAYS STEP_SECONDS SITES KEEP MAX_SIZE      0 = without that limit
 */
#define _GNU_SOURCE
#include "month.h"
#include "quantity.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PARTS 10

static long resident_kib(void)
{
    long pages = 0, all = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    if (fscanf(file, "%ld %ld", &all, &pages) != 2)
        pages = 0;
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

int main(int argc, char **argv)
{
    static struct month month = {.mark_every = 8640, .threads_every = 1, .events_every = 1};
    if (argc != 7)
        return fprintf(stderr, "usage: month FILE DAYS STEP_SECONDS SITES KEEP MAX_SIZE\n"), 2;
    double days = atof(argv[2]);
    int64_t moments;
    month.step_ns = (int64_t)(atof(argv[3]) * 1e9);
    month.sites = atoi(argv[4]);
    month.bounds =
        (struct store_bounds){(int64_t)quantity_keep(argv[5]), (int64_t)quantity_max_size(argv[6])};
    int64_t steps = (int64_t)(days * 86400e9 / (double)month.step_ns);
    time_t begin = time(NULL);
    int code = month_begin(&month, argv[1]);
    for (int i = 0; i < PARTS && code == 0; i++) {
        code = month_go_on(&month, steps / PARTS);
        printf("%6.2f d: file at most %7.2f MiB, with its WAL; resident %6ld KiB; %ld s\n",
               (double)month.step * (double)month.step_ns / 86400e9, (double)month.most_bytes / 1048576,
               resident_kib(), (long)(time(NULL) - begin));
        fflush(stdout);
    }
    if (code < 0)
        printf("%s\n", store_error(month.store));
    if (month_end(&month) < 0 || code < 0)
        return 1;
    const char *wrong = month_wrong(&month, &moments);
    printf("%lld snapshots, %lld marks, %lld threads, %lld events; %lld moments are left: %s\n",
           (long long)month.step, (long long)month.marks, (long long)month.threads, (long long)month.events,
           (long long)moments, wrong ? wrong : "all that is left is right");
    return wrong != NULL;
}
