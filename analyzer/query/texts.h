/* texts.h - numbers texts, each once: string tables of pprof files and of the HTML page. */
#ifndef LIBTRACE_QUERY_TEXTS_H
#define LIBTRACE_QUERY_TEXTS_H

#include <stddef.h>
#include <stdint.h>

struct texts {
    char **text; /* in order of their numbers */
    size_t count;
    void *numbers; /* a tree of texts and their numbers */
};

/* The number of a text, from 0 on; a new text is copied. */
uint32_t texts_number(struct texts *texts, const char *text);
void texts_free(struct texts *texts);

#endif
