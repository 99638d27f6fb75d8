"""A program's allocations can be reported as soon as it has ended; users need not wait."""

import json
import subprocess

import collector_script
import pytest


@pytest.mark.parametrize("first", [True, False], ids=["a new file", "a file with runs"])
def test_report_at_once(first, build, preload, report, tmp_path):
    """A report that is called at once shows the whole run with its lines. The program must not be delayed for that: if the
    collector is not done yet, the report waits."""
    for number in range(1, 11):
        database = tmp_path / (f"{number}.db" if first else "all.db")
        subprocess.run([build.workload("slots"), "2000"], env=preload(db=database), capture_output=True, check=True)
        answer = report(database, "top", "--json")
        # On a machine that is busy enough it says that it waits.
        assert answer.returncode == 0 and (not answer.stderr or answer.stderr.endswith("and is waited for\n")), \
            f"run {number}: {answer}"
        top = json.loads(answer.stdout)
        assert top["run"]["state"] == "complete", f"run {number}: {top['run']}"
        assert (top["run"]["allocations"], top["run"]["frees"]) == (2002, 2001), f"run {number}: {top['run']}"
        assert top["rows"][0]["function"] == "slots_new", f"run {number}: {top['rows']}"


LATE = 8  # seconds


def test_a_collector_that_begins_late(build, preload, report, tmp_path):
    """On a busy machine it may get no processor for long; its socket shows that it is there."""
    library = collector_script.install(build, tmp_path, f"sleep {LATE}")
    subprocess.run([build.workload("slots"), "2000"], env=preload({"LD_PRELOAD": library}), capture_output=True, check=True)
    answer = report(tmp_path / "trace.db", "top", "--json")
    assert answer.returncode == 0, answer
    assert json.loads(answer.stdout)["run"]["allocations"] == 2002
