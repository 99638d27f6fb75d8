/* wire.h - the shared memory between traced processes and their collector.
 *
 * Nothing in it is trusted: any process of the run can write anywhere. The collector reads it through
 * analyzer/arena, and gets what it has to trust as arguments (collector.h).
 *
 * One memfd, the arena, holds all of it. Traced processes map its header at start and close the descriptor,
 * and map chunks as they use them; children inherit the mappings by fork and open the file again through
 * /proc/PID/fd after exec. The collector maps all of it.
 *
 *   offset 0             wire_arena      header: identity, heartbeat, wake-up, the map of chunks,
 *                                        the process slots and the ring slots
 *   wire_first_chunk()...  chunks        64 KiB each, claimed by setting bits in chunk_map:
 *                                          ring buffers      WIRE_RING_WORDS words a thread
 *                                          node segments     the stacks of a process, a trie
 *                                          frame segments    the frames that the trie is made of
 *                                          note segments     descriptions: modules, code objects, marks
 *
 * Who writes what: a process slot, its segments and its rings are written by that process alone, except
 * the fields marked (collector). All counters only grow. Everything an event refers to (node, frame,
 * module note) is written before the event is published.
 *
 * A stack is a path in a trie. Its id is the place of its innermost node:
 *
 *   node  = parent node << 32 | frame             0 = empty place
 *   frame = 1 + index into the frame segments     see wire_frame
 *   root  = node id 0; WIRE_NODE_CUT as a parent: the outer frames were cut off
 *   A node whose frame is a type (WIRE_FRAME_TYPE) is its parent's stack, with blocks of this type only; one whose
 * frame is a call (WIRE_FRAME_CALL) the same with blocks that this call in the interpreter has asked for.
 *
 * Events are 64-bit words in a thread's ring:
 *
 *    63  60 59        48 47                                  0
 *   +------+------------+-------------------------------------+
 *   | type |  elapsed   |  address                            |   every event but STAMP, HUGE
 *   +------+------------+----------------+--------------------+
 *   |  node                              |  size              |   ALLOC, OBJECT, MOVE, RETYPE: second word
 *   |  node                              |  enum wire_map     |   MAP: second word, and the length as a third
 *   +------------------------------------+--------------------+
 *    63                                32 31                  0
 *   +---------------------------------------------------------+
 *   |  nanoseconds since wire_arena.started_ns                |   MARK: second word; 0 = not known, when it is read
 *   +---------------------------------------------------------+
 *
 *   elapsed is the time since the ring's previous stamped event, in units of 2^wire_arena.stamp_shift ticks of the
 * processor's clock. It is 0 as long as the process has one ring only; from the second ring on an event
 * every few words is stamped (reading the clock takes longer than the rest of an event), and an interval that
 * does not fit is preceded by a STAMP with the absolute time. An event without a stamp has the time of the
 * event before it.
 *
 * Publishing: words first, then wire_ring.head with release order. An allocation is published after the
 * real allocator returned, a free before it is called: so of two events at one address, the one that makes
 * the other possible is published first, even if they are of different threads. The same holds for MAP and
 * UNMAP, all of which have stamps. In a sampled run (sampling_rule.h) all events have, and frees may be of blocks
 * that were not recorded.
 */
#ifndef LIBTRACE_WIRE_H
#define LIBTRACE_WIRE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_MAGIC 0x6d65722d65636172ull /* arbitrary, identifies the memory */
#define WIRE_VERSION 28u                 /* changed with every change of this file */

#define WIRE_CHUNK_SHIFT 16
#define WIRE_CHUNK_SIZE (1ull << WIRE_CHUNK_SHIFT)
#define WIRE_MAX_CHUNKS 262144u /* a file of 16 GiB, touched and mapped only where used */
#define WIRE_FEW_CHUNKS 65536u  /* of 4 GiB, or less, if limits do not allow for 16 */
#define WIRE_PROCESSES 1024u    /* living at the same time */
#define WIRE_RINGS 32768u       /* threads living at the same time; see wire_rings() */
#define WIRE_FEW_RINGS 8192u

