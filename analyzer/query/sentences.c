/* sentences.c - see sentences.h. */
#define _GNU_SOURCE
#include "sentences.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void sentences_add(struct sentences *sentences, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    char *text = text_format(format, arguments);

    va_end(arguments);
    if (sentences->count < SENTENCES_MOST)
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
