/* formats.h - whether a text is what its format wants. Each returns 1, or 0 after saying what is wrong. */
#ifndef LIBTRACE_FUZZ_FORMATS_H
#define LIBTRACE_FUZZ_FORMATS_H

#include <stddef.h>

int formats_json(const char *text, size_t size); /* UTF-8, one value */
int formats_page(const char *text,
                 size_t size); /* the built page, with JSON in it that cannot end the script */
int formats_csv(const char *text, size_t size); /* RFC 4180: as many fields in each record as in the first */
int formats_folded(const char *text, size_t size); /* lines of names, a space, a number */
int formats_pprof(const char *text,
                  size_t size); /* gzip, a message of perftools.profiles.Profile, texts in UTF-8 */
int formats_text(const char *text,
                 size_t size); /* for a terminal: UTF-8 without control characters but newlines */

#endif
