/* wire_door.h - the collector's door: a socket through which a process gets the arena that cannot open it through
 * /proc, as it is in another PID namespace, has another /proc or none, or has become another user.
 *
 * A datagram socket with an abstract name, which is seen in one network namespace. Whoever sends the key there is
 * answered with one byte and the arena's descriptor, from the address that he has connected to; anybody else is
 * not answered. The key does not tell the cookie: an arena that somebody else sends cannot have it.
 *
 * The upper half of the name tells what the run is written to: so a report can see that a collector is at work whose
 * run is not there yet. The lower half is random.
 */
#ifndef LIBTRACE_WIRE_DOOR_H
#define LIBTRACE_WIRE_DOOR_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#define WIRE_DOOR_PREFIX "libtrace-"

/* The upper half of a name: FNV-1a of the database's directory, by device and inode, and its name there. */
static inline uint32_t wire_door_place(uint64_t device, uint64_t inode, const char *file)
{
    uint32_t hash = 2166136261u;
    for (int i = 0; i < 64; i += 8)
        hash = (hash ^ (uint8_t)(device >> i)) * 16777619u;
    for (int i = 0; i < 64; i += 8)
        hash = (hash ^ (uint8_t)(inode >> i)) * 16777619u;
    for (; *file; file++)
        hash = (hash ^ (uint8_t)*file) * 16777619u;
    return hash;
}

/* The address of a door of this name; its length. */
static inline socklen_t wire_door_address(struct sockaddr_un *address, uint64_t name)
{
    static const char prefix[] = WIRE_DOOR_PREFIX;
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
