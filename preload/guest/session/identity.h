/* identity.h - what a process tells of itself: its program, its command line, the run's label. */
#ifndef LIBTRACE_IDENTITY_H
#define LIBTRACE_IDENTITY_H

/* Writes that note. wanted_label: goes before LIBTRACE_LABEL and the program's name; empty = none. */
void identity_note(const char *wanted_label);

#endif
