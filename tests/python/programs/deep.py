"""Recurses as deep as it is told to, and makes blocks there: of size BASE + depth."""
import sys
import threading

BASE = 900000
sys.setrecursionlimit(100000)
threading.stack_size(256 << 20)


def even(n, depths, keep):
    if n in depths:
        keep.append(bytes(BASE + n - 33))  # 33: what a bytes object takes beside its contents
    if depths[-1] > n:
        odd(n + 1, depths, keep)


def odd(n, depths, keep):
    if n in depths:
        keep.append(bytes(BASE + n - 33))
    if depths[-1] > n:
        even(n + 1, depths, keep)


keep = []
thread = threading.Thread(target=even, args=(1, list(map(int, sys.argv[1:])), keep))
thread.start()
thread.join()
print(len(keep))
