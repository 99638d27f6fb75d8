"""Code objects that come and go while very many live: more than anybody remembers by their addresses.

Code object number K says that it is of file "code-K" and makes blocks of BASE + 2 * K bytes. codes.py LIVING STEPS
"""
import collections
import sys

BASE = 700001


def template(size):
    return len(bytes(size))


def make(k):
    code = template.__code__.replace(co_filename="code-%d" % k, co_firstlineno=k + 1)
    return type(template)(code, {"bytes": bytes, "len": len})


def main():
    living, steps = int(sys.argv[1]), int(sys.argv[2])
    kept = collections.deque(make(1000000 + k) for k in range(living))
    for k in range(steps):
        function = make(k)
        function(BASE + 2 * k - 33)
        for _ in range(300):
            kept[0](10)
            kept.rotate()
        del function  # the next one gets its memory
    print(len(kept), "code objects live, %d came and went" % steps)


main()
