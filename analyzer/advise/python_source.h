/* python_source.h - what Python source says of a line: is its list bound to a name that is walked once, and never used
 * again? Does it make something longer of what it had? And of a class: can it do with __slots__?
 *
 * No parser: lines, indentation, brackets and names. Whatever it does not understand, it does not claim.
 */
#ifndef LIBTRACE_ADVISE_PYTHON_SOURCE_H
#define LIBTRACE_ADVISE_PYTHON_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct python_walk {
    char name[64]; /* that the list is bound to */
    int64_t line;  /* of the loop, or the call, that walks it */
};

/* True if the line is `name = [... for ...]` or `name = list(...)`, and within its function (for a module: in all of the
 * file) the name is used once more, right after it in the same block or later: in `for x in name:`, of which nothing but
 * parts of x is used and nothing is kept, or in sum(), any() or all(). */
bool python_walked_once(const char *text, size_t size, int64_t line, struct python_walk *walk);

/* True if the line is `x += ...`, or `x = ...` with x on the right side, too. */
bool python_extends(const char *text, size_t size, int64_t line);

/* True if the text has that class, and something in it needs the dict of instances, or may set attributes whose names nobody
 * knows: cached_property or setattr() in the class or one of this text that it inherits from, __dict__ or vars() anywhere. */
bool python_needs_dict(const char *text, size_t size, const char *name);

#endif
