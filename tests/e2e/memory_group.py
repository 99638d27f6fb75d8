"""A memory cgroup of a test's own, of version 1 or 2, for programs to be started in."""

import os
import pathlib
import time

import pytest


def _mounts():
    """(top of the mount, version) where groups with memory can be made."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            fields, _, rest = line.partition(" - ")
            kind, _, options = rest.split()[:3]
            top = pathlib.Path(fields.split()[4])
            if kind == "cgroup" and "memory" in options.split(","):
                yield top, 1
            if kind == "cgroup2" and "memory" in (top / "cgroup.subtree_control").read_text().split():
                yield top, 2


class MemoryGroup:
    """A group that has just been made."""

    FILES = {
        1: {"limit": "memory.limit_in_bytes", "usage": "memory.usage_in_bytes", "peak": "memory.max_usage_in_bytes",
            "events": "memory.oom_control"},
        2: {"limit": "memory.max", "usage": "memory.current", "peak": "memory.peak", "events": "memory.events"},
    }

    def __init__(self, name):
        for top, self.version in _mounts():
            self.folder = top / f"libtrace-test-{os.getpid()}-{name}"
            try:
                self.folder.mkdir()
            except OSError:
                continue
            if self._file("limit").exists() and self._file("peak").exists():
                return
            self.folder.rmdir()
        pytest.skip("no memory cgroup can be made here")

    def _file(self, what):
        return self.folder / self.FILES[self.version][what]

    def limit(self, size):
        self._file("limit").write_text(str(size))
        if self.version == 2 and (self.folder / "memory.swap.max").exists():
            (self.folder / "memory.swap.max").write_text("0")

    def enter(self):
        """For preexec_fn."""
        (self.folder / "cgroup.procs").write_text("0")

    def usage(self):
        return int(self._file("usage").read_text())

    def peak(self):
        return int(self._file("peak").read_text())

    def killed(self):
        """Processes that the kernel killed."""
        lines = dict(line.split() for line in self._file("events").read_text().splitlines())
        return int(lines["oom_kill"])

    def wait(self, patience=60):
        """Waits until the group is empty."""
        deadline = time.monotonic() + patience
        while (self.folder / "cgroup.procs").read_text():
            assert time.monotonic() < deadline, "the collector does not end"
            time.sleep(0.005)

    def remove(self):
        self.wait()
        for _ in range(100):  # a process that has just ended may still count
            try:
                return self.folder.rmdir()
            except OSError:
                time.sleep(0.01)
        return self.folder.rmdir()
