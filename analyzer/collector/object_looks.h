/* object_looks.h - looks at objects: of which classes of C++ the live blocks of a site are, and which blocks are the
 * memory of objects of Python.
 *
 * The walk over the pages (page_walks.h) passes over the live blocks of resident memory anyway. Of each native site it
 * picks some, at random distances; the more blocks it has, the longer these are. Of very many blocks it passes over some
 * pages only. The first word of what was picked is read from outside, which the program does not notice. If it points to
 * a vtable (rtti.h), the block is an object.
 *
 *   listed by the walk -> picked -> read -> certain: the block was still there when all that happened before the
 *                                           reading was counted -> the writer, which adds up the looks at each stack
 *
 * An object of Python is a block of known type. Of some types it is known where they have the address of memory beside
 * themselves (python_memory.h): these words are read. One that is the address of a live block that a call in the interpreter
 * has asked for (WIRE_FRAME_CALL) shows what this block is, and so all that the call ever asks for (intern_memory.c): few
 * looks do for a program. Words are only compared with the addresses of blocks: nothing that they point to is read.
 *
 * Of each site of such objects one is looked at first, as its stack may be the only one to use a call; of few sites of a type
 * when many looks at it have found nothing new.
 *
 * Of an instance of a class it is looked how many attributes' names it shares with the others (python_keys.h): of one of each
 * class in each walk, as these come with time. Of many classes only some: half of all reads is for memory.
 *
 * Nearly all sites have either only objects or none. So sites at which the first looks found none are left alone from
 * then on, and so are those with very many looks.
 *
 * Reading needs the right to trace the process. Where the kernel refuses that (Yama's ptrace_scope, PR_SET_DUMPABLE),
 * nothing is known of objects, and the record says so.
 */
#ifndef LIBTRACE_OBJECT_LOOKS_H
#define LIBTRACE_OBJECT_LOOKS_H

#include "object_types.h"
#include "page_blocks.h"
#include "rtti.h"
#include "smaps.h"
#include "track.h"

/* A vtable of a process, once it was met; never changed. */
struct object_class {
    uint32_t process; /* index */
    uint64_t vtable;  /* address behind its head */
    size_t size;      /* of names; 0 = there is no type information */
    char names[];     /* as in struct rtti */
};

/* A look at one block. */
struct object_look {
    uint32_t site, node, process;     /* index in the ledger; unnamed node and index of its process */
    const struct object_class *class; /* NULL = the block is no object */
    const char *memory; /* the block is such memory of an object of Python; NULL = does not apply */
    uint32_t keys;      /* names that instances of the block's type share, and 1; 0 = does not apply */
};

/* What is known of a site. */
struct object_site {
    uint32_t skip; /* blocks until the next one is picked, itself included; 0 = not set yet */
    uint16_t looks;
    uint16_t objects : 15;
    bool shares : 1; /* its objects share attributes' names */
};

/* A block between the walk and the writer. */
struct object_block {
    uint64_t address;
    struct tracked_process *process;
    uint32_t site, size;
    struct python_owner
        owner;          /* of an object of Python: what may be found in it; count 0: it is another block */
    uint32_t type;      /* that one's number */
    const char *memory; /* it is such memory of the owner before it in the list */
    const struct object_class *class; /* once it was read */
    uint32_t keys;                    /* likewise, as in struct object_look */
};

#define OBJECT_PICKS 128 /* read by one system call */
#define OBJECT_INSTANCES 32
#define OBJECT_BYTES 128 /* of an object of Python, headers included */

struct known_vtable;

struct object_looks {
    bool off;          /* nothing is looked at */
    struct grow sites; /* struct object_site by index in the ledger */
    uint32_t site_count;
    struct object_block picked[OBJECT_PICKS];
    unsigned picked_count;
    struct object_instance {
        struct object_block block;
        struct python_keys keys;
    } instances[OBJECT_INSTANCES]; /* of which it is read what they share */
    unsigned instance_count;
    struct grow read; /* struct object_block */
    uint32_t read_count;
    struct grow done; /* struct object_look */
    uint32_t done_count;
    struct known_vtable *known; /* uthash: words that were looked at, by process */
    uint32_t walk;              /* number of this walk; */
    uint32_t most, left;        /* how many reads it has, and has left */
    uint32_t apart, skip; /* pages from one that is looked at to the next, on average; until the next one */
    uint64_t random;      /* state */
    int memory;           /* a descriptor of the process's memory, while it is read; -1 = by system call */
    /* What is being walked: */
    struct tracked_process *process;
    const struct ledger *ledger;
    const struct mappings *mappings;
};

/* A walk over the processes begins, of which looks may take so long. */
void object_looks_begin(struct object_looks *looks, uint64_t ns);

/* From here on, blocks of this process are listed. */
void object_looks_at(struct object_looks *looks, struct tracked_process *process, const struct ledger *ledger,
                     const struct mappings *mappings);

/* Blocks that the walk has listed. */
void object_looks_page(struct object_looks *looks, uint64_t page, const struct page_blocks *list);
void object_looks_list(struct object_looks *looks, const struct block *list, size_t count);

/* Reads what was picked, of the process that was walked last. */
void object_looks_read(struct object_looks *looks);

/* Instead of all this, if there is no time for a walk over the pages of a process: looks at its memory of Python's objects.
 * How long listing blocks may take, of which some are left out then, and looking at them. */
void object_looks_alone(struct object_looks *looks, struct tracked_process *process,
                        const struct ledger *ledger, uint64_t list_ns, uint64_t look_ns);

/* To be called when all was counted that happened before the last object_looks_read(). */
void object_looks_settle(struct object_looks *looks);

/* Returns the looks that are certain since the last call, which are the caller's then; NULL and 0 if there are none. */
struct object_look *object_looks_take(struct object_looks *looks, size_t *count);

#endif
