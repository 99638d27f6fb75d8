/* signal_wait.h - waits that signals end, those included that came just before. */
#ifndef LIBTRACE_QUERY_SIGNAL_WAIT_H
#define LIBTRACE_QUERY_SIGNAL_WAIT_H

#include <stddef.h>

/* Waits so many seconds, or until one of the signals comes, which must have handlers. over: asked while they are held
 * back, true if one came already. Of a process with one thread. */
void signal_wait(const int *signals, size_t count, int (*over)(void), double seconds);

#endif
