"""trace-report top --watch: one report on a terminal that changes in place until the run is over or somebody presses Ctrl-C."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

from conftest import clean_environment, rows, wait_for_run
from test_live import until_recording

ROWS, COLUMNS = 30, 100


class Screen:
    """What a terminal would show, for the few control sequences that the report uses; any other is an error."""

    def __init__(self):
        self.lines, self.row, self.column, self.cursor, self.width = [""], 0, 0, True, COLUMNS

    def next_row(self):
        self.row, self.column = self.row + 1, 0
        self.lines += [""] * (self.row + 1 - len(self.lines))

    def feed(self, text):
        for piece in re.findall(r"\x1b\[[?0-9;]*[A-Za-z]|\x1b|.|\n", text):
            if piece == "\n":
                self.next_row()
            elif piece == "\r":
                self.column = 0
            elif piece in ("\x1b[?25l", "\x1b[?25h"):
                self.cursor = piece.endswith("h")
            elif piece == "\x1b[K":
                self.lines[self.row] = self.lines[self.row][: self.column]
            elif piece == "\x1b[J":
                self.lines[self.row:] = [self.lines[self.row][: self.column]]
            elif piece == "\x1b[2J":
                self.lines = [""] * (self.row + 1)
            elif piece == "\x1b[H":
                self.row = self.column = 0
            elif re.fullmatch(r"\x1b\[\d+A", piece):
                self.row -= int(piece[2:-1])
                assert self.row >= 0
            elif not re.fullmatch(r"\x1b\[[0-9;]*m", piece):
                assert not piece.startswith("\x1b"), repr(piece)
                if self.column == self.width:
                    self.next_row()
                line = self.lines[self.row].ljust(self.column)
                self.lines[self.row] = line[: self.column] + piece + line[self.column + 1:]
                self.column += 1

    def text(self):
        return "\n".join(self.lines)


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, argv, env=None):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = slave  # kept open, to look at its modes
        self.process = subprocess.Popen(argv, env=clean_environment({"TERM": "xterm", **(env or {})}), stdin=slave, stdout=slave,
                                        stderr=slave, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.screen, self.raw = Screen(), ""

    def read(self, wanted=None, timeout=100):
        """Reads until the screen passes the test, or the command has ended."""
        deadline = time.monotonic() + timeout
        while wanted is None or not wanted(self.screen):
            assert time.monotonic() < deadline, self.screen.text()
            ready, _, _ = select.select([self.master], [], [], 0.02)
            if ready:
                piece = os.read(self.master, 65536).decode().replace("\r\n", "\n")
                self.raw += piece
                self.screen.feed(piece)
            elif wanted is None and self.process.poll() is not None:
                return

    def end(self):
        self.read()
        status = self.process.wait(timeout=100)
        assert termios.tcgetattr(self.slave) == self.before
        os.close(self.slave)
        os.close(self.master)
        return status


@pytest.fixture
def watch(build, tmp_path):
    started = []

    def start(*arguments):
        started.append(Terminal([build.command("trace-report"), "top", *arguments, "--db", str(tmp_path / "trace.db")]))
        return started[-1]

    yield start
    for terminal in started:
        if terminal.process.poll() is None:
            terminal.process.kill()
            terminal.process.wait()


def headlines(screen):
    return re.findall(r"^run (\d+) .*?: ([\d,]+) allocations", screen.text(), re.M)


def test_until_the_run_is_over(steps, watch, tmp_path):
    program = steps()
    program.do("keep 100")
    until_recording(tmp_path / "trace.db")
    terminal = watch("--watch=0.1", "--color", "never")
    for number in range(200, 1200, 200):
        terminal.read(lambda s: re.search(rf" {number - 100:,} .*keep", s.text()))
        assert len(headlines(terminal.screen)) == 1 and not terminal.screen.cursor
        assert "still running" in terminal.screen.text()
        program.do("keep 100", "keep 100")
        terminal.read(lambda s: re.search(rf" {number + 100:,} .*keep", s.text()))
    # A newer run does not replace it.
    other = steps()
    until_recording(tmp_path / "trace.db", 2)
    program.do("keep 7")
    terminal.read(lambda s: " 1,107 " in s.text())
    assert program.end() == 0
    assert terminal.end() == 0 and terminal.screen.cursor
    assert [h[0] for h in headlines(terminal.screen)] == ["1"] and "still running" not in terminal.screen.text()
    assert "\x1b[?1049" not in terminal.raw
    assert other.end() == 0


def test_ctrl_c(steps, watch, tmp_path):
    program = steps()
    program.do("keep 100")
    until_recording(tmp_path / "trace.db")
    terminal = watch("--watch")
    terminal.read(lambda s: "keep" in s.text())
    os.write(terminal.master, b"\x03")
    assert terminal.end() == 0 and terminal.screen.cursor
    assert len(headlines(terminal.screen)) == 1 and "keep" in terminal.screen.text()
    assert program.end() == 0 and wait_for_run(tmp_path / "trace.db")["state"] == "complete"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_told_to_end(number, steps, watch, tmp_path):
    steps().do("keep 100")
    until_recording(tmp_path / "trace.db")
    terminal = watch("--watch=60")
    terminal.read(lambda s: "keep" in s.text())
    terminal.process.send_signal(number)
    assert terminal.end() == -number and terminal.screen.cursor


def test_stopped_and_resized(steps, watch, tmp_path):
    """After Ctrl-Z and fg the report is drawn below what the shell wrote meanwhile. If the size changes, it is drawn anew."""
    program = steps()
    program.do("keep 100")
    until_recording(tmp_path / "trace.db")
    terminal = watch("--watch=0.2")
    terminal.read(lambda s: "keep" in s.text())
    terminal.process.send_signal(signal.SIGTSTP)
    assert os.waitpid(terminal.process.pid, os.WUNTRACED)[1] >> 8 == signal.SIGSTOP
    terminal.read(lambda s: s.cursor)
    terminal.screen.feed("the shell\n")
    program.do("keep 100")
    terminal.process.send_signal(signal.SIGCONT)
    terminal.read(lambda s: re.search(r" 200 .*keep", s.text()) and not s.cursor)
    assert len(headlines(terminal.screen)) == 2 and "the shell" in terminal.screen.text()
    fcntl.ioctl(terminal.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 60, 0, 0))
    terminal.screen.width = 60
    terminal.process.send_signal(signal.SIGWINCH)
    terminal.read(lambda s: "the shell" not in s.text() and "keep" in s.text())
    assert len(terminal.screen.lines) <= 12
    os.write(terminal.master, b"\x03")
    assert terminal.end() == 0


def test_a_run_that_is_over(build, trace, watch):
    trace([build.target("hello")])
    terminal = watch("--watch")
    assert terminal.end() == 0 and len(headlines(terminal.screen)) == 1 and terminal.screen.cursor


def test_no_memory(build, trace, tmp_path):
    """Whichever of the last allocations there is no memory for: it is said, and the cursor is there again."""
    trace([build.target("hello")])
    report = tmp_path / "report"

    def ended(nth):
        terminal = Terminal([build.command("trace-report"), "top", "--watch", "--db", str(tmp_path / "trace.db")],
                            env={"LD_PRELOAD": str(build.target("shortage.so")), "SHORTAGE": f"malloc {nth} {report}"})
        return terminal.end(), terminal.screen

    ended(10**12)
    count = int(report.read_text().split()[1])
    statuses = set()
    for nth in range(count - 60, count + 1, 3):
        status, screen = ended(nth)
        assert screen.cursor and ("out of memory" in screen.text()) == (status == 1), (nth, count)
        statuses.add(status)  # a library may do without
    assert 1 in statuses


def test_no_run(watch):
    terminal = watch("--watch")
    assert terminal.end() == 1 and "no database" in terminal.screen.text() and terminal.screen.cursor


def test_not_a_terminal(build, trace, report):
    """Into a pipe, one report is written; whoever wants another one asks again."""
    traced = trace([build.target("hello")])
    for arguments in (["--watch"], ["--watch=1", "--json"]):
        shown = report(traced.database, "top", *arguments)
        assert shown.returncode == 2 and shown.stdout == "" and "terminal" in shown.stderr
    assert report(traced.database, "top", "--watch=0").returncode == 2
    assert report(traced.database, "top", "--watch=x").returncode == 2
