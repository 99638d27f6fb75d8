/* identity.h - what a process tells of itself: its program, its command line, the run's label. */
#ifndef LIBTRACE_IDENTITY_H
#define LIBTRACE_IDENTITY_H

/* Writes that note. */
void identity_note(void);

/* The label by which the run is to be known, before LIBTRACE_LABEL and the program's name; empty = none of its own. It is
 * copied. */
void identity_label(const char *label);

#endif
