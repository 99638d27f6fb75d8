/* go_call.c - see go_call.h. */
#include "go_call.h"
#include "rule.h"

#include <stddef.h>
#include <string.h>

/* What asmcgocall does after the C function has returned (src/runtime/asm_amd64.s). It has stored on the
 * thread's stack the goroutine, and how far below the end of the goroutine's stack it was; versions differ in
 * where:
 *
 *   mov a(%rsp), %rdi      the goroutine
 *   mov 8(%rdi), %rsi      the end of its stack
 *   sub b(%rsp), %rsi
 *   mov %rsi, %rsp         a few instructions later
 *
 * or, if it was on the thread's stack already, the stack pointer itself:
 *
 *   mov b(%rsp), %rsi
 *   mov %rsi, %rsp
 */
struct code {
    const uint8_t *at, *end;
};

static bool takes(struct code *code, const void *expected, size_t size)
{
    if ((size_t)(code->end - code->at) < size || memcmp(code->at, expected, size) != 0)
        return false;
    code->at += size;
    return true;
}

/* The offset from rsp of a word on the stack: 8 bits, or 0 in the form without; UINT32_MAX for another
 * instruction. */
static uint32_t offset_of(struct code *code, const char *with_offset, const char *without)
{
    if (without && takes(code, without, 4))
        return 0;
    return takes(code, with_offset, 4) && code->at < code->end ? *code->at++ : UINT32_MAX;
}

uint32_t go_call_rule(const uint8_t *start, const uint8_t *end)
{
    struct code code = {start, end};
    uint32_t a = offset_of(&code, "\x48\x8b\x7c\x24", NULL);
    if (a != UINT32_MAX && a % 8 == 0 && takes(&code, "\x48\x8b\x77\x08", 4)) {
        uint32_t b = offset_of(&code, "\x48\x2b\x74\x24", "\x48\x2b\x34\x24");
        return b % 8 == 0 ? rule_special(SPECIAL_GO) | a << 8 | b << 16 : 0;
    }
    code.at = start;
    uint32_t b = offset_of(&code, "\x48\x8b\x74\x24", "\x48\x8b\x34\x24");
    return b % 8 == 0 && takes(&code, "\x48\x89\xf4", 3) ? rule_special(SPECIAL_GO_SYSTEM) | b << 16 : 0;
}
