"""The string of concat_plus.py, joined once."""
import sys


def build(n):
    pieces = []
    for i in range(n):
        pieces.append("line %d," % i)  # measured: text
    return "".join(pieces)  # measured: text


if __name__ == "__main__":
    print(len(build(int(sys.argv[1]) if len(sys.argv) > 1 else 20000)))
