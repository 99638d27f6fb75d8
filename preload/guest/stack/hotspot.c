/* hotspot.c - frames of Java code, see runtimes.h.
 *
 * HotSpot describes its own structures for debuggers: it exports tables of fields and their offsets
 * (src/hotspot/share/runtime/vmStructs.hpp). They lead from a code address to the blob of code that it is in,
 * and to the size of that code's frames:
 *
 *   CodeCache::_heaps -> CodeHeap -> _segmap, a byte for each segment of code: how many further back its
 *   block begins, at most (255: free) -> HeapBlock -> CodeBlob._frame_size, in words, return address included
 *
 * A compiled method's frame keeps the caller's rbp below the return address. An interpreter's frame has a
 * frame pointer, and in the word below the saved rbp its caller's stack pointer (which may be further in than
 * the interpreter's own arguments suggest). Other code, such as the stub by which the virtual machine calls
 * Java, is walked by its frame pointer, too, or not at all.
 */
#define _GNU_SOURCE
#include "guest.h"
#include "exports.h"
#include "runtimes.h"

#include <stdatomic.h>
#include <string.h>

/* The table of fields; the layout of its entries is exported as well. */
struct fields {
    const char *entries;
    uint64_t stride, type, field, is_static, offset, address;
};

/* Offsets in the virtual machine's structures, and addresses of its static fields. */
static struct {
    const void *heaps;            /* CodeCache::_heaps */
    const void *interpreter;      /* AbstractInterpreter::_code */
    const void *call_stub_return; /* StubRoutines::_call_stub_return_address */
    uint64_t array_length, array_data;
    uint64_t memory, segments, segment_shift; /* of CodeHeap */
    uint64_t low, high;                       /* of VirtualSpace */
    uint64_t used;                            /* of HeapBlock::Header */
    uint64_t frame_size;                      /* of CodeBlob */
    uint64_t stubs, stubs_limit;              /* of StubQueue */
} vm;

/* The virtual machine's library. Noted when it was loaded but not read before there is Java code: its tables
 * are empty until it is relocated. */
static struct dl_phdr_info library;
enum { VM_NONE, VM_NOTED, VM_BEING_READ, VM_KNOWN, VM_STRANGE };
static _Atomic int state;

#define BLOCK_HEADER 16 /* a HeapBlock's; the CodeBlob follows */
#define FREE_SEGMENT 255
#define HEAPS_MOST 8
#define FRAME_MOST (1 << 16) /* words */

static uint64_t word_of(const void *at, uint64_t offset)
{
    uint64_t word;
    memcpy(&word, (const char *)at + offset, sizeof word);
    return word;
}

static int32_t int_of(const void *at, uint64_t offset)
{
    int32_t value;
    memcpy(&value, (const char *)at + offset, sizeof value);
    return value;
}

static bool exported(const struct dl_phdr_info *info, const char *name, uint64_t *value)
{
    const void *at = exports_in_module(info, name);
    if (at)
        *value = word_of(at, 0);
    return at != NULL;
}

/* Finds the entry for a field; NULL if this virtual machine has no such field. */
static const char *find_field(const struct fields *f, const char *type, const char *field)
{
    for (const char *at = f->entries;; at += f->stride) {
        const char *its_type = (const char *)word_of(at, f->type);
        const char *its_field = (const char *)word_of(at, f->field);
        if (!its_type)
            return NULL;
        if (its_field && strcmp(its_type, type) == 0 && strcmp(its_field, field) == 0)
            return at;
    }
}

static bool offset_of(const struct fields *f, const char *type, const char *field, uint64_t *offset)
{
    const char *at = find_field(f, type, field);
    if (at)
        *offset = word_of(at, f->offset);
    return at != NULL;
}

static bool address_of(const struct fields *f, const char *type, const char *field, const void **address)
{
    const char *at = find_field(f, type, field);
    *address = at ? (const void *)word_of(at, f->address) : NULL;
    return *address != NULL;
}

/* The array's class was renamed in version 16. */
static bool find_array(const struct fields *f)
{
    return (offset_of(f, "GrowableArrayBase", "_len", &vm.array_length) ||
            offset_of(f, "GenericGrowableArray", "_len", &vm.array_length)) &&
           offset_of(f, "GrowableArray<int>", "_data", &vm.array_data);
}

static bool read_fields(struct fields *f)
{
    uint64_t entries = 0;
    if (!exported(&library, "gHotSpotVMStructs", &entries) || !entries ||
        !exported(&library, "gHotSpotVMStructEntryArrayStride", &f->stride) ||
        !exported(&library, "gHotSpotVMStructEntryTypeNameOffset", &f->type) ||
        !exported(&library, "gHotSpotVMStructEntryFieldNameOffset", &f->field) ||
        !exported(&library, "gHotSpotVMStructEntryOffsetOffset", &f->offset) ||
        !exported(&library, "gHotSpotVMStructEntryAddressOffset", &f->address))
        return false;
    f->entries = (const char *)entries;
    return true;
}

