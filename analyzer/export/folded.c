/* folded.c - one line for each stack, "main;load;read_record 1920000", as flamegraph.pl, inferno and many
 * others read it. */
#define _GNU_SOURCE
#include "export.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* A harmless name without the separator. */
static char *name_of(const struct profile_place *place)
{
    char *name = text_harmless(*place->function != '\0' ? place->function : "[unknown]");

    for (char *p = name; (p = strchr(p, ';')) != NULL;)
        *p = ':';
    return name;
}

static void write_stacks(const struct export *export, char **names)
{
    const struct profile *p = export->profile;
    struct profile_stack stack = {0};

    for (size_t i = 0; i < p->site_count; i++) {
        int64_t value = measure_value(&p->sites[i].m, export->by);

        if (value == 0)
            continue;
        profile_stack(p, p->sites[i].node, &stack);
        for (size_t k = stack.count; k > 0; k--) {
            fputs_unlocked(names[stack.places[k - 1]], export->out);
            putc_unlocked(k > 1 ? ';' : ' ', export->out);
        }
        fprintf(export->out, "%lld\n", (long long)value);
    }
    free(stack.places);
}

int export_folded(const struct export *export)
{
    const struct profile *p = export->profile;
    char **names = calloc(p->place_count, sizeof *names);

    for (size_t i = 0; i < p->place_count; i++)
        names[i] = name_of(&p->places[i]);
    write_stacks(export, names);
    for (size_t i = 0; i < p->place_count; i++)
        free(names[i]);
    free(names);
    return EXIT_FINE;
}
