"""trace-report browse in a terminal (tmux): sends real keys and reads the screen."""

import contextlib
import itertools
import os
import pathlib
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

import pytest

from conftest import BUILD, environment, until_recording
from stopping import stop

SIZES = [(80, 24), (60, 15), (120, 40)]
HARMFUL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
SERVERS = itertools.count()


class Terminal:
    """A terminal in which trace-report browse runs, started by a shell script that prints its exit status afterwards."""

    def __init__(self, folder, arguments, size, env):
        self.folder = folder
        self.place = tempfile.mkdtemp(prefix="lt", dir="/tmp")  # the path of a socket must be short
        self.server = ["tmux", "-L", f"browse{next(SERVERS)}", "-f", "/dev/null"]
        self.env = environment(TMUX_TMPDIR=self.place, SHELL="/bin/sh")
        words = ["env", *(f"{k}={v}" for k, v in env.items()), BUILD / "bin/trace-report", "browse", *arguments]
        (folder / "it.sh").write_text(f"echo $$ > pid\nexec {shlex.join(map(str, words))}\n")
        script = folder / "browse.sh"
        script.write_text("trap : INT\nstty -g > before\nsh it.sh\necho left $?\nstty -g > after\necho end\nexec cat\n")
        self.tmux("new-session", "-d", "-x", str(size[0]), "-y", str(size[1]), "-c", str(folder), f"sh {script}")

    def tmux(self, *arguments):
        return subprocess.run([*self.server, *arguments], env=self.env, check=True, capture_output=True, text=True, timeout=100).stdout

    def press(self, *keys):
        self.tmux("send-keys", *keys)

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def resize(self, columns, rows_):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows_))

    def text(self, *options):
        return self.tmux("capture-pane", "-p", *options)

    def at_rest(self):
        """How often browse has waited, if it waits now; "ended" if it has ended; None if it is at work, or not there yet."""
        try:
            status = pathlib.Path(f"/proc/{self.pid()}/status").read_text()
        except FileNotFoundError:
            return "ended" if (self.folder / "pid").exists() else None
        except (ProcessLookupError, ValueError):
            return None
        found = dict(re.findall(r"^(State|\w+_ctxt_switches):\s+(\w+)", status, re.M))
        return found if found.pop("State") == "S" else None

    def until(self, wanted, seconds=100):
        """Waits until the screen contains a text, or a function returns true for it; returns the screen. That is not half
        drawn: it is the same twice, and browse was waiting for keys from before the first look until after the second."""
        test = wanted if callable(wanted) else lambda text: wanted in text
        deadline = time.monotonic() + seconds
        before = None
        while True:
            rest, text = self.at_rest(), self.text()
            if before and before == (rest, text) and rest == self.at_rest() and test(text):
                return text
            assert time.monotonic() < deadline, f"not on the screen: {wanted}\n{text}"
            time.sleep(0.03)
            before = (rest, text) if rest else None

    def selected(self):
        """The row below the headings that is drawn in reverse video."""
        found = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in self.text("-e").split("\n")[2:]
                 if re.search(r"\x1b\[(\d+;)*7(;\d+)*m", line)]
        return found[-1].rstrip() if found else ""

    def until_selected(self, wanted):
        deadline = time.monotonic() + 100
        while wanted not in self.selected():
            assert time.monotonic() < deadline, f"not selected: {wanted}\n{self.text()}"
            time.sleep(0.02)

    def pid(self):
        return int((self.folder / "pid").read_text())

    def until_left(self, status):
        """Waits until browse has ended with this status, and checks that the terminal is as it was before."""
        text = self.until("end\n")
        assert f"left {status}\n" in text, text
        assert (self.folder / "before").read_text() == (self.folder / "after").read_text()
        assert self.tmux("display", "-p", "#{alternate_on} #{cursor_flag} #{keypad_cursor_flag}").split() == ["0", "1", "0"]
        return text

    def close(self):
        subprocess.run([*self.server, "kill-server"], env=self.env, capture_output=True)
        shutil.rmtree(self.place)


@pytest.fixture
def browse(tmp_path):
    """browse(database, arguments..., size=..., env=...): a Terminal that already shows its first view."""
    if not shutil.which("tmux"):
        pytest.skip("tmux is not installed")
    opened = []

    def start(database, *arguments, size=(80, 24), env=None, ready="q quit"):
        opened.append(Terminal(tmp_path, ["-d", database, *arguments], size, env or {}))
        opened[-1].until(ready)
        return opened[-1]

    yield start
    for terminal in opened:
        terminal.close()


