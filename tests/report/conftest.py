"""Reports on databases that make_db writes: no traced program is needed."""

import json
import os
import pathlib
import pty
import select
import struct
import subprocess
import fcntl
import termios

import pytest

BUILD = pathlib.Path(os.environ.get("LIBTRACE_BUILD", "build/release")).resolve()


def environment(**extra):
    env = {k: v for k, v in os.environ.items() if not k.startswith("LIBTRACE_") and k not in ("COLUMNS", "NO_COLOR")}
    env.update({"LC_ALL": "C.UTF-8", "TERM": "xterm"} | {k: str(v) for k, v in extra.items()})
    return env


@pytest.fixture
def make_db(tmp_path):
    """make_db(kind, ...): adds a run to trace.db (or db=...) and returns its path."""

    def make(kind, *arguments, db="trace.db", env=None):
        path = tmp_path / db
        subprocess.run([BUILD / "tests/make_db", path, kind, *map(str, arguments)], check=True, timeout=60,
                       env=environment(**(env or {})))
        return path

    return make


@pytest.fixture
def run(tmp_path):
    """run(arguments...): trace-report in the test's directory, not on a terminal."""

    def call(*arguments, sanitized=False, status=None, env=None, **options):
        program = BUILD / ("tests/trace-report-sanitized" if sanitized else "bin/trace-report")
        done = subprocess.run([program, *map(str, arguments)], cwd=tmp_path, capture_output=True, text=True, timeout=60,
                              env=environment(**(env or {})), stdin=options.pop("stdin", subprocess.DEVNULL), **options)
        if status is not None:
            assert done.returncode == status, done.stderr
        return done

    return call


@pytest.fixture
def as_json(run):
    def call(*arguments):
        return json.loads(run(*arguments, "--json", status=0).stdout)

    return call


@pytest.fixture
def terminal(tmp_path):
    """terminal(width, arguments...): what trace-report shows on a terminal of so many columns."""

    def call(width, *arguments, env=None):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
        process = subprocess.Popen([BUILD / "bin/trace-report", *map(str, arguments)], cwd=tmp_path, stdin=slave,
                                   stdout=slave, stderr=slave, env=environment(**(env or {})))
        os.close(slave)
        out = b""
        while True:
            ready, _, _ = select.select([master], [], [], 30)
            assert ready, "nothing more came"
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            out += piece
        os.close(master)
        process.wait()
        return out.decode().replace("\r\n", "\n")

    return call
