/* rows_run.h - a small run with every kind of row in it, for whoever implements store.h. */
#ifndef ROWS_RUN_H
#define ROWS_RUN_H

#define ROWS_RUN_SITES 300 /* more than one buffer of the sender */

/* Records it at path, as of that folder. 0, or the first error, and the store's sentence for it on stderr. */
int rows_run_record(const char *path, const char *root);

#endif
