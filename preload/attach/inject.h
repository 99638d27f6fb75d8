/* inject.h - borrows a thread of a running program for a few function calls, by ptrace.
 *
 * One thread is stopped, the others run on: so whatever lock a call waits for will be let go. The thread
 * itself must hold none of the locks that the calls take, which its stack tells (stacks.h); where it does, it
 * runs on for a moment, or another thread is taken. The calls have a stack of their own.
 */
#ifndef LIBTRACE_INJECT_H
#define LIBTRACE_INJECT_H

#include "target.h"

struct injection;

/* Stops a thread at a safe point. NULL, or why that was not possible; inject_end() only after NULL. */
const char *inject_begin(struct injection **injection, struct target *target);

/* Calls function(a, b, c) on it. False if it did not come back: the program died in it, or it hung. */
bool inject_call(struct injection *injection, uintptr_t function, uint64_t a, uint64_t b, uint64_t c,
                 uint64_t *result);

/* Room for what is passed by address: INJECT_ROOM bytes, for as long as the injection lasts. */
#define INJECT_ROOM 16384
uintptr_t inject_room(const struct injection *injection);

bool inject_write(const struct injection *injection, uintptr_t to, const void *from, size_t size);
bool inject_read(const struct injection *injection, uintptr_t from, void *to, size_t size);
bool inject_read_text(const struct injection *injection, uintptr_t from, char *to, size_t size);

/* Lets the thread go on where it was, as it was. How long it was stopped, in nanoseconds. */
uint64_t inject_end(struct injection *injection);

#endif
