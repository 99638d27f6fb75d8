"""Answers that are remembered for good, or the last thousand of them; the requests come ever more slowly."""
import ctypes
import time

mark = getattr(ctypes.CDLL(None), "libtrace_mark", len)
answers = {}


def answer(number):
    answers[number] = "answer %d " % number * 20  # HERE
    answers.pop(number - 1000, None)  # mended
    return len(answers[number])


def main():
    total = 0
    for batch in range(20):
        for i in range(1000):
            total += answer(batch * 1000 + i)
        mark(b"batch")
        time.sleep(batch * batch * 0.0002)
    print(total)


main()
