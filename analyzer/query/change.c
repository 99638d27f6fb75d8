/* change.c - opens databases for writing, and commits a change as a whole or not at all. */
#include "change.h"

#include <sqlite3.h>

int change_check(const struct report *report, const struct store *store, int code)
{
    return code == 0 ? EXIT_FINE : report_error(report, EXIT_FAILED, "%s", store_error(store));
}

int change_begin(const struct report *report, const char *path, struct store **store)
{
    int code = store_open(path, store);

    if (code == 0)
        code = store_begin(*store);
    return change_check(report, *store, code);
}

static int finish(const struct report *report, struct store *store)
{
    int status = change_check(report, store, store_finish(store));

    store_close(store);
    return status;
}

int change_end(const struct report *report, struct store *store, int status, int vacuum)
{
    if (store == NULL)
        return status;
    if (status == EXIT_FINE)
        status = change_check(report, store, store_commit(store));
    if (status == EXIT_FINE && vacuum)
        status = change_check(report, store, store_vacuum(store));
    if (status == EXIT_FINE)
        return finish(report, store);
    /* Undo what was not committed, and leave the file as portable as it was. */
    if (store_handle(store) != NULL &&
        sqlite3_exec(store_handle(store), "ROLLBACK", NULL, NULL, NULL) == SQLITE_OK)
        store_finish(store);
    store_close(store);
    return status;
}
