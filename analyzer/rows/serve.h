/* serve.h - trace-collector --store: the process that writes the database of another user's program. */
#ifndef LIBTRACE_SERVE_H
#define LIBTRACE_SERVE_H

/* The command, see collector.h; its exit status. */
int serve_main(int argc, char **argv);

#endif
