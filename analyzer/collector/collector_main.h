/* collector_main.h - the collector, shared by trace-collector and trace-parser. */
#ifndef LIBTRACE_COLLECTOR_MAIN_H
#define LIBTRACE_COLLECTOR_MAIN_H

/* The command, see collector.h; returns its exit status. */
int collector_main(int argc, char **argv);

#endif
