/* resource.h - how a server is told whose profile it gets: as OpenTelemetry's environment says. */
#ifndef LIBTRACE_PUSH_RESOURCE_H
#define LIBTRACE_PUSH_RESOURCE_H

/* An attribute: name=value. */
struct attribute {
    char *name, *value;
};

struct resource {
    struct attribute *attributes; /* the first one is service.name */
    int count;
};

/* The name of the service is `name`, else OTEL_SERVICE_NAME, else service.name of OTEL_RESOURCE_ATTRIBUTES, else
 * `label`; the others are those of OTEL_RESOURCE_ATTRIBUTES. */
void resource_read(struct resource *resource, const char *name, const char *label);
void resource_free(struct resource *resource);

/* Takes a list "name=value,name=value", in which %2c stands for a comma, apart. */
void attributes_read(const char *list, struct attribute **attributes, int *count);
void attributes_free(struct attribute *attributes, int count);

#endif
