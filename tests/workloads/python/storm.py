"""Does all at once what a reader of stacks could stumble over: threads, garbage collection, generators, coroutines,
exceptions, recursion, sub-interpreters, and code objects that are made and dropped in a loop.

    storm.py SECONDS [SEED]

Code is made in files of the name made-K: K empty lines, then functions made_K_... of known lines; see check_lines.py.
"""
import asyncio
import gc
import random
import sys
import threading
import time
import weakref

MADE = """def made_{k}_leaf(n):
    return [i * n for i in
            range(n % 17 + 2)]


def made_{k}_cell(n):
    keep = []

    def inner(m):
        keep.append([m, str(m)])
        return [made_{k}_leaf(j) for j in range(m % 3)]
    inner(n)
    return {{x: inner(x) for x in
            range(3)}}


class Made_{k}:
    def __init__(self):
        self.text = "made" * {k}
        self.made = (lambda: [
            self.text])()

    def __del__(self):
        self.gone = [self.text]


def made_{k}_walk(n):
    yield [n]
    yield from (str(i) * 3 for i in range(n))
"""


def make(k):
    names = {}
    exec(compile("\n" * k + MADE.format(k=k), "made-%d" % k, "exec"), names)
    names["made_%d_cell" % k](k)
    made = names["Made_%d" % k]()
    list(names["made_%d_walk" % k](5))
    del made
    return names


def churn(rng):
    kept = []
    for _ in range(20):
        names = make(rng.randrange(400))
        if rng.random() < 0.1:
            kept.append(names)
    eval(compile("[%s]" % ",".join("[%d]" % i for i in range(rng.randrange(30))), "made-%d" % rng.randrange(400), "eval"))


class Knot:
    def __init__(self, size):
        self.me = self
        self.data = [object() for _ in range(size)]
        self.ref = weakref.ref(self, lambda r: [r])

    def __del__(self):
        self.last = [str(i) for i in range(3)]


def knots(rng):
    for _ in range(50):
        Knot(rng.randrange(20))
    if rng.random() < 0.2:
        gc.collect()


def recurse(depth):
    if depth == 0:
        raise KeyError([depth])
    try:
        return [recurse(depth - 1)]
    finally:
        [depth] * 3


def fail(rng):
    try:
        recurse(rng.randrange(1, 200))
    except KeyError as error:
        return [error.args, error.__traceback__]


def pump(n):
    received = yield [n]
    while received is not None:
        received = yield [received, str(received)]


def pumps(rng):
    running = [pump(i) for i in range(10)]
    for generator in running:
        next(generator)
    for _ in range(50):
        running[rng.randrange(len(running))].send(rng.random())
    running[0].close()


async def step(n):
    await asyncio.sleep(0)
    return [n]


async def steps(rng):
    return await asyncio.gather(*[step(i) for i in range(rng.randrange(10))])


def loops(rng):
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(steps(rng))
    finally:
        loop.close()


def builtins(rng):
    sorted(range(100), key=lambda value: [value, rng.random()][1])
    list(map(lambda value: {value: [value]}, range(30)))
    "".join(str(i) for i in range(100))
    return max((str(i) for i in range(30)), key=lambda text: [len(text)])


def short_threads(rng):
    threads = [threading.Thread(target=builtins, args=(random.Random(i),)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def own_lock(rng):
    """An interpreter with a lock of its own, from 3.13 on: earlier ones may crash if several are made at once."""
    interpreter = _interpreters.create("isolated")
    for _ in range(3):
        k = rng.randrange(400)
        code = "\n" * k + MADE.format(k=k)
        use = "made_%d_cell(7)\nmade = Made_%d()\nlist(made_%d_walk(5))\n" % (k, k, k)
        _interpreters.exec(interpreter, "exec(compile(%r, 'made-%d', 'exec'))\n%s" % (code, k, use))
    _interpreters.destroy(interpreter)


WORK = [churn, knots, fail, pumps, loops, builtins, short_threads]
if sys.version_info >= (3, 13):
    import _interpreters
    WORK.append(own_lock)


def work(number, seed, until, counts):
    rng = random.Random(seed)
    for job in WORK:  # each at least once, however little of the time this thread gets
        job(rng)
        counts[number] += 1
    while time.monotonic() < until:
        rng.choice(WORK)(rng)
        counts[number] += 1


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    if hasattr(sys, "setswitchinterval"):
        sys.setswitchinterval(0.0005)
    until = time.monotonic() + seconds
    counts = [0] * 5
    threads = [threading.Thread(target=work, args=(i, i, until, counts)) for i in range(1, 5)]
    for thread in threads:
        thread.start()
    work(0, seed, until, counts)
    for thread in threads:
        thread.join()
    print("storm done:", "all threads" if all(counts) else counts)


main()
