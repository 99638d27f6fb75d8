/* door_keeper.c - see door_keeper.h. */
#define _GNU_SOURCE
#include "door_keeper.h"
#include "wire_door.h"

#include <string.h>
#include <unistd.h>

#define AT_ONCE 32 /* answers, before the thread looks at anything else */

int door_open(const struct arena *arena)
{
    struct sockaddr_un address;
    socklen_t size = wire_door_address(&address, arena->door_name);
    int door = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (door >= 0 && bind(door, (struct sockaddr *)&address, size) != 0) {
        close(door);
        return -1;
    }
    return door;
}

/* Sends the arena without waiting; a process that cannot receive it at once has to ask again. */
static void pass(int door, int memory, const struct sockaddr_un *to, socklen_t size)
{
    char byte = 0;
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof memory)];
    } control;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_name = (void *)to,
                             .msg_namelen = size,
                             .msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    memset(&control, 0, sizeof control);
    control.head.cmsg_level = SOL_SOCKET;
    control.head.cmsg_type = SCM_RIGHTS;
    control.head.cmsg_len = CMSG_LEN(sizeof memory);
    memcpy(CMSG_DATA(&control.head), &memory, sizeof memory);
    sendmsg(door, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool door_answer(const struct arena *arena, int door)
{
    bool all_known = true;
    for (int i = 0; i < AT_ONCE; i++) {
        struct sockaddr_un from;
        socklen_t size = sizeof from;
        uint64_t key[2];
        ssize_t got = recvfrom(door, key, sizeof key, MSG_DONTWAIT, (struct sockaddr *)&from, &size);
        if (got < 0)
            break;
        if (got == sizeof key[0] && key[0] == arena->door_key &&
            size > offsetof(struct sockaddr_un, sun_path))
            pass(door, arena->memory, &from, size);
        else
            all_known = false;
    }
    return all_known;
}
