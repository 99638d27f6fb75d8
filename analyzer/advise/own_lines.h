/* own_lines.h - which lines are the program's own: whoever asks for advice can change those, and no library's. */
#ifndef LIBTRACE_ADVISE_OWN_LINES_H
#define LIBTRACE_ADVISE_OWN_LINES_H

#include "profile.h"

/* For each place of the profile; malloc'ed. */
unsigned char *own_lines(const struct profile *profile);

#endif
