/* mapped_pages.h - how much a test has mapped. After cmocka.h. */
#ifndef LIBTRACE_TESTS_MAPPED_PAGES_H
#define LIBTRACE_TESTS_MAPPED_PAGES_H

#include <stdio.h>
#include <stdlib.h>

/* Of the whole process. */
static size_t mapped_pages(void)
{
    char text[32] = "";
    FILE *statm = fopen("/proc/self/statm", "re");
    assert_non_null(statm);
    assert_non_null(fgets(text, sizeof text, statm));
    fclose(statm);
    return strtoul(text, NULL, 10);
}

#endif
