"""All kinds of objects, line by line: lists that grow, dicts, sets, closures, generators that wait, free lists."""
import array
import collections
import sys

Point = collections.namedtuple("Point", "x y")


class Node:
    def __init__(self, value, following):
        self.value = value
        self.following = following


class Weighted(Node):
    __slots__ = ("weight",)

    def __init__(self, value, following):
        super().__init__(value, following)
        self.weight = value * 1.5


def counter(start):
    while True:
        yield start
        start += 1


def closure(value):
    def inner():
        return value
    return inner


def build(n):
    keep = []
    keep.append([i * 7919 for i in range(n)])
    keep.append([i * 0.1 for i in range(n)])
    keep.append([complex(i, i) for i in range(n)])
    keep.append({i * 7: str(i) for i in range(n)})
    keep.append({"key-%d" % i for i in range(n)})
    keep.append(frozenset(range(1000, 1000 + n)))
    keep.append([(i, i + 1, i + 2) for i in range(n)])
    keep.append([Point(i, -i) for i in range(n)])
    keep.append([[i] for i in range(n)])
    keep.append([{"n": i} for i in range(n)])
    keep.append([bytes(i % 300) for i in range(n)])
    keep.append([bytearray(i % 700) for i in range(n)])
    keep.append([lambda: i for i in range(n)])
    keep.append([closure(i) for i in range(n)])
    keep.append([range(i) for i in range(n)])
    keep.append([slice(i) for i in range(n)])
    keep.append([10 ** (i % 90) for i in range(n)])
    keep.append(["x" * (i % 1200) for i in range(n)])
    keep.append([chr(0x4e00 + i % 2000) * 5 for i in range(n)])
    keep.append(collections.deque(range(n)))
    keep.append(collections.Counter("abc%d" % (i % 500) for i in range(n)))
    keep.append(collections.OrderedDict((i, None) for i in range(n)))
    keep.append(array.array("d", range(n)))
    waiting = [counter(i) for i in range(n // 10)]
    for generator in waiting:
        next(generator)
    keep.append(waiting)
    chain = None
    for i in range(n):
        chain = Node(i, chain)
    keep.append(chain)
    weighted = None
    for i in range(n):
        weighted = Weighted(i, weighted)
    keep.append(weighted)
    grown = []
    for i in range(n):
        grown.append(i)
    keep.append(grown)
    table = {}
    for i in range(n):
        table[str(i)] = [None] * (i % 9)
    keep.append(table)
    keep.append([type("C%d" % i, (), {"a": i}) for i in range(n // 100)])
    keep.append([sum(float(k) for k in range(5)) for i in range(n)])
    keep.append([memoryview(b"abc") for i in range(n // 10)])
    keep.append(sorted(range(n), key=lambda value: -value))
    keep.append([dict(a=i, b=i, c=i) for i in range(n)])
    return keep


if __name__ == "__main__":
    sys.setrecursionlimit(10000)
    print(len(build(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)))