/* ---- events ---------------------------------------------------------------------------------- */

enum wire_event {
    WIRE_NONE = 0,
    WIRE_ALLOC = 1,         /* two words: address; node and size */
    WIRE_FREE = 2,          /* one word */
    WIRE_REALLOC_BEGIN = 3, /* one word: the old address, as a free; the new block follows as ALLOC */
    WIRE_REALLOC_FAIL = 4,  /* one word: the old address lives on as it was before BEGIN */
    WIRE_HUGE = 5,          /* one word: size >> 32 in the low bits, of the ALLOC that follows */
    WIRE_STAMP = 6,         /* one word: the processor's clock >> wire_arena.stamp_shift, low 60 bits */
    WIRE_MARK = 7,          /* two words: enum wire_mark << 32 | number, see wire_note_mark; the time */
    /* Two words like ALLOC: a live block belongs to this stack from now on (recycled object) */
    WIRE_MOVE = 8,
    /* What the program maps itself. Lengths are in bytes, whole pages except for brk() and sbrk(). */
    WIRE_MAP = 9,    /* three words: address; node and enum wire_map; length. It replaces what was there */
    WIRE_UNMAP = 10, /* two words: address; length, 0 = the whole mapping that begins there */
    WIRE_UNMAP_FAIL = 11, /* one word: the ring's previous UNMAP did not happen */
    /* As ALLOC, of an object that has no type yet. The stack says which type is expected. */
    WIRE_OBJECT = 12,
    /* Two words like ALLOC: the latest OBJECT of this ring's GIL, at this address and still live, has always belonged
     * to this stack: another type, or none. It is stamped if it is in another ring than that OBJECT. */
    WIRE_RETYPE = 13,
    /* One word: the ring's objects from now on are those of this GIL, a number below WIRE_GILS. That is 0, the main
     * interpreter's, in a new ring. */
    WIRE_GIL = 14,
};

#define WIRE_GILS 256u /* of a process; objects of others have no types */

/* Bits that describe a mapping. */
enum wire_map {
    WIRE_MAP_ALLOCATOR = 1, /* the allocator asked for it, for its blocks; it has no node */
};

/* What a mark is. */
enum wire_mark {
    WIRE_MARK_NAMED = 0,    /* its note has the name */
    WIRE_MARK_FINALIZE = 1, /* CPython begins to shut down; no note, number 0 */
};

#define WIRE_TYPE_SHIFT 60
#define WIRE_ELAPSED_SHIFT 48
#define WIRE_ELAPSED_MAX 0xfffull
#define WIRE_ADDRESS_MASK ((1ull << 48) - 1)

static inline enum wire_event wire_type(uint64_t word)
{
    return (enum wire_event)(word >> WIRE_TYPE_SHIFT);
}

static inline uint64_t wire_elapsed(uint64_t word)
{
    return word >> WIRE_ELAPSED_SHIFT & WIRE_ELAPSED_MAX;
}

static inline uint64_t wire_address(uint64_t word)
{
    return word & WIRE_ADDRESS_MASK;
}

/* ---- slots ----------------------------------------------------------------------------------- */

/* The state of a slot that is being filled in also says who is doing it, in the same word, so that the
 * slot can be freed if that process is killed meanwhile: for a process slot its pid, for a ring 1 + its
 * process's slot. */
#define WIRE_STATE_BITS 8
#define WIRE_CLAIMED_ELSEWHERE (1u << 23) /* not a number in the collector's PID namespace */

static inline uint32_t wire_claimed(uint32_t state, uint32_t by)
{
    return state | by << WIRE_STATE_BITS;
}

static inline uint32_t wire_state(uint32_t word)
{
    return word & ((1u << WIRE_STATE_BITS) - 1);
}

static inline uint32_t wire_claimed_by(uint32_t word)
{
    return word >> WIRE_STATE_BITS;
}

/* ---- rings ----------------------------------------------------------------------------------- */

