"""Objects of many types: classes of the program in several forms, subclasses of builtins, and what libraries make."""
import ast
import collections
import dataclasses
import decimal
import enum
import functools
import json
import pathlib
import re
import weakref


class Plain:
    def __init__(self, number):
        self.number = number


class Slotted:
    __slots__ = ("number", "__weakref__")

    def __init__(self, number):
        self.number = number


class Meta(type):
    pass


class Numbers(list):
    pass


class Table(dict):
    __slots__ = ()


class Name(str):
    pass


class Pair(collections.namedtuple("Pair", "left right")):
    __slots__ = ()


@dataclasses.dataclass
class Record:
    number: int
    name: str


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


def counter(start):
    def count():
        nonlocal start
        start += 1
        return start
    return count


def numbers(n):
    for i in range(n):
        yield i


async def answer(n):
    return n


def failing(n):
    try:
        raise ValueError(n)
    except ValueError as error:
        return error.with_traceback(None)


def build(n):
    kept = []
    kept.append([Plain(i) for i in range(n)])
    kept.append([Slotted(i) for i in range(n)])
    kept.append([Meta("Made%d" % i, (), {}) for i in range(n // 20)])
    kept.append([Numbers((i, i)) for i in range(n)])
    kept.append([Table(key=i) for i in range(n)])
    kept.append([Name("name %d" % i) for i in range(n)])
    kept.append([Pair(i, kept) for i in range(n)])
    kept.append([Record(i, "x") for i in range(n)])
    kept.append([counter(i) for i in range(n)])
    kept.append([lambda: kept for i in range(n)])
    kept.append([numbers(i) for i in range(n)])
    coroutines = [answer(i) for i in range(n)]
    kept.append(coroutines)
    kept.append([failing(i) for i in range(n)])
    kept.append([functools.partial(failing, i) for i in range(n)])
    kept.append([collections.deque([i]) for i in range(n)])
    kept.append([collections.OrderedDict(a=i) for i in range(n)])
    kept.append([collections.defaultdict(list, a=kept) for i in range(n)])
    kept.append([collections.Counter("abc") for i in range(n)])
    kept.append([weakref.ref(each) for each in kept[1]])
    kept.append([{i, i + 1} for i in range(n)])
    kept.append([frozenset((i, i + 1)) for i in range(n)])
    kept.append([(i, kept) for i in range(n)])
    kept.append([(i, i + 1) for i in range(n)])
    kept.append([{"a": kept} for i in range(n)])
    kept.append([[i] for i in range(n)])
    kept.append([decimal.Decimal(i) / 7 for i in range(n)])
    kept.append([i / 7 for i in range(n)])
    kept.append([pathlib.PurePosixPath("/a/b%d" % i) for i in range(n)])
    kept.append([re.compile("a{%d}b" % i) for i in range(n // 20)])
    kept.append([iter([i]) for i in range(n)])
    kept.append([memoryview(b"abc") for i in range(n)])
    kept.append([bytearray(i % 50) for i in range(n)])
    kept.append([each.number.__add__ for each in kept[0]])
    kept.append([property(failing) for i in range(n)])
    kept.append([json.loads('{"a": [1.5, {"b": [null, "text"]}]}') for i in range(n // 10)])
    kept.append([ast.parse("x = a + b * %d" % i) for i in range(n // 10)])
    return kept
