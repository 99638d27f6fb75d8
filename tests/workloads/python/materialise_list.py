"""list() of a generator: everything is there at once."""
import sys


def build(n):
    values = list(i * 1000.5 for i in range(n))  # measured: values
    return values, sum(values)


if __name__ == "__main__":
    print(build(int(sys.argv[1]) if len(sys.argv) > 1 else 100000)[-1])
