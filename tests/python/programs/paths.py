"""paths.py DEPTH ROUNDS: recurses, one way or another at each level, and makes a block there, down and up again.

A block's size says where it was made: BASE and the last twelve choices in binary, the innermost as the lowest bit, 1 =
right. In the end it says how many blocks there were.
"""
import sys
import threading

BASE = 900000
sys.setrecursionlimit(100000)
threading.stack_size(256 << 20)
state, blocks = 1, 0


def make(path):
    global blocks
    blocks += 1
    size = BASE - 33 + path  # 33: what a bytes object takes beside its contents
    b"." * size


def choose():
    global state
    state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
    return state >> 63


def left(levels, path):
    make(path)
    if levels > 1:
        if choose():
            right(levels - 1, (path << 1 | 1) % 4096)
        else:
            left(levels - 1, (path << 1) % 4096)
        make(path)


def right(levels, path):
    make(path)
    if levels > 1:
        if choose():
            right(levels - 1, (path << 1 | 1) % 4096)
        else:
            left(levels - 1, (path << 1) % 4096)
        make(path)


def rounds():
    for _ in range(int(sys.argv[2])):
        left(int(sys.argv[1]), 0)


thread = threading.Thread(target=rounds)
thread.start()
thread.join()
print(blocks)
