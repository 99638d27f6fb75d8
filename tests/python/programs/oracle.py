"""What the interpreter itself sees of a stack, each time that a block of a size that occurs once is made.

here() makes one. tell() writes {size: [[file, line, function], ...]}, innermost frame first, as a line of JSON; it is
called when the program ends, or by a child process that ends otherwise. ORACLE_OUT: the file that it goes to.
"""
import atexit
import itertools
import json
import os
import sys

BASE = int(os.environ.get("ORACLE_BASE", 700001))  # see test_programs.py
HEAD = sys.getsizeof(b"")  # of a bytes object, its final NUL included
QUALIFIED = sys.version_info >= (3, 11)
sizes = itertools.count(BASE, 2)
seen = {}


def chain(frame):
    """From this frame outwards."""
    stack = []
    while frame is not None:
        code = frame.f_code
        stack.append([code.co_filename, frame.f_lineno, code.co_qualname if QUALIFIED else code.co_name])
        frame = frame.f_back
    return stack


def expect(stack):
    """The size of a block that is about to be made with this stack."""
    size = next(sizes)
    seen[size] = stack
    return size


def here():
    return len(bytes(expect(chain(sys._getframe())) - HEAD))


def tell():
    line = (json.dumps(seen) + "\n").encode()
    out = os.open(os.environ["ORACLE_OUT"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)  # in one piece
    assert os.write(out, line) == len(line)
    os.close(out)


if __name__ != "__main__":
    atexit.register(tell)
