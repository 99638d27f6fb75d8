"""trace-run sets the environment, keeps the exit status, and suggests the next command."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess

import pytest

from conftest import clean_environment, rows, wait_for_run


@pytest.fixture
def trace_run(build, tmp_path):
    def run(*arguments, env=None, **options):
        return subprocess.run([build.command("trace-run"), *map(str, arguments)], env=clean_environment(env),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, cwd=tmp_path, **options)

    return run


def test_records(build, trace_run, tmp_path):
    process = trace_run(build.target("hello"), "you", "5")
    assert (process.stdout, process.stderr, process.returncode) == ("hello you\n", "", 5)
    run = wait_for_run(tmp_path / "trace.db")
    assert (run["label"], run["allocations"], run["exit_status"]) == ("hello", 2, 5)


def test_options(build, trace_run, tmp_path):
    trace_run("--label", "mine", "--db", "a.db", "--events", build.target("hello"), "--label", "0")
    run = wait_for_run(tmp_path / "a.db")
    assert run["label"] == "mine" and run["command"].endswith("hello --label 0")
    events = rows(tmp_path / "a.db", "SELECT kind, size FROM event ORDER BY id")
    assert [(e["kind"], e["size"]) for e in events][:2] == [("alloc", 8), ("alloc", 4096)], "strdup, then stdout's buffer"
    trace_run("-o", "b.db", build.target("hello"))
    assert wait_for_run(tmp_path / "b.db")["label"] == "hello"
    assert sorted(p for p in os.listdir(tmp_path) if p.endswith("db")) == ["a.db", "b.db"]


def test_help_and_version(trace_run):
    assert "Usage: trace-run" in trace_run("--help").stdout
    assert trace_run("--version").stdout.startswith("trace-run (libtrace) ")


def test_finds_programs_as_a_shell_does(trace_run, tmp_path):
    script = tmp_path / "plain-text"
    script.write_text("echo from sh: $1\nexit 4\n")  # without '#!': a shell runs it with /bin/sh
    script.chmod(0o755)
    process = trace_run("plain-text", "argument", env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert (process.stdout, process.stderr, process.returncode) == ("from sh: argument\n", "", 4)
    assert wait_for_run(tmp_path / "trace.db")["exit_status"] == 4


def test_keeps_what_was_preloaded(build, trace_run, tmp_path):
    (tmp_path / "other.c").write_text('#include <unistd.h>\n__attribute__((constructor)) static void on(void) { write(1, "other\\n", 6); }\n')
    subprocess.run(["gcc", "-w", "-shared", "-fPIC", "-o", tmp_path / "other.so", tmp_path / "other.c"], check=True)
    process = trace_run(build.target("hello"), env={"LD_PRELOAD": tmp_path / "other.so"})
    assert process.stdout.endswith("other\nhello world\n")  # trace-run itself has the other library, too
    assert wait_for_run(tmp_path / "trace.db")["allocations"] == 2


@pytest.mark.parametrize("name", ["TERM", "KILL", "INT", "SEGV", "HUP"])
def test_ends_by_the_same_signal(name, trace_run):
    process = trace_run("bash", "-c", f"ulimit -c 0; trap - {name} 2>/dev/null; kill -{name} $$; sleep 5")
    assert process.returncode == -getattr(signal, f"SIG{name}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_passes_signals_on(number, build, tmp_path):
    """A signal sent to trace-run alone is passed on to the command, and trace-run ends as the command does."""
    script = "trap 'echo caught; exit 9' TERM INT USR1; echo ready; while :; do sleep 0.02; done"
    process = subprocess.Popen([build.command("trace-run"), "bash", "-c", script], env=clean_environment(), cwd=tmp_path,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=100)
    assert (out, err, process.returncode) == ("caught\n", "", 9)


def on_terminal(argv, cwd, keys=None):
    """Runs argv on a terminal of its own; returns what it shows, and how it ended."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(clean_environment())
        os.execv(argv[0], argv)
    shown = b""
    while True:
        try:
            data = os.read(fd, 4096)
        except OSError:
            break
        if not data:
            break
        shown += data
        if keys and b"ready" in shown:
            os.write(fd, keys)
            keys = None
    return shown.decode().replace("\r\n", "\n"), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_hint_on_a_terminal(build, tmp_path, report):
    shown, status = on_terminal([build.command("trace-run"), build.target("hello"), "x", "6"], tmp_path)
    assert status == 6
    lines = re.sub(r"\r.*\033\[K", "", shown).splitlines()  # without the progress bar
    run = json.loads(report(tmp_path / "trace.db", "summary", "--json").stdout)
    peak, live = run["run"]["peak_bytes"], run["run"]["live_bytes"]
    assert [lines[0], lines[-1]] == ["hello x", "trace-run: now try: trace-report top"] and len(lines) == 5
    assert lines[1].startswith("\033[1mpeak \033[0m  ") and f" in {run['run']['peak_allocations']:,} block" in lines[1]
    assert "where" in lines[2] and run["top_peak"][0]["function"] in lines[2]
    assert "live" in lines[3] and f" in {run['run']['live_allocations']:,} block" in lines[3]
    plain = report(tmp_path / "trace.db", "summary", "--brief", "--bytes").stdout.splitlines()
    assert [line.split()[1] for line in plain] == [str(peak), str(run["top_peak"][0]["peak_bytes"]), str(live)]
    shown, _ = on_terminal([build.command("trace-run"), "-o", "other.db", build.target("hello")], tmp_path)
    assert "trace-report top --db other.db" in shown


def test_control_c_is_the_commands(build, tmp_path):
    """The terminal interrupts both; trace-run waits, because the command may handle the signal and continue."""
    script = "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.02; done"
    shown, status = on_terminal([build.command("trace-run"), shutil.which("bash"), "-c", script], tmp_path, b"\x03")
    assert status == 9 and shown.count("caught") == 1


def test_library_missing(build, tmp_path):
    (tmp_path / "bin").mkdir()
    shutil.copy(build.command("trace-run"), tmp_path / "bin")
    process = subprocess.run([tmp_path / "bin/trace-run", build.target("hello")], capture_output=True, text=True, cwd=tmp_path)
    assert process.stdout == "hello world\n" and process.returncode == 0
    assert process.stderr.count("\n") == 1 and "libtrace.so" in process.stderr and "nothing is recorded" in process.stderr


def test_path_with_a_space(build, tmp_path):
    """LD_PRELOAD cannot contain this path: a message says so, and the program runs nevertheless."""
    root = tmp_path / "a b"
    for name in ("bin", "lib"):
        (root / name).mkdir(parents=True)
    shutil.copy(build.command("trace-run"), root / "bin")
    shutil.copy(build.library, root / os.path.relpath(build.library, build.root))
    process = subprocess.run([root / "bin/trace-run", build.target("hello")], capture_output=True, text=True, cwd=tmp_path)
    assert process.stdout == "hello world\n" and process.returncode == 0
    assert process.stderr.count("\n") == 1 and "space" in process.stderr
