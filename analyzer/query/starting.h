/* starting.h - collectors that are at work and have not written yet that there is a run. */
#ifndef LIBTRACE_STARTING_H
#define LIBTRACE_STARTING_H

/* Waits, for some seconds at most, until each collector that writes to this database has its run in it: a report that
 * comes right after a program's end is about that one, however short it lived. */
void starting_wait(const char *database);

#endif
