/* sentences.h - a few sentences for people, put together one after the other. */
#ifndef LIBTRACE_QUERY_SENTENCES_H
#define LIBTRACE_QUERY_SENTENCES_H

#define SENTENCES_MOST 16

struct sentences {
    char *text[SENTENCES_MOST]; /* malloc'ed */
    int count;
};

/* What finds no room, or no memory, is left out: it is said beside the result, not instead of it. */
void sentences_add(struct sentences *sentences, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sentences_free(struct sentences *sentences);

#endif
