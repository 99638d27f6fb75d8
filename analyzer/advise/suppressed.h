/* suppressed.h - findings that somebody has seen and accepts.
 *
 *   in a file        rule:PATTERN              PATTERN is a glob of file, file:line or function; * is any rule
 *   in the source    // libtrace: ignore       and names of rules, else all; in the line itself, as # or as a C comment, too
 *
 * The file is what --suppressions names, else .libtrace-suppressions in the working directory, if it is there: nothing in
 * a database says where it is. Source is looked at where it may be shown (source_file.h).
 */
#ifndef LIBTRACE_ADVISE_SUPPRESSED_H
#define LIBTRACE_ADVISE_SUPPRESSED_H

#include "profile.h"

#include <stdbool.h>

struct rule;

/* Option of all who show findings. */
extern const char *suppressed_file; /* value of --suppressions; NULL = not given */
#define SUPPRESSED_DEFAULT ".libtrace-suppressions"
#define SUPPRESSED_OPTION                                                                                  \
    {                                                                                                      \
        "suppressions", OPTION_TEXT, &suppressed_file, "FILE",                                             \
            "leave out findings that are known: rule:PATTERN (default: " SUPPRESSED_DEFAULT " here)", NULL \
    }

struct suppressed_line {
    const struct rule *rule; /* NULL = any */
    char *pattern;
};

struct suppressed {
    const char *file; /* NULL = there is none */
    struct suppressed_line *lines;
    size_t count;
};

/* Reads the file, if there is one. On failure says why, and in which line; call suppressed_free() in any case. */
int suppressed_read(const struct report *report, struct suppressed *suppressed);
void suppressed_free(struct suppressed *suppressed);

bool suppressed_matches(const struct suppressed *suppressed, const struct rule *rule,
                        const struct profile_place *place);

/* What a line of source says of a rule's findings in it. */
enum ignored { IGNORED_NOT, IGNORED, IGNORED_WHAT /* it names a rule that there is none of */ };
enum ignored ignored_in_line(const char *line, const struct rule *rule);

#endif
