/* test_proc.c - what /proc reports about processes, and about numbers without one. */
#include "child.h"
#include "proc.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
/* after the headers that it needs */
#include <cmocka.h>

#define NO_PROCESS 0x3ffffff /* larger than any process's number */

static void whole_files(void **unused)
{
    char path[] = "/tmp/libtrace-proc-XXXXXX", text[10000];
    (void)unused;
    int file = mkstemp(path);
    char *nothing = proc_file(path);
    assert_string_equal(nothing, "");
    free(nothing);
    memset(text, 'x', sizeof text);
    assert_int_equal(write(file, text, sizeof text), sizeof text);
    char *all = proc_file(path);
    assert_int_equal(strlen(all), sizeof text);
    free(all);
    close(file);
    unlink(path);
    assert_null(proc_file(path));
    assert_null(proc_file("/proc"));
}

static void of_a_process(void **unused)
{
    char name[32];
    (void)unused;
    char *status = proc_read(getpid(), "status");
    assert_non_null(status);
    assert_int_equal(atoi(proc_status(status, "Pid")), getpid());
    assert_int_equal(atoi(proc_status(status, "PPid")), getppid());
    free(status);
    prctl(PR_SET_NAME, "a) Z (b");
    snprintf(name, sizeof name, "task/%d/stat", getpid());
    char *stat = proc_read(getpid(), name);
    assert_non_null(strstr(stat, "(a) Z (b)"));
    free(stat);
    assert_int_equal(proc_state(getpid(), getpid()), 'R'); /* in spite of its name */
    assert_null(proc_read(NO_PROCESS, "status"));
    assert_int_equal(proc_state(NO_PROCESS, NO_PROCESS), 0);
}

static void lines_of_status(void **unused)
{
    const char status[] = "Name:\tPid:\t7\nUmask:\t0022\nPid:\t 12\nTgid:\t13\nEmpty:\n";
    (void)unused;
    assert_int_equal(atoi(proc_status(status, "Pid")), 12); /* not fooled by a name */
    assert_int_equal(strncmp(proc_status(status, "Name"), "Pid:\t7\n", 7), 0);
    assert_int_equal(atoi(proc_status(status, "Tgid")), 13);
    assert_string_equal(proc_status(status, "gid"), "");
    assert_string_equal(proc_status(status, "Tgi"), "");
    assert_int_equal(*proc_status(status, "Empty"), '\n');
    assert_string_equal(proc_status("", "Pid"), "");
    assert_string_equal(proc_status("Pid", "Pid"), "");
    assert_string_equal(proc_status("Pid:", "Pid"), "");
}

static void stand(struct child_memory *memory)
{
    child_ready(memory);
    raise(SIGSTOP);
}

static void states(void **unused)
{
    struct child child;
    (void)unused;
    child_start(&child, stand);
    assert_int_equal(waitpid(child.pid, NULL, WUNTRACED), child.pid);
    assert_int_equal(proc_state(child.pid, child.pid), 'T');
    kill(child.pid, SIGKILL);
    siginfo_t ended;
    waitid(P_PID, (id_t)child.pid, &ended, WEXITED | WNOWAIT);
    assert_int_equal(proc_state(child.pid, child.pid), 'Z');
    pid_t pid = child.pid;
    child_end(&child);
    assert_int_equal(proc_state(pid, pid), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_files),
        cmocka_unit_test(of_a_process),
        cmocka_unit_test(lines_of_status),
        cmocka_unit_test(states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
