/* Servers that hold some megabytes more in the end than in the beginning, and leak nothing, see server.h. */
#include "server.h"

enum { ENTRIES = 10000, ENTRY_BYTES = 1000 };

static char *entries[ENTRIES];

static void put(int i)
{
    free(entries[i]);
    entries[i] = malloc(ENTRY_BYTES);
    snprintf(entries[i], ENTRY_BYTES, "value %d", i);
}

static void fill(int tick, int ticks)
{
    for (int i = 0; i < ENTRIES / ticks && tick < ticks; i++)
        put(tick * (ENTRIES / ticks) + i);
}

/* Full after so many hundredths of the run. */
static void fills_20(int tick)
{
    fill(tick, TICKS / 5);
}

static void fills_50(int tick)
{
    fill(tick, TICKS / 2);
}

static void fills_80(int tick)
{
    fill(tick, TICKS * 4 / 5);
}

static void fills_90(int tick)
{
    fill(tick, TICKS * 9 / 10);
}

/* Emptied after so much time; when the server is stopped it is nearly full. */
static void cleared(int tick, int ticks)
{
    if (tick % ticks == 0)
        for (int i = 0; i < ENTRIES; i++) {
            free(entries[i]);
            entries[i] = NULL;
        }
    for (int i = 0; i < ENTRIES / ticks; i++)
        put(tick % ticks * (ENTRIES / ticks) + i);
}

static void sawtooth(int tick)
{
    cleared(tick, 100);
}

static void sawtooth_long(int tick)
{
    cleared(tick, 335);
}

static void sawtooth_twice(int tick)
{
    cleared(tick, 500);
}

/* Entries live for a minute and a half; there are more in the third to sixth minutes than before. */
static void ttl(int tick)
{
    static char *living[150][40];

    for (int i = 0; i < 40; i++) {
        free(living[tick % 150][i]);
        living[tick % 150][i] = i < (tick < 300 ? 10 : tick < 600 ? 40 : 35) ? calloc(1, ENTRY_BYTES) : NULL;
    }
}

/* Objects that are handed back are kept for later: as many as were ever needed at once. */
static void pool(int tick)
{
    static char *idle[ENTRIES];
    static int count;
    char *used[ENTRIES / 10];
    int wanted = 0;

    (void)tick;
    for (int i = 0; i < 1000; i++)
        wanted += server_random(4) == 0;
    for (int i = 0; i < wanted; i++)
        used[i] = count > 0 ? idle[--count] : calloc(1, 10000);
    for (int i = 0; i < wanted; i++)
        idle[count++] = used[i];
}

/* A buffer that doubles until the largest request fits. */
static void doubling(int request)
{
    static char *buffer;
    static size_t size;
    size_t wanted = 1000 + server_random(1000) * 10 * (size_t)(request / 1000 < 400 ? request / 1000 : 400);

    if (wanted > size) {
        size = size == 0 ? 4096 : size;
        while (size < wanted)
            size *= 2;
        buffer = realloc(buffer, size);
    }
    memset(buffer, 'x', 1000);
}

/* Work comes in faster than it is done for five minutes, and slower after that. */
static void backlog(int tick)
{
    static char *queue[100 * TICKS];
    static int first, last;

    for (int i = 0; i < (tick < TICKS / 2 ? 50 : 30); i++)
        queue[last++] = calloc(1, ENTRY_BYTES);
    for (int i = 0; i < 38 && first < last; i++)
        free(queue[first++]);
}

/* Full early; then any entry may have to go for one of another size. */
static void evicting(int request)
{
    unsigned i = server_random(ENTRIES);

    if (request % 4 != 0)
        return;
    free(entries[i]);
    entries[i] = calloc(1, 1 + server_random(2 * ENTRY_BYTES));
}

/* Young entries go after a tick, if nobody asks for them; the others become old, and go when those are too many. */
static void generations(int tick)
{
    static char *old[ENTRIES / 2], *young[100];
    static int at;

    (void)tick;
    for (int i = 0; i < 100; i++) {
        if (young[i] != NULL && server_random(10) == 0) {
            free(old[at]);
            old[at] = young[i];
            at = (at + 1) % (ENTRIES / 2);
        } else
            free(young[i]);
        young[i] = calloc(1, ENTRY_BYTES);
    }
}

int main(int argc, char **argv)
{
    static const struct server_kind kinds[] = {
        {"fills-20", fills_20, NULL},
        {"fills-50", fills_50, NULL},
        {"fills-80", fills_80, NULL},
        {"fills-90", fills_90, NULL},
        {"sawtooth-twice", sawtooth_twice, NULL},
        {"sawtooth", sawtooth, NULL},
        {"sawtooth-long", sawtooth_long, NULL},
        {"ttl", ttl, NULL},
        {"pool", pool, NULL},
        {"doubling", NULL, doubling},
        {"backlog", backlog, NULL},
        {"evicting", NULL, evicting},
        {"generations", generations, NULL},
    };

    return server_main(kinds, sizeof kinds / sizeof kinds[0], argc, argv);
}
