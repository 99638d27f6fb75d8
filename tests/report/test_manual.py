"""The documentation of each subcommand: help, man pages, completion in shells."""

import os
import pathlib
import re
import shutil
import sqlite3
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
        assert f"  {name}" in out or f", {name} " in out


def options_of(command):
    """The options that the program itself lists, as {option: (help, values)}."""
    out = subprocess.run([BUILD / "bin/trace-report", "help", "--words", command], capture_output=True, text=True, check=True).stdout
    return {line.split("\t")[0]: tuple(line.split("\t")[1:]) for line in out.splitlines()}


@pytest.mark.parametrize("command", COMMANDS)
def test_pages_and_help_have_all_options(run, command):
    """Each option has a line of help and is on the man page, which also has two examples."""
    page = (BUILD / f"scripts/man/pages/man1/trace-report-{command}.1").read_text().replace("\\-", "-")
    out = run(command, "--help", status=0).stdout
    assert {"--db", "--json", "--bytes", "--color", "--help"} <= set(options_of(command))
    for option, (text, _) in options_of(command).items():
        assert text and text in out and f"{option}" in page and text in page.replace("\\(aq", "'"), option
    assert page.split(".SH EXAMPLES")[1].count(f"trace-report {command}") >= 2


@pytest.mark.parametrize("program", ["trace-report", "trace-run", "trace-attach"])
def test_programs_have_pages(program):
    """Each option in a program's help is on its man page."""
    out = subprocess.run([BUILD / "bin" / program, "--help"], capture_output=True, text=True).stdout
    page = (BUILD / f"scripts/man/pages/man1/{program}.1").read_text().replace("\\-", "-")
    assert out.startswith("Usage:")
    for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", out)):
        assert option in page, option


@pytest.mark.parametrize("page", ["trace-report", "trace-run", "trace-attach"] + ["trace-report-" + c for c in COMMANDS])
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
    reference = (ROOT / "analyzer/REFERENCE.md").read_text()
    for variable in ("LIBTRACE_DB", "LIBTRACE_LABEL", "LIBTRACE_DEPTH", "LIBTRACE_THREADS", "LIBTRACE_EVENTS", "LIBTRACE_FOLLOW"):
        assert variable in text and variable in reference


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


def zsh(tmp_path, words):
    """What the completion function would offer: zsh's functions for offering words are replaced by ones that print them."""
    script = f"""
_describe() {{ print -rl -- "${{(@P)2}}" }}
compadd() {{ shift; print -rl -- "$@" }}
_files() {{ print FILES }}
source {ROOT}/scripts/completion/_trace
words=({words}); CURRENT=$#words; PREFIX=$words[-1]; _trace_report
"""
    return shell_says(tmp_path, ["zsh", "-f", "-c", script], ":")


def fish(tmp_path, words):
    script = f"source {ROOT}/scripts/completion/trace.fish; complete -C '{words}'"
    return shell_says(tmp_path, ["fish", "--no-config", "-c", script.replace(" ''", " ")], "\t")


def shell_says(tmp_path, argv, separator):
    if shutil.which(argv[0]) is None:
        pytest.skip(f"no {argv[0]} here")
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=60,
                          env=environment(PATH=f"{BUILD}/bin:{os.environ['PATH']}", HOME=tmp_path))
    assert done.stderr == ""
    return {line.split(separator)[0] for line in done.stdout.splitlines() if line}


SHELLS = {"bash": lambda tmp_path, words: set(complete(tmp_path, words)), "zsh": zsh, "fish": fish}


@pytest.mark.parametrize("shell", SHELLS)
def test_shells_know_the_subcommands(tmp_path, shell):
    assert SHELLS[shell](tmp_path, "trace-report ''") == set(COMMANDS)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("command", COMMANDS)
def test_shells_know_all_options(tmp_path, shell, command):
    options = options_of(command)
    assert SHELLS[shell](tmp_path, f"trace-report {command} -") >= set(options)
    for option, (_, values) in options.items():
        if " " in values:
            assert SHELLS[shell](tmp_path, f"trace-report {command} {option} ''") == set(values.split())


LINES = [("trace-report -d other.db top ''", {"elsewhere"}), ("trace-report --db=other.db top ''", {"elsewhere"}),
         ("trace-report top --db other.db ''", {"elsewhere"}), ("trace-report -n 5 t", {"top", "tree"}),
         ("trace-report top --by=''", {"--by=peak", "--by=live"}), ("trace-report -b ''", {"peak", "live"}),
         ("trace-report top --from ''", {"loaded", "served"}), ("trace-report compare good@''", {"good@loaded", "good@served"}),
         ("trace-report top -d other.db --from ''", {"far"}), ("trace-report rss --at ''", {"loaded", "served"})]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("line, expected", LINES)
def test_database_values_and_marks(make_db, tmp_path, shell, line, expected):
    """Completes runs and marks from the database that the line names, measures after --by=, and marks for moments."""
    for db, label, marks in (("trace.db", "good", ["loaded", "served", "$(touch evil)"]), ("other.db", "elsewhere", ["far"])):
        path = make_db("small", label, db=db)
        with sqlite3.connect(path) as connection:
            connection.executemany("INSERT INTO mark VALUES (1, ?, ?, 1, ?, 0, 1, 0, 0)", [(i, i, m) for i, m in enumerate(marks, 1)])
    found = SHELLS[shell](tmp_path, line)
    assert expected <= found and "evil" not in " ".join(found), found
    assert found & {"good", "elsewhere", "loaded", "far"} <= expected


def test_labels(make_db, tmp_path):
    make_db("small", "good")
    make_db("small", "$(touch evil)")
    for shell in SHELLS:
        if shutil.which(shell):
            found = SHELLS[shell](tmp_path, "trace-report top ''")
            assert "good" in found and "evil" not in " ".join(found) and not (tmp_path / "evil").exists()
