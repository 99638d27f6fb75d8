"""A collector that was built under a sanitizer records programs: threads, families, marks, a killed one, a database that
is asked meanwhile. It has nothing to say, and the record is whole."""

import os
import pathlib
import signal
import subprocess

import pytest
from conftest import clean_environment, rows, wait_for_run

SANITIZED = pathlib.Path(os.environ.get("LIBTRACE_SANITIZED", "/none"))
pytestmark = pytest.mark.skipif(not SANITIZED.exists(), reason="LIBTRACE_SANITIZED names no sanitized build")


@pytest.fixture
def environment(tmp_path):
    """For programs to be traced; afterwards nothing may have been reported."""
    options = f"log_path={tmp_path}/report:exitcode=99:halt_on_error=0:detect_leaks=0"  # what it has goes with its end
    [library] = SANITIZED.glob("lib*/**/libtrace.so")
    yield clean_environment() | {"LD_PRELOAD": str(library), "LIBTRACE_DB": str(tmp_path / "trace.db"), "LC_ALL": "C",
                                 **{f"{name}_OPTIONS": options for name in ("ASAN", "UBSAN", "TSAN")}}
    reports = "\n".join(file.read_text()[:4000] for file in sorted(tmp_path.glob("report.*")))
    assert not reports, reports


PROGRAMS = {
    "threads": "{}/churn 8 3",
    "crowd": "{}/crowd 100 2000",
    "family": "{}/going forks 20",
    "marks": "{}/marks",
    "wrappers": "for i in 1 2 3 4 5; do {0}/hello you 3 & {0}/hello; done; wait; exec nice {0}/hello",
}


@pytest.mark.parametrize("options", [{}, {"LIBTRACE_THREADS": "1", "LIBTRACE_EVENTS": "1"}], ids=["usual", "all"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_records(name, options, build, environment, tmp_path):
    command = ["sh", "-c", PROGRAMS[name].format(build.targets)]
    done = subprocess.run(command, env=environment | options, stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=120)
    assert done.stderr == b"" and done.returncode == 0
    run = wait_for_run(tmp_path / "trace.db")
    assert run["state"] == "complete" and run["allocations"] > 0 and run["events_lost"] == 0


def test_asked_and_killed(build, environment, tmp_path):
    database = tmp_path / "trace.db"
    with subprocess.Popen([build.target("churn"), "4", "60"], env=environment, stdout=subprocess.PIPE) as program:
        assert program.stdout.readline() == b"ready\n"
        for command in ("top", "summary", "runs", "tree", "leaks"):
            asked = subprocess.run([build.root / "tests/trace-report-sanitized", command, "--db", database], capture_output=True, text=True,
                                   env={k: v for k, v in environment.items() if k != "LD_PRELOAD"}, timeout=120)
            assert asked.returncode == 0, asked.stderr
        program.send_signal(signal.SIGKILL)
    assert wait_for_run(database)["state"] != "recording"
    assert rows(database, "PRAGMA integrity_check")[0][0] == "ok"
