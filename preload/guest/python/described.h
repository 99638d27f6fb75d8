/* described.h - forgets which Python code was described to the collector. */
#ifndef LIBTRACE_PYTHON_DESCRIBED_H
#define LIBTRACE_PYTHON_DESCRIBED_H

/* In a forked child, and when a program that was attached to begins anew: nothing is. And no other thread is at
 * the interpreter's allocators. */
void python_describe_again(void);

#endif
