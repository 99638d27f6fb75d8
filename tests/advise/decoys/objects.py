"""Objects that have a block beside them, which is no dict."""
import array
import collections
import functools
import io


class Row(list):
    pass


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a, b):
        self.a, self.b = a, b


Pair = collections.namedtuple("Pair", "a b")


def main():
    kept = [
        [Row((i, i + 1)) for i in range(5000)],
        [Slotted(i, i) for i in range(5000)],
        [Pair(i, i) for i in range(5000)],
        [array.array("d", [i, i]) for i in range(5000)],
        [collections.deque([i], 4) for i in range(2000)],
        [collections.Counter(a=i) for i in range(2000)],
        [bytearray(b"some bytes") for i in range(5000)],
        [io.BytesIO(b"some bytes") for i in range(2000)],
        [functools.partial(print, i) for i in range(5000)],
        [{i} for i in range(5000)],
    ]
    print(sum(len(part) for part in kept))


main()