def table(text):
    """The list on the screen, as [{column: cell}]. Cells are two spaces apart, numbers are right-aligned."""
    lines = text.split("\n")
    at = next(i for i, line in enumerate(lines) if re.match(r" *(PEAK|BYTES|LIVE|ALLOCATIONS|TEMPORARY|OWN PEAK)\b", line))
    names = [(m.group(), m.start(), m.end()) for m in re.finditer(r"\S+( \S+)*", lines[at])]
    found = []
    for line in lines[at + 1:-2]:
        row, left = {}, 0
        for i, (name, start, end) in enumerate(names):
            number = name in ("PEAK", "ERROR", "%", "BLOCKS", "LIVE", "BYTES", "OWN PEAK", "ALLOCATIONS", "TEMPORARY")
            stop = end if number else names[i + 1][1] if i + 1 < len(names) else len(line)
            row[name] = line[left:stop].strip()
            left = stop
        if line.strip():
            found.append(row)
    return found


COLUMNS = {"PEAK": "peak_bytes", "LIVE": "live_bytes", "BYTES": "bytes", "ALLOCATIONS": "allocations", "TEMPORARY": "temporary",
           "OWN PEAK": "own_peak_bytes"}


def same_numbers(shown, row, by):
    beside = "allocations" if by in ("bytes", "own_peak_bytes", "temporary") else by.replace("bytes", "allocations")
    for name, cell in shown.items():
        key = beside if name == "BLOCKS" else COLUMNS.get(name)
        if key and cell:
            assert int(cell.replace(",", "").removeprefix("<= ")) == row[key], (name, shown, row)
    if "%" in shown:
        assert shown["%"] == "<0.1 %" if 0 < row["share"] < 0.0005 else \
            abs(float(shown["%"].rstrip(" %")) - 100 * row["share"]) < 0.51, (shown, row)


def compare(shown, expected, by="peak_bytes"):
    """The rows on the screen are the first rows of --json."""
    assert shown and len(shown) <= len(expected)
    for cells, row in zip(shown, expected):
        same_numbers(cells, row, by)


@pytest.mark.parametrize("kind, size", [("small", SIZES[0]), ("stacks 1000", SIZES[1]), ("c++", SIZES[2]), ("python", SIZES[0]),
                                        ("python", SIZES[1]), ("stacks 1000", SIZES[2])], ids=lambda p: str(p))
def test_lines_are_those_of_top(browse, database, ask, kind, size):
    top = ask(database(kind)).json("top", "--limit", "0")["rows"]
    text = browse(database(kind), "--bytes", size=size).until("Lines by peak")
    lines = text.split("\n")
    assert all(len(line) <= size[0] for line in lines) and f"1/{len(top):,}" in text
    shown = table(text)
    assert len(shown) == min(len(top), size[1] - 4)
    compare(shown, top)
    for cells, row in zip(shown, top):
        place = f"{os.path.basename(row['file'])}:{row['line']}" if row["file"] else os.path.basename(row["module"])
        assert cells["LINE"].lstrip("…") in f"{row['file'] or row['module']}:{row['line']}" or cells["LINE"] == place, cells


def error_shown(row):
    return "few samples" if row["too_few_samples"] else f"+-{row['bytes_error']:.0f}"


def test_errors_of_a_sampled_run(browse, make_db, add_sampling, as_json):
    """Beside the number of a sampled run stands its standard error; in an exact run there is no such column."""
    path = make_db("small")
    exact = browse(path, "--bytes", "--by", "bytes").until("Lines by bytes")
    assert "ERROR" not in exact
    add_sampling(path, interval=1 << 15)
    top = as_json("top", "--by", "bytes", "--limit", "0")["rows"]
    shown = table(browse(path, "--bytes", "--by", "bytes", size=SIZES[2]).until("Lines by bytes"))
    compare(shown, top, "bytes")
    assert [cells["ERROR"] for cells in shown] == [error_shown(row) for row in top[:len(shown)]]
    assert {cells["ERROR"] == "few samples" for cells in shown} == {True, False}


def shown_errors(text):
    return [cells["ERROR"] for cells in table(text) if cells["BYTES"].isdigit()]


