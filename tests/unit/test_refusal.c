/* test_refusal.c - processes that must not or cannot be traced, and the reason that is given for each. */
#include "child.h"
#include "refusal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
/* after the headers that it needs */
#include <cmocka.h>

#define LIBRARY "/bin/sh" /* a file that everybody can read */

static void assert_says(const char *why, const char *what)
{
    if (!why || !strstr(why, what))
        fail_msg("'%s' is not said, but '%s'", what, why ? why : "nothing");
}

static void stay(struct child_memory *memory)
{
    child_ready(memory);
    for (;;)
        pause();
}

static void none(void **unused)
{
    struct child child;
    (void)unused;
    child_start(&child, stay);
    assert_null(refusal_of(child.pid, LIBRARY));
    assert_null(refusal_limits(child.pid));
    assert_null(refusal_confined(child.pid));
    assert_says(refusal_of(child.pid, "/no/such/library"), "is not where it was");
    child_end(&child);
}

static void no_process(void **unused)
{
    (void)unused;
    assert_says(refusal_of(0x3ffffff, LIBRARY), "does not exist");
    assert_says(refusal_of(0, LIBRARY), "does not exist");
    assert_says(refusal_of(-1, LIBRARY), "does not exist");
    assert_says(refusal_of(getpid(), LIBRARY), "is trace-attach itself");
    assert_null(refusal_confined(0x3ffffff));
}

/* ---- states ------------------------------------------------------------------------------------------- */

static void *thread(void *data)
{
    struct child_memory *memory = data;
    atomic_store(&memory->number, syscall(SYS_gettid));
    for (;;)
        pause();
    return NULL;
}

static void stay_with_a_thread(struct child_memory *memory)
{
    pthread_t other;
    pthread_create(&other, NULL, thread, memory);
    while (!atomic_load(&memory->number))
        usleep(100);
    stay(memory);
}

static void states(void **unused)
{
    struct child child;
    char text[64];
    (void)unused;
    child_start(&child, stay_with_a_thread);
    assert_says(refusal_of((pid_t)atomic_load(&child.memory->number), LIBRARY), "is a thread, not a process");
    assert_int_equal(ptrace(PTRACE_SEIZE, child.pid, NULL, NULL), 0);
    snprintf(text, sizeof text, "is being traced by process %d ", getpid());
    assert_says(refusal_of(child.pid, LIBRARY), text);
    ptrace(PTRACE_INTERRUPT, child.pid, NULL, NULL);
    waitpid(child.pid, NULL, __WALL);
    ptrace(PTRACE_DETACH, child.pid, NULL, NULL);
    kill(child.pid, SIGSTOP);
    waitpid(child.pid, NULL, WUNTRACED);
    assert_says(refusal_of(child.pid, LIBRARY), "is stopped");
    kill(child.pid, SIGKILL);
    siginfo_t info;
    waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOWAIT);
    assert_says(refusal_of(child.pid, LIBRARY), "has ended already");
    child_end(&child);
}

/* In a root folder where the dynamic linker exists, too. */
static void elsewhere(struct child_memory *memory)
{
    if (chroot("/usr") != 0)
        _exit(1);
    stay(memory);
}

static void shut_up(struct child_memory *memory)
{
    if (chroot("/proc/self/fdinfo") != 0)
        _exit(1);
    stay(memory);
}

static void other_files(void **unused)
{
    struct child child;
    (void)unused;
    if (geteuid() != 0)
        skip();
    child_start(&child, elsewhere);
    assert_null(refusal_of(child.pid, "/usr/bin/env")); /* it can be given the library */
    child_end(&child);
    child_start(&child, shut_up);
    assert_says(refusal_of(child.pid, LIBRARY), "shut up in a sandbox");
    child_end(&child);
}

/* ---- confinement ---------------------------------------------------------------------------------------- */

static void allow_all(void)
{
    struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {1, &allow};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        _exit(1);
}

static void *confine_thread(void *data)
{
    allow_all();
    return thread(data);
}

static void one_thread_filtered(struct child_memory *memory)
{
    pthread_t other;
    pthread_create(&other, NULL, confine_thread, memory);
    while (!atomic_load(&memory->number))
        usleep(100);
    stay(memory);
}

static int ends[2];

static void strict(struct child_memory *memory)
{
    char byte;
    close(ends[1]);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
        _exit(1);
    child_ready(memory);
    while (read(ends[0], &byte, 1) > 0)
        ;
    syscall(SYS_exit, 0);
}

