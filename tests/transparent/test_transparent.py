"""scripts/test-transparent: a few of its tasks, one server, and what it calls a difference."""

import subprocess

import pytest

import programs
from conftest import ROOT, clean_environment
from programs import Outcome


def transparent(build, *arguments):
    return subprocess.run([ROOT / "scripts" / "test-transparent", "--build", build.root, *arguments], env=clean_environment(),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=500)


def test_programs_that_are_the_same(build, say):
    done = transparent(build, "tasks", "--only", "gzip", "--only", "mawk", "--only", "fish")
    say(done.stdout)
    assert done.returncode == 0 and " 0 different" in done.stdout, done.stdout + done.stderr


def test_a_server_under_load(build, say):
    done = transparent(build, "servers", "--only", "http.server", "--seconds", "1", "--attach", "2")
    say(done.stdout)
    assert done.returncode == 0 and done.stdout.count(" fine ") == 2, done.stdout + done.stderr


PLAIN = Outcome(0, b"out 12:30\n", b"", {"f": ("0o100644", b"text")})


@pytest.mark.parametrize("traced, words", [
    (PLAIN, ""),
    (Outcome(0, b"out 12:31\n", b"", PLAIN.files), ""),
    (Outcome(1, b"out 12:30\n", b"", PLAIN.files), "exit status 0 -> 1"),
    (Outcome(0, b"our 12:30\n", b"", PLAIN.files), "stdout"),
    (Outcome(0, b"out 12:30\n", b"libtrace: a line\n", PLAIN.files), "stderr"),
    (Outcome(0, b"out 12:30\n", b"", {"f": ("0o100600", b"text")}), "f: mode"),
    (Outcome(0, b"out 12:30\n", b"", {"f": ("0o100644", b"tent")}), "f "),
    (Outcome(0, b"out 12:30\n", b"", {}), "names of files"),
    (Outcome(0, b"out 12:30\n", b"", {**PLAIN.files, "trace.db": ("0o100600", b"")}), "names of files"),
])
def test_what_is_a_difference(traced, words):
    again = Outcome(0, b"out 12:32\n", b"", PLAIN.files)
    different, not_compared = programs.compare(PLAIN, again, traced)
    assert (words in different) if words else different == ""
    assert not_compared == "numbers in stdout"
