"""Arguments may contain secrets: with --no-command none of them is in the record, nor in its label."""

import pathlib
import subprocess
import sys

import pytest

from conftest import clean_environment, rows, wait_for_run

SECRET = "hunter2-4711"


def check(database, *labels):
    wait_for_run(database)
    assert SECRET.encode() not in pathlib.Path(database).read_bytes()
    assert rows(database, "SELECT label FROM runs")[0]["label"] in labels
    processes = rows(database, "SELECT command, executable FROM processes")
    assert processes and all(p["command"] == pathlib.Path(p["executable"]).name for p in processes)
    return processes


@pytest.mark.parametrize("how", ("option", "environment"))
def test_a_program(how, build, tmp_path):
    env = clean_environment({} if how == "option" else {"LIBTRACE_COMMAND": "0"})
    options = ["--no-command"] if how == "option" else []
    subprocess.run([build.command("trace-run"), *options, build.target("hello"), SECRET], env=env, cwd=tmp_path, check=True,
                   stdout=subprocess.DEVNULL, timeout=60)
    check(tmp_path / "trace.db", "hello")


def test_it_is_there_otherwise(build, tmp_path):
    subprocess.run([build.command("trace-run"), build.target("hello"), SECRET], env=clean_environment(), cwd=tmp_path,
                   check=True, stdout=subprocess.DEVNULL, timeout=60)
    wait_for_run(tmp_path / "trace.db")
    assert rows(tmp_path / "trace.db", "SELECT command FROM runs")[0]["command"].endswith(f" {SECRET}")


def test_its_children(build, tmp_path):
    """Forked children, and children that execute other programs."""
    command = f"{build.target('hello')} {SECRET}; ({build.target('hello')} {SECRET}) & wait; : {SECRET}"
    subprocess.run([build.command("trace-run"), "--no-command", "sh", "-c", command], env=clean_environment(), cwd=tmp_path,
                   check=True, stdout=subprocess.DEVNULL, timeout=60)
    assert len(check(tmp_path / "trace.db", "dash", "sh", "bash")) >= 3


def test_a_script(build, tmp_path):
    """The script's name is an argument, too."""
    script = tmp_path / f"{SECRET}.py"
    script.write_text("import sys\nprint(len([bytearray(100) for i in range(100)]), len(sys.argv))\n")
    subprocess.run([build.command("trace-run"), "--no-command", sys.executable, script, SECRET],
                   env=clean_environment({"LIBTRACE_STACK": "native"}), cwd=tmp_path, check=True, stdout=subprocess.DEVNULL,
                   timeout=60)
    check(tmp_path / "trace.db", pathlib.Path(sys.executable).resolve().name)


def test_a_label_is_kept(build, tmp_path):
    subprocess.run([build.command("trace-run"), "--no-command", "--label", "mine", build.target("hello"), SECRET],
                   env=clean_environment(), cwd=tmp_path, check=True, stdout=subprocess.DEVNULL, timeout=60)
    check(tmp_path / "trace.db", "mine")


def test_a_program_that_runs_already(build, tmp_path):
    program = subprocess.Popen([build.target("steps"), SECRET], stdout=subprocess.PIPE, stdin=subprocess.PIPE)
    try:
        program.stdin.write(b"keep 10\n")
        program.stdin.flush()
        assert program.stdout.readline() == b"done\n"
        done = subprocess.run([build.command("trace-attach"), "--no-command", "--duration", "0.3", str(program.pid)],
                              env=clean_environment(), cwd=tmp_path, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
    finally:
        program.kill()
        program.communicate()
    check(tmp_path / "trace.db", "steps")
