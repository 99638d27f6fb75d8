/* args.c - one table of options drives the parsing, the errors and --help. */
#define _GNU_SOURCE
#include "args.h"
#include "commands.h"
#include "measures.h"
#include "pager.h"
#include "text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define OPTIONS_MAX 40

enum { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };
static const char *const color_choices[] = {"auto", "always", "never", NULL};

static int color_choice, help_wanted, words_wanted, no_pager;
static int64_t width_option = -1; /* -1 = not given */
static const char *db_option;

/* Short forms of options, the same in every subcommand. */
static const struct {
    const char *name;
    char letter;
} letters[] = {{"db", 'd'}, {"limit", 'n'}, {"by", 'b'}, {"group", 'g'}};

/* ---- likeness -------------------------------------------------------------------------------- */

unsigned args_distance(const char *a, const char *b)
{
    unsigned row[64], n = (unsigned)strnlen(a, 63), m = (unsigned)strnlen(b, 63);

    for (unsigned j = 0; j <= m; j++)
        row[j] = j;
    for (unsigned i = 1; i <= n; i++) {
        unsigned diagonal = row[0];

        row[0] = i;
        for (unsigned j = 1; j <= m; j++) {
            unsigned change = diagonal + (a[i - 1] != b[j - 1]);
            unsigned least = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;

            diagonal = row[j];
            row[j] = change < least ? change : least;
        }
    }
    return row[m];
}

const char *args_nearest(const char *text, const char *const *candidates, size_t count)
{
    const char *best = NULL;
    unsigned least = (unsigned)strlen(text) / 3 + 2; /* with more edits than this it is another word */

    for (size_t i = 0; i < count; i++) {
        unsigned d = args_distance(text, candidates[i]);

        if (strlen(text) >= 2 && strncmp(candidates[i], text, strlen(text)) == 0)
            d = 1; /* text is the beginning of it */
        if (d < least && d < strlen(candidates[i])) {
            least = d;
            best = candidates[i];
        }
    }
    return best;
}

/* ---- options --------------------------------------------------------------------------------- */

/* The subcommand's options, then the common ones. */
struct all {
    struct option_spec option[OPTIONS_MAX];
    size_t count, own;
};

static void gather(struct report *report, const struct manual *manual, struct all *all)
{
    const struct option_spec common[] = {
        {"db", OPTION_TEXT, &db_option, "FILE", "the database (default: LIBTRACE_DB, or trace.db here)",
         NULL},
        {"json", OPTION_FLAG, &report->json, NULL, "JSON for programs, with a versioned schema", NULL},
        {"bytes", OPTION_FLAG, &report->bytes, NULL, "plain numbers of bytes instead of KiB, MiB", NULL},
        {"color", OPTION_CHOICE, &color_choice, NULL, "when to use colours (NO_COLOR=1: never)",
         color_choices},
        {"width", OPTION_NUMBER, &width_option, "N",
         "columns to fill, 0: any number (default: the terminal's, or COLUMNS)", NULL},
        {"no-pager", OPTION_FLAG, &no_pager, NULL, "print what is longer than the terminal, too (PAGER=cat)",
         NULL},
        {"help", OPTION_FLAG, &help_wanted, NULL, "this text", NULL},
    };

    all->count = 0;
    for (const struct option_spec *o = manual->options; o != NULL && o->name != NULL; o++)
        all->option[all->count++] = *o;
    all->own = all->count;
    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++)
        all->option[all->count++] = common[i];
}

static const struct option_spec *find_option(const struct all *all, const char *name, size_t length)
{
    for (size_t i = 0; i < all->count; i++)
        if (strlen(all->option[i].name) == length && memcmp(all->option[i].name, name, length) == 0)
            return &all->option[i];
    return NULL;
}

static int unknown_option(const struct report *report, const struct manual *manual, const struct all *all,
                          const char *argument)
{
    const char *names[OPTIONS_MAX];
    char name[64];

    snprintf(name, sizeof name, "%.*s", (int)strcspn(argument + strspn(argument, "-"), "="),
             argument + strspn(argument, "-"));
    for (size_t i = 0; i < all->count; i++)
        names[i] = all->option[i].name;
    if (manual->whole != NULL && (strcmp(name, "from") == 0 || strcmp(name, "to") == 0))
        return report_error(report, EXIT_USAGE, "there is no option --%s: %s", name, manual->whole);
    const char *nearest = args_nearest(name, names, all->count);

    if (nearest != NULL)
        return report_error(report, EXIT_USAGE, "there is no option %s; did you mean --%s?", argument,
                            nearest);
    return report_error(report, EXIT_USAGE, "there is no option %s; see: trace-report %s --help", argument,
                        report->command);
}

