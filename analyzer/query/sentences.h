/* sentences.h - a short list of sentences for the user. */
#ifndef LIBTRACE_QUERY_SENTENCES_H
#define LIBTRACE_QUERY_SENTENCES_H

#define SENTENCES_MOST 16

struct sentences {
    char *text[SENTENCES_MOST]; /* malloc'ed */
    int count;
};

/* Without room the sentence is left out: the result it comes with is more important. */
void sentences_add(struct sentences *sentences, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sentences_free(struct sentences *sentences);

#endif
