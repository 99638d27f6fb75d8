/* many.c - trace-report under sanitizers, many times: with LIBTRACE_MANY set it reads calls from standard input and
 * makes each in a process of its own, which is forked; starting a sanitizer anew takes longer than most reports.
 *
 * A call is a line, its words with 0x1f between them: 1 or 0, whether what it leaks is looked for, and arguments. What
 * it says is in the files said.out and said.err here; its exit status, or a signal's number below 0, is the answer.
 */
#define _GNU_SOURCE
#include "many.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS_MOST = 100, WORDS_MOST = 64, LINE_MOST = 1 << 16 };

static int leaks_are_looked_for = 1;

/* LeakSanitizer asks at the end of a process. */
int __lsan_is_turned_off(void)
{
    return !leaks_are_looked_for;
}

static void open_as(int descriptor, const char *path, int flags)
{
    int opened = open(path, flags, 0600);
    if (opened < 0 || dup2(opened, descriptor) < 0 || (opened != descriptor && close(opened) != 0))
        abort();
}

static int call(char *line)
{
    char *words[WORDS_MOST] = {NULL};
    int count = 0;
    line[strcspn(line, "\n")] = '\0';
    for (char *word; (word = strsep(&line, "\x1f")) != NULL && count < WORDS_MOST - 1;)
        words[count++] = word;
    leaks_are_looked_for = words[0][0] == '1';
    words[0] = "trace-report";
    open_as(STDIN_FILENO, "/dev/null", O_RDONLY);
    open_as(STDOUT_FILENO, "said.out", O_WRONLY | O_CREAT | O_TRUNC);
    open_as(STDERR_FILENO, "said.err", O_WRONLY | O_CREAT | O_TRUNC);
    alarm(SECONDS_MOST);
    return trace_report_main(count, words);
}

int main(int argc, char **argv)
{
    static char line[LINE_MOST];
    if (getenv("LIBTRACE_MANY") == NULL)
        return trace_report_main(argc, argv);
    while (fgets(line, sizeof line, stdin)) {
        int status;
        pid_t child = fork();
        if (child == 0)
            exit(call(line));
        if (child < 0 || waitpid(child, &status, 0) != child)
            return 1;
        printf("%d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
        fflush(stdout);
    }
    return 0;
}
