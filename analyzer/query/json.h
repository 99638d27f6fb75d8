/* json.h - a small JSON writer. Keys are NULL inside arrays. Texts may hold anything: bad UTF-8 becomes
 * U+FFFD, and whatever could control a terminal is escaped. */
#ifndef LIBTRACE_QUERY_JSON_H
#define LIBTRACE_QUERY_JSON_H

#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH 32

struct json {
    FILE *out;
    size_t longest;             /* longer texts are cut to so many bytes; 0 = no limit */
    int depth;                  /* open objects and arrays */
    char close[JSON_DEPTH];     /* the closing bracket of each */
    int filled[JSON_DEPTH + 1]; /* it has a member already */
};

void json_begin(struct json *json, FILE *out, const char *schema); /* opens the outer object */
void json_end(struct json *json); /* closes what is open, and ends the line */

void json_object(struct json *json, const char *key);
void json_array(struct json *json, const char *key);
void json_close(struct json *json); /* closes the innermost object or array */

void json_text(struct json *json, const char *key, const char *value); /* NULL = null */
void json_number(struct json *json, const char *key, int64_t value);
void json_numbers(struct json *json, const char *key, const int64_t *values, size_t count); /* on one line */
void json_real(struct json *json, const char *key, double value); /* not finite: null */
void json_true(struct json *json, const char *key, int value);
void json_null(struct json *json, const char *key);

#endif
