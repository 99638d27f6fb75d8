/* eval.c - see eval.h.
 *
 * Compilers move code that they expect to be rarely used out of a function, to a part that only the symbol
 * table names (_PyEval_EvalFrameDefault.cold). In some of Debian's builds that is nearly all of this
 * function. In a stripped interpreter, .eh_frame_hdr, which serves unwinding, still lists where each part
 * begins, and only parts of the same function jump into each other's middle. These jumps are searched for as
 * byte patterns. As other bytes may look like a jump to anywhere, several are required in both directions.
 */
#include "eval.h"
#include "interpreter.h"
#include "machine.h"
#include "guest.h"
#include "modules.h"

#include <stdatomic.h>
#include <string.h>

#define PARTS 4
#define MIN_JUMPS 4

struct part {
    uintptr_t start;
    size_t size;
};
static struct part parts[PARTS];
static _Atomic uint32_t parts_known; /* how many; 0 = not searched for yet */

/* The sorted table in .eh_frame_hdr, in the only form that linkers write (LSB, "Exception Frame Header"). */
struct starts {
    uintptr_t base;
    const int32_t (*entries)[2]; /* start, description; relative to base */
    uint32_t count;
};

static bool read_starts(uintptr_t header, struct starts *starts)
{
    static const uint8_t form[4] = {1, 0x1b, 0x03, 0x3b}; /* version; pcrel int, unsigned int, datarel int */
    if (!header || memcmp((const void *)header, form, sizeof form) != 0)
        return false;
    starts->base = header;
    starts->count = *(const uint32_t *)(header + 8);
    starts->entries = (const int32_t(*)[2])(header + 12);
    return starts->count > 1;
}

static uintptr_t start_at(const struct starts *starts, uint32_t i)
{
    return starts->base + (uintptr_t)(intptr_t)starts->entries[i][0];
}

/* The piece of code that holds an address; size 0 if there is none. */
static struct part piece_at(const struct starts *starts, uintptr_t address)
{
    uint32_t low = 0, high = starts->count - 1; /* the table does not say where the last piece ends */
    if (address < start_at(starts, low) || address >= start_at(starts, high))
        return (struct part){0, 0};
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (start_at(starts, middle) <= address)
            low = middle;
        else
            high = middle;
    }
    return (struct part){start_at(starts, low), start_at(starts, high) - start_at(starts, low)};
}

/* Counts the jumps from one part into the middle of another. */
static unsigned jumps_between(const struct part *from, const struct part *to)
{
    unsigned count = 0;
    for (size_t i = 0; i + MACHINE_JUMP_SIZE <= from->size; i++)
        count += machine_jump_target((const uint8_t *)from->start + i) - to->start - 1 < to->size - 1;
    return count;
}

static bool is_known(const struct part *found, uint32_t count, uintptr_t pc)
{
    for (uint32_t i = 0; i < count; i++)
        if (pc - found[i].start < found[i].size)
            return true;
    return false;
}

static NOINLINE uint32_t find_parts(void)
{
    struct part found[PARTS] = {{(uintptr_t)python.eval, python.eval_size}};
    uint32_t count = 1;
    struct module module;
    struct starts starts;
    if (modules_find(found[0].start, &module) && read_starts(module.cfi.header, &starts)) {
        for (size_t i = 0; i + MACHINE_JUMP_SIZE <= found[0].size && count < PARTS; i++) {
            uintptr_t target = machine_jump_target((const uint8_t *)found[0].start + i);
            if (target < module.start || target >= module.end || is_known(found, count, target))
                continue;
            struct part piece = piece_at(&starts, target);
            if (piece.start < module.start || piece.start == target || piece.size > module.end - piece.start)
                continue;
            if (jumps_between(&found[0], &piece) >= MIN_JUMPS &&
                jumps_between(&piece, &found[0]) >= MIN_JUMPS)
                found[count++] = piece;
        }
    }
    /* Threads that get here at the same time write the same. */
    memcpy(parts, found, sizeof parts);
    atomic_store_explicit(&parts_known, count, memory_order_release);
    return count;
}

bool eval_holds(uintptr_t pc)
{
    uint32_t count = atomic_load_explicit(&parts_known, memory_order_acquire);
    if (UNLIKELY(count == 0))
        count = find_parts();
    return is_known(parts, count, pc);
}
