/* settings.c - reads the run's settings from the environment. */
#include "settings.h"
#include "guest.h"
#include "join.h"
#include "process.h"
#include "quantity.h"
#include "sampling_rule.h"

#include <string.h>

/* Processes that join a run do not repeat what its first process has said. */
static void say_setting(const char *what, const char *detail)
{
    if (!join_session())
        guest_say(what, detail);
}

static uint32_t number_between(const char *name, uint32_t low, uint32_t high, uint32_t otherwise)
{
    const char *text = guest_variable(name), *end;
    if (!text || !*text)
        return otherwise;
    uint64_t value = guest_number(text, &end);
    if (*end || value < low || value > high) {
        say_setting("not a value for it, the default is used: ", name);
        return otherwise;
    }
    return (uint32_t)value;
}

static int stack_setting(void)
{
    static const char *const names[] = {"auto", "python", "native", "both"};
    const char *text = guest_variable("LIBTRACE_STACK");
    for (int i = 0; text && *text && i < 4; i++)
        if (strcmp(text, names[i]) == 0)
            return i;
    if (text && *text)
        say_setting("LIBTRACE_STACK is auto, python, native or both, not: ", text);
    return STACK_AUTO;
}

static uint32_t sample_setting(void)
{
    const char *text = guest_variable(SAMPLING_VARIABLE);
    bool on = text && !sampling_off(text);
    uint32_t interval = on ? sampling_interval(text) : 0;
    if (on && !interval)
        say_setting(SAMPLING_VARIABLE
                    " is a number of bytes like 512KiB, up to 1GiB; all is recorded, as this is none: ",
                    text);
    return interval;
}

/* 0 = no limit. */
static uint64_t limit_setting(const char *name, uint64_t (*value_of)(const char *text), const char *wrong)
{
    const char *text = guest_variable(name);
    bool on = text && !quantity_none(text);
    uint64_t value = on ? value_of(text) : 0;
    if (on && !value)
        say_setting(wrong, text);
    return value;
}

void settings_read(void)
{
    settings.depth = number_between("LIBTRACE_DEPTH", 1, 1024, 128);
    settings.check_stacks = number_between("LIBTRACE_CHECK_STACKS", 0, 1, 0);
    settings.follow = number_between("LIBTRACE_FOLLOW", 0, 1, 1);
    settings.threads = number_between("LIBTRACE_THREADS", 0, 1, 0);
    settings.events = number_between("LIBTRACE_EVENTS", 0, 1, 0);
    settings.blocks = number_between("LIBTRACE_BLOCKS", 0, 1, 0);
    settings.command = number_between("LIBTRACE_COMMAND", 0, 1, 1);
    settings.types = number_between("LIBTRACE_TYPES", 0, 1, 1);
    settings.stack = stack_setting();
    settings.sample = sample_setting();
    settings.keep_ns = limit_setting(KEEP_VARIABLE, quantity_keep,
                                     KEEP_VARIABLE " is a time like 7d; all is kept, as this is none: ");
    settings.max_size = limit_setting(
        MAX_SIZE_VARIABLE, quantity_max_size,
        MAX_SIZE_VARIABLE " is a size like 200MiB, from 1MiB on; there is no limit, as this is none: ");
    settings.rotate_ns =
        limit_setting(ROTATE_VARIABLE, quantity_rotate,
                      ROTATE_VARIABLE " is a time like 1d, or 1d:30; nothing is rotated, as this is none: ");
    settings.rotations = settings.rotate_ns ? quantity_rotations(guest_variable(ROTATE_VARIABLE)) : 0;
}