/* '\0' = there is no short form. */
static char letter_of(const char *name)
{
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++)
        if (strcmp(letters[i].name, name) == 0)
            return letters[i].letter;
    return name[1] == '\0' ? name[0] : '\0';
}

static const struct option_spec *find_letter(const struct all *all, char letter)
{
    for (size_t i = 0; i < all->count; i++)
        if (letter_of(all->option[i].name) == letter)
            return &all->option[i];
    return NULL;
}

/* A name of one letter is written with one dash: -o FILE. */
static const char *dashes(const struct option_spec *o)
{
    return o->name[1] == '\0' ? "-" : "--";
}

static int has_choices(const struct option_spec *o)
{
    return o->kind == OPTION_CHOICE || o->kind == OPTION_MEASURE;
}

/* The number of measures that reports sort by. */
static int measure_choices(void)
{
    int count = 0;

    while (measure_at(count + 1) != MEASURES)
        count++;
    return count;
}

/* The i-th possible value; NULL = no more. */
static const char *choice(const struct option_spec *o, int i)
{
    if (o->kind == OPTION_CHOICE)
        return o->choices[i];
    int count = measure_choices();

    if (i < count)
        return measures[measure_at(i + 1)].by;
    return o->choices != NULL ? o->choices[i - count] : NULL;
}

/* The number that the i-th value sets: measures first, then the option's own choices. */
static int chosen(const struct option_spec *o, int i)
{
    int count = measure_choices();

    if (o->kind == OPTION_CHOICE)
        return i;
    return i < count ? (int)measure_at(i + 1) : MEASURES + i - count;
}

static void list_choices(const struct option_spec *o, const char *separator, char *out, size_t size)
{
    size_t n = 0;

    out[0] = '\0';
    for (int i = 0; choice(o, i) != NULL && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%s", i > 0 ? separator : "", choice(o, i));
}

/* "1.5 MiB", "10k", "4096"; k, M ... are powers of 1024 unless a plain B follows them (kB = 1000). */
static int parse_bytes(const char *text, int64_t *bytes)
{
    static const char units[] = "kmgtp";
    char *end;
    double value = strtod(text, &end), power = 1;

    if (end == text || !isfinite(value) || value < 0)
        return 0;
    end += strspn(end, " ");
    const char *unit = *end != '\0' ? strchr(units, *end | 0x20) : NULL;

    if (unit != NULL) {
        int decimal = end[1] == 'B' || end[1] == 'b';

        power = pow(decimal ? 1000 : 1024, (double)(unit - units + 1));
        end += 1 + (end[1] == 'i');
    }
    end += *end == 'B' || *end == 'b';
    if (*end != '\0' || value * power >= 9e18)
        return 0;
    *bytes = (int64_t)(value * power + 0.5);
    return 1;
}

static int parse_share(const char *text, double *share)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || !isfinite(value) || value < 0)
        return 0;
    end += strspn(end, " ");
    end += *end == '%';
    *share = value / 100;
    return *end == '\0';
}

static int parse_seconds(const char *text, double *seconds)
{
    char *end;
    double value = strtod(text, &end);

    *seconds = value;
    return end != text && *end == '\0' && value >= 0.1 && value <= 86400;
}

static int parse_time(const char *text, double *seconds)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"", 1}, {"s", 1}, {"ms", 0.001}, {"min", 60}, {"m", 60}, {"h", 3600}};
    char *end;
    double value = strtod(text, &end);

    for (size_t i = 0; i < sizeof units / sizeof units[0] && end != text; i++)
        if (strcmp(end + strspn(end, " "), units[i].name) == 0) {
            *seconds = value * units[i].seconds;
            return *seconds >= 0.1 && *seconds <= 86400;
        }
    return 0;
}

