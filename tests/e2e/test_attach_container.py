"""trace-attach from outside to programs in containers: process numbers of their own, no libtrace.so among their files, no way to the
collector's socket."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from conftest import clean_environment, rows

PROGRAM = """
import os, subprocess, sys, threading, time
kept, said = [], b""
def short():
    return [bytes(5000) for _ in range(50)]
print("ready", flush=True)
while not os.path.exists(sys.argv[1]):
    thread = threading.Thread(target=short)
    thread.start()
    thread.join()
    if os.fork() == 0:
        made = [bytes(3000) for _ in range(100)]
        os._exit(0)
    os.wait()
    said += subprocess.run(["/bin/true"], stderr=subprocess.PIPE).stderr
    kept.append(bytes(100000))
    time.sleep(0.002)
print("said", len(said), flush=True)
"""
UNSHARE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
CONTAINERS = {
    "numbers": UNSHARE,
    "numbers and network": [*UNSHARE, "--net"],
    "numbers, network and files": [*UNSHARE, "--net", "sh", "-c", 'mount -t tmpfs none "$2" && shift 2 && exec "$@"', "sh"],
    "numbers and root": [*UNSHARE, "sh", "-c", 'mount --rbind / "$1" && root="$1" && shift 2 && exec chroot "$root" "$@"', "sh"],
    "numbers and root, without files": [*UNSHARE, "sh", "-c", """
        mount --rbind / "$1" && mount -t tmpfs none "$1/$2" && root="$1" && shift 2 && exec chroot "$root" "$@" """, "sh"],
}


def descriptors(pid):
    """Those that stay: it starts other programs all the time."""
    lasting = None
    for _ in range(50):
        now = set()
        for name in os.listdir(f"/proc/{pid}/fd"):
            try:
                now.add((name, os.readlink(f"/proc/{pid}/fd/{name}")))
            except FileNotFoundError:  # closed meanwhile
                pass
        lasting = now if lasting is None else lasting & now
        time.sleep(0.01)
    return lasting


def child_of(pid):
    """unshare's child, which is number 1 in there, as we know it."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, as for the containers of others")
