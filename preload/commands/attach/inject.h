/* inject.h - borrows a thread of a running program for a few function calls, by ptrace.
 *
 * One thread is stopped, the others run on: so whatever lock a call waits for will be let go. The thread
 * itself must hold none of the locks that the calls take (search.h). The calls have a stack of their own.
 *
 * We may be killed at any moment: then the thread ends the call that it is in, and goes on where it was.
 */
#ifndef LIBTRACE_INJECT_H
#define LIBTRACE_INJECT_H

#include "target.h"

struct injection;

/* Stops a thread at a safe point. NULL, or why that was not possible; inject_end() only after NULL. */
const char *inject_begin(struct injection **injection, struct target *target);

/* Calls a function of the C library, function(a, b), on it. False if it did not come back: the program died
 * in it, or it hung. *result is 0 if the library has no code that could keep it. */
bool inject_call(struct injection *injection, uintptr_t function, uint64_t a, uint64_t b, uint64_t *result);

/* Calls a function of libtrace.so with the address of its struct attach_call, and waits for its answer. The
 * thread runs then, and waits for inject_reply(), which lets it finish. It is the last call of an injection.
 */
bool inject_ask(struct injection *injection, uintptr_t function, uintptr_t call);
bool inject_reply(struct injection *injection, bool taken);

/* Room for what is passed by address: INJECT_ROOM bytes, for as long as the injection lasts. */
#define INJECT_ROOM 16384
uintptr_t inject_room(const struct injection *injection);

bool inject_write(const struct injection *injection, uintptr_t to, const void *from, size_t size);
bool inject_read(const struct injection *injection, uintptr_t from, void *to, size_t size);
bool inject_read_text(const struct injection *injection, uintptr_t from, char *to, size_t size);

/* Lets the thread go on where it was, as it was. How long it was stopped, in nanoseconds. */
uint64_t inject_end(struct injection *injection);

#endif
