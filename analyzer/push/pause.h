/* pause.h - waits that a signal ends: after SIGINT or SIGTERM what is in hand is pushed, and that was all. */
#ifndef LIBTRACE_PUSH_PAUSE_H
#define LIBTRACE_PUSH_PAUSE_H

/* From now on these signals end waits; a second one ends the program. */
void pause_catch_signals(void);

/* True once one came. */
int pause_was_ended(void);

/* Waits, unless one came. */
void pause_for(double seconds);

double pause_now(void); /* seconds of a clock that is never set */

#endif
