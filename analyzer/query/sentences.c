/* sentences.c - see sentences.h. */
#define _GNU_SOURCE
#include "sentences.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void sentences_add(struct sentences *sentences, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;

    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    if (text != NULL && sentences->count < SENTENCES_MOST)
        sentences->text[sentences->count++] = text;
    else
        free(text);
}

void sentences_free(struct sentences *sentences)
{
    for (int i = 0; i < sentences->count; i++)
        free(sentences->text[i]);
    sentences->count = 0;
}