#define WIRE_RING_WORDS (1u << 16)
#define WIRE_RING_CHUNKS (WIRE_RING_WORDS * 8ull / WIRE_CHUNK_SIZE)

/* A ring uses as much memory as there is in it: a backlog may use all of the buffer, a thread that is quiet
 * keeps a page or two.
 *
 *        tail            head        limit                          tail + WIRE_RING_WORDS
 *   -------+---------------+-----------+-----------------------------------+--->  words since the first
 *   consumed    to be read |  writer's |  nobody's: empty, or given back
 *
 *   The writer writes before its limit only, and moves the limit on by a page or two at a time, by compare
 * and exchange; that is when it looks at the tail, too. To give memory back the collector sets WIRE_RING_HELD
 * in the limit, in the same way: then the writer, should it come to its limit, waits as if the ring was full.
 * What is neither to be read nor the writer's is given back to the system before the limit is stored without
 * WIRE_RING_HELD again. So no page that holds an event, or is being written to, is ever taken.
 *
 *   A writer that finds everything consumed (tail acquired, equal to its head) and is not near the buffer's
 * start begins anew there: it stores begin, the next multiple of WIRE_RING_WORDS, and then publishes it as
 * its head. The words between are skipped: nothing was written there, and both sides take the tail for begin
 * if that is later. So a ring that is read in time never uses more than its first WIRE_RING_WINDOW words.
 * begin cannot change again before the collector has read all up to head, and has published that as the tail:
 * so, read after the head was acquired, it is the one that belongs to it.
 *
 *   Where memory is short the collector lets writers use only the first ring_room words of their buffers, not
 * fewer than WIRE_RING_WINDOW: then they wait there until all was read, and begin anew.
 *
 *   tests/model/ring.pml describes this for a model checker.
 */
#define WIRE_PAGE_WORDS 512u                  /* 4 KiB */
#define WIRE_RING_STEP (2 * WIRE_PAGE_WORDS)  /* the limit is at most this far ahead of the head, */
#define WIRE_RING_ALONE (8 * WIRE_PAGE_WORDS) /* or this far while the process has only one ring */
#define WIRE_RING_WINDOW (4 * WIRE_PAGE_WORDS)
#define WIRE_RING_HELD (1ull << 63)

enum wire_ring_state {
    WIRE_RING_FREE = 0,    /* may be claimed; keeps its buffer */
    WIRE_RING_CLAIMED = 3, /* being filled in, see wire_claimed() for by whom */
    WIRE_RING_BUSY = 1,    /* belongs to a thread */
    /* The thread is ending: the ring is free once it is gone and everything was read. */
    WIRE_RING_LAST = 2,
};

struct wire_ring {
    _Atomic uint32_t state;             /* enum wire_ring_state; BUSY -> FREE by the collector only */
    uint32_t process;                   /* slot of the process that the thread belongs to */
    uint32_t tid;                       /* kernel thread id */
    uint32_t level;                     /* 0; n: for events in signal handlers that interrupted n hooks */
    _Atomic uint64_t buffer;            /* offset of its words in the arena, 0 = none yet */
    char name[16];                      /* the thread's name when it claimed the ring */
    _Alignas(64) _Atomic uint64_t head; /* words published or skipped since the ring was first claimed */
    _Atomic uint64_t waits;             /* how often the thread waited for space */
    _Atomic uint64_t waited_ns;         /* and for how long */
    _Atomic uint64_t begin;             /* words before it must not be read any more */
    _Atomic uint64_t limit; /* no word from it on is being written; | WIRE_RING_HELD (collector) */
    _Atomic uint64_t
        slow_at; /* from this head on an event takes the slow path; (collector) 0: the next one does */
    _Alignas(64) _Atomic uint64_t tail; /* (collector) words consumed */
};

/* ---- stacks ---------------------------------------------------------------------------------- */