def test_errors_of_callers(browse, make_db, add_sampling, as_json):
    """Those of a line's stacks by each way, also after sorting by another measure."""
    path = make_db("stacks", 1000)
    add_sampling(path, interval=1 << 15)
    row = as_json("top", "--by", "bytes")["rows"][0]
    terminal = browse(path, "--bytes", "--by", "bytes", size=SIZES[2])
    terminal.press("Enter")
    text = terminal.until("Who calls")
    assert "complete, sampled" in text
    assert shown_errors(text)[0] == error_shown(row)
    terminal.press("Enter")
    terminal.until(lambda text: "▸" in text.split("\n")[3])
    terminal.press("Right")
    opened = table(terminal.until(lambda text: "▾" in text.split("\n")[3]))
    assert len(opened) > 1 and all(cells["ERROR"] == "few samples" or cells["ERROR"].startswith("+-") for cells in opened)
    for measure in ("allocations", "peak", "live", "temporary", "own-peak", "bytes"):
        terminal.press("s")
        terminal.until(f"by {measure}")
    assert shown_errors(terminal.text())[0] == error_shown(row)


def test_errors_in_source(browse, make_db, add_sampling, as_json, tmp_path):
    source = tmp_path / "list.c"
    source.write_text("".join(f"line {i};\n" for i in range(1, 60)))
    os.utime(source, (1e9, 1e9))
    path = make_db("small", env={"MAKE_DB_SOURCE": source})
    add_sampling(path, interval=1 << 15)
    row = next(row for row in as_json("top", "--by", "bytes")["rows"] if row["line"] == 20)
    terminal = browse(path, "--bytes", "--by", "bytes", "--source", tmp_path, size=SIZES[2])
    terminal.press("/")
    terminal.type("list.c:20")
    terminal.press("Enter")
    terminal.press("e")
    text = terminal.until("line 20;")
    assert {cells["ERROR"] for cells in table(text) if cells["BYTES"] == str(row["bytes"])} == {error_shown(row)}


def test_errors_of_a_function(browse, make_db, add_sampling, as_json):
    """In the title, of all and of what it allocates itself; and of what was live at marks."""
    path = make_db("small")
    add_sampling(path)
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO mark VALUES (1, 1, 500000000, 1, 'loaded', 0, 1, 0, 0)")
    name = as_json("top", "-g", "function", "--by", "bytes")["rows"][0]["function"]
    found = as_json("function", name, "--by", "bytes")
    terminal = browse(path, "--bytes", "--by", "bytes", size=SIZES[2])
    terminal.press("2")
    terminal.until("Functions by bytes")
    terminal.press("Enter")
    text = terminal.until("Called by")
    assert f"{found['total']['bytes']} +-{found['total']['bytes_error']} with what it calls" in text
    terminal.press("3")
    assert re.search(r"^a +\S+ m?s +\d+ \+-\d+", terminal.until("Live bytes over time"), re.M)


@pytest.mark.parametrize("by", ["live", "temporary", "own-peak", "bytes", "allocations"])
def test_by_and_sorting(browse, database, ask, by):
    """--by, and pressing s until that measure is reached, show the same rows in the same order."""
    top = ask(database("stacks 1000")).json("top", "--limit", "0", "--by", by)["rows"]
    key = {"live": "live_bytes", "own-peak": "own_peak_bytes"}.get(by, by)
    terminal = browse(database("stacks 1000"), "--bytes", "--by", by, size=(120, 40))
    compare(table(terminal.until(f"Lines by {by}")), top, key)
    order = ["bytes", "allocations", "peak", "live", "temporary", "own-peak"]
    terminal.press("s")
    after = order[(order.index(by) + 1) % 6]
    compare(table(terminal.until(f"Lines by {after}")), ask(database("stacks 1000")).json("top", "--limit", "0", "--by", after)["rows"],
            {"live": "live_bytes", "own-peak": "own_peak_bytes", "peak": "peak_bytes"}.get(after, after))
    terminal.press("<")
    compare(table(terminal.until(f"Lines by {by}")), top, key)


