/* frames.c - stacks with frames that no compiler makes in the usual way. One habit a mode; each allocates in
 * leaf(), 4321 bytes at a time, and prints "done" and how often.
 *
 *   frames MODE
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))
#define KEEP_FRAME() __asm__ volatile("" ::: "memory")
#define PAGE 4096
#define ROUNDS 20

static volatile unsigned long made;

NOINLINE void leaf(void)
{
    void *volatile block = malloc(4321);
    made++;
    free(block);
}

/* ---- other registers ----------------------------------------------------------------------------------- */

void by_rbx(void (*function)(void));
void by_r12(void (*function)(void));
void rbp_in_r13(void (*function)(void));
void by_expression(void (*function)(void));

__asm__(".text\n"
        ".type by_rbx, @function\n"
        "by_rbx: .cfi_startproc\n" /* the frame's place is in rbx, and rsp is anywhere */
        "push %rbx\n.cfi_def_cfa_offset 16\n.cfi_offset %rbx, -16\n"
        "mov %rsp, %rbx\n.cfi_def_cfa_register %rbx\n"
        "sub $200, %rsp\nand $-64, %rsp\n"
        "call *%rdi\n"
        "mov %rbx, %rsp\n.cfi_def_cfa_register %rsp\n"
        "pop %rbx\n.cfi_def_cfa_offset 8\n.cfi_restore %rbx\n"
        "ret\n.cfi_endproc\n.size by_rbx, .-by_rbx\n"
        ".type by_r12, @function\n"
        "by_r12: .cfi_startproc\n" /* the same, with an offset */
        "push %r12\n.cfi_def_cfa_offset 16\n.cfi_offset %r12, -16\n"
        "lea 160(%rsp), %r12\n.cfi_def_cfa %r12, -144\n"
        "sub $64, %rsp\n"
        "call *%rdi\n"
        "lea -160(%r12), %rsp\n.cfi_def_cfa %rsp, 16\n"
        "pop %r12\n.cfi_def_cfa_offset 8\n.cfi_restore %r12\n"
        "ret\n.cfi_endproc\n.size by_r12, .-by_r12\n"
        ".type rbp_in_r13, @function\n"
        "rbp_in_r13: .cfi_startproc\n" /* the caller's rbp is in another register, and rbp is no address */
        "push %r13\n.cfi_def_cfa_offset 16\n.cfi_offset %r13, -16\n"
        "mov %rbp, %r13\n.cfi_register %rbp, %r13\n"
        "mov $12345, %ebp\n"
        "call *%rdi\n"
        "mov %r13, %rbp\n.cfi_restore %rbp\n"
        "pop %r13\n.cfi_def_cfa_offset 8\n.cfi_restore %r13\n"
        "ret\n.cfi_endproc\n.size rbp_in_r13, .-rbp_in_r13\n"
        ".type by_expression, @function\n"
        "by_expression: .cfi_startproc\n" /* CFA = *(rsp + 16) + 8, as of code that has changed stacks */
        "lea 0(%rsp), %rax\n"
        "sub $40, %rsp\n"
        "mov %rax, 16(%rsp)\n"
        ".cfi_escape 0x0f, 5, 0x77, 16, 0x06, 0x23, 8\n"
        "call *%rdi\n"
        "add $40, %rsp\n.cfi_def_cfa %rsp, 8\n"
        "ret\n.cfi_endproc\n.size by_expression, .-by_expression\n");

__attribute__((optimize("no-omit-frame-pointer"))) static NOINLINE void through(void (*how)(void (*)(void)))
{
    char *room = __builtin_alloca(made % 5 * 16 + 16); /* this frame's place depends on rbp */
    __asm__ volatile("" ::"r"(room) : "memory");
    how(leaf);
    KEEP_FRAME();
}

static NOINLINE void nested(void)
{
    by_r12(leaf);
    KEEP_FRAME();
}

static int registers(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        through(by_rbx);
        through(by_r12);
        through(by_expression);
        by_rbx(nested);
    }
    return 0;
}

/* libunwind's quick walk does not get through this one. */
static int rbp_in_register(void)
{
    for (int i = 0; i < ROUNDS; i++)
        through(rbp_in_r13);
    return 0;
}

/* ---- wrong call frame information --------------------------------------------------------------------- */

