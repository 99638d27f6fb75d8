/* probes.c - see probes.h. */
#include "probes.h"

#define SEMAPHORE __attribute__((section(".probes"), used))
SEMAPHORE volatile unsigned short otel_memory_alloc_semaphore, otel_memory_free_semaphore;
