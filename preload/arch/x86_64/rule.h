/* rule.h - how to get from one stack frame to the next outer one, in 32 bits.
 *
 *    31 30 29 28            15 14             1   0
 *   +-----+--+----------------+----------------+---+
 *   |kind |b | cfa (words)    | rbp (words)    | 0 |
 *   +-----+--+----------------+----------------+---+
 *
 *   b    0: CFA = rsp + cfa * 8     1: CFA = rbp + cfa * 8 (cfa is signed)
 *   rbp  0: rbp is unchanged          n: the caller's rbp is at CFA - n * 8
 *
 * The return address is at CFA - 8 in every kind but RULE_SPECIAL, which has an enum special in its lowest 8
 * bits and, for Go, two offsets from rsp above them.
 */
#ifndef LIBTRACE_RULE_H
#define LIBTRACE_RULE_H

#include <stdbool.h>
#include <stdint.h>

enum rule_kind {
    RULE_SIMPLE = 0,  /* as drawn */
    RULE_ALIGNED = 1, /* the function aligned its stack: CFA = *(rbp + cfa * 8), the caller's rbp = *rbp */
    RULE_END = 2,     /* outermost frame */
    RULE_SPECIAL = 3, /* anything else, see enum special */
};

/* How to continue from a frame that no other kind of rule describes. */
enum special {
    SPECIAL_UNKNOWN = 0,   /* nothing is known: the stack is cut off here */
    SPECIAL_REGISTERS = 1, /* by its call frame information, which needs more registers than rbp */
    SPECIAL_SIGNAL = 2,    /* a signal's frame: the kernel has saved there what was interrupted */
    SPECIAL_HOTSPOT = 3,   /* a frame of Java code, which only the virtual machine describes */
    SPECIAL_GO = 4,        /* Go called C: from a goroutine, which has its own stack */
    SPECIAL_GO_SYSTEM = 5, /* Go called C: from the thread's stack */
};

#define RULE_RBP_BASE (1u << 29)
#define RULE_CFA_MAX 8191
#define RULE_RBP_MAX 16383

static inline enum rule_kind rule_kind(uint32_t rule)
{
    return (enum rule_kind)(rule >> 30);
}

/* In bytes, sign-extended. */
static inline int64_t rule_cfa(uint32_t rule)
{
    return (int64_t)((int32_t)(rule << 3) >> 18) * 8;
}

/* In bytes below the CFA; 0: rbp was not saved. */
static inline uint64_t rule_rbp(uint32_t rule)
{
    return (uint64_t)(rule >> 1 & RULE_RBP_MAX) * 8;
}

static inline uint32_t rule_make(enum rule_kind kind, bool rbp_base, int cfa_words, unsigned rbp_words)
{
    return (uint32_t)kind << 30 | (rbp_base ? RULE_RBP_BASE : 0) | ((uint32_t)cfa_words & 0x3fff) << 15 |
           rbp_words << 1;
}

static inline uint32_t rule_special(enum special special)
{
    return (uint32_t)RULE_SPECIAL << 30 | (uint32_t)special;
}

static inline enum special rule_special_kind(uint32_t rule)
{
    return (enum special)(rule & 0xff);
}

/* The rule of code that keeps rbp as a frame pointer. */
#define RULE_FRAME_POINTER rule_make(RULE_SIMPLE, true, 2, 2)

/* True if the next frame's position depends on rbp. */
static inline bool rule_needs_rbp(uint32_t rule)
{
    return (rule & RULE_RBP_BASE) != 0;
}

/* True if rbp is unchanged, and so is needed further out. */
static inline bool rule_keeps_rbp(uint32_t rule)
{
    return rule_kind(rule) == RULE_SIMPLE && rule_rbp(rule) == 0;
}

#endif
