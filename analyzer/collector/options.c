/* options.c - see options.h. */
#include "options.h"
#include "collector.h"
#include "sampling_rule.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A descriptor that is not a standard stream; 0 for none; -1 if invalid. */
static int parse_descriptor(const char *text)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    bool whole = end != text && !*end && errno == 0;
    return whole && (number == 0 || (number >= 3 && number <= INT_MAX)) ? (int)number : -1;
}

/* False if it is not this setting. */
static bool parse_sample(struct options *options, const char *text)
{
    size_t size = sizeof COLLECTOR_SAMPLE - 1;
    if (strncmp(text, COLLECTOR_SAMPLE, size) != 0)
        return false;
    options->sample = sampling_interval(text + size);
    return options->sample != 0;
}

/* A word with a number, such as "keep=60000000000"; false if it is not this one. */
static bool parse_number(const char *text, const char *word, uint64_t *number)
{
    size_t size = strlen(word);
    char *end;
    if (strncmp(text, word, size) != 0)
        return false;
    errno = 0;
    *number = strtoull(text + size, &end, 10);
    return text[size] >= '1' && text[size] <= '9' && !*end && errno == 0 && *number <= INT64_MAX;
}

bool options_parse(struct options *options, int argc, char **argv)
{
    *options = (struct options){0};
    const struct {
        const char *word;
        bool *on;
    } settings[] = {
        {COLLECTOR_FOLLOW, &options->follow}, {COLLECTOR_THREADS, &options->threads},
        {COLLECTOR_EVENTS, &options->events}, {COLLECTOR_BLOCKS, &options->blocks},
        {COLLECTOR_TYPES, &options->types},
    };
    if (argc < COLLECTOR_FIXED || argc >= COLLECTOR_ARGUMENTS)
        return false;
    options->memory = parse_descriptor(argv[1]);
    options->first = parse_descriptor(argv[2]);
    options->report = parse_descriptor(argv[3]);
    options->door = parse_descriptor(argv[4]);
    options->database = argv[5];
    if (strncmp(argv[5], "/dev/fd/", 8) == 0)
        options->rows = parse_descriptor(argv[5] + 8);
    for (int i = COLLECTOR_FIXED; i < argc; i++) {
        const size_t count = sizeof settings / sizeof settings[0];
        size_t setting = 0;
        if (parse_sample(options, argv[i]) || parse_number(argv[i], COLLECTOR_KEEP, &options->keep_ns) ||
            parse_number(argv[i], COLLECTOR_MOST, &options->most_bytes) ||
            parse_number(argv[i], COLLECTOR_ROTATE, &options->rotate_ns) ||
            parse_number(argv[i], COLLECTOR_ROTATIONS, &options->rotations))
            continue;
        while (setting < count && strcmp(argv[i], settings[setting].word) != 0)
            setting++;
        if (setting == count)
            return false;
        *settings[setting].on = true;
    }
    return options->memory > 0 && options->first >= 0 && options->report >= 0 && options->door >= 0 &&
           options->rows >= 0 && options->database[0] == '/';
}