@pytest.mark.parametrize("container", CONTAINERS)
def test_from_the_host(container, build, tmp_path):
    start = CONTAINERS[container]
    hidden = "files" in container
    if not shutil.which("unshare") or subprocess.run([*UNSHARE, "--net", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no namespaces can be made here")
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "root").mkdir()
    places = [tmp_path / "root", build.library.parent] if hidden or "root" in container else []
    command = [*start, *places, "/usr/bin/python3", tmp_path / "program.py", tmp_path / "stop"]
    process = subprocess.Popen(command, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        pid = child_of(process.pid)
        assert os.path.exists(f"/proc/{pid}/root{build.library}") != hidden
        before = descriptors(pid)
        for run in (1, 2):  # the second time it has the library
            done = subprocess.run([build.command("trace-attach"), "--duration", "1", "-o", tmp_path / "trace.db", str(pid)],
                                  env=clean_environment(), capture_output=True, text=True, timeout=120)
            assert (done.returncode, done.stderr) == (0, "")
            found = rows(tmp_path / "trace.db", f"SELECT state, events_lost FROM run WHERE id = {run}")[0]
            assert tuple(found) == ("complete", 0)
            processes = rows(tmp_path / "trace.db", f"SELECT pid, parent_pid FROM process WHERE run = {run}")
            assert processes[0]["pid"] == pid and len(processes) > 2
            assert {child["parent_pid"] for child in processes[1:]} == {pid}
            lines = {row["line"]: tuple(row) for row in rows(tmp_path / "trace.db", f"""
                SELECT line, sum(allocations), sum(live_allocations), sum(peak_allocations) FROM lines
                WHERE run = {run} AND file LIKE '%program.py' AND bytes >= 100 * allocations GROUP BY line""")}
            assert lines[16][2] > 2  # kept
            # One child lives at a time: it has not ended only when the run does.
            assert lines[12][1] > 200 and lines[12][3] <= 303
        assert descriptors(pid) == before
        (tmp_path / "stop").touch()
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (0, "said 0\n", "")
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


FORKS = """
import os, time
print("ready", flush=True)
while True:
    if os.fork() == 0:
        made = [bytes(3000) for _ in range(100)]
        os._exit(0)
    os.wait()
    time.sleep(0.01)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be several users")
def test_beside_another_container(build, tmp_path):
    """Each has a number 1, and what reads the record of another user's program may not see whose the other's are."""
    if not shutil.which("unshare") or subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no namespaces can be made here")
    many = "import os, time\nfor _ in range(60):\n  os.fork() or time.sleep(600)\nprint('ready', flush=True)\ntime.sleep(600)"
    as_nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    other = subprocess.Popen([*UNSHARE, "/usr/bin/python3", "-c", many], env=clean_environment(), stdout=subprocess.PIPE)
    process = subprocess.Popen([*UNSHARE, *as_nobody, "/usr/bin/python3", "-c", FORKS], env=clean_environment(), stdout=subprocess.PIPE, cwd="/")
    try:
        assert other.stdout.readline() == process.stdout.readline() == b"ready\n"
        pid = child_of(process.pid)
        done = subprocess.run([build.command("trace-attach"), "--duration", "1", "-o", tmp_path / "trace.db", str(pid)],
                              env=clean_environment(), capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        processes = rows(tmp_path / "trace.db", "SELECT pid, parent_pid FROM process")
        assert processes[0]["pid"] == pid and len(processes) > 2
        assert {child["parent_pid"] for child in processes[1:]} == {pid}
    finally:
        for one in (other, process):
            os.kill(child_of(one.pid), signal.SIGKILL)  # which may not end with unshare, having changed its user
            one.communicate()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to change what is mounted")
def test_another_build_at_the_same_place(build, tmp_path):
    """Where the container has a libtrace.so of its own, ours is used all the same."""
    if not shutil.which("unshare") or subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no namespaces can be made here")
    other = tmp_path / "libtrace.so"
    other.write_bytes(build.library.read_bytes()[:-1] + b"x")
    (tmp_path / "program.py").write_text(PROGRAM)
    process = subprocess.Popen(["unshare", "--mount", "sh", "-c", 'mount --bind "$1" "$2" && shift 2 && exec "$@"', "sh", other, build.library, "/usr/bin/python3",
                                tmp_path / "program.py", tmp_path / "stop"], env=clean_environment(), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        done = subprocess.run([build.command("trace-attach"), "--duration", "0.5", "-o", tmp_path / "trace.db", str(process.pid)],
                              env=clean_environment(), capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stderr) == (0, "")
        assert "/memfd:libtrace.so" in Path(f"/proc/{process.pid}/maps").read_text()
        (tmp_path / "stop").touch()
        assert process.communicate(timeout=60)[0] == "said 0\n" and process.returncode == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, as only root can be made to open what it should not")
def test_what_lies_at_a_librarys_path_now(build, tmp_path):
    """A program puts something else there, at which whoever opens it would wait."""
    library = tmp_path / "libother.so"
    shutil.copy(build.target("plugin.so"), library)
    program = f"""
import ctypes, os, time
other = ctypes.CDLL({str(library)!r})
os.unlink({str(library)!r})
os.mkfifo({str(library)!r})
print("ready", flush=True)
while True:
    made = [bytes(3000) for _ in range(100)]
    time.sleep(0.001)
"""
    process = subprocess.Popen(["/usr/bin/python3", "-c", program], env=clean_environment(), stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"ready\n"
        done = subprocess.run([build.command("trace-attach"), "--duration", "0.5", "-o", tmp_path / "trace.db", str(process.pid)],
                              env=clean_environment(), capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
    finally:
        process.kill()
        process.communicate()
