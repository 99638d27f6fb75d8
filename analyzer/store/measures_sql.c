/* measures_sql.c - writes out lists in SQL: "{measures: sum(s.#) AS #}" becomes one expression for each
 * measure. */
#include "store_private.h"

#include <string.h>

static const char *name_of_any(unsigned i)
{
    return i < MEASURES ? measures[i].name : NULL;
}

static const char *name_of_run(unsigned i)
{
    return i < MEASURES && measures[i].sites_only ? "" : name_of_any(i);
}

static const char *name_of_sampled(unsigned i)
{
    return i < MEASURES && !measure_sampled(i) ? "" : name_of_any(i);
}

static const char *name_of_whole(unsigned i)
{
    return i < MEASURES && measure_sampled(i) ? "" : name_of_any(i);
}

static const char *name_of_estimated(unsigned i)
{
    return i < MEASURES && !measure_estimated(i) ? "" : name_of_any(i);
}

static const char *name_of_key(unsigned i)
{
    return i < SITE_KEY_MEMBERS ? site_key_names[i] : NULL;
}

/* name(i) is the i-th name; "" = not in this list, NULL = no more. */
static const struct list {
    const char *begin;
    const char *(*name)(unsigned i);
} lists[] = {
    {"{measures: ", name_of_any}, {"{totals: ", name_of_run}, {"{sampled: ", name_of_sampled},
    {"{whole: ", name_of_whole},  {"{key: ", name_of_key},    {"{estimated: ", name_of_estimated},
};
#define LISTS (sizeof lists / sizeof lists[0])

static const struct list *list_at(const char *sql)
{
    for (size_t i = 0; *sql == '{' && i < LISTS; i++)
        if (strncmp(sql, lists[i].begin, strlen(lists[i].begin)) == 0)
            return &lists[i];
    return NULL;
}

/* Writes the text, with the name for each '#' and the aggregate function for each "add". */
static void write_one(sqlite3_str *out, const char *text, size_t length, const char *name, const char *add)
{
    for (size_t i = 0, plain = 0; i < length; i += plain) {
        if (text[i] == '#') {
            sqlite3_str_appendall(out, name);
            plain = 1;
            continue;
        }
        if (strncmp(text + i, "add(", 4) == 0) {
            sqlite3_str_appendall(out, add);
            i += 3;
        }
        for (plain = 1; i + plain < length && text[i + plain] != '#' && text[i + plain] != 'a';)
            plain++;
        sqlite3_str_append(out, text + i, (int)plain);
    }
}

static void write_list(sqlite3_str *out, const struct list *list, const char *text, size_t length)
{
    const char *name, *separator = "";

    for (unsigned i = 0; (name = list->name(i)) != NULL; i++) {
        if (*name == '\0')
            continue;
        sqlite3_str_appendall(out, separator);
        write_one(out, text, length, name, list->name != name_of_key && measures[i].is_least ? "max" : "sum");
        separator = ", ";
    }
}

char *measures_sql(const char *sql)
{
    sqlite3_str *out = sqlite3_str_new(NULL);

    while (*sql != '\0') {
        const struct list *list = list_at(sql);

        if (list == NULL) {
            size_t plain = 1 + strcspn(sql + 1, "{");

            sqlite3_str_append(out, sql, (int)plain);
            sql += plain;
            continue;
        }
        const char *text = sql + strlen(list->begin);
        size_t length = strcspn(text, "}");

        write_list(out, list, text, length);
        sql = text + length + (text[length] == '}');
    }
    return sqlite3_str_finish(out);
}

int store_prepare(sqlite3 *db, const char *sql, unsigned flags, sqlite3_stmt **statement)
{
    char *whole = measures_sql(sql);
    int result = whole != NULL ? sqlite3_prepare_v3(db, whole, -1, flags, statement, NULL) : SQLITE_NOMEM;

    sqlite3_free(whole);
    return result;
}
