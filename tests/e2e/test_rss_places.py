"""Resident memory is explained where we have few rights: in containers, as another user, if ptrace is refused, without
/proc."""

import json
import os
import shutil
import subprocess
import time

import pytest

from conftest import wait_for_run

MIB = 1 << 20
ROOT = os.getuid() == 0
NO_RIGHTS = ["setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
USER = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc"]
# As if Yama (scope 1 to 3) or a container's filter forbade it to the program and to the collector that it starts.
REFUSED = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=ptrace,process_vm_readv,process_vm_writev", "-e",
           "inject=ptrace,process_vm_readv,process_vm_writev:error=EPERM"]
NO_PROC = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"]

PLACES = {
    "no rights": NO_RIGHTS,
    "a user": USER,
    "ptrace refused": REFUSED,
    "a user, ptrace refused": [*USER, *REFUSED],
    "unprivileged container": ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"],
    "unprivileged container of a user": [*USER, "unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"],
    "container": UNSHARE,
    "a user in a container": [*UNSHARE, *USER],
    "bubblewrap": ["bwrap", "--bind", "/", "/", "--dev", "/dev", "--unshare-all", "--proc", "/proc"],
}


def can(argv):
    """Whether programs can be started this way here."""
    return shutil.which(argv[0]) and subprocess.run([*argv, "true"], capture_output=True, check=False).returncode == 0


@pytest.fixture
def started(build, preload, everybodys):
    """Starts a program of 20 MiB in a given way, and ends it after the test."""
    everybodys.chmod(0o777)
    fragments = shutil.copy(build.target("fragments"), everybodys)
    processes = []

    def start(place):
        env = preload(db=everybodys / "trace.db")
        library = env.pop("LD_PRELOAD")
        process = subprocess.Popen([*place, "env", f"LD_PRELOAD={library}", fragments, "100000"],
                                   env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        processes.append(process)
        assert process.stdout.readline().startswith(b"ready "), process.stderr.read()
        return process
    start.database = everybodys / "trace.db"
    yield start
    for process in processes:
        process.kill()
        process.wait()


def ask(report, database, enough):
    """Waits until the report shows enough: a collector in another PID namespace cannot be asked, but looks regularly."""
    deadline = time.monotonic() + 100
    while True:
        answer = report(database, "rss", "--json")
        found = json.loads(answer.stdout) if answer.returncode == 0 else {}
        if found.get("moment") and enough(found):
            return found
        assert time.monotonic() < deadline, (found, answer.stderr)
        time.sleep(0.1)


def parts_of(found):
    return {part["part"]: part for part in found["parts"]}


def is_fragmented(found):
    """Whether the program had freed its blocks by then: before that, nearly all is live."""
    return parts_of(found).get("pinned", {"bytes": 0})["bytes"] > parts_of(found)["live"]["bytes"]


@pytest.mark.parametrize("place", PLACES)
def test_told(started, report, place):
    argv = PLACES[place]
    if not can(argv):
        pytest.skip("programs do not start so here")
    process = started(argv)
    found = ask(report, started.database, is_fragmented)
    parts = parts_of(found)
    assert found["missing"] == []
    assert sum(part["bytes"] for part in found["parts"]) == found["resident_bytes"] > 15 * MIB
    assert parts["pinned"]["lines"][0]["function"] == "keep"
    assert parts.get("other", {"bytes": 0})["bytes"] <= 0.02 * found["resident_bytes"]
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, b"", b"")
    assert wait_for_run(started.database)["state"] == "complete"


@pytest.mark.skipif(not ROOT, reason="mounts something over /proc")
def test_without_proc(started, report):
    """One sentence says what is missing, and the record is complete nevertheless."""
    if not can(NO_PROC):
        pytest.skip("there is no mount namespace to be had")
    process = started(NO_PROC)
    found = ask(report, started.database, lambda found: found["missing"])
    assert any("/proc" in sentence for sentence in found["missing"]), found
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, b"", b"")
    assert wait_for_run(started.database)["state"] == "complete"
