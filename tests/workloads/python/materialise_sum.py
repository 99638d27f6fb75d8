"""The generator of materialise_list.py, consumed as it comes."""
import sys


def build(n):
    return sum(i * 1000.5 for i in range(n))  # measured: values


if __name__ == "__main__":
    print(build(int(sys.argv[1]) if len(sys.argv) > 1 else 100000))
