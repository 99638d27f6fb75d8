/* exit_facts.h - how a process has ended, and how much processor time it has used: what the system says of it. */
#ifndef LIBTRACE_EXIT_FACTS_H
#define LIBTRACE_EXIT_FACTS_H

#include "track.h"

/* Sets how a process that is gone has ended, if that can be known; death: what it said itself. */
void exit_facts_status(struct tracked_process *process, const struct arena_death *death);

/* Reads the CPU time that the process has used so far. False if it is not available any more. */
bool exit_facts_cpu_so_far(const struct tracked_process *process, uint64_t *cpu_ns);

/* Sets the CPU time of a process that was killed, and so could not report it: possible until somebody has waited for it. */
void exit_facts_cpu(struct tracked_process *process);

#endif
