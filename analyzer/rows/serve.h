/* serve.h - trace-collector --store: the process that writes the database of another user's program. */
#ifndef LIBTRACE_SERVE_H
#define LIBTRACE_SERVE_H

/* Runs the command (see collector.h); returns its exit status. */
int serve_main(int argc, char **argv);

#endif
