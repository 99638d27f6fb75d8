/* identity.h - how a process describes itself: its program, its command line, the run's label. */
#ifndef LIBTRACE_IDENTITY_H
#define LIBTRACE_IDENTITY_H

/* Writes that note. */
void identity_note(void);

/* Sets the run's label, which takes precedence over LIBTRACE_LABEL and the program's name; empty = none.
 * It is copied. */
void identity_label(const char *label);

#endif
