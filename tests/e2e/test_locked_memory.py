"""mlockall() under a limit to locked memory gives the same result as without us, and later on not less can be locked."""

import os
import pathlib
import resource
import subprocess
import tempfile

import pytest

from conftest import clean_environment, rows, wait_for_run

KIB = 1 << 10
CURRENT, FUTURE, ONFAULT = 1, 2, 4


@pytest.fixture
def other(build, plain):
    """Options for subprocess: a user to whom the limit applies, as it does not apply to root."""
    who = {"user": 61234, "group": 61234, "extra_groups": [], "cwd": "/"} if os.geteuid() == 0 else {}
    if plain([build.target("hello")], **who).returncode != 0:
        pytest.skip("another user cannot run what was built here")
    return who


@pytest.fixture
def folder():
    """A folder that every user can write to."""
    with tempfile.TemporaryDirectory() as path:
        os.chmod(path, 0o777)
        yield pathlib.Path(path)


def may_lock(size):
    """For preexec_fn."""
    return lambda: resource.setrlimit(resource.RLIMIT_MEMLOCK, (size, size))


@pytest.mark.may_fail_counting("the counters are locked memory, too")
@pytest.mark.parametrize("flags", [CURRENT, FUTURE, CURRENT | FUTURE, CURRENT | FUTURE | ONFAULT])
@pytest.mark.parametrize("kib", [0, 64, 2048, 3072, 4096, 7168])
def test_same(kib, flags, build, plain, preload, other, folder):
    """By default nobody may lock more than 8 MiB, so programs that lock memory have to get by with that."""
    command = [build.target("locked"), flags]
    expected = plain(command, preexec_fn=may_lock(kib * KIB), **other)
    traced = plain(command, env=preload(None, folder / "trace.db"), preexec_fn=may_lock(kib * KIB), **other)
    assert (traced.returncode, traced.stdout, traced.stderr) == (0, expected.stdout, b"")
    run = wait_for_run(folder / "trace.db")
    assert run["state"] == "complete" and run["events_lost"] == 0
    found = rows(folder / "trace.db", "SELECT sum(allocations) AS n FROM functions WHERE function = 'small_blocks'")
    assert found[0]["n"] == 2000 + 10 * int(expected.stdout.split()[-2])


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to attach to another user's program")
@pytest.mark.parametrize("kib, word", [(7168, "ulimit -l"), (131072, None)])
def test_attached(kib, word, build, other, folder):
    """What trace-attach loads into such a program is locked as well: it is refused if that exceeds the limit."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
    size = kib * KIB
    if hard != resource.RLIM_INFINITY and hard < size:
        pytest.skip("so much may not be locked here")
    process = subprocess.Popen([build.target("locked"), str(CURRENT | FUTURE), "stay"], env=clean_environment(), stdin=reader,
                               stdout=subprocess.PIPE, preexec_fn=may_lock(size), **other)
    try:
        while process.stdout.readline() != b"ready\n":
            assert process.poll() is None
        done = subprocess.run([build.command("trace-attach"), "--duration", "0.2", "-o", folder / "trace.db", str(process.pid)],
                              env=clean_environment(), capture_output=True, text=True, timeout=60, check=False)
        assert process.poll() is None
        assert done.returncode == (1 if word else 0) and (not word or word in done.stderr), done.stderr
        os.close(writer)
        assert process.wait(timeout=100) == 0
    finally:
        process.kill()
        process.communicate()
        os.close(reader)