static int take_value(const struct report *report, const struct option_spec *o, const char *value)
{
    char list[256], *end;

    if (o->kind == OPTION_TEXT) {
        *(const char **)o->target = value;
        return ARGS_GO_ON;
    }
    if (o->kind == OPTION_NUMBER) {
        errno = 0;
        long long number = strtoll(value, &end, 10);

        if (*value == '\0' || *end != '\0' || errno != 0 || number < 0)
            return report_error(report, EXIT_USAGE, "%s%s takes a number, not '%s'.", dashes(o), o->name,
                                value);
        *(int64_t *)o->target = number;
        return ARGS_GO_ON;
    }
    if (o->kind == OPTION_BYTES)
        return parse_bytes(value, o->target)
                   ? ARGS_GO_ON
                   : report_error(report, EXIT_USAGE, "--%s takes bytes (50MiB, 1.5k, 4096), not '%s'.",
                                  o->name, value);
    if (o->kind == OPTION_SHARE)
        return parse_share(value, o->target)
                   ? ARGS_GO_ON
                   : report_error(report, EXIT_USAGE, "--%s takes a share (5%%, 0.5%%), not '%s'.", o->name,
                                  value);
    if (o->kind == OPTION_TIME)
        return parse_time(value, o->target)
                   ? ARGS_GO_ON
                   : report_error(report, EXIT_USAGE, "--%s takes a time (60s, 1.5min, 500ms), not '%s'.",
                                  o->name, value);
    if (o->kind == OPTION_EVERY)
        return parse_seconds(value, o->target)
                   ? ARGS_GO_ON
                   : report_error(report, EXIT_USAGE, "--%s takes seconds (0.1 and more), not '%s'.", o->name,
                                  value);
    for (int i = 0; choice(o, i) != NULL; i++)
        if (strcmp(choice(o, i), value) == 0) {
            *(int *)o->target = chosen(o, i);
            return ARGS_GO_ON;
        }
    list_choices(o, ", ", list, sizeof list);
    return report_error(report, EXIT_USAGE, "%s%s takes one of %s, not '%s'.", dashes(o), o->name, list,
                        value);
}

/* ---- help ------------------------------------------------------------------------------------ */

static void print_options(const struct option_spec *options, size_t count)
{
    char left[128], list[96];

    for (size_t i = 0; i < count; i++) {
        const struct option_spec *o = &options[i];

        if (has_choices(o))
            list_choices(o, "|", list, sizeof list);
        char letter[6] = {'-', letter_of(o->name), ',', ' '};

        snprintf(left, sizeof left, "%s%s%s%s%s", letter[1] != '\0' && o->name[1] != '\0' ? letter : "",
                 dashes(o), o->name, o->kind == OPTION_FLAG || o->kind == OPTION_EVERY ? "" : " ",
                 o->kind == OPTION_FLAG ? ""
                 : has_choices(o)       ? list
                                        : o->value);
        if (strlen(left) > 22)
            printf("  %s\n  %-22s  %s\n", left, "", o->help);
        else
            printf("  %-22s  %s\n", left, o->help);
    }
}

static int print_help(const struct report *report, const struct manual *manual, const struct all *all)
{
    printf("Usage: trace-report %s [OPTION...]%s%s\n\n%s\n", report->command,
           *manual->operands != '\0' ? " " : "", manual->operands, manual->about);
    if (all->own > 0) {
        printf("\nOptions:\n");
        print_options(all->option, all->own);
    }
    printf("\nCommon options:\n");
    print_options(all->option + all->own, all->count - all->own);
    printf("\nExamples:\n");
    for (int i = 0; i < 3 && manual->examples[i][0] != NULL; i++)
        printf("  trace-report %s%s%s\n      %s\n", report->command,
               *manual->examples[i][0] != '\0' ? " " : "", manual->examples[i][0], manual->examples[i][1]);
    return EXIT_FINE;
}

/* For the shells' completions: a line for each option with its help and values, and one for its short
 * form. */
static int print_words(const struct all *all)
{
    char list[256];

    for (size_t i = 0; i < all->count; i++) {
        const struct option_spec *o = &all->option[i];
        const char *values = has_choices(o)                                      ? list
                             : o->kind == OPTION_FLAG || o->kind == OPTION_EVERY ? ""
                                                                                 : o->value;

        if (has_choices(o))
            list_choices(o, " ", list, sizeof list);
        printf("%s%s\t%s\t%s\n", dashes(o), o->name, o->help, values);
        if (o->name[1] != '\0' && letter_of(o->name) != '\0')
            printf("-%c\t%s\t%s\n", letter_of(o->name), o->help, values);
    }
    return EXIT_FINE;
}

/* ---- the environment ------------------------------------------------------------------------- */

void args_measure(struct report *report)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size;

    report->width = 0;
    if (report->terminal)
        report->width = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
    if (columns != NULL && atoi(columns) > 0)
        report->width = atoi(columns);
    if (width_option >= 0)
        report->width = width_option < 100000 ? (int)width_option : 0;
    if (report->width > 0 && report->width < 40)
        report->width = 40; /* with less room, let lines wrap rather than cut columns to nothing */
}

