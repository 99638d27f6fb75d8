/* test_guest_assert.c - a failed assertion ends the program with one line in builds with asserts; in other
 * builds the expression is not even evaluated. */
#undef NDEBUG
#include "guest_assert.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int asked;

static int ask(int answer)
{
    asked++;
    return answer;
}

/* Asserts the answer in a child; returns how that ended, and what it printed on stderr. */
static int assert_in_child(int answer, char *said, size_t size)
{
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], 2);
        signal(SIGILL, SIG_DFL); /* cmocka has a handler */
        guest_assert(ask(answer));
        _exit(7);
    }
    close(ends[1]);
    ssize_t got = read(ends[0], said, size - 1);
    said[got > 0 ? got : 0] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void what_is_so(void **unused)
{
    char said[256];
    (void)unused;
    int status = assert_in_child(1, said, sizeof said);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    assert_string_equal(said, "");
}

static void what_is_not_so(void **unused)
{
    char said[256];
    (void)unused;
    int status = assert_in_child(0, said, sizeof said);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(strncmp(said, "libtrace: ", 10), 0);
    assert_non_null(strstr(said, "test_guest_assert.c:"));
    assert_non_null(strstr(said, ": not so: ask(answer)\n"));
}

#define NDEBUG
#undef LIBTRACE_GUEST_ASSERT_H
#undef guest_assert
#include "guest_assert.h"

static void not_looked_at(void **unused)
{
    (void)unused;
    asked = 0;
    guest_assert(ask(0));
    assert_int_equal(asked, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_so),
        cmocka_unit_test(what_is_not_so),
        cmocka_unit_test(not_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
