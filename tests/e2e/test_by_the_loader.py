"""Programs that are started through their loader, as bundles and wrappers of some distributions do."""

import pathlib
import subprocess
import sys

import pytest


PYTHON = pathlib.Path(sys.executable).resolve()


@pytest.fixture
def loader(build):
    """The loader that a program names."""
    said = subprocess.run(["readelf", "-l", build.target("hello")], capture_output=True, text=True, check=True).stdout
    return said.split("program interpreter: ")[1].split("]")[0]


@pytest.mark.parametrize("options", [[], ["--inhibit-cache"]], ids=["plain", "with an option"])
def test_program(options, loader, build, trace):
    traced = trace([loader, *options, build.target("hello")])
    assert (traced.returncode, traced.stdout, traced.stderr) == (0, b"hello world\n", b"")
    run = traced.rows("SELECT label FROM runs")
    assert [row["label"] for row in run] == ["hello"]
    lines = traced.rows("SELECT function FROM lines WHERE file LIKE '%/hello.c'")
    assert {row["function"] for row in lines} == {"main"}


def test_by_trace_run(loader, build, plain, recorded, tmp_path):
    command = [build.command("trace-run"), "-o", tmp_path / "trace.db", loader, build.target("hello")]
    traced = plain(command)
    assert (traced.returncode, traced.stdout, traced.stderr) == (0, b"hello world\n", b"")
    assert recorded(tmp_path / "trace.db")["label"] == "hello"


def test_script(loader, trace, tmp_path):
    script = tmp_path / "work.py"
    script.write_text("kept = [bytearray(1000) for _ in range(1000)]\n")
    traced = trace([loader, PYTHON, script])
    assert (traced.returncode, traced.stdout, traced.stderr) == (0, b"", b"")
    assert [row["label"] for row in traced.rows("SELECT label FROM runs")] == ["work.py"]
    lines = traced.rows("SELECT sum(bytes) AS bytes FROM lines WHERE file LIKE '%/work.py' AND line = 1")
    assert lines[0]["bytes"] >= 1_000_000
