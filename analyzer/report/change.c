/* change.c - databases opened for writing: all of a change, or nothing. */
#include "change.h"

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

int change_end(const struct report *report, struct store *store, int status, int vacuum)
{
    if (store == NULL)
        return status;
    if (status == EXIT_FINE)
        status = change_check(report, store, store_commit(store));
    if (status == EXIT_FINE && vacuum)
        status = change_check(report, store, store_vacuum(store));
    if (status == EXIT_FINE)
        status = change_check(report, store, store_finish(store));
    store_close(store);
    return status;
}