def callers_of(ask, row):
    """The callers of a line, as {caller: bytes at the peak}, computed from the stacks that --group stack lists."""
    found = {}
    for stack in ask.json("top", "--group", "stack", "--limit", "0")["rows"]:
        if (stack["file"], stack["line"], stack["function"]) != (row["file"], row["line"], row["function"]):
            continue
        frames = stack["frames"]
        at = next((i for i, f in enumerate(frames) if (f["function"], f["line"]) == (row["function"], row["line"])), 0)
        for caller in frames[at + 1:]:
            if not caller["runtime"]:
                key = (caller["function"], caller["file"], caller["line"])
                found[key] = found.get(key, 0) + stack["peak_bytes"]
                break
    return found


def test_callers(browse, database, ask):
    ask = ask(database("stacks 1000"))
    row = ask.json("top")["rows"][0]
    wanted = sorted(callers_of(ask, row).values(), reverse=True)
    terminal = browse(database("stacks 1000"), "--bytes", size=(120, 40))
    terminal.press("Enter")
    shown = table(terminal.until("Who calls"))
    same_numbers({k: v for k, v in shown[0].items() if k != "%"}, row, "peak_bytes")
    # After closing and opening it, only its callers are shown, as many as fit on the screen.
    terminal.press("Enter")
    closed = table(terminal.until(lambda text: "▸" in text.split("\n")[3]))
    assert len(closed) == 1
    terminal.press("Right")
    opened = table(terminal.until(lambda text: "▾" in text.split("\n")[3]))
    assert int(opened[1]["PEAK"]) == wanted[0] and len(opened) > 1
    # Up to the outermost caller, which nobody calls, and all the way back.
    terminal.press("End", "Enter")
    terminal.until(lambda text: "outermost" in text or "▾" in text)
    terminal.press("Escape")
    terminal.until("Lines by peak")
    terminal.press("Escape")
    terminal.until("q leaves")


def test_all_callers_add_up(browse, database, ask):
    """Each caller of a line with several callers has a row, with its bytes."""
    ask = ask(database("python"))
    for at, row in enumerate(ask.json("top")["rows"]):
        wanted = sorted(callers_of(ask, row).values(), reverse=True)
        if 3 < len(wanted) < 30 and not (row["file"] or "").startswith("<frozen"):  # these are folded in some stacks only
            break
    else:
        raise AssertionError("no such line")
    terminal = browse(database("python"), "--bytes", size=(120, 40))
    terminal.press(*["Down"] * at, "Enter")
    terminal.until("Who calls")
    terminal.press("Enter")
    terminal.until(lambda text: "▸" in text.split("\n")[3])
    terminal.press("Enter")
    terminal.until(lambda text: "▾" in text.split("\n")[3])
    # Each caller has a branch of its own. What was opened below the largest is indented further, or straight below it.
    lines = terminal.text().split("\n")[3:]
    column = lines[0].index("▾")
    first = [line for line in lines[1:-2] if line[column:column + 1] in ("├", "└")]
    assert [int(line.split()[0]) for line in first] == wanted and first[-1][column] == "└"


def test_functions(browse, database, ask):
    ask = ask(database("python"))
    terminal = browse(database("python"), "--bytes", size=(120, 40))
    terminal.press("2")
    compare(table(terminal.until("Functions by peak")), ask.json("top", "-g", "function", "--limit", "0")["rows"])
    terminal.press("x")
    inclusive = ask.json("top", "-g", "function", "--inclusive", "--limit", "0")["rows"]
    compare(table(terminal.until("with all that they call")), inclusive)
    # A function with its callers and callees, then one of these.
    at = next(i for i, r in enumerate(inclusive) if r["function"] == "work")
    terminal.press("Home", *["Down"] * at)
    terminal.until_selected("work")
    terminal.press("Enter")
    text = terminal.until("Called by")
    wanted = ask.json("function", "work", "--limit", "0")
    shown = [cells for cells in table(text) if cells["PEAK"].isdigit()]
    total = wanted["total"]["peak_bytes"] or 1
    expected = [{**r, "share": r["peak_bytes"] / total} for r in wanted["callers"] + wanted["callees"]]
    assert len(shown) == len(expected)
    compare(shown, expected)
    terminal.press("G")
    terminal.until_selected(shown[-1]["FUNCTION"][:12])


