/* changed.h - the database of reports.h with values that no collector writes. */
#ifndef LIBTRACE_FUZZ_CHANGED_H
#define LIBTRACE_FUZZ_CHANGED_H

#include "input.h"

/* Opens trace.db of the folder for writing. */
struct sqlite3;
struct sqlite3 *changed_open(void);

/* Sets columns of rows, as the input says: each change is a table, a column, a row and a value of any kind. At most so
 * many; an empty change ends them. */
void changed_cells(struct sqlite3 *db, struct input *in, int most);

/* Sets all names in the database (of functions, files, modules, processes, marks ...) to texts from the input. */
void changed_names(struct sqlite3 *db, struct input *in);

#endif
