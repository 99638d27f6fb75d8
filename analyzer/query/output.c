/* output.c - a file is written under a temporary name and renamed at the end: a reader never sees half a
 * file, and an existing file stays if something goes wrong. */
#define _GNU_SOURCE
#include "output.h"
#include "text.h"
#include "units.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Devices, pipes and the like are written to directly: /dev/stdout, >(command). */
static int is_special(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && !S_ISREG(status.st_mode);
}

static const char *half_written; /* the file that output_close() has not renamed yet, NULL = none */

static void remove_half_written(void)
{
    if (half_written != NULL)
        unlink(half_written);
}

int output_open(const struct report *report, const char *path, int binary, struct output *output)
{
    *output = (struct output){.path = path};
    if (path == NULL || strcmp(path, "-") == 0) {
        output->path = NULL;
        output->file = stdout;
        return binary && isatty(STDOUT_FILENO)
                   ? report_error(report, EXIT_USAGE, "this is nothing for a terminal; name a file: -o FILE")
                   : EXIT_FINE;
    }
    if (!is_special(path))
        output->unfinished = text_make("%s.unfinished-%d", path, (int)getpid());
    output->file = fopen(output->unfinished != NULL ? output->unfinished : path, "we");
    if (output->file != NULL) {
        half_written = output->unfinished;
        atexit(remove_half_written);
        return EXIT_FINE;
    }
    free(output->unfinished);
    return report_error(report, EXIT_FAILED, "cannot write %s: %s", path, strerror(errno));
}

int output_close(const struct report *report, struct output *output, int status, int64_t *size)
{
    if (output->path == NULL || output->file == NULL)
        return status; /* main checks stdout at the end */
    *size = ftello(output->file);
    int failed = ferror(output->file), closed = fclose(output->file);

    if (status == EXIT_FINE &&
        (failed || closed != 0 ||
         (output->unfinished != NULL && rename(output->unfinished, output->path) != 0)))
        status = report_error(report, EXIT_FAILED, "cannot write %s: %s", output->path, strerror(errno));
    if (status != EXIT_FINE && output->unfinished != NULL)
        unlink(output->unfinished);
    half_written = NULL;
    free(output->unfinished);
    return status;
}

static void say_json(const struct output *output, const struct run *const *runs, int count, const char *what,
                     const struct filter *filter, int64_t size)
{
    struct json json;

    json_begin(&json, stdout, "libtrace.written/1");
    json_text(&json, "file", output->path);
    json_text(&json, "format", what);
    json_number(&json, "bytes", size);
    filter_json(&json, filter, NULL);
    json_array(&json, "runs");
    for (int i = 0; i < count; i++)
        run_json(&json, NULL, runs[i]);
    json_close(&json);
    json_end(&json);
}

void output_say(const struct report *report, const struct output *output, const struct run *const *runs,
                int count, const char *what, const struct filter *filter, int64_t size)
{
    char bytes[UNITS_SIZE];

    if (output->path == NULL)
        return;
    if (report->json) {
        say_json(output, runs, count, what, filter, size);
        return;
    }
    char *path = text_harmless(output->path);

    printf("%s: ", path);
    for (int i = 0; i < count; i++) {
        char *label = text_harmless(runs[i]->label);

        printf("%srun %lld %s", i > 0 ? " and " : "", (long long)runs[i]->number, label);
        free(label);
    }
    printf(" as %s, %s\n", what, units_bytes(bytes, size, report->bytes));
    free(path);
    filter_print(report, filter, NULL, NULL);
}
