/* starting.h - collectors that are running, but have not added their run to the database yet. */
#ifndef LIBTRACE_STARTING_H
#define LIBTRACE_STARTING_H

/* Waits, for half a minute at most, until each collector that writes to this database has added its run: a
 * report right after a program's end is about that run, however short it was. */
void starting_wait(const char *database);

#endif