enum wire_frame_kind {
    WIRE_FRAME_EMPTY = 0,  /* not written yet */
    WIRE_FRAME_NATIVE = 1, /* value: return address (look up value - 1); owner: module number, 0 = none */
    WIRE_FRAME_PYTHON = 2, /* value: instruction offset in bytes; owner: code number */
    WIRE_FRAME_TYPE = 3,   /* innermost, and no frame of the stack: its blocks' type. owner: type number */
    /* The same: which call of the interpreter's has asked for its blocks, which are no objects. As NATIVE */
    WIRE_FRAME_CALL = 4,
};

struct wire_frame {
    uint64_t value;
    uint32_t owner;        /* number of the module, code or type note that describes it */
    _Atomic uint32_t kind; /* enum wire_frame_kind, written last */
};

#define WIRE_FRAME_SEGMENTS 11u     /* segment k holds WIRE_FRAMES_FIRST << k frames */
#define WIRE_FRAMES_FIRST 4096u     /* 64 KiB */
#define WIRE_NODE_SEGMENTS 12u      /* segment k holds WIRE_NODES_FIRST << k nodes */
#define WIRE_NODES_FIRST (1u << 13) /* 64 KiB; the last one 128 MiB */
#define WIRE_NODE_ROOT 0u           /* parent of an outermost frame */
#define WIRE_NODE_CUT 0xffffffffu   /* parent of the outermost frame that was kept */
/* First id of segment k. */
#define WIRE_NODE_BASE(k) (1u + ((1u << (k)) - 1) * WIRE_NODES_FIRST)

/* The segment that a node is in; for impossible nodes, a segment that does not exist. */
static inline unsigned wire_node_segment(uint32_t node)
{
    return 31 - (unsigned)__builtin_clz((node - 1) / WIRE_NODES_FIRST + 1);
}

/* ---- notes ----------------------------------------------------------------------------------- */

enum wire_note_type {
    WIRE_NOTE_NONE = 0, /* not written yet: for now, the log ends here */
    WIRE_NOTE_PAD = 1,  /* fills the rest of a segment */
    WIRE_NOTE_PROCESS = 2,
    WIRE_NOTE_MODULE = 3,
    WIRE_NOTE_CODE = 4,
    WIRE_NOTE_MARK = 5,
    WIRE_NOTE_SAID = 6, /* text: the one line that the process printed on stderr */
    WIRE_NOTE_TYPE = 7,
};

/* Every note starts with this; notes are 8-byte aligned and never cross a segment. */
struct wire_note {
    uint32_t size;         /* bytes, this header included, a multiple of 8 */
    _Atomic uint32_t type; /* written last */
};

struct wire_note_process {
    struct wire_note note;
    uint32_t executable_size; /* three texts follow, each ended by a NUL that is counted */
    uint32_t command_size;    /* arguments joined by one space each */
    uint32_t label_size;      /* LIBTRACE_LABEL, or the program's (script's) name */
    uint32_t reserved;
    char text[];
};

struct wire_note_module {
    struct wire_note note;
    uint32_t number;        /* from 1 on, in the order of the descriptions */
    uint32_t path_size;     /* with its NUL; follows the build ID */
    uint64_t start, end;    /* addresses that it covers in the process */
    uint64_t bias;          /* address in the process minus address in the file (link_map.l_addr) */
    uint64_t device, inode; /* of the file, as in /proc/PID/maps, major << 32 | minor; 0 = not known */
    uint32_t build_id_size; /* bytes */
    uint32_t ours;          /* 1: libtrace.so itself; its frames are left out of stacks */
    char bytes[];           /* build ID, then path */
};

struct wire_note_code {
    struct wire_note note;
    uint32_t number; /* from 1 on */
    int32_t first_line;
    uint32_t file_size, name_size; /* UTF-8, with their NULs */
    uint32_t table_size;           /* line table */
    uint32_t version;              /* interpreter, major << 8 | minor: the table's format */
    char bytes[];                  /* file, qualified name, line table */
};

