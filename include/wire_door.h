/* wire_door.h - the collector's door: a socket that sends the arena to processes that cannot open it through
 * /proc, as they are in another PID namespace, have another /proc or none, or have changed their user.
 *
 * It is a datagram socket with an abstract name, which is visible in one network namespace. Whoever sends the
 * key gets an answer of one byte with the arena's descriptor, from the address that it connected to; nobody
 * else is answered. The key does not reveal the cookie, so an arena that an impostor sends cannot have it.
 *
 * The upper half of the name depends on the database: so a report can see that a collector is running
 * whose run is not in the database yet. The lower half is random.
 */
#ifndef LIBTRACE_WIRE_DOOR_H
#define LIBTRACE_WIRE_DOOR_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#define WIRE_DOOR_PREFIX "libtrace-"

/* The upper half of a name: FNV-1a of the database's directory (device and inode), and of its name there. */
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

/* Fills in the address of a door with this name; returns its length. */
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
