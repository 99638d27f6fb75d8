/* reports.h - subcommands of trace-report, called in this process as often as one likes, on a database with two runs. */
#ifndef LIBTRACE_FUZZ_REPORTS_H
#define LIBTRACE_FUZZ_REPORTS_H

#include "commands.h"

/* Writes that database as trace.db into the folder (folder.h), which is emptied. */
void reports_database(void);

/* Calls a subcommand; words: its name, and arguments up to NULL. Returns its exit status, which is one of trace-report's.
 * Options have their defaults again afterwards. */
int reports_call(const char *const *words);

/* The same, with its standard output in a file of the folder. */
int reports_call_into(const char *file, const char *const *words);

#endif
