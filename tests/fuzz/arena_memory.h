/* arena_memory.h - shared memory as a traced program has it, for the targets that write anything into it. */
#ifndef LIBTRACE_FUZZ_ARENA_MEMORY_H
#define LIBTRACE_FUZZ_ARENA_MEMORY_H

#include "arena_reader.h"

#define ARENA_CHUNKS (WIRE_FIRST_CHUNK + 64)
#define ARENA_SIZE (ARENA_CHUNKS * WIRE_CHUNK_SIZE)
#define ARENA_SLOTS 3
#define ARENA_RINGS 3

/* Where in it the frames, nodes and notes of a process are, and the words of a ring: chunks behind the first. */
enum { CHUNK_FRAMES = 0, CHUNK_NODES = 4, CHUNK_NOTES = 8, CHUNK_WORDS = 16, CHUNKS_A_RING = 8 };

extern struct wire_arena *arena_memory; /* NULL before the first call */

/* Makes it anew: three processes, which are this one, and three rings. The caller frees the result. */
struct arena *arena_memory_new(void);

/* The words of a chunk, counted from the first. */
uint64_t *arena_memory_chunk(unsigned chunk);

#endif
