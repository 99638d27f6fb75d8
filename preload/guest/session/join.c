/* join.c - see join.h. */
#define _GNU_SOURCE
#include "join.h"
#include "arena.h"
#include "door.h"
#include "guest.h"
#include "stop.h"
#include "wire_check.h"

#include <string.h>
#include <sys/stat.h>

/* ---- the name ------------------------------------------------------------------------------------ */

enum part { PID, DESCRIPTOR, COOKIE, DOOR_NAME, DOOR_KEY, NETWORK, PARTS };

struct name {
    uint64_t part[PARTS]; /* 0 where there is none */
};

const char *join_session(void)
{
    const char *session = guest_variable(WIRE_SESSION_VARIABLE);
    return session && *session && *session != WIRE_SESSION_ROOM ? session : NULL;
}

const char *join_database(const char *session)
{
    const char *mark = session ? strchr(session, WIRE_SESSION_DATABASE) : NULL;
    return mark && mark[1] ? mark + 1 : NULL;
}

bool join_is_attached(const char *session)
{
    size_t size = strlen(session), end = sizeof WIRE_SESSION_ATTACHED - 1;
    return size > end && strcmp(session + size - end, WIRE_SESSION_ATTACHED) == 0;
}

static uint64_t network(void)
{
    struct stat facts;
    int saved = errno;
    bool known = stat("/proc/self/ns/net", &facts) == 0;
    errno = saved;
    return known ? facts.st_ino : 0;
}

void join_describe(char *text, size_t size, int collector, int memory)
{
    const uint64_t parts[PARTS] = {(uint64_t)collector, (uint64_t)memory, arena->cookie,
                                   arena->door_name,    arena->door_key,  network()};
    char *at = text, *end = text + size;
    for (int i = 0; i < PARTS; i++)
        at = guest_format_number(i ? guest_format(at, end, ":") : at, end, parts[i]);
}

static struct name parse(const char *session)
{
    struct name name = {0};
    for (int i = 0; i < PARTS && *session >= '0' && *session <= '9'; i++) {
        name.part[i] = guest_number(session, &session);
        session += *session == ':';
    }
    return name;
}

bool join_same_network(const char *session)
{
    uint64_t door = parse(session).part[NETWORK], own = door ? network() : 0;
    return !own || own == door;
}

/* ---- the arena ------------------------------------------------------------------------------------ */

static const char cannot_join[] =
    "not enough memory or open files to join the run of its parent process; this process is not traced";

enum joined {
    JOINED,
    NO_ARENA, /* or it is another run's */
    OVER,
    NO_ROOM
};

/* Maps the arena if it is one, and belongs to the named run; closes its descriptor. */
static enum joined join(int descriptor, const struct name *name)
{
    uint64_t size;
    errno = 0;
    bool is_arena = wire_check(descriptor, &size);
    bool cannot_ask = !is_arena && errno != 0 && errno != EINVAL;
    bool mapped = is_arena && arena_map(descriptor, size) == 0;
    if (is_arena && !mapped)
        arena_note_unmapped(descriptor);
    close(descriptor);
    if (!mapped)
        return is_arena || cannot_ask ? NO_ROOM : NO_ARENA;
    uint32_t state = atomic_load(&arena->collector);
    bool same = arena->cookie == name->part[COOKIE];
    if (same && state != WIRE_COLLECTOR_DONE && state != WIRE_COLLECTOR_FAILED)
        return JOINED;
    if (same && state == WIRE_COLLECTOR_FAILED)
        stop_run("the collector failed", "");
    arena_unmap();
    return same ? OVER : NO_ARENA;
}

/* The descriptor, or a negative errno code. */
static int open_by_proc(const struct name *name)
{
    char path[64], *end = path + sizeof path;
    char *text = guest_format_number(guest_format(path, end, "/proc/"), end, name->part[PID]);
    guest_format_number(guest_format(text, end, "/fd/"), end, name->part[DESCRIPTOR]);
    int descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    return descriptor >= 0 ? descriptor : -errno;
}

static bool is_shortage(int error)
{
    return error == -EMFILE || error == -ENFILE || error == -ENOMEM;
}

bool join_run(const char *session)
{
    struct name name = parse(session);
    int descriptor = open_by_proc(&name);
    enum joined joined = descriptor >= 0           ? join(descriptor, &name)
                         : is_shortage(descriptor) ? NO_ROOM
                                                   : NO_ARENA;
    if (joined == NO_ARENA && name.part[DOOR_NAME]) {
        descriptor = door_knock(name.part[DOOR_NAME], name.part[DOOR_KEY]);
        joined = descriptor >= 0 ? join(descriptor, &name) : is_shortage(descriptor) ? NO_ROOM : NO_ARENA;
        if (descriptor == -ETIMEDOUT)
            stop_run(
                "the collector of the run that this process belongs to does not answer; it is not traced",
                "");
    }
    if (joined == NO_ROOM)
        stop_run(cannot_join, "");
    return joined == JOINED;
}
