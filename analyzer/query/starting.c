/* starting.c - see starting.h.
 *
 * Collectors are found by their socket names (wire_door.h), as far as they are in this network namespace. Nearly
 * always there is none, and then nothing else is looked at.
 */
#define _GNU_SOURCE
#include "starting.h"
#include "store.h"
#include "wire_door.h"

#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Threads of other sessions can keep a collector from any processor for 25 s, see alive.c. */
#define PATIENCE_NS 30000000000
#define POLL_US 2000
#define RUNS_LOOKED_AT "256" /* the latest; so many collectors may be at work */

/* The first half of the doors' names, as /proc/net/unix has them; 0 if the directory is not there. */
static int doors_name(const char *database, char *name, size_t size)
{
    char folder[PATH_MAX];
    struct stat facts;
    const char *slash = strrchr(database, '/'), *file = slash != NULL ? slash + 1 : database;

    snprintf(folder, sizeof folder, "%.*s", slash != NULL ? (int)(file - database) : 1,
             slash != NULL ? database : ".");
    if (stat(folder, &facts) != 0)
        return 0;
    snprintf(name, size, "@" WIRE_DOOR_PREFIX "%08x", wire_door_place(facts.st_dev, facts.st_ino, file));
    return 1;
}

static int count_doors(const char *name)
{
    char line[512];
    int count = 0;
    FILE *table = fopen("/proc/net/unix", "re");

    while (table != NULL && fgets(line, sizeof line, table) != NULL) {
        const char *path = strrchr(line, ' ');
        count += path != NULL && strncmp(path + 1, name, strlen(name)) == 0;
    }
    if (table != NULL)
        fclose(table);
    return count;
}

/* Runs whose collectors are there. */
static int count_runs(const char *database)
{
    struct store *store;
    sqlite3_stmt *select = NULL;
    int count = 0;

    if (store_open_read(database, &store) == 0 &&
        sqlite3_prepare_v2(
            store_handle(store),
            "SELECT id, collector_pid, collector_start, pid_namespace, taken_ns FROM run ORDER BY id DESC "
            "LIMIT " RUNS_LOOKED_AT,
            -1, &select, NULL) == SQLITE_OK) {
        while (sqlite3_step(select) == SQLITE_ROW) {
            const struct store_collector collector = {
                sqlite3_column_int64(select, 0), sqlite3_column_int64(select, 1),
                sqlite3_column_int64(select, 2), sqlite3_column_int64(select, 3),
                sqlite3_column_int64(select, 4)};
            count += store_collector_state(store, &collector) != STORE_COLLECTOR_GONE;
        }
    }
    sqlite3_finalize(select);
    store_close(store);
    return count;
}

void starting_wait(const char *database)
{
    char name[64];
    int64_t end_ns = store_clock() + PATIENCE_NS;

    if (!doors_name(database, name, sizeof name))
        return;
    for (int doors;
         (doors = count_doors(name)) > 0 && doors > count_runs(database) && store_clock() < end_ns;)
        usleep(POLL_US);
}