def test_source(browse, database, ask, tmp_path):
    """The source around the line, with what each line allocates. For a run from elsewhere a message says there is none."""
    row = ask(database("c")).json("top")["rows"][0]
    source = pathlib.Path(row["file"]).read_text().split("\n")
    terminal = browse(database("c"), "--bytes")
    terminal.press("e")
    terminal.until(source[row["line"] - 1].strip()[:30])
    terminal.until_selected(f" {row['line']}  ")
    assert all(re.search(rf" {row['line'] + i}( |$)", terminal.text(), re.M) for i in (-2, -1, 1, 2))
    assert str(row["peak_bytes"]) in terminal.selected() and source[row["line"]].strip()[:30] in terminal.text()
    terminal.press("]")
    terminal.until(lambda text: f" {row['line']}  " not in terminal.selected() or "allocates" in text)
    terminal.press("Home", "Enter")
    terminal.until("allocates nothing")
    terminal.press("BSpace")
    terminal.until("Lines by peak")
    shutil.copy(database("small"), tmp_path / "other.db")
    terminal = browse(tmp_path / "other.db")
    terminal.press("e")
    terminal.until("There is no such file here")


def test_searching(browse, database, ask):
    top = ask(database("stacks 1000")).json("top", "--limit", "0")["rows"]
    files = [os.path.basename(r["file"] or r["module"]) + f":{r['line']}" for r in top]
    name = files[40]
    at = [i for i, f in enumerate(files) if name in f]
    terminal = browse(database("stacks 1000"))
    terminal.press("/")
    terminal.type(name)
    terminal.until(f"/{name}")
    terminal.until_selected(name)
    terminal.press("Enter")
    terminal.until(f"{at[0] + 1}/{len(top):,}")
    terminal.press("n")
    terminal.until(f"{at[1 % len(at)] + 1}/{len(top):,}")
    terminal.press("N")
    terminal.until(f"{at[0] + 1}/{len(top):,}")
    terminal.press("/")
    terminal.type("no such thing")
    terminal.until("/no such thing")
    terminal.press("Escape")
    terminal.until(f"{at[0] + 1}/{len(top):,}")
    terminal.press("/")
    terminal.type("ω")
    terminal.until("/ω")
    terminal.press("Enter")
    terminal.press("n")
    terminal.until("Nothing here has 'ω'")


def test_moving(browse, database, ask):
    count = len(ask(database("stacks 1000")).json("top", "--limit", "0")["rows"])
    terminal = browse(database("stacks 1000"))
    for keys, at in ((["Down", "j", "j"], 4), (["k", "Up"], 2), (["PageDown"], 22), (["PageUp"], 2), (["End"], count), (["Home"], 1),
                     (["G"], count), (["g"], 1), (["k"], 1)):
        terminal.press(*keys)
        terminal.until(f"{at}/{count:,}" if at == 1 else f" {at:,}/{count:,}")
    terminal.press("?")
    assert "callers" in terminal.until("back to where you came from")
    terminal.press("i")
    terminal.until("started")
    terminal.press("Left")
    terminal.until("Lines by peak")
    terminal.press("Tab", "Tab")
    terminal.until("Live bytes over time")


def test_resizing(browse, database):
    terminal = browse(database("stacks 1000"))
    terminal.press("PageDown")
    terminal.until("21/")
    selected = terminal.selected().split()[0]
    for columns, lines in (60, 15), (120, 40), (45, 9), (200, 50), (80, 24):
        terminal.resize(columns, lines)
        text = terminal.until(lambda text: text.split("\n")[lines - 1].rstrip().endswith("q quit")
                              and len(text.split("\n")[0].rstrip()) == columns)
        terminal.until_selected(selected)
        assert all(len(line) <= columns for line in text.split("\n"))
    terminal.resize(30, 5)
    terminal.until("Too small")
    terminal.resize(3, 1)
    terminal.resize(80, 24)
    terminal.until("q quit")
    terminal.until_selected(selected)
    terminal.press("3")
    terminal.until("Live bytes over time")
    for columns, lines in (40, 8), (60, 15), (120, 40):
        terminal.resize(columns, lines)
        terminal.until(lambda text: text.split("\n")[lines - 1].rstrip().endswith("q quit"))
    terminal.press("1")
    terminal.until("Lines by peak")
    terminal.press("q")
    assert terminal.until_left(0).split() == ["left", "0", "end"]  # nothing of browse is left on the screen


