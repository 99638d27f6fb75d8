/* odd.c - programs with unusual habits, one a mode; each prints "done" and what it allocated in blocks(), if
 * all went as it should.
 *
 *   odd MODE [ARGUMENT]
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static volatile unsigned long made;

static void __attribute__((noinline)) blocks(int count)
{
    void *volatile block;
    for (int i = 0; i < count; i++) {
        block = malloc(72);
        made++;
        free(block);
    }
}

/* ---- stacks --------------------------------------------------------------------------------------------- */

#define COROUTINES 20
#define SMALL 16384
static ucontext_t home, routines[COROUTINES];
static int current;

static void routine(void)
{
    for (int i = 0; i < 50; i++) {
        blocks(10);
        swapcontext(&routines[current], &home);
    }
}

/* Each runs on 16 KiB, with a page that must not be touched below; they take turns. */
static void coroutines(const char *unused)
{
    (void)unused;
    for (int i = 0; i < COROUTINES; i++) {
        char *stack = mmap(NULL, SMALL + 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        mprotect(stack + 4096, SMALL, PROT_READ | PROT_WRITE);
        getcontext(&routines[i]);
        routines[i].uc_stack.ss_sp = stack + 4096;
        routines[i].uc_stack.ss_size = SMALL;
        makecontext(&routines[i], routine, 0);
    }
    for (int turn = 0; turn < 50 * COROUTINES; turn++) {
        current = turn % COROUTINES;
        swapcontext(&home, &routines[current]);
    }
}

static void on_tick(int number)
{
    (void)number;
    void *volatile block = malloc(5);
    free(block);
}

static void ticks(void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    struct itimerval every = {{0, 200}, {0, 200}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
}

static void no_ticks(void)
{
    struct itimerval never = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &never, NULL);
}

/* What POSIX forbids and programs do: to allocate in a handler. Safe here, as blocks are made with signals
 * blocked. */
static void altstack(const char *unused)
{
    (void)unused;
    static char stack[16384];
    stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
    sigset_t alarm_only;
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    sigaltstack(&alternative, NULL);
    ticks(on_tick, SA_ONSTACK | SA_RESTART);
    for (int i = 0; i < 300; i++) {
        sigprocmask(SIG_BLOCK, &alarm_only, NULL);
        blocks(100);
        sigprocmask(SIG_UNBLOCK, &alarm_only, NULL);
        usleep(100);
    }
    no_ticks();
}

static sigjmp_buf back;
static volatile sig_atomic_t armed;

static void jump(int number)
{
    (void)number;
    if (armed)
        siglongjmp(back, 1);
}

/* Out of a handler, and out of whatever it interrupted; that is never libc's allocator itself, whose locks
 * would stay held: only frees of nothing, which our hook sees first, and work without calls. */
static void longjmps(const char *unused)
{
    (void)unused;
    ticks(jump, 0);
    for (volatile int i = 0; i < 300; i++) {
        if (sigsetjmp(back, 1) == 0) {
            armed = 1;
            for (;;)
                free(NULL);
        }
        armed = 0;
        blocks(100);
    }
    no_ticks();
}

/* ---- loading ----------------------------------------------------------------------------------------------
 */

static void use(void *library)
{
    if (!library) {
        puts(dlerror());
        exit(3);
    }
    void *(*make)(size_t) = (void *(*)(size_t))dlsym(library, "plugin_make");
    void (*drop)(void *) = (void (*)(void *))dlsym(library, "plugin_drop");
    for (int i = 0; i < 100; i++)
        drop(make(100));
    dlclose(library);
}

static void deepbind(const char *path)
{
    use(dlopen(path, RTLD_NOW | RTLD_DEEPBIND));
    blocks(100);
}

static void namespaces(const char *path)
{
    use(dlmopen(LM_ID_NEWLM, path, RTLD_NOW));
    blocks(100);
}

/* ---- confinement
 * ------------------------------------------------------------------------------------------- */

/* A child that may only write, map memory, and end. */
static void confined(const char *unused)
{
    (void)unused;
#define ALLOW(number) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW(SYS_write),
        ALLOW(SYS_brk),
        ALLOW(SYS_mmap),
        ALLOW(SYS_munmap),
        ALLOW(SYS_exit_group),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
    };
    struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        blocks(10);
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
            _exit(1);
        blocks(1000);
        _exit(0);
    }
    int status;
    made += waitpid(pid, &status, 0) == pid && status == 0 ? 1010 : 0;
}

static void rooted(const char *directory)
{
    blocks(10);
    if (chroot(directory) != 0 || chdir("/") != 0)
        exit(4);
    blocks(1000);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        blocks(1000);
        _exit(0);
    }
    int status;
    made += waitpid(pid, &status, 0) == pid && status == 0 ? 1000 : 0;
}

static void limited(const char *unused)
{
    (void)unused;
    struct rlimit files = {3, 3}, size = {0, 0}, stack = {256 << 10, 256 << 10};
    setrlimit(RLIMIT_NOFILE, &files);
    setrlimit(RLIMIT_FSIZE, &size);
    setrlimit(RLIMIT_STACK, &stack);
    blocks(100000);
}

static void closed(const char *unused)
{
    (void)unused;
    int output = fcntl(1, F_DUPFD_CLOEXEC, 500);
    for (int fd = 3; fd < 1024; fd++)
        if (fd != output)
            close(fd);
    blocks(100000);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(const char *);
    } modes[] = {
        {"coroutines", coroutines}, {"altstack", altstack},  {"longjmp", longjmps},
        {"deepbind", deepbind},     {"dlmopen", namespaces}, {"seccomp", confined},
        {"chroot", rooted},         {"limits", limited},     {"closed", closed},
    };
    for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof modes[0]; i++)
        if (strcmp(argv[1], modes[i].name) == 0)
            modes[i].run(argc > 2 ? argv[2] : NULL);
    printf("done %lu\n", made);
    return 0;
}
