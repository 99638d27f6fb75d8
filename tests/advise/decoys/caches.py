"""Caches that fill up, texts that are joined, buffers that grow by themselves."""
import ctypes
import functools

mark = getattr(ctypes.CDLL(None), "libtrace_mark", len)


@functools.lru_cache(maxsize=2000)
def answer(number):
    return "the answer to %d " % number * 10


def main():
    total, pieces, buffer, remembered = 0, [], bytearray(), {}
    for i in range(40000):
        total += len(answer(i * 31 % 3000))
        pieces.append("word %d " % i)
        buffer += b"some bytes "
        if i % 5000 not in remembered:
            remembered[i % 5000] = "text %d " % i * 10
        if i % 2000 == 0:
            mark(b"batch")
            pieces.clear()
    print(total, len("".join(pieces)), len(buffer), len(remembered))


main()
