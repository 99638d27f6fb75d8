/* many.h - the main() of trace-report by another name, for many.c. */
#ifndef LIBTRACE_TESTS_MANY_H
#define LIBTRACE_TESTS_MANY_H

int trace_report_main(int argc, char **argv);

#endif
