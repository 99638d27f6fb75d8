/* children.h - the children of a node of the trie that are not the node after it: node and frame -> child.
 *
 * For all threads, private to the process. A look-up never waits. Entries are never removed. The same stack
 * gets a second node only if there is no memory, or if the table grows while a thread is in the midst of adding
 * one that another thread looks for (tests/model/children.pml); the reader adds these up.
 *
 *    63                       25 24                0
 *   +---------------------------+-------------------+
 *   |  the hash's high 39 bits  |  child            |     8 to a cache line; 0 = empty
 *   +---------------------------+-------------------+
 */
#ifndef LIBTRACE_CHILDREN_H
#define LIBTRACE_CHILDREN_H

#include <stdint.h>

/* The child with this key, parent << 32 | frame; 0 = none. */
uint32_t children_find(uint64_t key);

/* Adds a node with this key. Returns the child with that key afterwards: another node, if another thread
 * was first. */
uint32_t children_add(uint64_t key, uint32_t node);

/* To be called when the process has another slot, or none. */
void children_forget(void);

#endif
