"""Makes ten million objects, two to five frames deep, and keeps a few hundred of them at any time."""
import sys


class Item:
    __slots__ = ("left", "right")

    def __init__(self, left, right):
        self.left = left
        self.right = right


def leaf(i):
    return [i]


def pair(i):
    return leaf(i), i + 0.5


def item(i):
    return Item(pair(i), [i])


def deep(i):
    return [item(i), leaf(i)]


def build(n):
    ring = [None] * 256
    for i in range(n // 10):
        ring[i & 255] = deep(i)
    return ring


if __name__ == "__main__":
    print(len(build(int(sys.argv[1]) if len(sys.argv) > 1 else 10000000)))
