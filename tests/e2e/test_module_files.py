"""Libraries that are removed or replaced before or after their names are looked up get their own names, or none."""

import os

import pytest

from conftest import rows
from module_folder import IDS, folder

__all__ = ["folder"]


@IDS
@pytest.mark.parametrize("later", ["/", "/tmp", None])
def test_relative(folder, later):
    (folder.path / "plugins").mkdir()
    folder.piece.rename(folder.path / "plugins" / "piece.so")
    folder.run(folder.host, "cd", "plugins", "load", "./piece.so", *(["cd", later] if later else []), "work", 4001)
    assert folder.lines() == {100: 10}
    paths = rows(folder.database, "SELECT path FROM module WHERE path LIKE '%/piece.so'")
    assert [row["path"] for row in paths] == [str(folder.path / "plugins" / "piece.so")]


@IDS
def test_same_relative_name(folder):
    """Two libraries that were both loaded as ./piece.so, from different working directories."""
    (folder.path / "a").mkdir()
    (folder.path / "b").mkdir()
    folder.piece.rename(folder.path / "a" / "piece.so")
    folder.other.rename(folder.path / "b" / "piece.so")
    folder.run(folder.host, "cd", "a", "load", "./piece.so", "work", 4001, "close", "cd", "../b", "load", "./piece.so", "work", 4002)
    assert folder.lines() == {100: 10, 200: 10}


@IDS
@pytest.mark.parametrize("how", ["before work", "after work", "after close", "at the end"])
def test_removed(folder, how):
    load, work, remove = ["load", folder.piece], ["work", 4001], ["unlink", folder.piece]
    steps = {"before work": load + remove + work,
             "after work": load + work + remove,
             "after close": load + work + ["close"] + remove,
             "at the end": load + work + ["sleep", 300] + remove}[how]
    folder.run(folder.host, *steps)
    assert folder.lines() == {100: 10}


@IDS
@pytest.mark.parametrize("ms", [0, 300])
def test_replaced(folder, ms):
    folder.run(folder.host, "load", folder.piece, "work", 4001, "sleep", ms, "rename", folder.other, folder.piece, "work", 4002)
    assert folder.lines() == {100: 20}


@IDS
def test_replaced_and_loaded_again(folder):
    folder.run(folder.host, "load", folder.piece, "work", 4001, "close", "rename", folder.other, folder.piece,
               "load", folder.piece, "work", 4002)
    assert folder.lines() == {100: 10, 200: 10}


@IDS
def test_removed_by_a_later_program(folder):
    """Some launchers unpack a library, run a program that loads it, and remove it when that program has ended."""
    script = f"{folder.host} load {folder.piece} work 4001; {folder.host} unlink {folder.piece}"
    folder.run("/bin/sh", "-c", script)
    assert folder.lines() == {100: 10}


@IDS
def test_directory_removed(folder):
    """rm removes files by names relative to their directory."""
    (folder.path / "unpacked").mkdir(0o777)
    if folder.user:
        os.chown(folder.path / "unpacked", folder.user, folder.user)
    folder.piece.rename(folder.path / "unpacked" / "piece.so")
    script = f"{folder.host} load {folder.path}/unpacked/piece.so work 4001; rm -r unpacked"
    folder.run("/bin/sh", "-c", script)
    assert folder.lines() == {100: 10} and not (folder.path / "unpacked").exists()


@IDS
def test_never_a_wrong_line(folder):
    """A direct system call may remove the file before anybody notices: then there is the right line, or none and the reason."""
    folder.run(folder.host, "load", folder.piece, "raw", folder.piece, "rename", folder.other, folder.piece, "work", 4001)
    assert folder.lines() in ({100: 10}, {})
    if not folder.lines():
        assert folder.state("piece.so") <= {4, 5}


@pytest.mark.parametrize("build_id", ["sha1"])
def test_few_descriptors(folder):
    """The collector may open fewer files than there are libraries: the others are found by their paths."""
    words = []
    for i in range(60):
        words += ["load", folder.copy(folder.piece, f"piece{i}.so"), "work", 4001 + i]
    limited = ["/bin/sh", "-c", 'ulimit -n 40; exec "$@"', "sh"]
    folder.run(*limited, folder.host, *words, "sleep", 100)
    assert folder.lines() == {100: 600}
