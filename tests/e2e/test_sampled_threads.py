"""Threads of sampled runs: one that no sample is taken of claims nothing, and counts all the same."""

import os
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from conftest import clean_environment, rows, wait_for_run
from sampled_runs import exact_totals

NEVER = {"LIBTRACE_SAMPLE": "1GiB"}  # so rare that no block is hit


def compared(trace, tmp_path, argv):
    """A run in which every block is recorded, and a sampled one."""
    exact = trace(argv, db=tmp_path / "exact.db")
    sampled = trace(argv, env=NEVER)
    assert (exact.stdout, exact.stderr, exact.returncode) == (sampled.stdout, sampled.stderr, sampled.returncode)
    assert sampled.stderr == b"" and tuple(sampled.one("SELECT state, events_lost FROM run")) == ("complete", 0)
    assert exact_totals(sampled.database) == tuple(exact.one("SELECT sum(allocations), sum(bytes) FROM run"))
    return sampled


@pytest.mark.parametrize("mode", ["short", "many", "destructor"])
def test_totals_and_rings(mode, build, trace, tmp_path):
    sampled = compared(trace, tmp_path, [build.target("threads"), mode])
    assert sampled.stdout == b"done\n"
    assert sampled.one("SELECT count(*) FROM thread")[0] <= 3  # a block of all threads is hit in one of ten runs


def test_destructors_take_part_in_the_sample(build, trace, tmp_path):
    """They run when the thread has given back what it had."""
    exact = trace([build.target("threads"), "destructor"], db=tmp_path / "exact.db")
    sampled = trace([build.target("threads"), "destructor"], env={"LIBTRACE_SAMPLE": "1"})
    query = "SELECT allocations, bytes, live_bytes FROM functions WHERE function = 'blocks'"
    assert tuple(sampled.one(query)) == tuple(exact.one(query)) and sampled.one(query)["allocations"] >= 4000


ONE_BY_ONE = r"""
#include <pthread.h>
#include <stdlib.h>
static void *work(void *unused)
{
    void *volatile block;
    for (int i = 0; i < 3; i++) { block = malloc(100); free(block); }
    return unused;
}
int main(void)
{
    for (int i = 0; i < 10000; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, NULL) || pthread_join(thread, NULL)) return 2;
    }
    return 0;
}
"""

FORKS = r"""
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static void blocks(int count) { void *volatile block; for (int i = 0; i < count; i++) { block = malloc(50); free(block); } }
static void *more(void *unused) { blocks(7); return unused; }
static void *forks(void *first)
{
    pthread_t thread;
    if (first) blocks(5); /* else the child's first block is the thread's */
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        if (child == 0) {
            if (i % 2) blocks(11);
            for (int k = 0; k < 3; k++)
                if (pthread_create(&thread, NULL, more, NULL) || pthread_join(thread, NULL)) _exit(3);
            blocks(i);
            if (i % 3) pthread_exit(NULL); /* the process ends with its last thread */
            exit(0);
        }
        int status;
        if (child < 0 || waitpid(child, &status, 0) != child || status) exit(4);
        blocks(i % 4);
    }
    return NULL;
}
int main(void)
{
    for (size_t first = 0; first < 2; first++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, forks, (void *)first) || pthread_join(thread, NULL)) return 2;
    }
    return 0;
}
"""


@pytest.fixture
def compiled(tmp_path):
    def run(name, source):
        (tmp_path / f"{name}.c").write_text(source)
        subprocess.run(["gcc", "-g", "-O1", "-pthread", "-o", tmp_path / name, tmp_path / f"{name}.c"], check=True)
        return tmp_path / name

    return run


def test_ten_thousand_one_after_another(compiled, trace, tmp_path):
    sampled = compared(trace, tmp_path, [compiled("one", ONE_BY_ONE)])
    assert exact_totals(sampled.database)[0] >= 30000
    assert sampled.one("SELECT count(*) FROM thread")[0] <= 1


NEW = r"""
#include <pthread.h>
static void *work(void *unused) { delete new long[3]; delete new long[5]; return unused; }
int main()
{
    for (int i = 0; i < 100; i++) {
        pthread_t thread;
        if (pthread_create(&thread, nullptr, work, nullptr) || pthread_join(thread, nullptr)) return 2;
    }
}
"""


def test_first_blocks_by_operators_count_once(trace, tmp_path):
    """They begin without a line, and end with one."""
    (tmp_path / "new.cpp").write_text(NEW)
    subprocess.run(["g++", "-O0", "-pthread", "-o", tmp_path / "new", tmp_path / "new.cpp"], check=True)
    assert exact_totals(compared(trace, tmp_path, [tmp_path / "new"]).database)[0] >= 200


def test_forks_of_a_thread_without_a_ring(compiled, trace, tmp_path):
    sampled = compared(trace, tmp_path, [compiled("forks", FORKS)])
    assert sampled.returncode == 0 and sampled.one("SELECT count(*) FROM process")[0] == 41


def test_more_than_there_are_lines_for(build, trace):
    threads, each = 8400, 100
    sampled = trace([build.target("crowd"), str(threads), str(each)], env=NEVER)
    if sampled.returncode == 3:
        pytest.skip(f"no {threads} threads here")
    assert (sampled.returncode, sampled.run["state"]) == (0, "complete"), sampled.stderr
    assert threads * each <= exact_totals(sampled.database)[0] <= threads * (each + 1) + 20
    assert sampled.one("SELECT count(*) FROM thread")[0] <= 1


def test_attached_again(build, tmp_path):
    """Threads that live on from one trace to the next count in each what they do in it."""
    threads, each = 40, 250
    crowd = subprocess.Popen([build.target("crowd"), str(threads), str(each)], env=clean_environment(), stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
    try:
        assert crowd.stdout.readline() == b"waiting\n"
        for run in range(1, 4):
            database = tmp_path / f"{run}.db"
            command = subprocess.Popen([build.command("trace-attach"), "--verbose", "--sample=1GiB", "-o", database, str(crowd.pid)],
                                       env=clean_environment(), stderr=subprocess.PIPE)
            said = command.stderr.readline()
            while said and b"stopped for" not in said:
                said = command.stderr.readline()
            assert said, "not attached"
            for _ in range(run):
                crowd.stdin.write(b"\n")
                crowd.stdin.flush()
                assert crowd.stdout.readline() == b"waiting\n"
            detached = subprocess.run([build.command("trace-attach"), "--detach", str(crowd.pid)], env=clean_environment(),
                                      capture_output=True, timeout=100, check=False)
            assert detached.returncode == 0, detached.stderr
            command.communicate(timeout=100)
            assert wait_for_run(database)["state"] == "complete"
            assert threads * each * run <= exact_totals(database)[0] <= threads * each * run + 10
            assert rows(database, "SELECT 1 FROM thread") == []
        assert crowd.communicate(timeout=100)[0] == b"done\n"
    finally:
        crowd.kill()
        crowd.wait()
