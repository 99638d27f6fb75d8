/* view_forms.c - makes views, in a file and for a report. They are written in two forms: one for files with sampled runs,
 * and one for others, whose queries read no variances. What only one form has stands between SQL comments: the first
 * form's after "if sampled", the other's after "else", up to "end".
 */
#include "store_private.h"

#include <string.h>

static const char sampled_begin[] = "/*if sampled*/", sampled_else[] = "/*else*/", sampled_end[] = "/*end*/",
                  create[] = "CREATE VIEW ", careful[] = "IF NOT EXISTS ";

/* Appends text up to the marker, if keep is set; returns what comes behind the marker. */
static const char *part(sqlite3_str *out, const char *text, const char *marker, int keep)
{
    const char *end = strstr(text, marker);
    size_t length = end != NULL ? (size_t)(end - text) : strlen(text);

    if (keep)
        sqlite3_str_append(out, text, (int)length);
    return text + length + (end != NULL ? strlen(marker) : 0);
}

/* The statements in one form; NULL = out of memory. */
static char *form_of(const char *sql, int sampled)
{
    sqlite3_str *out = sqlite3_str_new(NULL);

    while (*sql != '\0') {
        int found = strstr(sql, sampled_begin) != NULL;

        sql = part(out, sql, sampled_begin, 1);
        if (!found)
            break;
        sql = part(out, sql, sampled_else, sampled);
        sql = part(out, sql, sampled_end, !sampled);
    }
    return sqlite3_str_finish(out);
}

/* Appends "DROP VIEW IF EXISTS name;" for each view of the statements. */
static void drop_all(sqlite3_str *out, const char *sql, const char *schema)
{
    while ((sql = strstr(sql, create)) != NULL) {
        sql += sizeof create - 1;
        if (strncmp(sql, careful, sizeof careful - 1) == 0)
            sql += sizeof careful - 1;
        sqlite3_str_appendf(out, "DROP VIEW IF EXISTS %s%.*s; ", schema, (int)strcspn(sql, " "), sql);
    }
}

/* Appends the statements, with other words for CREATE VIEW. */
static void create_all(sqlite3_str *out, const char *sql, const char *words)
{
    const char *next;

    for (; (next = strstr(sql, create)) != NULL; sql = next + sizeof create - 1) {
        sqlite3_str_append(out, sql, (int)(next - sql));
        sqlite3_str_appendall(out, words);
    }
    sqlite3_str_appendall(out, sql);
}

static int execute(struct store *store, sqlite3_str *out, const char *what)
{
    char *sql = sqlite3_str_finish(out);
    int code = sql != NULL ? store_execute(store, sql, what) : store_check(store, SQLITE_NOMEM, what);

    sqlite3_free(sql);
    return code;
}

int store_views_make(struct store *store, const char *sql, int sampled)
{
    char *form = form_of(sql, sampled);
    sqlite3_str *out = sqlite3_str_new(NULL);

    if (form != NULL) {
        drop_all(out, form, "");
        create_all(out, form, create);
    }
    int code = execute(store, out, "write");

    sqlite3_free(form);
    return code;
}

int store_views_show(struct store *store, const char *sql, int again)
{
    char *form = form_of(sql, store->sampled);
    sqlite3_str *out = sqlite3_str_new(NULL);

    if (form != NULL && again)
        drop_all(out, form, "temp.");
    if (form != NULL)
        create_all(out, form, "CREATE TEMP VIEW ");
    int code = execute(store, out, "read");

    sqlite3_free(form);
    return code;
}
