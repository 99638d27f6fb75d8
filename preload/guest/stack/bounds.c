/* bounds.c - see bounds.h.
 *
 * The first thread's stack begins below what the kernel has put on it, and nothing else is near: mappings
 * start at least 128 MiB further down. For other threads, glibc keeps the stack's block, size and guard in
 * the thread's descriptor, which lies at the upper end of the block. pthread_getattr_np() would return them,
 * but it takes the descriptor's lock, and allocates while it holds it: a hook that calls it hangs in a
 * program that calls it. So the three words are searched for in the descriptor. They are recognized by what
 * they must be: a block that begins below the current frame and ends right above the descriptor.
 */
#define _GNU_SOURCE
#include "bounds.h"
#include "guest.h"
#include "processor.h"

#include <stddef.h>

#define FIRST_STACK_SIZE (64ull << 20)
extern void *__libc_stack_end __attribute__((weak));

/* Seen in Debian 12, 13 and sid: the words are at 0x690, and the block ends 0x940 above the descriptor's
 * start. */
#define DESCRIPTOR_LEAST 0x700 /* bytes that are searched */
#define DESCRIPTOR_MOST (0x940 + 8192)

struct block {
    uintptr_t start;
    size_t size, guard; /* the guard is at its lower end */
};

/* True if the descriptor has the three words there. */
INLINE bool is_block(uintptr_t descriptor, size_t at, uintptr_t here, struct bounds *bounds)
{
    const struct block *block = (const struct block *)(descriptor + at);
    uintptr_t end = block->start + block->size;
    *bounds = (struct bounds){block->start + block->guard, descriptor};
    return block->start < here && here < descriptor && block->size < descriptor &&
           block->guard < block->size && end - descriptor >= DESCRIPTOR_LEAST &&
           end - descriptor <= DESCRIPTOR_MOST;
}

struct bounds bounds_of_stack(void)
{
    static _Atomic size_t found; /* where they were in another thread's descriptor */
    const uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    const uintptr_t descriptor = processor_thread_descriptor();
    struct bounds bounds;
    size_t usual = atomic_load_explicit(&found, memory_order_relaxed);
    if (usual && is_block(descriptor, usual, here, &bounds))
        return bounds;
    if (guest_tid() == guest_pid()) {
        uintptr_t end = &__libc_stack_end ? (uintptr_t)__libc_stack_end : 0;
        return end > FIRST_STACK_SIZE ? (struct bounds){end - FIRST_STACK_SIZE, end} : (struct bounds){0, 0};
    }
    for (size_t at = 0; at + sizeof(struct block) <= DESCRIPTOR_LEAST; at += sizeof(uintptr_t)) {
        if (is_block(descriptor, at, here, &bounds)) {
            atomic_store_explicit(&found, at, memory_order_relaxed);
            return bounds;
        }
    }
    return (struct bounds){0, 0};
}
