/* wire_door.h - the collector's door: a socket through which a process gets the arena that cannot open it through
 * /proc, as it is in another PID namespace, has another /proc or none, or has become another user.
 *
 * A datagram socket with an abstract name, which is seen in one network namespace. Whoever sends the key there is
 * answered with one byte and the arena's descriptor, from the address that he has connected to; anybody else is
 * not answered. The key does not tell the cookie: an arena that somebody else sends cannot have it.
 */
#ifndef LIBTRACE_WIRE_DOOR_H
#define LIBTRACE_WIRE_DOOR_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

/* The address of a door of this name; its length. */
static inline socklen_t wire_door_address(struct sockaddr_un *address, uint64_t name)
{
    static const char prefix[] = "libtrace-";
    char *at = address->sun_path;
    address->sun_family = AF_UNIX;
    *at++ = '\0';
    for (size_t i = 0; i < sizeof prefix - 1; i++)
        *at++ = prefix[i];
    for (int shift = 60; shift >= 0; shift -= 4)
        *at++ = "0123456789abcdef"[name >> shift & 15];
    return (socklen_t)(at - (char *)address);
}

#endif
