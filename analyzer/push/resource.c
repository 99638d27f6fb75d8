/* resource.c - see resource.h. */
#include "resource.h"

#include <stdlib.h>
#include <string.h>

static int digit(char c)
{
    return c >= '0' && c <= '9'                     ? c - '0'
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                    : -1;
}

/* A malloc'ed copy without the spaces around it, with its %41 decoded; but %00 stays. */
static char *decode(const char *text, size_t size)
{
    char *out = malloc(size + 1), *to = out;

    while (size > 0 && strchr(" \t", *text) != NULL) {
        text++;
        size--;
    }
    while (size > 0 && strchr(" \t", text[size - 1]) != NULL)
        size--;
    for (size_t i = 0; i < size; i++) {
        int high = text[i] == '%' && i + 2 < size ? digit(text[i + 1]) : -1;
        int value = high >= 0 && digit(text[i + 2]) >= 0 ? high << 4 | digit(text[i + 2]) : 0;

        *to++ = value > 0 ? (char)value : text[i];
        i += value > 0 ? 2 : 0;
    }
    *to = '\0';
    return out;
}

static void add(struct attribute **attributes, int *count, char *name, char *value)
{
    struct attribute *more = realloc(*attributes, (size_t)(*count + 1) * sizeof *more);

    *attributes = more;
    more[(*count)++] = (struct attribute){name, value};
}

void attributes_read(const char *list, struct attribute **attributes, int *count)
{
    while (*list != '\0') {
        size_t size = strcspn(list, ",");
        const char *equals = memchr(list, '=', size);

        if (equals != NULL && equals > list)
            add(attributes, count, decode(list, (size_t)(equals - list)),
                decode(equals + 1, (size_t)(list + size - equals - 1)));
        list += size + (list[size] == ',');
    }
}

void attributes_free(struct attribute *attributes, int count)
{
    for (int i = 0; i < count; i++) {
        free(attributes[i].name);
        free(attributes[i].value);
    }
    free(attributes);
}

static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value != NULL ? value : "";
}

void resource_read(struct resource *resource, const char *name, const char *label)
{
    struct attribute *given = NULL;
    int count = 0;

    *resource = (struct resource){0};
    attributes_read(environment("OTEL_RESOURCE_ATTRIBUTES"), &given, &count);
    if (name == NULL && *environment("OTEL_SERVICE_NAME") != '\0')
        name = environment("OTEL_SERVICE_NAME");
    for (int i = 0; i < count && name == NULL; i++)
        if (strcmp(given[i].name, "service.name") == 0 && *given[i].value != '\0')
            name = given[i].value;
    if (name == NULL)
        name = *label != '\0' ? label : "unknown_service";
    add(&resource->attributes, &resource->count, strdup("service.name"), strdup(name));
    for (int i = 0; i < count; i++)
        if (strcmp(given[i].name, "service.name") != 0)
            add(&resource->attributes, &resource->count, strdup(given[i].name), strdup(given[i].value));
    attributes_free(given, count);
}

void resource_free(struct resource *resource)
{
    attributes_free(resource->attributes, resource->count);
    *resource = (struct resource){0};
}
