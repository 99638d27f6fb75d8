"""All kinds of Python code, each making a block by oracle.here(). kinds.py [EXTENSION]: extension.c, built"""
import asyncio
import atexit
import functools
import gc
import os
import signal
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from oracle import chain, expect, here  # noqa: E402


def nested(depth):
    def inner():
        here()
        return depth

    return inner() if depth < 2 else nested(
        depth - 1)


def comprehensions():
    [here() for _ in range(2)]
    {here() for _ in range(1)}
    {here(): here()
     for _ in range(1)}
    sum(here() for _ in range(2))
    (lambda: here())()
    (lambda: [(lambda: here())() for _ in range(1)])()
    return [[here()
             for _ in range(1)]
            for _ in range(1)]


def walk(n):
    for _ in range(n):
        here()
        yield here()
    try:
        yield
    except KeyError:
        here()
        yield
    finally:
        here()


def walk_from(n):
    yield from walk(n)
    yield from (here() for _ in range(n))


def resume(generator):
    return next(generator)


def generators():
    list(walk_from(2))
    thrown = walk(1)
    next(thrown)
    resume(thrown)
    thrown.throw(KeyError())
    thrown.close()
    waiting = walk_from(3)
    next(waiting)
    resume(waiting)
    (lambda: resume(waiting))()
    del waiting


class Waiter:
    def __await__(self):
        here()
        yield
        here()


class Manager:
    async def __aenter__(self):
        here()
        await asyncio.sleep(0)
        here()

    async def __aexit__(self, *_):
        await asyncio.sleep(0)
        here()


async def ticks(n):
    for i in range(n):
        here()
        yield i
        await asyncio.sleep(0)
        here()


async def leaf():
    await Waiter()
    here()
    await asyncio.sleep(0)
    return here()


async def branch():
    async with Manager():
        await leaf()
        async for _ in ticks(2):
            here()
        [here() async for _ in ticks(1)]
    return await asyncio.gather(leaf(), asyncio.ensure_future(leaf()))


def coroutines():
    asyncio.run(branch())
    by_hand = leaf()
    by_hand.send(None)
    by_hand.close()
    loop = asyncio.new_event_loop()
    loop.call_soon(lambda: here())
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()


def decorated(function):
    here()

    @functools.wraps(function)
    def wrapper(*arguments):
        here()
        return function(*arguments)
    return wrapper


class Meta(type):
    def __new__(mcs, name, bases, names):
        here()
        return super().__new__(mcs, name, bases, names)

    def __call__(cls, *arguments):
        here()
        return super().__call__(*arguments)


class Named:
    def __set_name__(self, owner, name):
        here()

    def __get__(self, instance, owner):
        return here()


class Things(metaclass=Meta):
    made = here()
    named = Named()

    def __init__(self):
        here()

    def __del__(self):
        here()

    def __lt__(self, other):
        return here() < 0

    @property
    def value(self):
        return here()

    @classmethod
    def of_class(cls):
        return here()

    @staticmethod
    @decorated
    def of_nobody():
        return here()

    class Within:
        def method(self):
            return here()


def classes():
    thing, other = Things(), Things()
    thing.value, thing.named, Things.of_class(), Things.of_nobody(), Things.Within().method()
    sorted([thing, other])
    gone = weakref.ref(thing, lambda _: here())
    del thing, other
    return gone


def calls_from_c():
    sorted(range(3), key=lambda value: here())
    list(map(lambda value: here(), range(2)))
    functools.reduce(lambda a, b: here(), range(3))
    functools.partial(here)()
    max([1, 2], key=lambda value: here())

    @functools.lru_cache()
    def cached(n):
        return here() + n
    cached(1), cached(1), cached(2)
    gc.callbacks.append(collected)
    gc.collect()
    gc.callbacks.remove(collected)


def collected(phase, info):
    here()


def made_code():
    exec("def made():\n    return here()\nmade()\nhere()", {"here": here})
    eval("[here(),\n here()]", {"here": here})
    for name in "made-once", "made-twice":
        names = {"here": here}
        exec(compile("\n" * 7 + "class Made:\n    def method(self):\n        here()\nMade().method()", name, "exec"), names)
        names["Made"]().method()


def exceptions():
    try:
        try:
            here()
            raise ValueError("x" * 20)
        except ValueError:
            here()
            raise KeyError
        finally:
            here()
    except KeyError:
        here()
    with open(os.devnull) as file, memoryview(b"x"):
        here()
        file.read()


def deep(n):
    return here() if n == 0 else deep(n - 1)


def traced():
    """With a trace function, older versions keep the line elsewhere."""
    def tracer(frame, event, argument):
        here()
        return tracer if frame.f_code.co_name == "watched" else None

    def watched():
        a = [1]
        here()
        return a

    sys.settrace(tracer)
    watched()
    sys.settrace(None)
    sys.setprofile(lambda frame, event, argument: here())
    watched()
    sys.setprofile(None)


def threads():
    def work(n):
        for _ in range(n):
            here()

    for _ in range(3):
        thread = threading.Thread(target=work, args=(2,))
        thread.start()
        thread.join()
    with ThreadPoolExecutor(1) as pool:
        list(pool.map(work, [1, 2]))


def signals():
    before = signal.signal(signal.SIGUSR1, lambda number, frame: here())
    os.kill(os.getpid(), signal.SIGUSR1)
    for _ in range(1000):
        pass
    signal.signal(signal.SIGUSR1, before)


def extension(path):
    """Code of others: callbacks, blocks made without the GIL, a thread that Python did not start."""
    try:
        import ctypes
    except ImportError:
        return
    library = ctypes.PyDLL(path)
    callback = ctypes.CFUNCTYPE(None)(lambda: here() and None)
    library.call(callback)
    library.call_from_thread(callback)
    assert library.watch_objects(callback) > 0 or sys.version_info < (3, 13)
    assert [[i, float(i)] for i in range(1000)] and library.watched_late() == 0
    library.allocate_released(ctypes.c_size_t(expect(chain(sys._getframe()))))
    if "debug" not in os.environ.get("PYTHONMALLOC", "") and not sys.flags.dev_mode:  # these make raw blocks larger
        library.allocate_raw(ctypes.c_size_t(expect(chain(sys._getframe()))))
    stop = threading.Event()
    # It keeps nothing: on a busy machine a list of all would become as large as the blocks that are looked for.
    busy = threading.Thread(target=lambda: sum(len([i]) for i in iter(stop.is_set, True)))
    busy.start()
    for _ in range(50):
        library.allocate_released(ctypes.c_size_t(expect(chain(sys._getframe()))))
    stop.set()
    busy.join()


def main():
    here()
    nested(3)
    comprehensions()
    generators()
    coroutines()
    classes()
    calls_from_c()
    made_code()
    exceptions()
    deep(150)
    traced()
    threads()
    signals()
    import größe_измерение
    größe_измерение.Größe().измерить(here)
    if len(sys.argv) > 1:
        extension(sys.argv[1])
    atexit.register(lambda: here())


main()
here()
