/* text.h - names come from programs and from strangers' files: nothing in them may control a terminal. */
#ifndef LIBTRACE_QUERY_TEXT_H
#define LIBTRACE_QUERY_TEXT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Decodes the character at *text and moves on. Each byte that is not UTF-8 gives U+FFFD. */
uint32_t text_next(const char **text);

/* True for what must not reach a terminal, or a reader unnoticed: control characters (C1 as well), line
 * separators, and characters that change the direction of writing. */
int text_is_harmful(uint32_t character);

/* A malloc'ed copy with harmful characters as \n, \t, ^[, \u202e. */
char *text_harmless(const char *text);

/* Columns that a harmless text takes on a terminal. */
size_t text_width(const char *text);

/* Cuts a malloc'ed harmless text to so many columns, with an ellipsis at its end, or at its beginning (for
 * paths, whose end says more). Returns text. */
char *text_cut(char *text, size_t columns, int at_beginning);

/* Writes a harmless text and a newline, broken at spaces into lines of so many columns (0 = one line); all
 * lines but the first are indented. */
void text_wrap(FILE *out, const char *text, size_t columns, size_t indent);

/* Malloc'ed texts. */
char *text_format(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));
char *text_make(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The part after the last '/'. */
const char *text_basename(const char *path);

#endif
