"""As concat_plus.py, but on a local variable, whose only reference CPython may resize in place."""
import sys


def build(n):
    text = ""
    for i in range(n):
        text += "line %d," % i  # measured: text
    return text


if __name__ == "__main__":
    print(len(build(int(sys.argv[1]) if len(sys.argv) > 1 else 20000)))
