"""Allocations before the C library is set up, by a library that asks to be initialised first: the settings in the environment
and the session are respected nevertheless."""

import subprocess

import pytest

from conftest import rows, wait_for_run

EARLY = """
#include <stdlib.h>
void *volatile early_block;
__attribute__((constructor)) static void early(void) { early_block = malloc(1234); }
"""
MAIN = """
#include <stdlib.h>
#include <unistd.h>
#include <sys/wait.h>
extern void *volatile early_block;
int main(int argc, char **argv) {
    if (argc > 1) {
        if (fork() == 0) execl(argv[0], argv[0], (char *)0);
        wait(0);
    }
    return early_block == 0;
}
"""


@pytest.fixture
def early(tmp_path):
    (tmp_path / "early.c").write_text(EARLY)
    (tmp_path / "main.c").write_text(MAIN)
    subprocess.run(["gcc", "-g", "-fno-builtin", "-shared", "-fPIC", "-Wl,-z,initfirst", "-o", tmp_path / "libearly.so", tmp_path / "early.c"], check=True)
    subprocess.run(["gcc", "-g", "-o", tmp_path / "main", tmp_path / "main.c", "-L", tmp_path, "-learly", f"-Wl,-rpath,{tmp_path}"], check=True)
    return tmp_path / "main"


def test_settings(early, trace):
    """The database named by the variable is used (trace() sets one), and so are a label and another setting."""
    traced = trace([early], env={"LIBTRACE_LABEL": "mine", "LIBTRACE_EVENTS": "1"}, cwd=early.parent)
    assert (traced.returncode, traced.stderr) == (0, b"")
    assert traced.run["label"] == "mine"
    assert traced.one("SELECT allocations, bytes FROM functions WHERE function = 'early'")["bytes"] == 1234
    assert traced.one("SELECT count(*) AS n FROM event")["n"] > 0


def test_session(early, preload, tmp_path):
    """A program that it executes belongs to its run."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    env = preload(db=folder / "trace.db")
    assert subprocess.run([early, "child"], env=env, cwd=folder, timeout=60).returncode == 0
    run = wait_for_run(folder / "trace.db")
    assert run["state"] == "complete"
    assert len(rows(folder / "trace.db", "SELECT * FROM run")) == 1
    found = rows(folder / "trace.db", "SELECT sum(allocations) AS n FROM functions WHERE function = 'early'")
    assert found[0]["n"] == 2
