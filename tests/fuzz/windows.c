/* windows.c - a fuzz target: parts of a run's time (RUN@MOMENT, --from, --to) and other texts that options take, on a
 * database that is sound. The input is which command, which option, and the texts. */
#include "folder.h"
#include "input.h"
#include "reports.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"top", "tree",  "timeline", "leaks", "compare",
                                        "rss", "check", "function", "export"};
    static const char *const options[] = {"--from",          "--to",    "--process", "--thread",
                                          "--module",        "--file",  "--type",    "--function",
                                          "--skip-wrappers", "--below", "--language"};
    static int made;
    struct input in = input_of(data, size);
    char texts[3][INPUT_TEXT];
    const char *words[12] = {names[input_number(&in, 1) % (sizeof names / sizeof *names)], "--db"};
    char path[FOLDER_PATH];
    size_t count = 2;

    if (!made++)
        reports_database();
    words[count++] = folder_path("trace.db", path);
    if (strcmp(words[0], "export") == 0)
        words[count++] = "--format=folded";
    for (int i = 0; i < 3 && input_left(&in) > 0; i++) {
        uint64_t option = input_number(&in, 1) % (2 + sizeof options / sizeof *options);

        input_text(&in, texts[i]);
        if (option > 1)
            words[count++] = options[option - 2];
        else
            words[count++] = "--";
        words[count++] = texts[i];
        if (option <= 1)
            break;
    }
    reports_call(words);
    return 0;
}
