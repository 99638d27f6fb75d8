"""Child processes of every sort, each making blocks by oracle.here(). children.py METHOD

Each process prints its own stacks; sizes of the processes do not overlap.
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


def in_child(n):
    """In a process of multiprocessing's, which ends without exit handlers."""
    import oracle
    oracle.seen.clear()  # the parent's, after a fork
    oracle.sizes = oracle.itertools.count(oracle.BASE + 10000 * (n + 1), 2)
    work(oracle.here)
    oracle.tell()


def work(here):
    return [here() for _ in range(2)] + list(map(lambda _: here(), range(2)))


def by_multiprocessing(method):
    import multiprocessing
    context = multiprocessing.get_context(method)
    processes = [context.Process(target=in_child, args=(n,)) for n in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0


def by_pool():
    import multiprocessing
    with multiprocessing.get_context("fork").Pool(1) as pool:
        pool.map(in_child, [5])


def by_fork():
    for n in range(2):
        pid = os.fork()
        if pid == 0:
            in_child(n)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0


def by_subprocess():
    for n in range(2):
        code = "import sys; sys.path.insert(0, %r); import children; children.in_child(%d)" % (sys.path[0], n)
        subprocess.run([sys.executable, "-c", code + "; import oracle; oracle.seen.clear()"], check=True)


def main():
    import oracle
    work(oracle.here)
    method = sys.argv[1]
    if method in ("fork", "spawn", "forkserver"):
        by_multiprocessing(method)
    else:
        {"pool": by_pool, "os.fork": by_fork, "subprocess": by_subprocess}[method]()
    work(oracle.here)


if __name__ == "__main__":
    main()
