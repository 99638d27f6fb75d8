/* attach_run.c - see attach_run.h. */
#include "attach_run.h"
#include "quantity.h"
#include "sampling_rule.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void complain(const char *format, ...)
{
    va_list arguments;
    fputs("trace-attach: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

bool refuse(const struct options *options, const char *why)
{
    complain("process %d %s.", (int)options->pid, why);
    return false;
}

bool rotation_refused(const struct run *run)
{
    return limit_setting(ROTATE_VARIABLE, quantity_rotate) &&
           !refuse(run->options,
                   "is another user's, and what is recorded of it is not rotated: leave --rotate out");
}

uint32_t setting(const char *name, uint32_t otherwise)
{
    const char *text = getenv(name);
    return text && *text ? (uint32_t)strtoul(text, NULL, 10) : otherwise;
}

uint64_t limit_setting(const char *name, uint64_t (*value_of)(const char *text))
{
    const char *text = getenv(name);
    return text && !quantity_none(text) ? value_of(text) : 0;
}

uint32_t sample_setting(void)
{
    const char *text = getenv(SAMPLING_VARIABLE);
    return text && !sampling_off(text) ? sampling_interval(text) : 0;
}
