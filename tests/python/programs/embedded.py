"""What an embedded interpreter runs, in a program that has native work of its own besides. See embed.c."""
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from oracle import here  # noqa: E402


class Embedded:
    def method(self):
        return [here() for _ in range(2)]

    def generator(self):
        yield self.method()
        yield from (here() for _ in range(2))


def work():
    list(Embedded().generator())
    sorted(range(2), key=lambda _: here())


work()
thread = threading.Thread(target=work)
thread.start()
thread.join()
here()
