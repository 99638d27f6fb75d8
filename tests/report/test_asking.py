"""How a report is called: options before the subcommand and in short form, hints that repeat the options, width, pager."""

import os
import re
import subprocess
import unicodedata

import pytest

from conftest import BUILD, environment

COMMANDS = [line.split("\t")[0] for line in subprocess.run(
    [BUILD / "bin/trace-report", "help", "--words"], capture_output=True, text=True, check=True).stdout.splitlines()]


def widest(text):
    plain = re.sub(r"\033\[[0-9;]*m", "", text)
    return max(sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)
               for line in plain.splitlines())


@pytest.fixture
def two(make_db):
    make_db("small", "list")
    return make_db("small", "stream", 3)


# ---- options


@pytest.mark.parametrize("short, long", [
    (["-n", "1", "top"], ["top", "--limit", "1"]), (["--db", "trace.db", "top"], ["top"]), (["-dtrace.db", "top"], ["top"]),
    (["top", "-n1"], ["top", "--limit", "1"]), (["top", "-b", "live"], ["top", "--by", "live"]),
    (["--by", "top", "top"], ["top", "--by", "top"]), (["-bbytes", "-gfunction", "top", "1"], ["top", "1", "--by=bytes", "--group=function"]),
    (["--json", "--limit", "1", "top"], ["top", "--json", "--limit", "1"]), (["--bytes", "summary"], ["summary", "--bytes"]),
    (["export", "--format", "csv", "-o-"], ["export", "--format", "csv", "-o", "-"]),
    (["--color=never", "tree"], ["tree"]), (["-g", "file", "--", "top"], ["-g", "file", "--", "top"])])
def test_the_same(two, run, short, long):
    ours, theirs = run(*short), run(*long)
    assert (ours.stdout, ours.stderr, ours.returncode) == (theirs.stdout, theirs.stderr, theirs.returncode)
    assert ours.returncode == 0 or "--by" in short or "--" in short


def test_file_behind_the_letter(two, run, tmp_path):
    run("export", "--format", "csv", "-olines.csv", status=0)
    assert (tmp_path / "lines.csv").read_text().startswith("file,")


@pytest.mark.parametrize("arguments, says", [
    (["--db", "trace.db"], "no subcommand behind --db"), (["--db"], "no subcommand behind --db"),
    (["--frobnicate", "top"], "trace-report top: there is no option --frobnicate"), (["top", "-z"], "there is no option -z"),
    (["top", "-n"], "--limit needs a value"), (["top", "-nx"], "--limit takes a number, not 'x'"),
    (["-d", "trace.db", "tpo"], "did you mean 'top'")])
def test_mistakes(two, run, arguments, says):
    done = run(*arguments, status=2)
    assert says in done.stderr and done.stderr.count("\n") == 1 and done.stdout == ""


def test_one_wording(two):
    """The three commands report the same mistake in the same words."""
    for wrong, says in [("--frobnicate", r"there is no option --frobnicate; see: [\w -]+ --help"),
                        ("-z", r"there is no option -z; see: [\w -]+ --help"), ("--label", "--label needs a value."),
                        ("--no-command=1", "--no-command takes no value.|there is no option")]:
        for program in (["trace-run"], ["trace-attach"], ["trace-report", "merge"]):
            done = subprocess.run([BUILD / "bin" / program[0], *program[1:], wrong], capture_output=True, text=True, env=environment())
            assert done.returncode == 2 and re.fullmatch(rf"{' '.join(program)}: ({says}.*)\n", done.stderr), done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_help_lists_an_option_once(run, command):
    listed = re.findall(r"^  (?:-\w, )?(--?[\w-]+)", run(command, "--help", status=0).stdout.split("Examples:")[0], re.M)
    assert len(listed) == len(set(listed)) > 5, sorted(o for o in listed if listed.count(o) > 1)


# ---- hints


def next_command(out):
    return re.search(r"Next: trace-report (.*?)(?:    \(.*)?\033\[0m$", out.splitlines()[-1])[1]


