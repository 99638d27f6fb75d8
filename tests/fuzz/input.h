/* input.h - a fuzzer's input, taken piece by piece; what is missing at its end is 0. */
#ifndef LIBTRACE_FUZZ_INPUT_H
#define LIBTRACE_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *at, *end;
};

static inline struct input input_of(const uint8_t *data, size_t size)
{
    return (struct input){data, data + size};
}

static inline size_t input_left(const struct input *in)
{
    return (size_t)(in->end - in->at);
}

static inline uint64_t input_number(struct input *in, size_t size)
{
    uint64_t value = 0;
    size_t there = input_left(in) < size ? input_left(in) : size;
    if (there > 0)
        memcpy(&value, in->at, there);
    in->at += there;
    return value;
}

/* Up to `most` bytes, as many as a first byte says; *size is set. */
static inline const uint8_t *input_bytes(struct input *in, size_t most, size_t *size)
{
    size_t wanted = input_number(in, 1);
    *size = wanted < most ? wanted : most;
    *size = *size < input_left(in) ? *size : input_left(in);
    in->at += *size;
    return in->at - *size;
}

/* The same as a text, in a buffer that has room for 256 bytes. */
#define INPUT_TEXT 256
static inline char *input_text(struct input *in, char *buffer)
{
    size_t size;
    const uint8_t *bytes = input_bytes(in, INPUT_TEXT - 1, &size);
    memcpy(buffer, bytes, size);
    buffer[size] = '\0';
    return buffer;
}

#endif
