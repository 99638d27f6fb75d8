/* collector_main.h - the collector as trace-collector and trace-parser have it. */
#ifndef LIBTRACE_COLLECTOR_MAIN_H
#define LIBTRACE_COLLECTOR_MAIN_H

/* The command, see collector.h; its exit status. */
int collector_main(int argc, char **argv);

#endif