/* Each says of its frame what is not so. */
#define WRONG(name, cfa, rbp)                                                                            \
    void name(void (*function)(void));                                                                   \
    __asm__(".text\n.type " #name ", @function\n" #name ": .cfi_startproc\nsub $24, %rsp\n" cfa "\n" rbp \
            "\ncall *%rdi\nadd $24, %rsp\n.cfi_def_cfa %rsp, 8\nret\n.cfi_endproc\n.size " #name         \
            ", .-" #name)
WRONG(wrong_0, ".cfi_def_cfa_offset 0", "");
WRONG(wrong_7, ".cfi_def_cfa_offset 7", "");
WRONG(wrong_8, ".cfi_def_cfa_offset 8", "");
WRONG(wrong_kilobyte, ".cfi_def_cfa_offset 1024", "");
WRONG(wrong_megabyte, ".cfi_def_cfa_offset 1048576", ".cfi_offset %rbp, -16");
WRONG(wrong_gigabytes, ".cfi_def_cfa_offset 0x7ffffff8", "");
WRONG(wrong_negative, ".cfi_def_cfa_offset -64", "");
WRONG(wrong_rbp, ".cfi_def_cfa_offset 32", ".cfi_offset %rbp, -65536");
WRONG(wrong_base, ".cfi_def_cfa %rbp, 16", ".cfi_offset %rbp, -16");
WRONG(wrong_register, ".cfi_def_cfa %r15, 16", "");
WRONG(wrong_expression, ".cfi_escape 0x0f, 3, 0x77, 0, 0x06", ""); /* CFA = *rsp */
WRONG(wrong_endless, ".cfi_escape 0x0f, 3, 0x2f, 0xfd, 0xff", ""); /* jumps to itself */
WRONG(wrong_deref, ".cfi_escape 0x0f, 3, 0x08, 8, 0x06", "");      /* CFA = *8 */

__attribute__((optimize("no-omit-frame-pointer"))) static NOINLINE void with_rbp(void (*how)(void (*)(void)),
                                                                                 uint64_t rbp)
{
    __asm__ volatile("push %%rbp\n\tmov %1, %%rbp\n\tcall *%0\n\tpop %%rbp"
                     :
                     : "r"(how), "r"(rbp), "D"(leaf)
                     : "memory", "rax", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "cc");
}

static int wrong(void)
{
    void (*const all[])(void (*)(void)) = {wrong_0,        wrong_7,         wrong_8,          wrong_kilobyte,
                                           wrong_megabyte, wrong_gigabytes, wrong_negative,   wrong_rbp,
                                           wrong_base,     wrong_register,  wrong_expression, wrong_endless,
                                           wrong_deref};
    uint64_t top = (uintptr_t)__builtin_frame_address(0);
    const uint64_t places[] = {0, 8, 0x1000, top, top + 64, top - 100000, top + (1 << 24), ~0ull - 7};
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
        for (unsigned k = 0; k < sizeof places / sizeof places[0]; k++)
            with_rbp(all[i], places[k]);
    return 0;
}

/* ---- signals ------------------------------------------------------------------------------------------- */

static void handler(int number)
{
    (void)number;
    leaf();
    KEEP_FRAME();
}

/* Interrupted where no call is: between two instructions of a function without a frame. */
static NOINLINE int interrupted(int a)
{
    __asm__ volatile("int3");
    return a + 1;
}

static void take_signals(int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigaction(SIGTRAP, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
}

static int signals(void)
{
    int sum = 0;
    take_signals(SA_NODEFER);
    for (int i = 0; i < ROUNDS; i++) {
        sum += interrupted(i);
        raise(SIGUSR1);
    }
    return sum == 0;
}

/* With a page below that nobody may touch. size: 0, as small as the kernel and a little program need. */
static int alternative(size_t size)
{
    char *area = mmap(NULL, PAGE + 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(area, PAGE, PROT_NONE);
    stack_t stack = {.ss_sp = area + PAGE, .ss_size = size};
    if (sigaltstack(&stack, NULL) != 0)
        return 1;
    take_signals(SA_ONSTACK);
    raise(SIGUSR1);
    for (int i = 0; i < ROUNDS; i++)
        interrupted(i);
    return 0;
}

/* ---- stacks of one's own ------------------------------------------------------------------------------- */

void on_stack(void *top, void (*function)(void));

/* Switches by hand. What is called finds a word at the very end of the stack that nobody has called it from.
 */
__asm__(".text\n.type on_stack, @function\n"
        "on_stack: .cfi_startproc\n"
        "push %rbp\n.cfi_def_cfa_offset 16\n.cfi_offset %rbp, -16\n"
        "push %rbx\n.cfi_def_cfa_offset 24\n.cfi_offset %rbx, -24\n"
        "mov %rsp, %rbx\n"
        "lea 1f(%rip), %rax\n"
        "lea -24(%rdi), %rsp\n"
        "mov %rax, (%rsp)\n"
        "mov %rsi, 8(%rsp)\n" /* at its very end: an address of code, which has called nobody */
        "mov %rsi, 16(%rsp)\n"
        "jmp *%rsi\n"
        "1: mov %rbx, %rsp\n"
        "pop %rbx\n.cfi_def_cfa_offset 16\npop %rbp\n.cfi_def_cfa_offset 8\nret\n"
        ".cfi_endproc\n.size on_stack, .-on_stack\n");

static NOINLINE void in_coroutine(void)
{
    leaf();
    KEEP_FRAME();
}

/* Each on a stack of its own between two pages that nobody may touch, which then goes. */
static int coroutines(size_t size)
{
    for (int i = 0; i < ROUNDS; i++) {
        char *area = mmap(NULL, size + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (area == MAP_FAILED || mprotect(area + PAGE, size, PROT_READ | PROT_WRITE) != 0)
            return 1;
        on_stack(area + PAGE + size, in_coroutine);
        munmap(area, size + 2 * PAGE);
    }
    return 0;
}

/* ---- how much stack it takes --------------------------------------------------------------------------- */

static size_t most_used;

static NOINLINE void measured(void)
{
    char *here = __builtin_frame_address(0);
    char *low = (char *)((uintptr_t)here - 16000);
    memset(low, 0x5a, 15000);
    leaf();
    size_t untouched = 0;
    while (low[untouched] == 0x5a)
        untouched++;
    if (16000 - untouched > most_used)
        most_used = 16000 - untouched;
}

/* From ever new places, and from one. */
#define PLACE(n)                         \
    NOINLINE static void place_##n(void) \
    {                                    \
        measured();                      \
        KEEP_FRAME();                    \
    }
PLACE(1)
PLACE(2)
PLACE(3)
PLACE(4)

static void *thread(void *unused)
{
    measured(); /* the first thing that it allocates */
    return unused;
}

static int stack_used(void)
{
    void (*const places[])(void) = {place_1, place_2, place_3, place_4};
    pthread_t other;
    if (pthread_create(&other, NULL, thread, NULL) != 0 || pthread_join(other, NULL) != 0)
        return 1;
    printf("first at most %zu bytes\n", most_used);
    most_used = 0;
    for (int i = 0; i < 400; i++)
        on_stack((char *)mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) +
                     65536,
                 places[i % 4]);
    for (int i = 0; i < 400; i++)
        places[i % 4]();
    by_rbx(measured);
    printf("at most %zu bytes\n", most_used);
    return 0;
}

/* ---- code that nothing is known of --------------------------------------------------------------------- */

typedef void *make_block(size_t);
static void *(*generated)(size_t, make_block *);

/* push %rbx; sub $32, %rsp; call *%rsi; add $32, %rsp; pop %rbx; ret */
static void generate(void)
{
    static const unsigned char code[] = {0x53, 0x48, 0x83, 0xec, 0x20, 0xff, 0xd6,
                                         0x48, 0x83, 0xc4, 0x20, 0x5b, 0xc3};
    void *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(at, code, sizeof code);
    memcpy(&generated, &at, sizeof at);
}

static NOINLINE void deep(int depth)
{
    char room[3000];
    memset(room, depth, sizeof room);
    if (depth) {
        deep(depth - 1);
    } else {
        free(generated(4321, malloc));
        made++;
    }
    __asm__ volatile("" ::"r"(room) : "memory");
}

/* Then the program closes all descriptors, as a daemon does, and opens files of its own. */
static int descriptors(void)
{
    generate();
    free(generated(24, malloc));
    closefrom(3);
    int in = open("in.txt", O_RDONLY), out = open("out.bin", O_RDWR | O_CREAT | O_TRUNC, 0644);
    for (int i = 0; i < 200; i++) {
        deep(i % 60);
        dprintf(out, "line %d\n", i);
    }
    char text[8] = {0};
    ssize_t size = read(in, text, 5);
    printf("descriptors %d %d; %zd bytes '%s'; %ld bytes written\n", in, out, size, text,
           (long)lseek(out, 0, SEEK_END));
    return 0;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    size_t size = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;
    int result = strcmp(mode, "registers") == 0     ? registers()
                 : strcmp(mode, "rbp") == 0         ? rbp_in_register()
                 : strcmp(mode, "wrong") == 0       ? wrong()
                 : strcmp(mode, "signals") == 0     ? signals()
                 : strcmp(mode, "alternative") == 0 ? alternative(size)
                 : strcmp(mode, "coroutines") == 0  ? coroutines(size)
                 : strcmp(mode, "stack-used") == 0  ? stack_used()
                 : strcmp(mode, "descriptors") == 0 ? descriptors()
                                                    : 2;
    printf("done %lu\n", made);
    return result;
}
