/* pyroscope.c - for POST /ingest of Pyroscope: a pprof file as it is, and the name and the time in the query.
 *
 * The name is "service{label=value,...}". Pyroscope knows the four types of samples that the file has, so it needs no
 * configuration of them.
 */
#include "pyroscope.h"
#include "resource.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Writes a text into a query. */
static void write_escaped(FILE *out, const char *text)
{
    for (; *text != '\0'; text++)
        if (isalnum((unsigned char)*text) || strchr("-._~", *text) != NULL)
            fputc(*text, out);
        else
            fprintf(out, "%%%02X", (unsigned char)*text);
}

/* Others than those characters become '_'. */
static void keep(char *text, const char *others)
{
    for (; *text != '\0'; text++)
        if (!isalnum((unsigned char)*text) && strchr(others, *text) == NULL)
            *text = '_';
}

/* Values end at a comma or a brace. */
static void keep_value(char *text)
{
    for (; *text != '\0'; text++)
        if (strchr(",}", *text) != NULL || (unsigned char)*text < ' ')
            *text = '_';
}

static void write_labels(FILE *out, const struct resource *resource)
{
    for (int i = 1; i < resource->count; i++) {
        const struct attribute *attribute = &resource->attributes[i];

        keep(attribute->name, "_");
        keep_value(attribute->value);
        write_escaped(out, i == 1 ? "{" : ",");
        write_escaped(out, attribute->name);
        write_escaped(out, "=");
        write_escaped(out, attribute->value);
    }
    if (resource->count > 1)
        write_escaped(out, "}");
}

static void write_query(const struct increment *increment, struct parcel *parcel)
{
    struct resource resource;
    size_t size;
    FILE *out = open_memstream(&parcel->query, &size);

    resource_read(&resource, increment->name, increment->run.label);
    char *name = resource.attributes[0].value;
    int has_labels = increment->name != NULL && strchr(name, '{') != NULL; /* written by the user */

    if (!has_labels)
        keep(name, "_.-/");
    fputs("name=", out);
    write_escaped(out, name);
    if (!has_labels)
        write_labels(out, &resource);
    fprintf(out, "&from=%lld&until=%lld&format=pprof&spyName=libtrace",
            (long long)(increment->interval.from_ns / 1000000000),
            (long long)((increment->interval.until_ns + 999999999) / 1000000000));
    fclose(out);
    resource_free(&resource);
}

int pyroscope_write(const struct increment *increment, struct parcel *parcel)
{
    FILE *out = open_memstream(&parcel->body, &parcel->size);
    const struct export export = {.report = increment->report,
                                  .run = &increment->run,
                                  .profile = &increment->profile,
                                  .by = MEASURE_live_bytes,
                                  .out = out,
                                  .interval = &increment->interval};
    int status = export_pprof(&export);

    fclose(out);
    write_query(increment, parcel);
    return status;
}
