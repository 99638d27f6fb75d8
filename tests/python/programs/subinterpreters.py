"""Sub-interpreters, one after the other and then some at a time, each with code of its own.

The lines are of files that do not exist, named for the interpreter; what they allocate is of sizes that occur once.
"""
import sys
import threading

try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

BASE = 700001
CODE = """
source = {lines!r} + "def made_{n}(n):\\n    return len(bytes(n))\\n\\n\\nmade_{n}({size} - 33)\\n"
exec(compile(source, "interpreter-{n}", "exec"))
keep = [[i, str(i), {{i: i}}] for i in range(300)]
del keep
"""


def run(n):
    interpreter = interpreters.create()
    interpreters.run_string(interpreter, CODE.format(n=n, lines="\n" * (n % 50), size=BASE + 2 * n))
    interpreters.destroy(interpreter)


def several(first, count):
    for n in range(first, first + count):
        run(n)


def main():
    rounds = int(sys.argv[1])
    several(0, rounds)
    # Interpreters at once on several threads are more than versions before 3.13 stand, traced or not.
    if sys.version_info >= (3, 13):
        threads = [threading.Thread(target=several, args=(rounds * (i + 1), rounds)) for i in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print("sub-interpreters done")


main()