static bool read_vm(void)
{
    struct fields f = {0};
    return read_fields(&f) && address_of(&f, "CodeCache", "_heaps", &vm.heaps) && find_array(&f) &&
           address_of(&f, "AbstractInterpreter", "_code", &vm.interpreter) &&
           address_of(&f, "StubRoutines", "_call_stub_return_address", &vm.call_stub_return) &&
           offset_of(&f, "CodeHeap", "_memory", &vm.memory) &&
           offset_of(&f, "CodeHeap", "_segmap", &vm.segments) &&
           offset_of(&f, "CodeHeap", "_log2_segment_size", &vm.segment_shift) &&
           offset_of(&f, "VirtualSpace", "_low", &vm.low) &&
           offset_of(&f, "VirtualSpace", "_high", &vm.high) &&
           offset_of(&f, "HeapBlock::Header", "_used", &vm.used) &&
           offset_of(&f, "CodeBlob", "_frame_size", &vm.frame_size) &&
           offset_of(&f, "StubQueue", "_stub_buffer", &vm.stubs) &&
           offset_of(&f, "StubQueue", "_buffer_limit", &vm.stubs_limit);
}

void hotspot_found(const struct dl_phdr_info *info)
{
    library = *info;
    atomic_store_explicit(&state, VM_NOTED, memory_order_release);
}

static NOINLINE bool is_known_now(void)
{
    int noted = VM_NOTED;
    if (!atomic_compare_exchange_strong(&state, &noted, VM_BEING_READ))
        return noted == VM_KNOWN;
    bool known = read_vm();
    atomic_store_explicit(&state, known ? VM_KNOWN : VM_STRANGE, memory_order_release);
    return known;
}

static inline bool is_known(void)
{
    return LIKELY(atomic_load_explicit(&state, memory_order_acquire) == VM_KNOWN) || is_known_now();
}

/* The code that pc is in, after its block's header; NULL if none is in use there. */
static const char *find_blob(const void *heap, uint64_t pc)
{
    const char *memory = (const char *)heap + vm.memory, *map = (const char *)heap + vm.segments;
    uint64_t low = word_of(memory, vm.low), high = word_of(memory, vm.high);
    if (pc < low || pc >= high)
        return NULL;
    int32_t shift = int_of(heap, vm.segment_shift);
    const unsigned char *segments = (const unsigned char *)word_of(map, vm.low);
    uint64_t segment = (pc - low) >> (shift & 31);
    if (segment >= word_of(map, vm.high) - (uint64_t)(uintptr_t)segments || segments[segment] == FREE_SEGMENT)
        return NULL;
    while (segments[segment] > 0) {
        if (segments[segment] > segment)
            return NULL;
        segment -= segments[segment];
    }
    const char *block = (const char *)(low + (segment << (shift & 31)));
    return block[vm.used] ? block + BLOCK_HEADER : NULL;
}

static const char *blob_of(uint64_t pc)
{
    const void *heaps = (const void *)word_of(vm.heaps, 0);
    if (!heaps)
        return NULL;
    int32_t count = int_of(heaps, vm.array_length);
    const void *data = (const void *)word_of(heaps, vm.array_data);
    for (int32_t i = 0; data && i < count && i < HEAPS_MOST; i++) {
        const void *heap = (const void *)word_of(data, (uint64_t)i * sizeof(void *));
        const char *blob = heap ? find_blob(heap, pc) : NULL;
        if (blob)
            return blob;
    }
    return NULL;
}

static bool is_interpreter(uint64_t pc)
{
    const void *queue = (const void *)word_of(vm.interpreter, 0);
    return queue && pc - word_of(queue, vm.stubs) < (uint64_t)(uint32_t)int_of(queue, vm.stubs_limit);
}

/* Goes on to the caller: its return address is at slot, and the saved rbp at rbp_at. */
static bool go_on(struct registers *r, struct extent *stack, uint64_t slot, uint64_t rbp_at, uint64_t rsp)
{
    if (slot < r->value[DWARF_RSP] || slot % 8 || rbp_at % 8 || !extent_holds(stack, rbp_at) ||
        !extent_holds(stack, slot))
        return false;
    r->value[DWARF_PC] = *(const uint64_t *)(uintptr_t)slot;
    r->value[DWARF_RBP] = *(const uint64_t *)(uintptr_t)rbp_at;
    r->value[DWARF_RSP] = rsp;
    r->known = 1u << DWARF_PC | 1u << DWARF_RBP | 1u << DWARF_RSP;
    return true;
}

bool hotspot_step(struct registers *r, struct extent *stack)
{
    const uint64_t pc = r->value[DWARF_PC], rbp = r->value[DWARF_RBP], rsp = r->value[DWARF_RSP];
    if (!is_known())
        return false;
    if (is_interpreter(pc)) {
        if (!extent_holds(stack, rbp - 8))
            return false;
        uint64_t callers = *(const uint64_t *)(uintptr_t)(rbp - 8);
        /* An interpreted caller has pushed the arguments: in its frame they lie further out than that. */
        return callers >= rbp + 16 && go_on(r, stack, rbp + 8, rbp, callers);
    }
    if (pc == word_of(vm.call_stub_return, 0))
        return go_on(r, stack, rbp + 8, rbp, rbp + 16);
    const char *blob = blob_of(pc);
    int32_t words = blob ? int_of(blob, vm.frame_size) : 0;
    if (words < 2 || words > FRAME_MOST)
        return false;
    uint64_t end = rsp + (uint64_t)words * 8;
    return go_on(r, stack, end - 8, end - 16, end);
}
