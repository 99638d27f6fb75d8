"""Programs that pass on the environment that the kernel gave them, as programs in Go do, with LD_PRELOAD alone."""

import subprocess

from conftest import clean_environment, rows, wait_for_run


def lines(database, run):
    found = rows(database, "SELECT file, sum(allocations) AS n FROM lines WHERE run = ? AND (file LIKE '%/passes.c' OR "
                           "file LIKE '%/hello.c') GROUP BY file ORDER BY file", run)
    return [(row["file"].rsplit("/", 1)[1], row["n"]) for row in found]


def test_one_run(build, trace):
    """The first program, and the programs that are started by its children, belong to one run."""
    passes = build.target("passes")
    traced = trace([passes, passes, passes, build.target("hello"), "you"])
    assert (traced.returncode, traced.stdout, traced.stderr) == (0, b"hello you\n", b"")
    assert traced.run["state"] == "complete" and traced.run["label"] == "passes"
    assert [row[0] for row in traced.rows("SELECT count(*) FROM run")] == [1]
    assert lines(traced.database, 1) == [("hello.c", 2), ("passes.c", 3)]


def test_through_others(build, trace):
    """Shells in between pass on both environments."""
    passes, hello = build.target("passes"), build.target("hello")
    traced = trace([passes, "/bin/sh", "-c", f"{passes} {hello} you; exit 3"])
    assert (traced.returncode, traced.stdout, traced.stderr) == (3, b"hello you\n", b"")
    assert [row[0] for row in traced.rows("SELECT count(*) FROM run")] == [1]
    assert lines(traced.database, 1) == [("hello.c", 2), ("passes.c", 2)]


def test_the_program_sees_its_variables(build, trace, tmp_path):
    """The C library's environment has the variables as they were set; the database is passed on, too."""
    traced = trace(["/bin/sh", "-c", 'echo "$LIBTRACE_DB"'])
    assert traced.stdout == f"{tmp_path}/trace.db\n".encode()


def test_a_run_that_is_over(build, preload, tmp_path):
    """A LIBTRACE_SESSION of a run that is over leads to the same database."""
    argv = [build.target("passes"), "/usr/bin/env"]
    done = subprocess.run(argv, env=preload(), cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    wait_for_run(tmp_path / "trace.db", 1)
    [session] = [line for line in done.stdout.splitlines() if line.startswith("LIBTRACE_SESSION=")]
    assert "LIBTRACE_DB=" not in done.stdout
    env = clean_environment({"LD_PRELOAD": build.library, "LIBTRACE_SESSION": session.partition("=")[2].strip()})
    subprocess.run([build.target("hello")], env=env, cwd="/", capture_output=True, check=True, timeout=60)
    assert wait_for_run(tmp_path / "trace.db", 2)["state"] == "complete"
