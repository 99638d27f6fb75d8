/* spool.h - a folder in which parcels wait while the server is away, oldest first, and no more bytes than allowed.
 *
 *   DIR/lock                               held by the one trace-report that uses the folder
 *   DIR/00000000000000000007.pyroscope     a parcel: "libtrace push 1\n", its query, "\n", its body
 *
 * A file appears whole. Its name has its place in the order, and where it goes to; those for other targets stay.
 */
#ifndef LIBTRACE_PUSH_SPOOL_H
#define LIBTRACE_PUSH_SPOOL_H

#include "parcel.h"
#include "report.h"

struct spool;

/* Opens the folder, and makes it if it is not there. Returns an exit status, after saying what is wrong: it must be
 * the user's own, and no other's to write to. */
int spool_open(const struct report *report, const char *path, int64_t most_bytes, const struct target *target,
               struct spool **spool);

/* Puts a parcel at the end; the oldest ones are dropped if there is no room. False: it is larger than the spool, or
 * cannot be written. */
int spool_add(struct spool *spool, const struct parcel *parcel);

/* Reads the oldest parcel, which the caller frees; what cannot be read is dropped. False: none is left. */
int spool_first(struct spool *spool, struct parcel *parcel);

/* Removes the oldest one. */
void spool_remove(struct spool *spool);

size_t spool_waiting(const struct spool *spool);
int64_t spool_dropped(const struct spool *spool); /* so far */

void spool_close(struct spool *spool);

#endif