def test_a_run_that_goes_on(browse, steps, recorded, tmp_path):
    """Numbers are updated without a key, the selected line stays selected wherever it moves, and the run's end is shown."""
    program = steps()
    until_recording(tmp_path / "trace.db")
    program.do("keep 1000", "brief 10", "mark one")
    terminal = browse(tmp_path / "trace.db", "--bytes", "--by", "bytes", "--function", "main", size=(120, 40))
    terminal.until(lambda text: "recording" in text and "100000" in text and "keep" in text)
    terminal.press("/")
    terminal.type("brief")
    terminal.press("Enter")
    terminal.until_selected("brief")
    program.do("brief 10000")  # more than `keep` has, so that it becomes the first line
    terminal.until(lambda text: re.search(r"\b500500\b", text))
    assert re.match(r" *500500 .*brief", terminal.selected())
    terminal.press("Enter")
    terminal.until(lambda text: "Who calls" in text and "500500" in text)
    terminal.press("Down")
    terminal.until_selected("main")
    program.do("brief 10")
    terminal.until(lambda text: "501000" in text)
    assert "main" in terminal.selected()
    program.do("mark two of them")
    terminal.press("3")
    terminal.until(lambda text: "a " in text and "two of them" in text and "one" in text)
    terminal.press("1")
    program.do("keep 5000")
    terminal.until(lambda text: "600000" in text)
    assert program.end() == 0
    terminal.until(lambda text: "complete" in text.split("\n")[0])
    recorded(tmp_path / "trace.db")
    terminal.press("q")
    terminal.until_left(0)


def test_a_collector_that_does_not_answer(browse, steps, tmp_path):
    """If the collector does not answer, the screen says so, and keys still work."""
    program = steps()
    until_recording(tmp_path / "trace.db")
    program.do("keep 1000")
    terminal = browse(tmp_path / "trace.db")
    terminal.until("recording")
    with contextlib.closing(sqlite3.connect(f"file:{tmp_path / 'trace.db'}?mode=ro", uri=True)) as file:
        collector = file.execute("SELECT collector_pid FROM run").fetchone()[0]
    stop(collector)
    try:
        terminal.until("has been stopped")
        terminal.press("Enter")
        terminal.until("Who calls")
    finally:
        os.kill(collector, signal.SIGCONT)
    terminal.until(lambda text: "has been stopped" not in text)
    assert program.end() == 0


def test_it_is_in_nobodys_way(browse, steps, recorded, tmp_path):
    """At its end the collector turns the database into one plain file, even while it is open in browse."""
    program = steps()
    until_recording(tmp_path / "trace.db")
    program.do("keep 10")
    terminal = browse(tmp_path / "trace.db")
    terminal.until("recording")
    assert program.end() == 0
    recorded(tmp_path / "trace.db")
    terminal.until(lambda text: "complete" in text.split("\n")[0])
    assert not (tmp_path / "trace.db-wal").exists()


@pytest.mark.parametrize("kind", ["hostile", "hostile c", "hostile c++", "hostile python"])
def test_names_do_no_harm(browse, database, kind):
    terminal = browse(database(kind), size=(100, 30))
    title = terminal.tmux("display", "-p", "#{pane_title}")
    for keys, wanted in ((["Enter"], "Who calls"), (["Escape", "f"], "Called by"), (["Escape", "e"], "SOURCE"), (["Escape", "2"], "Functions by"),
                         (["3"], "over time"), (["i"], "The run")):
        for key in keys:
            terminal.press(key)
        text = terminal.until(wanted)
        assert not HARMFUL.search(text) and all(len(line) <= 100 for line in text.split("\n"))
        assert text.rstrip("\n").split("\n")[-1].endswith("q quit"), text
    assert terminal.tmux("display", "-p", "#{pane_title}") == title and not (terminal.folder / "evil").exists()
    terminal.press("q")
    terminal.until_left(0)


@pytest.mark.parametrize("number, status", [(None, 0), (signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGQUIT, 131)],
                         ids=str)
def test_the_terminal_is_given_back(browse, database, number, status):
    terminal = browse(database("small"))
    terminal.press("Enter")
    terminal.until("Who calls")
    if number is None:
        terminal.press("C-c")
    else:
        os.kill(terminal.pid(), number)
    terminal.until_left(status)


def test_stopped_and_continued(browse, database):
    """Also if the terminal was resized in between."""
    terminal = browse(database("small"))
    os.kill(terminal.pid(), signal.SIGSTOP)
    terminal.resize(100, 30)
    os.kill(terminal.pid(), signal.SIGCONT)
    terminal.until(lambda text: text.split("\n")[29].rstrip().endswith("q quit"))


