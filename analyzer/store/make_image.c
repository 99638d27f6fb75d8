/* make_image.c - a program of the build: writes a database without runs as a C array, for new_file.c.
 *
 *   make-image DATABASE OUTPUT.c
 *
 * It makes it as a collector makes one where the file exists already and is empty, and ends as a run does.
 */
#include "store_private.h"

#include <stdio.h>
#include <unistd.h>

/* There is none yet. */
const unsigned char store_image[] = {0};
const size_t store_image_size = 0;

static int make_database(const char *path)
{
    struct store *store;

    unlink(path);
    int code = store_open(path, &store);

    if (code == 0)
        code = store_finish(store);
    if (code != 0)
        fprintf(stderr, "make-image: %s\n", store_error(store));
    store_close(store);
    return code;
}

static int write_array(FILE *in, FILE *out)
{
    size_t size = 0;
    int byte;

    fputs("/* made by make_image.c */\n#include \"store_private.h\"\n\nconst unsigned char store_image[] = {",
          out);
    for (; (byte = getc(in)) != EOF; size++)
        fprintf(out, "%s%d,", size % 32 == 0 ? "\n" : "", byte);
    fprintf(out, "};\nconst size_t store_image_size = sizeof store_image;\n");
    return ferror(in) || ferror(out) || size == 0;
}

int main(int argc, char **argv)
{
    if (argc != 3 || make_database(argv[1]) != 0)
        return 1;
    FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[2], "w");
    int failed = in == NULL || out == NULL || write_array(in, out) != 0;

    if (in != NULL)
        fclose(in);
    if (out != NULL && fclose(out) != 0)
        failed = 1;
    if (failed)
        remove(argv[2]);
    return failed;
}
