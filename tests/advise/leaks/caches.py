"""Servers that hold some megabytes more in the end than in the beginning, and leak nothing, see server.h."""

import collections
import functools
import random

import server

numbers = random.Random(1)
known, order = {}, collections.OrderedDict()


@functools.lru_cache(maxsize=5000)
def answer(number):
    return "the answer to %d " % number * 60


def lru(tick):
    for _ in range(40):
        answer(numbers.randrange(20000))


def memo(tick):
    """All there is to know is known one day."""
    for _ in range(30):
        number = numbers.randrange(5000)
        if number not in known:
            known[number] = "what is known of %d " % number * 60


def ttl(tick):
    """Forgotten after a minute."""
    for i in range(30):
        order[tick, i] = "seen at %d " % tick * 80
    while next(iter(order))[0] <= tick - 100:
        order.popitem(last=False)


server.run({"lru": lru, "memo": memo, "ttl": ttl})
