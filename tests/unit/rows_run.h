/* rows_run.h - a small run with every kind of row, to be recorded through any implementation of store.h. */
#ifndef ROWS_RUN_H
#define ROWS_RUN_H

#define ROWS_RUN_SITES 300 /* more than one buffer of the sender */

/* Records the run at path, with root as the run's folder. Returns 0, or the first error after printing the
 * store's message. */
int rows_run_record(const char *path, const char *root);

#endif
