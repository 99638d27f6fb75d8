"""As server.h: TICKS are ten minutes, 600 MB are allocated and freed in each; ends when it is stopped."""

import ctypes
import os
import sys
import time

TICKS, REQUESTS, LEAKED = 1000, 600, 10000
mark = getattr(ctypes.CDLL(None), "libtrace_mark", len)


def run(kinds):
    tick, seconds, began = kinds[sys.argv[1]], float(sys.argv[2]), time.monotonic()
    loaded = [bytes(10000) for _ in range(2000)]  # what the server needs for good
    nothing = os.open("/dev/null", os.O_RDONLY)
    for i in range(TICKS):
        for _ in range(REQUESTS):
            os.read(nothing, 1000000)  # makes bytes for so many, and shrinks them to none
        tick(i)
        time.sleep(max(0, began + seconds * (i + 1) / TICKS - time.monotonic()))
        if i % 10 == 9:
            mark(b"tenth tick")
    print("done", flush=len(loaded) > 0)
    while True:
        time.sleep(1000)
