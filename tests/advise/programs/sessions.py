"""Sessions that are remembered for good, or the last thousand of them."""
import ctypes

mark = getattr(ctypes.CDLL(None), "libtrace_mark", len)
sessions = {}


def serve(number):
    sessions[number] = "session %d " % number * 20  # HERE
    sessions.pop(number - 1000, None)  # mended
    return len(sessions[number])


def main():
    total = 0
    for batch in range(20):
        for i in range(1000):
            total += serve(batch * 1000 + i)
        mark(b"batch")
    print(total)


main()
