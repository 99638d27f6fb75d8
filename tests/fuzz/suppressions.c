/* suppressions.c - a fuzz target: suppression files of leaks and of advise, and comments in source that do the same. */
#include "advice_rules.h"
#include "folder.h"
#include "input.h"
#include "reports.h"
#include "suppressed.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int made;
    char path[FOLDER_PATH];
    char *line = malloc(size + 1);

    if (!made++)
        reports_database();
    if (!line)
        abort();
    folder_write("known", data, size);
    folder_path("known", path);
    reports_call((const char *const[]){"leaks", "--suppressions", path, NULL});
    reports_call((const char *const[]){"advise", "--suppressions", path, "--all", NULL});
    memcpy(line, data, size);
    line[size] = '\0';
    for (const struct rule *rule = rules; rule->id != NULL; rule++)
        (void)ignored_in_line(line, rule);
    free(line);
    return 0;
}
