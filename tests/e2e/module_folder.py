"""A folder with programs and libraries whose files are removed or replaced while they are traced.

Blocks of the library piece.c (and of host.c, which contains it) are allocated at line 100. The files that replace them use line
200 instead.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from conftest import clean_environment, rows, wait_for_run

IDS = pytest.mark.parametrize("build_id", ["sha1", "none"])
NOBODY = 65534


class Folder:
    """A folder as a user might have it, with programs, libraries, the tracer and the record."""

    def __init__(self, path, build, user, build_id):
        self.path, self.user, self.build_id = path, user, build_id
        self.database = path / "record" / "trace.db"
        self.database.parent.mkdir()
        for folder in ("lib", "libexec", "bin"):
            if (build.root / folder).exists():
                shutil.copytree(build.root / folder, path / folder)
        self.library = path / build.library.relative_to(build.root)
        self.host = self.copy(build.target(f"host-100-{build_id}"), "host")
        self.other_host = self.copy(build.target(f"host-200-{build_id}"), "other-host")
        self.piece = self.copy(build.target(f"piece-100-{build_id}.so"), "piece.so")
        self.other = self.copy(build.target(f"piece-200-{build_id}.so"), "other.so")
        if user:
            for folder in (path, path / "record"):
                os.chown(folder, user, user)

    def copy(self, source, name):
        return pathlib.Path(shutil.copy(source, self.path / name))

    def environment(self):
        return clean_environment({"LD_PRELOAD": self.library, "LIBTRACE_DB": self.database})

    def run(self, *argv, **options):
        argv = [str(word) for word in argv]
        user = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
        done = subprocess.run(argv, env=self.environment(), cwd=self.path, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=120, **user, **options)
        assert (done.returncode, done.stderr) == (0, ""), done
        for run in rows(self.database, "SELECT id FROM run"):
            wait_for_run(self.database, run["id"])
        return done

    def lines(self):
        """How many blocks each line of piece.c has allocated."""
        found = rows(self.database, "SELECT line, sum(allocations) AS allocations FROM lines WHERE function = 'piece_work' GROUP BY line")
        return {row["line"]: row["allocations"] for row in found}

    def state(self, name):
        return {row["symbols"] for row in rows(self.database, "SELECT symbols FROM module WHERE path LIKE ?", f"%{name}%")}


@pytest.fixture(params=["root", "user"])
def folder(request, build, build_id):
    """Once as root, if possible, and once as a user who may not look into other processes' mappings."""
    if request.param == "root" and os.geteuid() != 0:
        pytest.skip("needs root")
    path = pathlib.Path(tempfile.mkdtemp(prefix="libtrace-files-"))
    path.chmod(0o755)
    try:
        yield Folder(path, build, NOBODY if request.param == "user" and os.geteuid() == 0 else 0, build_id)
    finally:
        shutil.rmtree(path, ignore_errors=True)
