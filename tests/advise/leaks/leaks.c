/* Servers that leak 1 MB a minute, see server.h. Each says in its line LEAK which kind it is. */
#include "server.h"

#include <pthread.h>

struct node {
    struct node *next;
    char text[92];
};

static struct node *list;

/* A list that nobody empties. */
static void list_tick(int tick)
{
    for (int i = 0; i < LEAKED / 100; i++) {
        struct node *node = malloc(sizeof *node); // LEAK list

        node->next = list;
        snprintf(node->text, sizeof node->text, "event %d of %d", i, tick);
        list = node;
    }
}

/* One request in 60 fails, and is forgotten. */
static void errors_serve(int request)
{
    char *volatile text = malloc(1000); // LEAK errors

    snprintf(text, 1000, "request %d", request);
    if (server_random(REQUESTS) < LEAKED / 1000)
        return;
    free(text);
}

static __thread char *buffer;

static void *thread(void *unused)
{
    (void)unused;
    if (buffer == NULL)
        buffer = calloc(1, LEAKED); // LEAK threads
    return buffer;
}

/* Threads end, their buffers stay. */
static void threads_tick(int tick)
{
    pthread_t id;

    (void)tick;
    if (pthread_create(&id, NULL, thread, NULL) == 0)
        pthread_join(id, NULL);
}

static struct {
    char *text;
    size_t size;
} session[100];

/* A hundred sessions whose history grows and grows. */
static void histories_tick(int tick)
{
    int i = tick % 100;

    session[i].size += LEAKED;
    session[i].text = realloc(session[i].text, session[i].size); // LEAK histories
    memset(session[i].text + session[i].size - LEAKED, 'x', LEAKED);
}

static char *volatile kept[1000000];
static int kept_count;

/* Once a minute, all of that minute. */
static void bursts_tick(int tick)
{
    for (int i = 0; i < LEAKED / 10 && tick % 100 == 99; i++)
        kept[kept_count++] = calloc(1, 1000); // LEAK bursts
}

/* One request in a hundred, and blocks of any size. */
static void rare_serve(int request)
{
    if (request % 100 == 0)
        kept[kept_count++] = calloc(1, 1 + server_random(2 * LEAKED / 6)); // LEAK rare
}

static char *volatile slots[10000];

/* 3 MB of entries, replaced all the time; one in so many that are replaced is not freed. */
static void slots_serve(int request)
{
    unsigned i = server_random(10000);

    if (server_random(REQUESTS) >= LEAKED / 300)
        free(slots[i]);
    slots[i] = malloc(300); // LEAK slots
    snprintf(slots[i], 300, "value %d", request);
}

/* Before and after each minute's requests there are few connections, and many between. Some are never closed. */
static void connections_tick(int tick)
{
    static char *volatile open[400];
    int wanted = 100 + (tick % 100 < 50 ? tick % 100 : 100 - tick % 100) * 5;

    for (int i = 0; i < 400; i++) {
        if (i < wanted && open[i] == NULL)
            open[i] = calloc(1, 5000); // LEAK connections
        else if (i >= wanted && open[i] != NULL) {
            free(open[i]);
            open[i] = NULL;
        }
    }
    for (int i = 0; i < LEAKED / 5000; i++)
        open[server_random(100)] = NULL;
}

int main(int argc, char **argv)
{
    static const struct server_kind kinds[] = {
        {"list", list_tick, NULL},       {"errors", NULL, errors_serve},
        {"threads", threads_tick, NULL}, {"histories", histories_tick, NULL},
        {"bursts", bursts_tick, NULL},   {"rare", NULL, rare_serve},
        {"slots", NULL, slots_serve},    {"connections", connections_tick, NULL},
    };

    return server_main(kinds, sizeof kinds / sizeof kinds[0], argc, argv);
}
