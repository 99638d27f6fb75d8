/* help.c - trace-report help [SUBCOMMAND] */
#include "args.h"
#include "commands.h"

#include <stdio.h>
#include <string.h>

static int words;

static const struct option_spec options[] = {
    {"words", OPTION_FLAG, &words, NULL, "for shells that complete: names, help and values between tabs",
     NULL},
    {0},
};

const struct manual manual_help = {
    .operands = "[SUBCOMMAND]",
    .about = "Lists the subcommands, or shows the help of one.",
    .options = options,
    .examples = {{"", "the list"}, {"top", "all options of top"}},
    .most = 1,
};

int command_help(struct report *report, int argc, char **argv)
{
    int operands;
    int status = args_parse(report, &manual_help, argc, argv, &operands);

    if (status != ARGS_GO_ON)
        return status;
    for (const struct command *command = commands; operands == 1 && command->name != NULL; command++)
        if (strcmp(command->name, argv[1]) == 0) {
            char *arguments[] = {argv[1], words ? ARGS_WORDS : "--help", NULL};

            report->command = command->name;
            return command->run(report, 2, arguments);
        }
    if (operands == 1)
        return report_error(report, EXIT_USAGE, "there is no subcommand '%s'; see: trace-report help",
                            argv[1]);
    for (const struct command *command = commands; words && command->name != NULL; command++)
        printf("%s\t%s\n", command->name, command->help);
    if (words)
        return EXIT_FINE;
    printf("Usage: trace-report SUBCOMMAND [OPTION...] [RUN...]\n\n"
           "Shows which lines of a program allocate memory, from the database that a traced run left.\n\n"
           "Subcommands:\n");
    for (const struct command *command = commands; command->name != NULL; command++)
        printf("  %-10s %s\n", command->name, command->help);
    printf(
        "\nA RUN is a number or a label (its latest run); none means the latest run. All subcommands take\n"
        "--db FILE, --json, --bytes, --color=WHEN and --help.\n\n"
        "Examples:\n"
        "  trace-run ./program; trace-report top\n"
        "      record a run into ./trace.db, and show the lines that allocate most\n"
        "  trace-report compare before after\n"
        "      what changed between the latest runs of two labels\n");
    return EXIT_FINE;
}
