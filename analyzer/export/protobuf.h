/* protobuf.h - writes protocol buffers: messages are numbered fields, and nothing more is needed here than numbers in
 * base 128, eight bytes as they are, and what is prefixed by its length (texts, messages, packed lists). */
#ifndef LIBTRACE_EXPORT_PROTOBUF_H
#define LIBTRACE_EXPORT_PROTOBUF_H

#include <stddef.h>
#include <stdint.h>

/* A message that is being written. {0} is an empty one; whoever made it frees data. */
struct protobuf {
    uint8_t *data;
    size_t size, room;
};

/* Bytes, and a number in base 128, without a field: for packed lists. */
void protobuf_bytes(struct protobuf *m, const void *data, size_t size);
void protobuf_varint(struct protobuf *m, uint64_t value);

/* Fields. A number that is 0 is not written, as that is what readers take for one that is not there. Negative
 * numbers of type int32 and int64 are written as their 64 bits. */
void protobuf_number(struct protobuf *m, unsigned field, uint64_t value);
void protobuf_fixed64(struct protobuf *m, unsigned field, uint64_t value);
void protobuf_data(struct protobuf *m, unsigned field, const void *data, size_t size);
void protobuf_text(struct protobuf *m, unsigned field, const char *text);

/* Ends the inner message: it becomes a field of the outer one, and is emptied. */
void protobuf_message(struct protobuf *outer, unsigned field, struct protobuf *inner);

#endif
