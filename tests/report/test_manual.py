"""What each subcommand says of itself: help, man pages, words for shells."""

import os
import pathlib
import shutil
import subprocess

import pytest

from conftest import BUILD, environment

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMANDS = [line.split("\t")[0] for line in subprocess.run(
    [BUILD / "bin/trace-report", "help", "--words"], capture_output=True, text=True, check=True).stdout.splitlines()]


def test_commands():
    assert {"top", "tree", "leaks", "timeline", "histogram", "temporary", "compare", "diff", "check", "merge", "prune",
            "rename"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help(run, command):
    out = run(command, "--help", status=0).stdout
    assert out.startswith(f"Usage: trace-report {command}")
    assert out.split("Examples:")[1].count(f"  trace-report {command}") >= 2
    assert all(len(line) <= 120 for line in out.splitlines())
    words = [line.split("\t") for line in run("help", "--words", command, status=0).stdout.splitlines()]
    assert all(len(w) == 3 for w in words)
    for name, _, _ in words:
        assert f"  {name}" in out


@pytest.mark.parametrize("page", ["trace-report", "trace-run"] + ["trace-report-" + c for c in COMMANDS])
def test_pages(page):
    text = (BUILD / f"scripts/man/pages/man1/{page}.1").read_text()
    for section in (".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH SEE ALSO"):
        assert section in text
    if shutil.which("man"):
        done = subprocess.run(["man", "--warnings", "-l", BUILD / f"scripts/man/pages/man1/{page}.1"],
                              capture_output=True, text=True, env=environment(MANWIDTH=80), timeout=60)
        assert done.returncode == 0 and done.stderr == ""


def test_page_of_the_whole():
    text = (BUILD / "scripts/man/pages/man7/libtrace.7").read_text()
    readme = (ROOT / "README.md").read_text()
    for variable in ("LIBTRACE_DB", "LIBTRACE_LABEL", "LIBTRACE_DEPTH", "LIBTRACE_EVENTS", "LIBTRACE_FOLLOW"):
        assert variable in text and variable in readme


def complete(tmp_path, shell_line):
    script = f"""
source {ROOT}/scripts/completion/trace.bash
COMP_WORDS=({shell_line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMPREPLY=()
if [[ ${{COMP_WORDS[0]}} == trace-report ]]; then _trace_report; else _trace_other ${{COMP_WORDS[0]}}; fi 2>/dev/null
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60,
                          env=environment(PATH=f"{BUILD}/bin:{os.environ['PATH']}"))
    return done.stdout.split()


@pytest.mark.parametrize("line, expected", [
    ("trace-report t", {"top", "tree", "timeline", "temporary"}), ("trace-report top --by ''", {"bytes", "peak"}),
    ("trace-report top --fi", {"--file"}), ("trace-report help com", {"compare"}), ("trace-report top ''", {"good"}),
    ("trace-run --l", {"--label"}), ("trace-run tru", {"true"})])
def test_bash(make_db, tmp_path, line, expected):
    make_db("small", "good")
    make_db("small", "$(touch evil)")
    make_db("small", "a b;c")
    found = complete(tmp_path, line)
    assert expected <= set(found) and "evil" not in " ".join(found)
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("shell, file", [("zsh", "_trace"), ("fish", "trace.fish")])
def test_other_shells_read_theirs(shell, file):
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    subprocess.run([shell, "-n", ROOT / "scripts/completion" / file], check=True, timeout=60)
