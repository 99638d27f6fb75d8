/* environment.h - LIBTRACE_SESSION in the environment of the program's children, by which they find the
 * run. */
#ifndef LIBTRACE_ENVIRONMENT_H
#define LIBTRACE_ENVIRONMENT_H

#include "guest.h"
#include "wire.h"

#include <stdbool.h>

/* Its value: the run's name, see join.h. */
extern HIDDEN char environment_session[WIRE_SESSION_SIZE];

/* Replaces its first character: there is a run, but it cannot be joined. */
#define ENVIRONMENT_CONFINED '-'

/* Gives the program an environment with the variable. */
void environment_export(void);

/* The program is about to be confined, see confine.h, or was not after all. Programs that a confined one
 * executes do not join a run. */
void environment_confine(bool confined);

#endif
