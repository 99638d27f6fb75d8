"""pytest: what each test takes, what it leaves, and a limit.

    trace-run pytest -p pytest_libtrace                   # or: pytest -p pytest_libtrace --libtrace

    @pytest.mark.limit_memory("10 MB")                    # the test fails if more than that is live in it at once
    def test_load(): ...

A peak is what was live in the test above what was live before it, native memory included, in all processes of the run.
The summary lists the tests with the highest, those that left most behind, and those that take more, or less, than in the
run before. Untraced nothing is measured, and the limits are not looked at.
"""

import gc
import os
import re
import sys

import libtrace
import pytest

SHOWN = 10  # tests in each table
CHANGED = 64 << 10  # bytes: a change is shown from here on, if it is a tenth at least
UNITS = {"": 1, "B": 1, "K": 1 << 10, "KB": 1 << 10, "M": 1 << 20, "MB": 1 << 20, "G": 1 << 30, "GB": 1 << 30,
         "T": 1 << 40, "TB": 1 << 40}
CACHE = "libtrace/tests"


def parse_size(text):
    """Bytes of "10 MB", "1.5GiB", 4096: units are powers of 1024, as pytest-memray has them."""
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return int(text)
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*", str(text))
    unit = match and UNITS.get(match[2].upper().replace("IB", "B"))
    if not unit:
        raise ValueError(f"'{text}' is not a size: a number and one of B, KB, MB, GB, TB")
    return int(float(match[1]) * unit)


def show_size(size):
    """As the reports show it: 12.3 MiB."""
    sign, size = ("-" if size < 0 else ""), abs(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{sign}{size} B" if unit == "B" else f"{sign}{size:.1f} {unit}"
        size /= 1024
    return ""


def pytest_addoption(parser):
    group = parser.getgroup("libtrace")
    group.addoption("--libtrace", action="store_true", help="trace this run, if it is not traced already")


def pytest_configure(config):
    config.addinivalue_line("markers", "limit_memory(size): fails if the test has more than that live at once (libtrace)")
    config.pluginmanager.register(Measures(config), "libtrace-measures")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """Begins again, traced, in the same process."""
    if not config.getoption("--libtrace") or libtrace.traced():
        return
    library = os.environ.get("LIBTRACE_LIBRARY") or find_library()
    if not library:
        raise pytest.UsageError("--libtrace: libtrace.so was not found; start with trace-run, or set LIBTRACE_LIBRARY")
    others = [name for name in os.environ.get("LD_PRELOAD", "").split(":") if name]
    if library in others:
        raise pytest.UsageError("--libtrace: this Python cannot be traced (its first line on standard error says why)")
    os.environ["LD_PRELOAD"] = ":".join([library, *others])
    argv = getattr(sys, "orig_argv", None) or [sys.executable, "-m", "pytest", *config.invocation_params.args]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *argv[1:]])


def find_library():
    """libtrace.so of the installation that trace-report is of."""
    program = libtrace._report()  # pylint: disable=protected-access # the two are one package
    for folder in (os.path.dirname(os.path.dirname(os.path.realpath(program))),) if program else ():
        for found in (os.path.join(folder, "lib", "libtrace.so"),
                      os.path.join(folder, "lib", f"{os.uname().machine}-linux-gnu", "libtrace.so")):
            if os.path.exists(found):
                return found
    return None


class Measures:
    """The parts of all tests that have run."""

    def __init__(self, config):
        self.config = config
        self.parts = {}  # by test

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item):
        """Around the test itself, not its fixtures."""
        if not libtrace.traced():
            yield
            return
        gc.collect()
        with libtrace.part(item.nodeid) as part:
            yield
            gc.collect()
        self.parts[item.nodeid] = part

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item, call):
        """A test that passed fails by its limit."""
        outcome = yield
        report, part = outcome.get_result(), self.parts.get(item.nodeid)
        limits = [parse_size(mark.args[0] if mark.args else mark.kwargs["size"]) for mark in item.iter_markers("limit_memory")]
        if call.when != "call" or not report.passed or not limits or not part:
            return
        try:
            if part.peak_bytes > min(limits):
                report.outcome, report.longrepr = "failed", self._explain(part, min(limits))
        except libtrace.Error as error:
            report.outcome, report.longrepr = "failed", f"whether it keeps to its limit of memory is not known: {error}"

    @staticmethod
    def _explain(part, limit):
        lines = [f"{show_size(part.peak_bytes)} were live at once, more than the limit of {show_size(limit)}. "
                 "Its largest allocations:"]
        for row in part.allocated(5):
            lines.append(f"{show_size(row['bytes']):>12}  {row['file'] or row['module']}:{row['line']}  {row['function']}")
        return "\n".join(lines)

    def pytest_terminal_summary(self, terminalreporter):
        """The tables; nothing where nothing was traced."""
        if not self.parts:
            return
        write = terminalreporter.write_line
        terminalreporter.section("memory by test (libtrace)")
        try:
            taken = libtrace.measure(self.parts.values())
        except libtrace.Error as error:
            write(f"not known: {error}")
            return
        now = {test: list(numbers) for test, numbers in zip(self.parts, taken)}
        write(f"{'PEAK':>10}  {'LEFT':>10}  TEST")
        for test in sorted(now, key=lambda test: -now[test][0])[:SHOWN]:
            write(f"{show_size(now[test][0]):>10}  {show_size(now[test][1]):>10}  {test}")
        left = [test for test in sorted(now, key=lambda test: -now[test][1]) if now[test][1] >= CHANGED][:SHOWN]
        if left:
            write(f"left most behind: {', '.join(f'{test} ({show_size(now[test][1])})' for test in left)}")
        self._compare(write, now)

    def _compare(self, write, now):
        cache = getattr(self.config, "cache", None)
        if cache is None:
            return
        before = cache.get(CACHE, {})
        for test in sorted(now):
            old, new = before.get(test, now[test])[0], now[test][0]
            if abs(new - old) >= CHANGED and abs(new - old) * 10 >= old:
                write(f"{'more' if new > old else 'less'} than last time: {show_size(old)} -> {show_size(new)}  {test}")
        cache.set(CACHE, {**before, **now})