def test_colors(browse, database):
    color = re.compile(r"\x1b\[(\d+;)*3[0-7](;\d+)*m")
    terminal = browse(database("small"))
    assert color.search(terminal.text("-e"))
    for env, arguments in (({"NO_COLOR": "1"}, []), ({}, ["--color", "never"]), ({"TERM": "vt100"}, [])):
        terminal = browse(database("small"), *arguments, env=env)
        assert not color.search(terminal.text("-e")) and terminal.selected()


def test_ascii(browse, database):
    """If the locale is not UTF-8, only ASCII is drawn."""
    terminal = browse(database("small"), env={"LC_ALL": "C"})
    terminal.press("Enter")
    assert terminal.until("Who calls").isascii()
    terminal.press("3")
    assert terminal.until("over time").isascii()


@pytest.mark.parametrize("env, arguments, why", [({}, [], "needs a terminal"), ({}, ["--json"], "for programs")])
def test_where_there_is_no_terminal(run, make_db, env, arguments, why):
    make_db("small")
    done = run("browse", *arguments, env=env)
    assert done.returncode == 2 and done.stdout == "" and why in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize("term", ["dumb", "no-such-terminal", ""])
def test_terminals_that_cannot_be_drawn_on(terminal, make_db, term):
    make_db("small")
    text = terminal(80, "browse", env={"TERM": term})
    assert "TERM" in text and text.count("\n") == 1 and "\x1b" not in text


def test_errors_are_said_as_everywhere(terminal, make_db):
    make_db("small")
    for arguments, why in ((["nobody"], "no run"), (["-d", "nothing.db"], "nothing.db"), (["--process", "nobody"], "nobody"),
                           (["--from", "nowhere"], "nowhere")):
        text = terminal(80, "browse", *arguments)
        assert why in text and "\x1b[?1049h" not in text, text


def test_filters(browse, database, ask):
    """browse shows the same rows as top with the same options."""
    options = ["--function", "load", "--module", "*"]
    top = ask(database("small")).json("top", "--limit", "0", *options)["rows"]
    terminal = browse(database("small"), "--bytes", *options)
    text = terminal.until("only")
    assert f"1/{len(top)}" in text
    compare(table(text), top)
    terminal = browse(database("small"), "--file", "nothing", ready="Nothing in it matches")
    for keys in "Enter", "e", "f", "G", "n":
        terminal.press(keys)
    terminal.press("q")
    terminal.until_left(0)


def test_a_part_of_a_run_that_goes_on(browse, steps, tmp_path):
    program = steps()
    until_recording(tmp_path / "trace.db")
    program.do("keep 100", "mark one", "keep 50")
    terminal = browse(tmp_path / "trace.db", "--from", "one", "--bytes")
    assert table(terminal.until("a part of the run"))[0]["LIVE"] == "+5000"
    program.do("keep 10")
    terminal.until("+6000")
    assert program.end() == 0
    text = terminal.until(lambda text: "complete" in text.split("\n")[0])
    assert "a part of the run" in text and "+6000" in text


def test_what_is_missing_is_said(browse, database, ask):
    missing = ask(database("dead")).json("summary")["run"]["missing"]
    terminal = browse(database("dead"))
    text = terminal.until("interrupted")
    assert missing and missing[0][:60] in text
    terminal.press("i")
    terminal.until("The run")


def test_a_part_of_a_run(browse, steps, recorded, ask, tmp_path):
    program = steps()
    until_recording(tmp_path / "trace.db")
    program.do("keep 100", "mark one", "keep 50", "mark two", "keep 7")
    assert program.end() == 0
    recorded(tmp_path / "trace.db")
    ask = ask(tmp_path / "trace.db")
    top = ask.json("top", "--from", "one", "--to", "two", "--limit", "0")["rows"]
    terminal = browse(tmp_path / "trace.db", "--from", "one", "--to", "two", "--bytes")
    cells = table(terminal.until("a part of the run"))[0]
    assert cells["BYTES"] == str(top[0]["bytes"]) == "5000" and cells["LIVE"] == "+5000"
    terminal.press("s", "s")  # skips measures that are not known for a part of a run
    terminal.until("Lines by live")
    terminal.press("Enter")
    terminal.until(lambda text: "Who calls" in text and "+5000" in text)
    terminal.press("3")
    terminal.until("over time")
