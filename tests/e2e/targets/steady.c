/* steady.c - does things that show if a thread was not put back as it was: for attaching to, and for killing
 * what attaches. Says what was wrong, or "right", when its standard input ends.
 *
 *   steady compute|sleep|read|poll|futex     what the main thread does; other threads do some of the rest
 */
#include <errno.h>
#include <fenv.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static _Atomic bool ended;
static _Atomic(const char *) wrong;
static _Atomic unsigned alarms;
static int feed[2]; /* a byte every few milliseconds: 0, 1, 2 ... */

static void check(bool right, const char *what)
{
    if (!right)
        atomic_store(&wrong, what);
}

/* ---- computing: all that is in registers -------------------------------------------------------------- */

typedef double vector __attribute__((vector_size(32)));

/* Long enough in one go to be interrupted in it, with more live values than fit into half the registers. The
 * result depends on the direction of rounding, too. */
__attribute__((target_clones("avx2", "default"))) static double mix(double seed)
{
    vector a = {seed, 2, 3, 4}, b = a + 1, c = a + 2, d = a + 3, e = a + 4, f = a + 5, g = a + 6, h = a + 7;
    long double x = 1;
    for (int i = 0; i < 20000; i++) {
        a = a * 0.999 + b / 3, b = b * 0.998 + c / 7, c = c * 0.997 + d / 11, d = d * 0.996 + e / 13;
        e = e * 0.995 + f / 17, f = f * 0.994 + g / 19, g = g * 0.993 + h / 23, h = h * 0.992 + 1;
        x = x * 0.9999L + 1;
    }
    vector all = a + b + c + d + e + f + g + h;
    return all[0] + all[1] + all[2] + all[3] + (double)x;
}

static void compute_once(double expected)
{
    check(close(-1) < 0 && mix(1) == expected && errno == EBADF, "a register, or errno");
    for (size_t size = 1; size < 4000; size *= 2) {
        char *block = malloc(size);
        memset(block, (int)size, size);
        check(block[size - 1] == (char)size, "a block");
        free(block);
    }
}

static void compute(void)
{
    fesetround(FE_UPWARD);
    double expected = mix(1);
    while (!atomic_load(&ended))
        compute_once(expected);
    check(fegetround() == FE_UPWARD, "the direction of rounding");
}

/* ---- waiting: system calls that are taken up again ------------------------------------------------------ */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void sleep_on(void)
{
    while (!atomic_load(&ended)) {
        double start = now();
        check(nanosleep(&(struct timespec){0, 30000000}, NULL) == 0 && now() - start >= 0.03, "nanosleep");
    }
}

static void read_on(void)
{
    unsigned char expected = 0, byte;
    while (!atomic_load(&ended)) {
        ssize_t got = read(feed[0], &byte, 1);
        check((got == 1 && byte == expected) || (got == 0 && atomic_load(&ended)), "read");
        expected = (unsigned char)(byte + 1);
    }
}

static void poll_on(void)
{
    int quiet[2];
    if (pipe(quiet) != 0)
        exit(9);
    struct pollfd one = {.fd = quiet[0], .events = POLLIN};
    while (!atomic_load(&ended)) {
        double start = now();
        check(poll(&one, 1, 30) == 0 && now() - start >= 0.03, "poll");
    }
}

static void futex_on(void)
{
    uint32_t word = 0;
    while (!atomic_load(&ended)) {
        struct timespec time = {0, 30000000};
        double start = now();
        check(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &time, NULL, 0) == -1 && errno == ETIMEDOUT &&
                  now() - start >= 0.03,
              "futex");
    }
}

/* ---- all of it ------------------------------------------------------------------------------------------ */

static void on_alarm(int number)
{
    (void)number;
    atomic_fetch_add(&alarms, 1);
}

static void *feeder(void *unused)
{
    for (unsigned char byte = 0; !atomic_load(&ended); byte++) {
        check(write(feed[1], &byte, 1) == 1, "write");
        nanosleep(&(struct timespec){0, 5000000}, NULL);
    }
    close(feed[1]);
    return unused;
}

static void *in_thread(void *what)
{
    ((void (*)(void))what)();
    return NULL;
}

/* The process is alive as long as it is waited for. */
static void *end(void *unused)
{
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    atomic_store(&ended, true);
    return unused;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } all[] = {
        {"compute", compute}, {"sleep", sleep_on}, {"read", read_on}, {"poll", poll_on}, {"futex", futex_on}};
    pthread_t thread;
    sigset_t alarm;
    void (*mine)(void) = compute;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (argc > 1 && strcmp(argv[1], all[i].name) == 0)
            mine = all[i].run;
    if (pipe(feed) != 0)
        return 9;
    /* Signals come while something is computed; what waits would rightly be interrupted by them. */
    signal(SIGALRM, on_alarm);
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    pthread_create(&thread, NULL, in_thread, (void *)compute);
    pthread_sigmask(SIG_BLOCK, &alarm, NULL);
    pthread_create(&thread, NULL, end, NULL);
    pthread_create(&thread, NULL, feeder, NULL);
    if (mine != sleep_on)
        pthread_create(&thread, NULL, in_thread, (void *)sleep_on);
    if (mine == compute)
        pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 2000}, {0, 2000}}, NULL);
    puts("ready");
    fflush(stdout);
    mine();
    check(atomic_load(&alarms) > 0, "no alarm came");
    const char *what = atomic_load(&wrong);
    puts(what ? what : "right");
    return what != NULL;
}
