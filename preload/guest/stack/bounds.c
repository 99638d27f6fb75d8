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

struct bounds bounds_of_stack(void)
{
    const uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    if (guest_tid() == guest_pid()) {
        uintptr_t end = &__libc_stack_end ? (uintptr_t)__libc_stack_end : 0;
        return end > FIRST_STACK_SIZE ? (struct bounds){end - FIRST_STACK_SIZE, end} : (struct bounds){0, 0};
    }
    const uintptr_t descriptor = processor_thread_descriptor();
    for (size_t at = 0; at + sizeof(struct block) <= DESCRIPTOR_LEAST; at += sizeof(uintptr_t)) {
        const struct block *block = (const struct block *)(descriptor + at);
        uintptr_t end = block->start + block->size;
        if (block->start < here && here < descriptor && block->size < descriptor &&
            block->guard < block->size && end - descriptor >= DESCRIPTOR_LEAST &&
            end - descriptor <= DESCRIPTOR_MOST)
            return (struct bounds){block->start + block->guard, descriptor};
    }
    return (struct bounds){0, 0};
}