static void filtered(struct child_memory *memory)
{
    allow_all();
    stay(memory);
}

static void confined(void **unused)
{
    struct child child;
    (void)unused;
    void (*const lives[])(struct child_memory *) = {filtered, one_thread_filtered};
    for (size_t i = 0; i < 2; i++) {
        child_start(&child, lives[i]);
        assert_says(refusal_confined(child.pid), "is confined by a seccomp filter");
        assert_says(refusal_of(child.pid, LIBRARY), "is confined by a seccomp filter");
        child_end(&child);
    }
    assert_int_equal(pipe(ends), 0);
    child_start(&child, strict);
    assert_says(refusal_confined(child.pid), "so strictly");
    close(ends[1]);
    child_end(&child);
    close(ends[0]);
}

/* ---- limits ------------------------------------------------------------------------------------------------ */

#define MORE (64ul << 20) /* bytes that a process has before it is limited */

static int resource;
static rlim_t limit;

static void stay_within(struct child_memory *memory)
{
    struct rlimit now;
    if (resource == RLIMIT_AS || resource == RLIMIT_DATA)
        mmap(NULL, MORE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (getrlimit(resource, &now) != 0 || setrlimit(resource, &(struct rlimit){limit, now.rlim_max}) != 0)
        _exit(1);
    stay(memory);
}

static const char *with_limit(int which, rlim_t value)
{
    struct child child;
    resource = which;
    limit = value;
    child_start(&child, stay_within);
    const char *why = refusal_limits(child.pid);
    child_end(&child);
    return why;
}

static rlim_t open_files(void)
{
    rlim_t last = 0;
    DIR *folder = opendir("/proc/self/fd");
    for (struct dirent *entry; (entry = readdir(folder));)
        last = (rlim_t)atoi(entry->d_name) > last ? (rlim_t)atoi(entry->d_name) : last;
    closedir(folder);
    return last; /* that of the folder itself */
}

/* Address space (0) or data (5) in use, in bytes. */
static rlim_t used(int which)
{
    unsigned long pages[6];
    FILE *file = fopen("/proc/self/statm", "re");
    for (int i = 0; i < 6; i++)
        assert_int_equal(fscanf(file, "%lu", &pages[i]), 1);
    fclose(file);
    return (rlim_t)pages[which] * (rlim_t)sysconf(_SC_PAGESIZE) + MORE;
}

static void limits(void **unused)
{
    const rlim_t some = 40 << 20, enough = 60 << 20; /* only a share of it is ours, see rlimits_rule.h */
    (void)unused;
    assert_says(with_limit(RLIMIT_FSIZE, 1 << 20), "may write no file of");
    assert_null(with_limit(RLIMIT_FSIZE, 64ull << 30));
    assert_says(with_limit(RLIMIT_AS, used(0) + some), "too little address space left");
    assert_null(with_limit(RLIMIT_AS, used(0) + enough));
    assert_says(with_limit(RLIMIT_DATA, used(5) + some), "what data it may have");
    assert_null(with_limit(RLIMIT_DATA, used(5) + enough));
    assert_says(with_limit(RLIMIT_NOFILE, 3), "no descriptor left");
    assert_null(with_limit(RLIMIT_NOFILE, open_files() + 8));
}

/* ---- after an attempt ------------------------------------------------------------------------------------- */

static void become_nobody(struct child_memory *memory)
{
    if (setresuid(65534, 65534, 65534) != 0)
        _exit(1);
    atomic_store(&memory->result,
                 strstr(refusal_denied(getppid(), EPERM), "belongs to another user (0)") != NULL);
    child_ready(memory);
}

static void denied(void **unused)
{
    struct child child;
    (void)unused;
    child_start(&child, stay);
    assert_says(refusal_denied(child.pid, ESRCH), "has ended");
    if (geteuid() == 0) /* ptrace_scope does not restrict root, except for 3 */
        assert_says(refusal_denied(child.pid, EPERM), "may not be traced");
    child_end(&child);
    assert_says(refusal_denied(0x3ffffff, EPERM), "has ended");
    if (geteuid() != 0)
        return;
    child_start(&child, become_nobody);
    assert_int_equal(atomic_load(&child.memory->result), 1);
    child_end(&child);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none),        cmocka_unit_test(no_process), cmocka_unit_test(states),
        cmocka_unit_test(other_files), cmocka_unit_test(confined),   cmocka_unit_test(limits),
        cmocka_unit_test(denied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
