/* hostile.c - a program that waits for somebody with more rights to attach to it, and answers trace-attach
 * with what does harm where that is believed.
 *
 *   hostile ATTACK FILE SEED LIBRARY
 *
 *   descriptor   says that the descriptor of FILE, which it may not write to, is the shared memory
 *   path         gives real shared memory, and writes FILE, in a directory that it may not write to, all over
 *                its header: earlier versions had the database's path there
 *   offsets      gives real shared memory with offsets, numbers and counts that lead out of it, and changes them
 *
 * It has loaded LIBRARY, libtrace.so, itself, and made its libtrace_attach our own function. It prints "ready",
 * and ends a moment after it was attached to.
 */
#include "wire_attach.h"
#include "wire.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define ARENA_SIZE ((WIRE_FIRST_CHUNK + 256) * WIRE_CHUNK_SIZE)
#define HARM_MS 150

static const char *attack, *file;
static struct wire_arena *arena;
static _Atomic int attached;
static uint64_t state;

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* Where pointers are made from it: in the arena, at its end, behind it, far away, or not aligned. */
static uint64_t wild(void)
{
    switch (next_random() % 6) {
    case 0:
        return next_random();
    case 1:
        return next_random() % (ARENA_SIZE / WIRE_CHUNK_SIZE) * WIRE_CHUNK_SIZE;
    case 2:
        return ARENA_SIZE - next_random() % 4 * WIRE_CHUNK_SIZE;
    case 3:
        return -(next_random() % 64 * WIRE_CHUNK_SIZE);
    case 4:
        return next_random() % ARENA_SIZE;
    default:
        return next_random() % 16;
    }
}

static int make_memory(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int memory = memfd_create("libtrace", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (memory < 0 || ftruncate(memory, ARENA_SIZE) != 0 ||
        fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0)
        return -1;
    arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    if (arena == MAP_FAILED)
        return -1;
    arena->magic = WIRE_MAGIC;
    arena->version = WIRE_VERSION;
    arena->chunks = ARENA_SIZE / WIRE_CHUNK_SIZE;
    arena->started_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    arena->process[0].pid = getpid();
    arena->process[0].state = WIRE_PROCESS_LIVE;
    arena->processes = 1;
    return memory;
}

/* As the library waits, by which trace-attach knows that it does. */
static void wait_in(struct attach_request *request, uint32_t phase)
{
    const struct timespec pause = {0, 1000000};
    for (int i = 0; i < 3000 && __atomic_load_n(&request->call.phase, __ATOMIC_ACQUIRE) == phase; i++)
        ppoll(NULL, 0, &pause, NULL);
}

static void hostile_attach(struct attach_request *request)
{
    request->descriptor = strcmp(attack, "descriptor") == 0 ? open(file, O_PATH) : make_memory();
    if (request->descriptor < 0 && strcmp(attack, "descriptor") == 0)
        request->descriptor = 0;
    attached = 1;
    request->call.result = 0;
    __atomic_store_n(&request->call.phase, ATTACH_ANSWERED, __ATOMIC_RELEASE);
    wait_in(request, ATTACH_ANSWERED);
    __atomic_store_n(&request->call.phase, ATTACH_DONE, __ATOMIC_RELEASE);
    wait_in(request, ATTACH_DONE);
}

static void write_jump(unsigned char *at, void *to)
{
    const unsigned char move_and_jump[] = {0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0};
    memcpy(at, move_and_jump, sizeof move_and_jump);
    memcpy(at + 2, &to, sizeof to);
}

/* The library is there as trace-attach leaves it, and does something else. */
static int patch(const char *library)
{
    void *handle = dlopen(library, RTLD_NOW);
    unsigned char *called = handle ? dlsym(handle, "libtrace_attach") : NULL;
    uintptr_t page = (uintptr_t)called & ~(uintptr_t)4095;
    if (!called || mprotect((void *)page, 8192, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
        return 0;
    write_jump(called, (void *)hostile_attach);
    return 1;
}

/* Where earlier versions had it. */
static void write_path(void)
{
    memcpy((char *)arena + 48, file, strlen(file) + 1);
}

static void write_offsets(void)
{
    struct wire_process *process = &arena->process[next_random() % 3];
    struct wire_ring *ring = &arena->ring[next_random() % 4];
    const _Atomic uint64_t *notes = &arena->process[0].note_segment[0];
    uint64_t note = *notes;
    process->frame_segment[next_random() % WIRE_FRAME_SEGMENTS] = wild();
    process->node_segment[next_random() % WIRE_NODE_SEGMENTS] = wild();
    process->note_segment[next_random() % WIRE_NOTE_SEGMENTS] = wild();
    process->frames = (uint32_t)wild();
    if (process != &arena->process[0])
        process->state = (uint32_t)next_random() % 6;
    ring->process = next_random() % 4 ? 0 : (uint32_t)wild();
    ring->buffer = wild();
    ring->tid = (uint32_t)getpid();
    ring->head = next_random() % 2 ? next_random() % 100000 : wild();
    ring->state = next_random() % 4 ? WIRE_RING_BUSY : (uint32_t)next_random();
    arena->rings = next_random() % 2 ? 4 : (uint32_t)wild();
    arena->processes = next_random() % 2 ? 3 : (uint32_t)wild();
    arena->chunks = (uint32_t)wild();
    if (note % 8 == 0 && note < ARENA_SIZE - 4096) { /* one whose sizes lead out of it */
        uint32_t *words = (uint32_t *)((char *)arena + note);
        if (note >= WIRE_FIRST_CHUNK * WIRE_CHUNK_SIZE)
            for (unsigned i = 0; i < 12; i++)
                words[i] = i == 1 ? 1 + (uint32_t)next_random() % 6 : (uint32_t)wild();
    }
    /* And events that refer to what is not there. */
    uint64_t buffer = ring->buffer;
    if (buffer >= WIRE_FIRST_CHUNK * WIRE_CHUNK_SIZE && buffer % 8 == 0 && buffer <= ARENA_SIZE - 65536)
        for (unsigned i = 0; i < 8192; i++)
            ((uint64_t *)((char *)arena + buffer))[i] =
                next_random() % 2 ? next_random()
                                  : next_random() % 9 << WIRE_TYPE_SHIFT | 0x1000 * (next_random() % 16);
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* On a thread of its own: the main one stands still while it is attached to. */
static void *harm(void *unused)
{
    while (!attached)
        usleep(200);
    for (uint64_t end = now_ms() + HARM_MS; now_ms() < end;) {
        if (strcmp(attack, "path") == 0 && arena)
            write_path();
        else if (strcmp(attack, "offsets") == 0 && arena)
            write_offsets();
        else
            usleep(1000);
    }
    _exit(0);
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    if (argc != 5)
        return 2;
    attack = argv[1];
    file = argv[2];
    state = strtoull(argv[3], NULL, 10) * 0x9e3779b97f4a7c15ull + 1;
    prctl(PR_SET_DUMPABLE, 1);
    if (!patch(argv[4]) || pthread_create(&thread, NULL, harm, NULL) != 0)
        return 2;
    puts("ready");
    fflush(stdout);
    for (volatile unsigned long turns = 0;; turns++) { /* outside of the C library, where it may be stopped */
    }
}