@pytest.mark.parametrize("asked, hint", [
    (["top", "--by", "live"], "top --by live --stacks 1"), (["top", "1", "-b", "bytes", "-g", "function"], "top 1 --by bytes --group function --stacks 1"),
    (["top", "list", "--file", "*.c", "--stacks", "1"], "summary list"), (["tree", "--by", "live", "--file", "*.c"], "tree --by live --file '*.c' --inverted"),
    (["leaks", "--file", "*.c"], "top --file '*.c' --by live"), (["tree", "--group", "line"], "tree --group line --inverted"),
    (["temporary", "--module", "list", "1"], "top 1 --module list --by temporary --stacks 1"),
    (["leaks", "--db", "trace.db"], "top --by live --db trace.db")])
def test_hints_keep_what_was_asked(two, terminal, run, asked, hint):
    out = terminal(200, *asked)
    assert next_command(out) == hint
    words = subprocess.run(["bash", "-c", f"printf '%s\\n' {hint}"], capture_output=True, text=True).stdout.splitlines()
    run(*words, status=0)  # it is a command that works


# ---- width


def test_width_is_what_was_asked_for(two, run, terminal):
    for command in ("top", "tree", "leaks", "summary", "compare"):
        whole = run(command, status=0).stdout
        assert run(command, "--width", "0", status=0).stdout == whole
        for width in (60, 80, 120):
            narrow = run(command, "--width", width, status=0).stdout
            assert widest(narrow) <= width and narrow == run(command, env={"COLUMNS": width}).stdout
            shown = re.sub(r"\033\[\d*m", "", terminal(200, command, "--width", width))
            assert widest("\n".join(line for line in shown.splitlines() if not line.startswith("Next:"))) <= width
    assert run("top", "--width", "60", env={"COLUMNS": 100}).stdout == run("top", "--width", "60").stdout


def test_names_are_whole_in_a_pipe(make_db, run):
    """In a pipe no name is shortened, however long it is, unless --width asks for it."""
    make_db("hostile")
    for arguments in (["top", "--stacks", "1"], ["tree"], ["leaks"], ["temporary"]):
        out = run(*arguments, status=0).stdout
        assert widest(out) > 5000 and "…" not in out


# ---- pager


def test_pager(two, terminal, tmp_path):
    """Output that is longer than the terminal goes through the pager, with its hint; shorter output does not."""
    pager = f"sed 's/^/paged: /' | tee {tmp_path}/seen"
    out = terminal(80, "top", env={"PAGER": pager})
    assert "paged" not in out and "Next: " in out.splitlines()[-1] and not (tmp_path / "seen").exists()
    rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60) SELECT i FROM n"
    paged = terminal(80, "sql", rows, env={"PAGER": pager})
    assert len(paged.splitlines()) == 61 and all(line.startswith("paged: ") for line in paged.splitlines())
    plain = terminal(80, "sql", rows, env={"PAGER": "cat"})
    assert (tmp_path / "seen").read_text() == "".join(f"paged: {line}\n" for line in plain.splitlines())
    for without in (["--no-pager", {"PAGER": pager}], ["--json", {"PAGER": "cat"}], ["--no-pager", {"PAGER": ""}]):
        assert "paged" not in terminal(80, "sql", rows, without[0], env=without[1])
    assert "paged" not in terminal(80, "sql", rows, env={"PAGER": pager, "TERM": "dumb"})


def test_pager_that_is_not_there_or_ends_early(two, terminal):
    rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) SELECT i FROM n"
    assert "50000" in terminal(80, "sql", rows, env={"PAGER": "no-such-pager-here 2>/dev/null"})
    out = terminal(80, "sql", rows, env={"PAGER": "head -n 3"})
    assert len(out.splitlines()) == 3 and "trace-report" not in out


def test_pager_and_mistakes(two, terminal):
    out = terminal(80, "top", "nowhere", env={"PAGER": "sed s/^/paged:/"})
    assert "no run of number or label 'nowhere'" in out and "paged" not in out