struct wire_note_mark {
    struct wire_note note;
    uint32_t number; /* from 1 on */
    uint32_t kind;   /* 0 mark, 1 snapshot */
    char name[];     /* NUL-terminated UTF-8 */
};

#define WIRE_HEADERS_MOST 32u

/* A type of Python objects. */
struct wire_note_object_type {
    struct wire_note note;
    uint32_t number;               /* from 1 on */
    uint32_t heap;                 /* 1: made at run time, as by a class statement */
    uint64_t flags;                /* tp_flags */
    int64_t basic_size, item_size; /* bytes of an instance, and of each of its items */
    int64_t dict_offset;           /* of the instance's __dict__, 0 = none */
    uint32_t headers;              /* bytes of a block before its object, at most WIRE_HEADERS_MOST */
    uint32_t made;                 /* node of the stack that made it; 0 = not seen */
    uint32_t version;              /* of the interpreter, major << 8 | minor */
    uint32_t keys; /* where the address of the names that instances share is in it; 0 = none */
    uint32_t module_size, name_size; /* UTF-8, with their NULs */
    char text[];                     /* module, "" = not known, or part of the name; qualified name */
};

#define WIRE_NOTE_SEGMENTS 10u /* segment k holds 64 KiB << k */

/* ---- processes ------------------------------------------------------------------------------- */

enum wire_process_state {
    WIRE_PROCESS_FREE = 0,
    WIRE_PROCESS_CLAIMED = 1, /* being filled in, see wire_claimed() for by whom */
    WIRE_PROCESS_LIVE = 2,
    /* The program's code does not run any more; it may still wait for COMMITTED. */
    WIRE_PROCESS_EXITING = 3,
    WIRE_PROCESS_COMMITTED = 4, /* (collector) totals are written, and the sites unless there are many */
};

enum wire_process_flag {
    WIRE_PROCESS_FORKED = 1,     /* started by fork from a traced process */
    WIRE_PROCESS_EXECED = 2,     /* the process was traced before an exec */
    WIRE_PROCESS_ATTACHED = 4,   /* attached to while it was running */
    WIRE_PROCESS_DETACHED = 8,   /* not traced any more, but alive */
    WIRE_PROCESS_CHILDLESS = 16, /* never forked */
    /* The run's first process, whatever it has executed since: waits for COMMITTED. */
    WIRE_PROCESS_FIRST = 128,
    /* When EXITING, it waits for the collector's end, as its own may end the collector. */
    WIRE_PROCESS_WAITS = 64,
    WIRE_PROCESS_CONFINED = 32, /* in seccomp: makes no system calls for tracing any more, and wakes nobody */
};

/* What a process reports about its own recording. A killed process reports nothing, but nothing is missing:
 * everything that it had published is in its rings. */
enum wire_record {
    WIRE_RECORD_OPEN = 0,    /* it is still recording */
    WIRE_RECORD_WHOLE = 1,   /* it ended, or was detached, after publishing everything */
    WIRE_RECORD_STOPPED = 2, /* the process went on untraced, as nobody read its events */
};

/* A piece of the tracer's own memory in a process. start: 0 = none; end is written later, and is 0 until
 * then. */
struct wire_piece {
    _Atomic uint64_t start, end;
};
/* For each process; pieces without room here are taken for the program's memory. */
#define WIRE_PIECES 64
#define WIRE_PIECE_LEAST (32u << 10) /* bytes; smaller ones are not listed */

struct wire_process {
    _Atomic uint32_t state; /* enum wire_process_state; a futex */
    uint32_t flags;         /* enum wire_process_flag */
    int32_t pid, parent_pid;
    uint64_t pid_namespace;    /* inode of the namespace of both numbers; 0 = not known */
    uint64_t started_ns;       /* CLOCK_MONOTONIC */
    _Atomic uint64_t ended_ns; /* CLOCK_MONOTONIC, 0 = not reported */
    _Atomic int32_t exit_status;
    _Atomic uint32_t exit_known; /* exit_status was written */
    _Atomic uint32_t record;     /* enum wire_record */
    uint64_t cpu_ns;             /* user and system time, written on the way out */
    uint64_t peak_rss_bytes;     /* written on the way out */

