"""str.join() of a generator: the pieces are all there before they are joined."""
import sys


def build(n):
    text = ",".join("line %d" % i for i in range(n))  # measured: text
    return text


if __name__ == "__main__":
    print(len(build(int(sys.argv[1]) if len(sys.argv) > 1 else 100000)))
