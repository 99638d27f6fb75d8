/* stop.h - how tracing ends before the program does. The program goes on. */
#ifndef LIBTRACE_STOP_H
#define LIBTRACE_STOP_H

#include "guest.h"
#include "wire.h"

#include <stdbool.h>

/* Ends tracing in this process for good and says why, once a run. */
void stop_process(const char *why, const char *detail);

/* The same for the whole run: what the process executes later is not traced either, and does not say so again. */
void stop_run(const char *why, const char *detail);

/* The same, as there is no collector any more. */
void stop_without_collector(void);

/* As they say it, but nothing ends. */
void stop_say(const char *what, const char *detail);

/* Set where the run that this process belongs to is over, or failed: whoever began it has said so. */
extern HIDDEN bool stop_said;

/* stop_run() was called. */
extern HIDDEN bool stop_was_for_run;

/* From now on the process's record says itself that it is whole; or that it is not. */
void stop_record(enum wire_record how);

#endif