static void settle(struct report *report)
{
    const char *variable, *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    int terminal = isatty(STDOUT_FILENO);

    variable = getenv("LIBTRACE_DB");
    report->db = db_option != NULL                       ? db_option
                 : variable != NULL && *variable != '\0' ? variable
                                                         : "trace.db";
    report->db_given = db_option != NULL;
    report->terminal = terminal;
    report->hints = terminal && isatty(STDERR_FILENO);
    report->color = color_choice == COLOR_ALWAYS ||
                    (color_choice == COLOR_AUTO && terminal && (no_color == NULL || *no_color == '\0') &&
                     (term == NULL || strcmp(term, "dumb") != 0));
    args_measure(report);
    if (!no_pager)
        pager_begin(report);
}

/* ---- parsing --------------------------------------------------------------------------------- */

/* Finds the option in "--by peak", "--by=peak", "-b peak" or "-bpeak"; *attached is its value if that is
 * in the same argument, else NULL. */
static const struct option_spec *named_by(const struct all *all, const char *argument, const char **attached)
{
    const char *equals = strchr(argument, '=');

    *attached = NULL;
    if (argument[1] != '-') {
        *attached = argument[2] != '\0' ? argument + 2 : NULL;
        return find_letter(all, argument[1]);
    }
    *attached = equals != NULL ? equals + 1 : NULL;
    const struct option_spec *o = find_option(
        all, argument + 2, equals != NULL ? (size_t)(equals - argument) - 2 : strlen(argument + 2));

    return o != NULL && o->name[1] != '\0' ? o : NULL;
}

/* One argument that begins with "-"; *i is moved past its value. */
static int parse_option(struct report *report, const struct manual *manual, const struct all *all, int argc,
                        char **argv, int *i)
{
    const char *argument = argv[*i], *value = NULL;

    if (strcmp(argument, "-h") == 0) {
        help_wanted = 1;
        return ARGS_GO_ON;
    }
    if (strcmp(argument, ARGS_WORDS) == 0) {
        words_wanted = 1;
        return ARGS_GO_ON;
    }
    const struct option_spec *o = named_by(all, argument, &value);
    int status = ARGS_GO_ON;

    if (o == NULL || (o->kind == OPTION_FLAG && value != NULL && argument[1] != '-'))
        return unknown_option(report, manual, all, argument);
    if (o->kind == OPTION_FLAG) {
        if (value != NULL)
            return report_error(report, EXIT_USAGE, "--%s takes no value.", o->name);
        *(int *)o->target = 1;
    } else if (value == NULL && o->kind == OPTION_EVERY) {
        *(double *)o->target = 1;
    } else {
        if (value == NULL && *i + 1 >= argc)
            return report_error(report, EXIT_USAGE, "%s%s needs a value.", dashes(o), o->name);
        value = value != NULL ? value : argv[++*i];
        status = take_value(report, o, value);
    }
    if (report->given_count < REPORT_GIVEN)
        report->given[report->given_count++] = (struct report_given){o->name, value};
    return status;
}

int args_value_follows(const struct report *report, const char *argument)
{
    const char *attached;

    for (const struct command *c = report->commands; c->name != NULL; c++) {
        struct report scratch = *report;
        struct all all;

        gather(&scratch, c->manual, &all);
        const struct option_spec *o = named_by(&all, argument, &attached);

        if (o != NULL)
            return attached == NULL && o->kind != OPTION_FLAG && o->kind != OPTION_EVERY;
    }
    return 0;
}

int args_parse(struct report *report, const struct manual *manual, int argc, char **argv, int *operands)
{
    struct all all;
    int status = ARGS_GO_ON, only_operands = 0, n = 0;

    gather(report, manual, &all);
    for (int i = 1; i < argc && status == ARGS_GO_ON; i++) {
        if (!only_operands && strcmp(argv[i], "--") == 0)
            only_operands = 1;
        else if (!only_operands && argv[i][0] == '-' && argv[i][1] != '\0')
            status = parse_option(report, manual, &all, argc, argv, &i);
        else
            argv[++n] = argv[i];
    }
    *operands = n;
    if (status != ARGS_GO_ON)
        return status;
    if (words_wanted)
        return print_words(&all);
    if (help_wanted) {
        settle(report);
        return print_help(report, manual, &all);
    }
    if (manual->most >= 0 && n > manual->most)
        return report_error(report, EXIT_USAGE,
                            "'%s' is one argument too many; usage: trace-report %s [OPTION...] %s",
                            argv[manual->most + 1], report->command, manual->operands);
    settle(report);
    return ARGS_GO_ON;
}
