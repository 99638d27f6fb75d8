"""pytest_libtrace: what each test takes and leaves, limits that make a test fail, and the comparison with the previous run."""

import pathlib
import re
import subprocess

import pytest

from conftest import clean_environment

MODULES = pathlib.Path(__file__).resolve().parents[2] / "include" / "python"

TESTS = """
import os

import pytest

kept = []


def test_small():
    assert len([1] * 10) == 10


@pytest.mark.limit_memory("10 MB")
def test_within():
    passing = bytearray(8 << 20)
    del passing


@pytest.mark.limit_memory("1.5 MiB")
def test_over():
    rows = [bytes(1000) for _ in range(5000)]
    assert rows


def test_leaves():
    kept.append([bytes(1000) for _ in range(int(os.environ["LEFT"]))])


@pytest.mark.limit_memory(1000)
def test_fails_by_itself():
    rows = bytearray(1 << 20)
    assert rows == 1


@pytest.mark.xfail
@pytest.mark.limit_memory("1 KB")
def test_expected():
    raise ValueError
"""


@pytest.fixture
def run(build, tmp_path):
    """run(left, traced, *arguments): runs pytest; returns its exit status, and the lines that it printed."""

    def start(left, traced, *arguments):
        (tmp_path / "test_some.py").write_text(TESTS)
        env = clean_environment({"PYTHONPATH": MODULES, "LIBTRACE_DB": tmp_path / "trace.db", "LEFT": left,
                                 "PATH": f"{build.bin}:/usr/bin:/bin"})
        if traced:
            env["LD_PRELOAD"] = str(build.library)
        process = subprocess.run(["/usr/bin/python3", "-m", "pytest", "-rA", "-p", "pytest_libtrace", *arguments, "test_some.py"],
                                 env=env, cwd=tmp_path, capture_output=True, text=True, timeout=200)
        assert process.stderr == ""
        return process.returncode, process.stdout.splitlines()

    return start


def outcomes(lines):
    return {line.split("::")[1].split()[0]: line.split()[0] for line in lines if re.match(r"(PASSED|FAILED|XFAIL|ERROR) ", line)}


PLAIN = {"test_small": "PASSED", "test_within": "PASSED", "test_over": "PASSED", "test_leaves": "PASSED",
         "test_fails_by_itself": "FAILED", "test_expected": "XFAIL"}


def table(lines):
    """By test: its peak and what it left, in MiB."""
    unit = {"B": 1 / (1 << 20), "KiB": 1 / 1024, "MiB": 1}
    found = {}
    for line in lines:
        match = re.fullmatch(r" *(-?[0-9.]+) (B|KiB|MiB) +(-?[0-9.]+) (B|KiB|MiB)  test_some.py::(\w+)", line)
        if match:
            found[match[5]] = (float(match[1]) * unit[match[2]], float(match[3]) * unit[match[4]])
    return found


def test_traced(run):
    status, lines = run(3000, True)
    assert status == 1, "\n".join(lines)
    assert outcomes(lines) == {**PLAIN, "test_over": "FAILED"}
    peaks = table(lines)
    assert set(peaks) == set(PLAIN)
    for test, peak, left in (("test_within", 8, 0), ("test_over", 5, 0), ("test_leaves", 3, 3), ("test_small", 0, 0)):
        assert abs(peaks[test][0] - peak) < 0.2 and abs(peaks[test][1] - left) < 0.2, (test, peaks[test])
    said = next(i for i, line in enumerate(lines) if "more than the limit of 1.5 MiB" in line)
    assert lines[said].startswith("4.9 MiB were live at once") or lines[said].startswith("5.0 MiB were live at once")
    assert re.search(r"MiB +\S*test_some.py:21  ", lines[said + 1]), lines[said + 1]
    assert any(line.startswith("left most behind: test_some.py::test_leaves (3.0 MiB") for line in lines)


def test_the_run_before(run):
    run(3000, True)
    lines = run(9000, True)[1]
    assert [line for line in lines if "than last time" in line] == ["more than last time: 3.0 MiB -> 8.9 MiB  test_some.py::test_leaves"]
    lines = run(3000, True)[1]
    assert [line for line in lines if "than last time" in line] == ["less than last time: 8.9 MiB -> 3.0 MiB  test_some.py::test_leaves"]


def test_untraced(run):
    status, lines = run(3000, False)
    assert (status, outcomes(lines)) == (1, PLAIN)
    assert not table(lines) and not any("libtrace" in line for line in lines if "plugins" not in line)


def test_traces_itself(run):
    status, lines = run(3000, False, "--libtrace")
    assert status == 1 and outcomes(lines)["test_over"] == "FAILED" and len(table(lines)) == len(PLAIN)


@pytest.mark.parametrize("text, size", [("10 MB", 10 << 20), ("1.5GiB", 3 << 29), ("4096", 4096), (4096, 4096), ("2 k", 2048)])
def test_sizes(text, size):
    script = f"import pytest_libtrace; print(pytest_libtrace.parse_size({text!r}))"
    done = subprocess.run(["/usr/bin/python3", "-c", script], env=clean_environment({"PYTHONPATH": MODULES}),
                          capture_output=True, text=True, check=True)
    assert int(done.stdout) == size


def test_a_size_that_is_none():
    script = "import pytest_libtrace; pytest_libtrace.parse_size('10 apples')"
    done = subprocess.run(["/usr/bin/python3", "-c", script], env=clean_environment({"PYTHONPATH": MODULES}),
                          capture_output=True, text=True, check=False)
    assert "'10 apples' is not a size: a number and one of B, KB, MB, GB, TB" in done.stderr
