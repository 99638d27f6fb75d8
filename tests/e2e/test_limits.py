"""Resource limits that a program runs under or sets itself. It does the same as without us; if a limit is too tight for us, it
runs untraced and one line says so."""

import os
import pathlib
import resource as r
import tempfile

import pytest

from conftest import wait_for_run

MIB = 1 << 20


def under(limits):
    """For preexec_fn: sets these limits, soft and hard."""

    def apply():
        for which, value in limits:
            r.setrlimit(which, (value, value))

    return apply


def says_what_it_lacks(run):
    """The run was recorded to its end, and is called complete only if there was room for all of it."""
    return run["state"] == ("incomplete" if run["events_lost"] or run["stacks_lost"] or run["untraced"] else "complete")


def same(build, plain, preload, tmp_path, limits, blocks=20000, threads=2, own=(), env=None, **options):
    """Runs `limited` without and with us, and compares; returns the line that was printed, if any."""
    command = [build.target("limited"), blocks, threads, *own]
    expected = plain(command, env=env, preexec_fn=under(limits), **options)
    traced = plain(command, env=preload(env, tmp_path / "trace.db"), preexec_fn=under(limits), **options)
    assert (traced.returncode, traced.stdout) == (expected.returncode, expected.stdout), (expected, traced)
    said = traced.stderr.replace(expected.stderr, b"")
    # If ld.so cannot even open the library, it prints an error and continues.
    assert said.count(b"\n") <= 1 and (not said or said.startswith((b"libtrace: ", b"ERROR: ld.so: "))), traced.stderr
    return said


@pytest.mark.parametrize("mib", [8, 16, 32, 48, 64, 96, 128, 256, 1024, 8192])
@pytest.mark.parametrize("which", ["RLIMIT_AS", "RLIMIT_DATA"])
def test_memory(which, mib, build, plain, preload, tmp_path):
    said = same(build, plain, preload, tmp_path, [(getattr(r, which), mib * MIB)], threads=0)
    if mib >= 64:
        assert said == b""
    if mib >= 256: # below, the collector may lack the memory for the names
        assert says_what_it_lacks(wait_for_run(tmp_path / "trace.db"))


@pytest.mark.parametrize("mib", [160, 256])
def test_memory_of_threads(mib, build, plain, preload, tmp_path):
    """Threads for which there is no room are not recorded, and not slowed down."""
    one_heap = {"MALLOC_ARENA_MAX": "1"}  # otherwise glibc's arenas take the remaining room, at random
    same(build, plain, preload, tmp_path, [(r.RLIMIT_AS, mib * MIB)], blocks=100000, threads=16, env=one_heap)
    assert says_what_it_lacks(wait_for_run(tmp_path / "trace.db"))


@pytest.mark.parametrize("mib", [32, 64, 128])
def test_memory_limited_later(mib, build, plain, preload, tmp_path):
    """The program limits its memory itself when it is already traced."""
    assert same(build, plain, preload, tmp_path, [], threads=0, own=[int(r.RLIMIT_AS), mib * MIB]) == b""
    assert says_what_it_lacks(wait_for_run(tmp_path / "trace.db"))


@pytest.mark.parametrize("size", [0, 4096, MIB, 4 * MIB, 16 * MIB, 2 << 30, 4 << 30])
def test_file_size(size, build, plain, preload, tmp_path):
    said = same(build, plain, preload, tmp_path, [(r.RLIMIT_FSIZE, size)])
    assert bool(said) == (size < 16 * MIB)
    if not said:
        assert says_what_it_lacks(wait_for_run(tmp_path / "trace.db"))


@pytest.mark.parametrize("which, values", [
    ("RLIMIT_STACK", [64 << 10, MIB, 64 * MIB]),
    ("RLIMIT_MEMLOCK", [0, 64 << 10]),
    ("RLIMIT_CPU", [1, 10]),
    ("RLIMIT_CORE", [0, MIB]),
    ("RLIMIT_RTTIME", [1000]),
    ("RLIMIT_SIGPENDING", [0, 1]),
    ("RLIMIT_MSGQUEUE", [0]),
    ("RLIMIT_NICE", [0]),
    ("RLIMIT_RTPRIO", [0]),
])
def test_others(which, values, build, plain, preload, tmp_path):
    number = getattr(r, which, None)
    number = {"RLIMIT_RTTIME": 15}[which] if number is None else number
    for value in values:
        assert same(build, plain, preload, tmp_path, [(number, value)]) == b""
        assert says_what_it_lacks(wait_for_run(tmp_path / "trace.db"))


@pytest.mark.parametrize("files", [3, 4, 5, 6, 8, 12, 16, 24, 64])
def test_open_files(files, build, plain, preload, tmp_path):
    said = same(build, plain, preload, tmp_path, [(r.RLIMIT_NOFILE, files)])
    if files >= 64:
        assert said == b""
        assert says_what_it_lacks(wait_for_run(tmp_path / "trace.db"))


@pytest.fixture
def open_folder():
    """A folder that every user can write to."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        yield pathlib.Path(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
@pytest.mark.parametrize("processes", [1, 2, 3, 4, 8, 64, 1000])
def test_processes(processes, build, plain, preload, open_folder):
    """As a user without other processes (nor those of another suite on this machine), because the limit does not bind root. The
    program's own child and threads take precedence."""
    user = 52000 + os.getpid() % 8000
    other = {"user": user, "group": user, "extra_groups": [], "cwd": "/"}
    if plain([build.target("hello")], **other).returncode != 0:
        pytest.skip("another user cannot run what was built here")
    said = same(build, plain, preload, open_folder, [(r.RLIMIT_NPROC, processes)], threads=1, **other)
    assert bool(said) == (processes < 64)
    if not said:
        assert says_what_it_lacks(wait_for_run(open_folder / "trace.db"))
