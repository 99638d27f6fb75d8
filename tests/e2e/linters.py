"""Helpers for the tests of scripts/check's linters: the source has no findings, a copy with a planted
fault has."""
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2]


def run_check(source, name, build):
    """Exit status and output of one check; skips the test if its program is not installed."""
    result = subprocess.run([source / "scripts" / "check", "--build", str(build), name], capture_output=True, text=True,
                            timeout=500)
    assert not result.stderr, result.stderr
    if "is left out" in result.stdout:
        pytest.skip(result.stdout.split("\n")[0].removeprefix("check: "))
    return result.returncode, result.stdout


def copy_of(folder, *files):
    """A tree with the script and only these files, as checking all of them would take minutes."""
    for name in ("scripts/check", ".clang-tidy", *files):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SOURCE / name, folder / name)
    for room in ("include", "analyzer", "preload"):
        (folder / room).mkdir(exist_ok=True)
    return folder


def plant(source, after, fault):
    """Inserts a fault after a line of a file; returns the number of its first line."""
    lines = source.read_text().split("\n")
    place = lines.index(after) + 1
    source.write_text("\n".join([*lines[:place], *fault, *lines[place:]]))
    return place + 1
