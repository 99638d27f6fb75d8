/* text.h - names come from programs and files of strangers: nothing in them may steer a terminal. */
#ifndef LIBTRACE_QUERY_TEXT_H
#define LIBTRACE_QUERY_TEXT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Decodes the character at *text and moves on. Bytes that are no UTF-8 give U+FFFD one by one. */
uint32_t text_next(const char **text);

/* True for what must not reach a terminal, or a reader's eye unnoticed: control characters, C1 too, line
 * separators, and what turns the direction of writing. */
int text_is_harmful(uint32_t character);

/* A malloc'ed copy with harmful characters as \n, \t, ^[, \u202e. Never NULL but for lack of memory. */
char *text_harmless(const char *text);

/* Columns on a terminal of a harmless text. */
size_t text_width(const char *text);

/* Cuts a malloc'ed harmless text to so many columns, with an ellipsis at its end, or at its beginning (for
 * paths, whose end says more). Returns the text. */
char *text_cut(char *text, size_t columns, int at_beginning);

/* Writes a harmless text and a newline, broken at spaces to so many columns (0 = as it is); what goes on in
 * the next line is indented. */
void text_wrap(FILE *out, const char *text, size_t columns, size_t indent);

/* A malloc'ed text; NULL for lack of memory. */
char *text_format(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

/* The part after the last '/'. */
const char *text_basename(const char *path);

#endif
