/* children.h - the children of a node of the trie that are not the node after it: node and frame -> child.
 *
 * For all threads, private to the process. Looking up waits for nobody. What was added stays. Only where there is
 * no memory, or a thread is interrupted as it makes a node that another one looks for, there is a second node for the
 * same stack, which the reader adds up.
 *
 *    63                       25 24                0
 *   +---------------------------+-------------------+
 *   |  the hash's high 39 bits  |  child            |     8 to a cache line; 0 = empty
 *   +---------------------------+-------------------+
 */
#ifndef LIBTRACE_CHILDREN_H
#define LIBTRACE_CHILDREN_H

#include <stdint.h>

/* The child with this key, parent << 32 | frame; 0 if there is none. */
uint32_t children_find(uint64_t key);

/* Adds a node that has this key already. The node that is the child then: another one, if another thread was first. */
uint32_t children_add(uint64_t key, uint32_t node);

/* The nodes are those of another process slot, or of none. */
void children_forget(void);

#endif
