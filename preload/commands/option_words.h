/* option_words.h - error messages for options, in the words of trace-report. For getopt_long() with opterr
 * = 0, an option string that begins with ":" (after a "+"), and values of long options above those of
 * letters. */
#ifndef LIBTRACE_COMMANDS_OPTION_WORDS_H
#define LIBTRACE_COMMANDS_OPTION_WORDS_H

#include <getopt.h>
#include <stdio.h>
#include <string.h>

/* result: what getopt_long() returned, '?' or ':'. */
static inline void options_complain(const char *program, int result, char **argv)
{
    const char *argument = argv[optind - 1];
    int length = (int)strcspn(argument, "=");

    if (result == ':' && argument[1] == '-')
        fprintf(stderr, "%s: %.*s needs a value.\n", program, length, argument);
    else if (result == ':')
        fprintf(stderr, "%s: -%c needs a value.\n", program, optopt);
    else if (optopt == 0)
        fprintf(stderr, "%s: there is no option %s; see: %s --help\n", program, argument, program);
    else if (argument[1] == '-' && argument[length] == '=')
        fprintf(stderr, "%s: %.*s takes no value.\n", program, length, argument);
    else
        fprintf(stderr, "%s: there is no option -%c; see: %s --help\n", program, optopt, program);
}

#endif
