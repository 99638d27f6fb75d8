/* door.c - see door.h. */
#define _GNU_SOURCE
#include "door.h"
#include "guest.h"
#include "wire_door.h"

#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_NS 1000000000ull /* for a collector that is just starting, on a busy machine */
#define STEP_NS 50000000          /* then ask again, as it may be gone, which shows then */

static int new_socket(void)
{
    int door = (int)syscall(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return door >= 0 ? guest_move_up(door) : -1;
}

int door_make(uint64_t name)
{
    struct sockaddr_un address;
    int saved = errno, door = new_socket();
    if (door >= 0 && syscall(SYS_bind, door, &address, wire_door_address(&address, name)) != 0) {
        close(door);
        door = -1;
    }
    errno = saved;
    return door;
}

/* Receives the descriptor; returns it, or a negative errno code: there may have been no room for it. */
static int take(int door)
{
    char byte;
    int descriptor = -EMFILE;
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof descriptor)];
    } control;
    struct iovec part = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    if (syscall(SYS_recvmsg, door, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
        return -errno;
    if (message.msg_controllen >= CMSG_LEN(sizeof descriptor) && control.head.cmsg_level == SOL_SOCKET &&
        control.head.cmsg_type == SCM_RIGHTS)
        memcpy(&descriptor, CMSG_DATA(&control.head), sizeof descriptor);
    return descriptor;
}

static int ask(int door, uint64_t key)
{
    struct pollfd answer = {.fd = door, .events = POLLIN};
    uint64_t end_ns = guest_now_ns() + PATIENCE_NS;
    while (guest_now_ns() < end_ns) {
        struct timespec step = {0, STEP_NS};
        if (syscall(SYS_sendto, door, &key, sizeof key, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0) < 0 &&
            errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
            return -errno;
        if (syscall(SYS_ppoll, &answer, 1, &step, NULL, 0) == 1)
            return take(door);
    }
    return -ETIMEDOUT;
}

int door_knock(uint64_t name, uint64_t key)
{
    struct sockaddr_un none = {.sun_family = AF_UNIX}, address;
    int saved = errno, door = new_socket(), result;
    if (door < 0) {
        result = -errno;
        errno = saved;
        return result;
    }
    /* Bind to an address that the kernel chooses, for the answer. */
    if (syscall(SYS_bind, door, &none, sizeof none.sun_family) != 0 ||
        syscall(SYS_connect, door, &address, wire_door_address(&address, name)) != 0)
        result = -errno;
    else
        result = ask(door, key);
    close(door);
    errno = saved;
    return result;
}
