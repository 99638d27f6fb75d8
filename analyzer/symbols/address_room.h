/* address_room.h - room for what debug information takes, where address space is limited (RLIMIT_AS, RLIMIT_DATA). */
#ifndef LIBTRACE_SYMBOLS_ADDRESS_ROOM_H
#define LIBTRACE_SYMBOLS_ADDRESS_ROOM_H

#include <libelf.h>

/* True if there is room for reading the debug information of a file that is mapped already; else 0 and ENOMEM. libdw does not check each
 * malloc(): without room it would end the process, and all that is recorded there would lack its names. */
int address_room_for(Elf *debug);

#endif
