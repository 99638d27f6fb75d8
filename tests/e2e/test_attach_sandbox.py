"""trace-attach refuses processes in a sandbox, such as those in which browsers show pages, before it touches them, and says why
nothing can be loaded there."""

import os
import subprocess

import pytest

from conftest import clean_environment

SANDBOX = "shut up in a sandbox and sees no files"
WHATS = {
    "namespace files filter": SANDBOX,  # a renderer of Chromium
    "files filter": SANDBOX,  # a child of sshd before the login
    "files": SANDBOX,
    "namespace filter": "confined by a seccomp filter",
    "filter": "confined by a seccomp filter",
}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to make a sandbox")
@pytest.mark.parametrize("what", WHATS)
def test_refused(what, build, program, tmp_path):
    process = subprocess.Popen([build.target("sandbox"), tmp_path, *what.split()], env=clean_environment(), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    try:
        pid = process.stdout.readline().strip().decode()
        if not pid and process.wait(timeout=60) == 77:
            pytest.skip("no such sandbox can be made here")
        log = tmp_path / "ptrace.log"
        done = subprocess.run([program("strace"), "-o", log, "-e", "trace=ptrace", build.command("trace-attach"), "-o",
                               tmp_path / "trace.db", pid], env=clean_environment(), capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and WHATS[what] in done.stderr and done.stderr.count("\n") == 1, done.stderr
        assert "ptrace(" not in log.read_text() and not (tmp_path / "trace.db").exists()
        process.stdin.close()
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()