    _Alignas(64) _Atomic uint32_t frames;                /* used, from 1 on */
    _Atomic uint64_t frame_segment[WIRE_FRAME_SEGMENTS]; /* offsets in the arena, 0 = not yet */
    _Atomic uint64_t nodes;                              /* used, from 1 on; a few stay empty */
    _Atomic uint64_t node_segment[WIRE_NODE_SEGMENTS];
    _Atomic uint64_t note_segment[WIRE_NOTE_SEGMENTS];
    _Atomic uint32_t modules; /* numbers given */
    _Atomic uint32_t codes;
    _Atomic uint32_t types;
    _Atomic uint32_t marks;
    _Atomic uint32_t
        modules_kept; /* (collector) number of modules whose notes it has read, and files opened; a futex */
    _Atomic uint32_t
        marks_seen; /* (collector) the latest mark for which the pages were looked at, if they are; a futex */
    _Atomic uint32_t marks_missed; /* a mark for which the process stopped waiting */

    /* What the checks counted; not on the hot path. */
    _Atomic uint64_t stacks_checked;   /* with LIBTRACE_CHECK_STACKS=1 */
    _Atomic uint64_t stacks_different; /* from unw_backtrace */
    _Atomic uint64_t stacks_slow;      /* not compared: a frame has no call frame information */
    _Atomic uint64_t events_lost;      /* no room (arena full, no ring), or nobody who read them */
    _Atomic uint64_t stacks_lost;      /* stacks, frames or notes without room; their events are there */

    /* In a sampled run, all allocations: so far as its threads have said, which they do at each hit and at the end. */
    _Atomic uint64_t sampled_allocations, sampled_bytes;

    struct wire_piece pieces[WIRE_PIECES];
};

/* ---- the header ------------------------------------------------------------------------------ */

enum wire_collector_state {
    WIRE_COLLECTOR_STARTING = 0,
    WIRE_COLLECTOR_RUNNING = 1, /* database open, run row committed */
    WIRE_COLLECTOR_FAILED = 2,  /* could not record, error says why; tracing must stop */
    WIRE_COLLECTOR_DONE = 3,
};

enum wire_sleep {
    WIRE_AWAKE = 0,
    WIRE_DOZING = 1,   /* it looks again soon; a ring that fills up wakes it */
    WIRE_SLEEPING = 2, /* any event wakes it: every ring's slow_at is 0 */
};

struct wire_arena {
    uint64_t magic;
    uint32_t version;
    uint32_t chunks;       /* number of chunks in this arena */
    uint64_t cookie;       /* random; part of LIBTRACE_SESSION, as are the next two */
    uint64_t door_name;    /* random; see wire_door.h */
    uint64_t door_key;     /* random */
    uint64_t started_ns;   /* CLOCK_MONOTONIC of the run's start */
    uint64_t started_real; /* CLOCK_REALTIME, ns since 1970 */
    uint32_t sample;       /* bytes between samples for all processes; 0 = every block is recorded */
    int32_t first_pid;     /* the run's first process, in the namespace that it was in then */
    uint32_t stamp_shift;  /* a stamp is the processor's clock >> stamp_shift */
    uint64_t first_namespace;
    uint64_t first_view[3]; /* its mount namespace, and the device and inode of its root; 0 = not known */
    /* Page faults of the only child that the first process had had by then, which started the collector. */
    uint64_t first_faults;

