/* inject.h - makes function calls on a thread of a running program, by ptrace.
 *
 * One thread is stopped, and the others run: so any lock that a call waits for will be released. The thread
 * itself must hold none of the locks that the calls take (search.h). The calls have a stack of their own.
 *
 * We may be killed at any moment: then the thread finishes its call, and continues where it was.
 */
#ifndef LIBTRACE_INJECT_H
#define LIBTRACE_INJECT_H

#include "target.h"

struct injection;

/* Stops a thread at a safe point. Returns NULL, or why that was not possible; call inject_end() only after
 * NULL. */
const char *inject_begin(struct injection **injection, struct target *target);

/* Calls a function of the C library, function(a, b). False if it did not return: the program died in it,
 * or it hung. *result is 0 if the C library has no code that could store it. */
bool inject_call(struct injection *injection, uintptr_t function, uint64_t a, uint64_t b, uint64_t *result);

/* Calls a function of libtrace.so with the address of its struct attach_call, and waits for its answer. The
 * thread then runs, waiting for inject_reply(), which lets it finish. This must be the last call of an
 * injection. */
bool inject_ask(struct injection *injection, uintptr_t function, uintptr_t call);
bool inject_reply(struct injection *injection, bool taken);

/* Address of INJECT_ROOM bytes for what is passed by address; valid until inject_end(). */
#define INJECT_ROOM 16384
uintptr_t inject_room(const struct injection *injection);

bool inject_write(const struct injection *injection, uintptr_t to, const void *from, size_t size);
bool inject_read(const struct injection *injection, uintptr_t from, void *to, size_t size);
bool inject_read_text(const struct injection *injection, uintptr_t from, char *to, size_t size);

/* Lets the thread continue where it was, in the state that it had. Returns how long it was stopped, in
 * nanoseconds. */
uint64_t inject_end(struct injection *injection);

#endif
