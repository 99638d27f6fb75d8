/* family.c - processes made and replaced in many ways. Each allocates a number of blocks that tells which it
 * is.
 *
 *   family            makes them all; waits for them; prints "done"
 *   family leaf N     allocates N blocks, and ends with status 7
 *   family WAY        ends in that way after 500 blocks: see ways()
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void __attribute__((noinline)) blocks(int count)
{
    void *volatile block;
    for (int i = 0; i < count; i++) {
        block = malloc(48);
        free(block);
    }
}

static void finish(pid_t pid, int status)
{
    int got;
    if (waitpid(pid, &got, 0) != pid || !WIFEXITED(got) || WEXITSTATUS(got) != status)
        printf("process ended with %x, not %d\n", got, status);
}

/* ---- making processes ----------------------------------------------------------------------------- */

static char self[4096];

static void exec_in(int way, char *count)
{
    char *arguments[] = {self, "leaf", count, NULL};
    switch (way) {
    case 0:
        execl(self, self, "leaf", count, NULL);
        break;
    case 1:
        execv(self, arguments);
        break;
    case 2:
        execve(self, arguments, environ);
        break;
    case 3:
        execvp(self, arguments);
        break;
    case 4:
        execle(self, self, "leaf", count, NULL, environ);
        break;
    case 5:
        execlp(self, self, "leaf", count, NULL);
        break;
    case 6:
        syscall(SYS_execve, self, arguments, environ);
        break;
    }
    _exit(99);
}

static void execs(void)
{
    static char counts[7][16];
    for (int way = 0; way < 7; way++) {
        snprintf(counts[way], sizeof counts[way], "%d", 1000 + way);
        pid_t pid = fork();
        if (pid == 0)
            exec_in(way, counts[way]);
        finish(pid, 7);
    }
}

static int cloned(void *unused)
{
    (void)unused;
    blocks(2001);
    return 0;
}

/* glibc's clone(), and the bare system call. */
static void clones(void)
{
    static char stack[256 * 1024] __attribute__((aligned(16)));
    finish(clone(cloned, stack + sizeof stack, SIGCHLD, NULL), 0);
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0) {
        blocks(2002);
        _exit(0);
    }
    finish(pid, 0);
}

/* A daemon: no terminal, no parent, no descriptor. It tells by a pipe when it is through. */
static void daemonise(void)
{
    int ends[2];
    char byte;
    if (pipe(ends) != 0)
        return;
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        if (fork() != 0)
            _exit(0);
        if (chdir("/") != 0)
            _exit(1);
        for (int fd = 0; fd < 1024; fd++)
            if (fd != ends[1])
                close(fd);
        blocks(3001);
        _exit(write(ends[1], "x", 1) == 1 ? 0 : 1);
    }
    close(ends[1]);
    finish(pid, 0);
    if (read(ends[0], &byte, 1) != 1)
        puts("no word from the daemon");
    close(ends[0]);
}

static void prefork(void)
{
    pid_t workers[4];
    for (int i = 0; i < 4; i++) {
        workers[i] = fork();
        if (workers[i] == 0) {
            blocks(4000 + i);
            exit(0);
        }
    }
    for (int i = 0; i < 4; i++)
        finish(workers[i], 0);
}

static void shells(void)
{
    char command[5000], line[64];
    snprintf(command, sizeof command, "%s leaf 5001; echo $?", self);
    FILE *pipe = popen(command, "r");
    if (!pipe || !fgets(line, sizeof line, pipe) || atoi(line) != 7 || pclose(pipe) != 0)
        puts("popen ended in another way");
}

/* ---- ways to end ------------------------------------------------------------------------------------- */

static void *in_thread(void *function)
{
    ((void (*)(int))function)(0);
    return NULL;
}

static void fill_memory(void)
{
    struct rlimit limit = {600u << 20, 600u << 20};
    setrlimit(RLIMIT_AS, &limit);
    while (malloc(1u << 20)) {
    }
    _exit(9);
}

static volatile int *volatile nowhere; /* NULL */

static int end_by(const char *way, char *file)
{
    pthread_t thread;
    blocks(500);
    if (strcmp(way, "return") == 0)
        return 3;
    if (strcmp(way, "exit") == 0)
        exit(4);
    if (strcmp(way, "_exit") == 0)
        _exit(5);
    if (strcmp(way, "_Exit") == 0)
        _Exit(6);
    if (strcmp(way, "quick_exit") == 0)
        quick_exit(7);
    if (strcmp(way, "syscall") == 0)
        syscall(SYS_exit_group, 8);
    if (strcmp(way, "memory") == 0)
        fill_memory();
    if (strcmp(way, "abort") == 0)
        abort();
    if (strcmp(way, "kill") == 0)
        kill(getpid(), SIGKILL);
    if (strcmp(way, "segv") == 0)
        *nowhere = 1;
    if (strcmp(way, "exec") == 0)
        execl(file, file, NULL);
    if (strcmp(way, "thread") == 0 && pthread_create(&thread, NULL, in_thread, (void *)exit) == 0)
        pause();
    if (strcmp(way, "pthread_exit") == 0)
        pthread_exit(NULL);
    return 98;
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "leaf") == 0) {
        blocks(atoi(argv[2]));
        return 7;
    }
    if (argc > 1)
        return end_by(argv[1], argc > 2 ? argv[2] : NULL);
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        return 2;
    blocks(500);
    execs();
    clones();
    daemonise();
    prefork();
    shells();
    if (waitpid(-1, NULL, WNOHANG) != -1)
        puts("there is a child that this program did not make");
    puts("done");
    return 0;
}
