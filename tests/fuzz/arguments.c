/* arguments.c - a fuzz target: command lines of all subcommands, numbers with units, and names for terminals. */
#include "../../analyzer/query/args.c" /* for the common options, which are static in it */
#include "input.h"
#include "reports.h"
#include "units.h"
#include "window.h"

#include <sqlite3.h>

static const struct manual *const manuals[] = {
    &manual_top,     &manual_tree,     &manual_function, &manual_leaks,  &manual_advise, &manual_annotate,
    &manual_rss,     &manual_check,    &manual_compare,  &manual_export, &manual_html,   &manual_sql,
    &manual_summary, &manual_timeline, &manual_rename,   &manual_prune};

static void parse(const struct manual *manual, char **words, int count)
{
    struct report report = {.command = "top", .commands = commands};
    int operands = 0, status = args_parse(&report, manual, count, words, &operands);

    color_choice = help_wanted = words_wanted = no_pager = 0;
    width_option = -1;
    db_option = NULL;
    if (status == ARGS_GO_ON && (operands < 0 || operands >= count))
        abort();
}

static void show(const char *text)
{
    char out[UNITS_SIZE];
    double seconds = 0;
    int64_t bytes = 0;
    char *harmless = text_harmless(text);

    if (harmless == NULL)
        abort();
    for (const char *p = harmless; *p != '\0';)
        if (text_is_harmful(text_next(&p)))
            abort();
    free(text_cut(harmless, text_width(harmless) / 2, strlen(text) % 2 != 0));
    window_time(text, &seconds);
    parse_bytes(text, &bytes);
    units_seconds(out, seconds);
    units_bytes(out, bytes, 0);
    units_count(out, bytes);
    units_percent(out, seconds, (double)bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = input_of(data, size);
    const struct manual *manual = manuals[input_number(&in, 1) % (sizeof manuals / sizeof *manuals)];
    char *text = malloc(input_left(&in) + 1), *words[32] = {"top"};
    size_t length = input_left(&in);
    int count = 1;

    memcpy(text, in.at, length);
    text[length] = '\0';
    for (char *p = text; p < text + length && count < 31; p += strlen(p) + 1) {
        show(p);
        words[count++] = p;
    }
    parse(manual, words, count);
    free(text);
    return 0;
}
