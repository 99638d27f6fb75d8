/* moving.c - the same place on the stack, and what lies above it is another each time. One habit a mode; each
 * prints "done" and what it allocated in blocks().
 *
 *   moving MODE [LIBRARY LIBRARY]
 */
#include <alloca.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define NOINLINE __attribute__((noinline, noclone))
#define KEEP_FRAME() \
    __asm__ volatile("" ::: "memory") /* no call may be the last thing that a function does */
#define PAGE 4096

static volatile unsigned long made;

static NOINLINE void blocks(int count)
{
    void *volatile block;
    for (int i = 0; i < count; i++) {
        block = malloc(72);
        made++;
        free(block);
    }
}

/* ---- frames of many sizes ------------------------------------------------------------------------------- */

static NOINLINE void variable(unsigned path, int depth, size_t size);

/* Two ways to the same place: of one size but called from two places, and of other sizes. */
static NOINLINE void narrow(unsigned path, int depth)
{
    char room[48];
    __asm__ volatile("" ::"r"(room) : "memory");
    if (depth == 0)
        blocks(1 + path % 3);
    else if (path & 1)
        narrow(path >> 1, depth - 1);
    else
        variable(path >> 1, depth - 1, path % 7 * 16);
    KEEP_FRAME();
}

__attribute__((optimize("no-omit-frame-pointer"))) static NOINLINE void variable(unsigned path, int depth,
                                                                                 size_t size)
{
    char *room = alloca(size + 16);
    __asm__ volatile("" ::"r"(room) : "memory");
    if (depth == 0)
        blocks(1);
    else if (path & 2)
        variable(path >> 1, depth - 1, path % 11 * 16);
    else
        narrow(path >> 1, depth - 1);
    KEEP_FRAME();
}

static void frames(char **arguments)
{
    (void)arguments;
    uint64_t random = 88172645463325252ull;
    for (int i = 0; i < 200000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        narrow((unsigned)(random >> 20), (int)(random % 12));
    }
}

/* ---- stacks of many sizes in one place -------------------------------------------------------------------
 */

/* Allocates with its frame at the address: what is above it is as large as it has to be. */
static NOINLINE void at(const char *address)
{
    char here;
    char *room = alloca((size_t)(&here - address));
    __asm__ volatile("" ::"r"(room) : "memory");
    blocks(20);
    KEEP_FRAME();
}

static NOINLINE void deeper(const char *address, int levels)
{
    if (levels)
        deeper(address, levels - 1);
    else
        at(address);
    KEEP_FRAME();
}

/* Pages that are always there: enough for libunwind, which runs on these stacks where stacks are checked. */
static char *low;
#define LARGE (64 * PAGE)
#define SMALL (9 * PAGE)

void in_context(void);
void in_context(void)
{
    deeper(low + SMALL - PAGE, 5);
    KEEP_FRAME();
}

/* As the runtimes of coroutines do it. What is called has its caller on the other stack; the frame pointer
 * leads there. */
__attribute__((optimize("no-omit-frame-pointer"))) static NOINLINE void on_stack(char *top)
{
    __asm__ volatile("mov %%rsp, %%rbx\n\tmov %0, %%rsp\n\tcall in_context\n\tmov %%rbx, %%rsp"
                     :
                     : "r"(top)
                     : "rbx", "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
}

/* Coroutines that allocate with one and the same frame address; above it one has a stack of 55 pages, the
 * next of one, and nothing behind it. */
static void *switch_stacks(void *unused)
{
    for (int turn = 0; turn < 200; turn++) {
        size_t size = turn % 2 ? SMALL : LARGE;
        if (turn % 2 == 0)
            mmap(low, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        else
            munmap(low + size, LARGE - size);
        on_stack(low + size);
    }
    return unused;
}

static void on_own_stack(char *start, size_t size, void *(*run)(void *), void *argument)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    if (pthread_attr_setstack(&attributes, start, size) != 0 ||
        pthread_create(&thread, &attributes, run, argument) != 0)
        abort();
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
}

/* The thread's own stack is near. */
static void contexts(char **arguments)
{
    (void)arguments;
    low = mmap(NULL, 2 * LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    on_own_stack(low + LARGE, LARGE, switch_stacks, NULL);
}

static void *in_thread(void *address)
{
    deeper(address, 5);
    return NULL;
}

/* The same with threads, one after the other. */
static void threads(char **arguments)
{
    (void)arguments;
    const size_t least = 16 * PAGE, most = 256 * PAGE;
    low = mmap(NULL, most, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int turn = 0; turn < 200; turn++) {
        size_t size = turn % 2 ? least : most;
        if (turn % 2 == 0)
            mmap(low, most, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        else
            munmap(low + size, most - size);
        on_own_stack(low, size, in_thread, low + 8 * PAGE);
    }
}

/* ---- libraries one after the other in one place ----------------------------------------------------------
 */

static void libraries(char **arguments)
{
    const void *places[2] = {0};
    int same = 0;
    for (int turn = 0; turn < 40; turn++) {
        void *library = dlopen(arguments[turn % 2], RTLD_NOW);
        void *(*make)(size_t) = (void *(*)(size_t))dlsym(library, turn % 2 ? "second_make" : "first_make");
        for (int i = 0; i < 100; i++) {
            void *volatile block = make(72);
            made++;
            free(block);
        }
        places[turn % 2] = (const void *)make;
        same += places[0] == places[1];
        dlclose(library);
    }
    printf("%s\n", same > 30 ? "in one place" : "apart");
}

/* ---- code that is made where a library was ---------------------------------------------------------------
 */

/* Where a function is that calls malloc(): within a module all the same, if nobody looks. */
static void made_code(char **arguments)
{
    void *library = dlopen(arguments[0], RTLD_NOW);
    void *(*make)(size_t) = (void *(*)(size_t))dlsym(library, "first_make");
    for (int i = 0; i < 10; i++)
        free(make(72));
    dlclose(library);
    /* push %rbp; mov %rsp,%rbp; movabs malloc,%rax; call *%rax; leave; ret */
    unsigned char code[] = {0x55, 0x48, 0x89, 0xe5, 0x48, 0xb8, 0,    0,    0,
                            0,    0,    0,    0,    0,    0xff, 0xd0, 0xc9, 0xc3};
    void *(*function)(size_t) = malloc;
    memcpy(code + 6, &function, sizeof function);
    char *page = (char *)((uintptr_t)make & ~(uintptr_t)(PAGE - 1));
    char *at = mmap(page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at != page) {
        printf("not there\n");
        return;
    }
    memcpy(at + PAGE / 2, code, sizeof code);
    make = (void *(*)(size_t))(uintptr_t)(at + PAGE / 2);
    for (int i = 0; i < 30; i++) {
        void *volatile block = make(88);
        made++;
        free(block);
    }
}

int main(int argc, char **argv)
{
    static const struct mode {
        const char *name;
        void (*run)(char **arguments);
    } modes[] = {{"frames", frames},
                 {"contexts", contexts},
                 {"threads", threads},
                 {"libraries", libraries},
                 {"made-code", made_code}};
    for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(argv[1], modes[i].name) == 0) {
            modes[i].run(argv + 2);
            printf("done %lu\n", made);
            return 0;
        }
    }
    return 2;
}