    _Alignas(64) _Atomic uint32_t beat;   /* (collector) its heartbeat: changes while it is working */
    _Atomic uint32_t collector;           /* (collector) enum wire_collector_state; a futex */
    _Atomic int32_t collector_pid;        /* (collector) */
    _Atomic uint64_t collector_namespace; /* of that number, as wire_process.pid_namespace */
    /* (collector) 0, or the TID of its main thread; when that ends, in whatever way, the kernel adds
     * FUTEX_OWNER_DIED, as for a robust mutex. So its end is visible at once, in any PID namespace,
     * without a system call. */
    _Atomic uint32_t alive;
    _Atomic uint32_t untraced; /* processes of the run for which there was no room here; */
    _Atomic uint32_t unmapped; /* 1 = there are more, which could not even map this memory */
    _Atomic uint32_t said;     /* 1 = a process of the run has printed its line: the others print nothing */
    _Atomic uint32_t locked;   /* (collector) still STARTING, as another program keeps the database locked */
    char error[480];           /* (collector) one line, before WIRE_COLLECTOR_FAILED */

    /* A futex: the collector sleeps on it, traced processes increment it. */
    _Alignas(64) _Atomic uint32_t wake;
    _Atomic uint32_t asleep;       /* (collector) enum wire_sleep */
    _Atomic uint32_t rings;        /* ring slots ever used: the collector looks at these */
    _Atomic uint32_t processes;    /* process slots ever used */
    _Atomic uint32_t sweep;        /* (collector) how often it has read all rings */
    _Atomic uint32_t ring_room;    /* (collector) words of a ring's buffer that may be used; 0 = all */
    _Atomic uint32_t modules;      /* notes of modules written by all processes */
    _Atomic uint32_t modules_kept; /* (collector) and how many of them it has read, see wire_process */
    _Atomic uint64_t
        marks_wait_ns; /* (collector) since started_ns: from this time on there is time for a look at the
                                           pages at a mark, and whoever sets one waits for it; 0 = no looks */

    _Alignas(64) _Atomic uint64_t chunk_map[WIRE_MAX_CHUNKS / 64]; /* 1 = in use */
    struct wire_process process[WIRE_PROCESSES];
    struct wire_ring ring[WIRE_RINGS]; /* in a file of 4 GiB or less, WIRE_FEW_RINGS */
};

/* How many rings a file of so many bytes has: buffers for more would hardly fit. Where address space is short, a header
 * for all would be more than what a program can spare. */
static inline uint32_t wire_rings(uint64_t size)
{
    return size > WIRE_FEW_CHUNKS * WIRE_CHUNK_SIZE ? WIRE_RINGS : WIRE_FEW_RINGS;
}

#define WIRE_HEADER_CHUNKS(rings)                                                                     \
    ((offsetof(struct wire_arena, ring) + (rings) * sizeof(struct wire_ring) + WIRE_CHUNK_SIZE - 1) / \
     WIRE_CHUNK_SIZE)

static inline uint64_t wire_first_chunk(uint64_t size)
{
    return WIRE_HEADER_CHUNKS(wire_rings(size));
}

#define WIRE_FIRST_CHUNK WIRE_HEADER_CHUNKS(WIRE_FEW_RINGS) /* the least, of a file of 4 GiB or less */
#define WIRE_TICK_NS 10000000ull

/* LIBTRACE_SESSION, set for the children of a traced process: "collector pid:descriptor:cookie:door
 * name:door key:network". descriptor is the arena's in the collector, so that /proc/PID/fd/N can be
 * opened; if not, the door (wire_door.h) is used, in the network namespace with that inode (0 = not
 * known). */
#define WIRE_SESSION_VARIABLE "LIBTRACE_SESSION"
#define WIRE_SESSION_SIZE 128 /* with its NUL */

/* The value of LIBTRACE_DB follows it: some programs find one variable in place of the other. */
#define WIRE_SESSION_DATABASE ';'

/* The session, or its first character, if the run cannot be recorded: processes that find it are not
 * traced. */
#define WIRE_SESSION_NONE "!"

/* Its first character if no run has begun yet: the name of a run will be written over it. So there is room
 * for it in the environment that came from the kernel, too, which some programs (Go's) pass on. */
#define WIRE_SESSION_ROOM '?'

/* Its end if trace-attach began the run: processes that cannot join that run (it may be over) are not
 * traced, instead of beginning a run of their own. */
#define WIRE_SESSION_ATTACHED ":attached"

#endif
