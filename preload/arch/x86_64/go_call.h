/* go_call.h - recognises the code by which Go calls C. */
#ifndef LIBTRACE_GO_CALL_H
#define LIBTRACE_GO_CALL_H

#include <stdint.h>

/* The rule (rule.h) if this is where a C function returns to in asmcgocall, else 0. end: the end of
 * readable code. */
uint32_t go_call_rule(const uint8_t *code, const uint8_t *end);

#endif
