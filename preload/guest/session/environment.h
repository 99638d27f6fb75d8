/* environment.h - LIBTRACE_SESSION in the environment of the program's children: what leads them to the run. */
#ifndef LIBTRACE_ENVIRONMENT_H
#define LIBTRACE_ENVIRONMENT_H

#include "guest.h"
#include "wire.h"

#include <stdbool.h>

/* Its value: the run's name, see join.h. */
extern HIDDEN char environment_session[WIRE_SESSION_SIZE];

/* In place of its first character: there is a run, but none to join. */
#define ENVIRONMENT_CONFINED '-'

/* Gives the program an environment with the variable. */
void environment_export(void);

/* The program is about to be confined, see confine.h; or was not after all. What it executes then joins no run. */
void environment_confine(bool confined);

#endif
