"""scripts/verify: a handful of its rows are as they should be, and a library that drops one event in a million is found out."""

import json
import subprocess

from conftest import ROOT, clean_environment


def verify(build, *arguments):
    return subprocess.run([ROOT / "scripts" / "verify", "--build", build.root, *arguments], env=clean_environment(),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=500)


def test_rows_that_are_equal(build, tmp_path, say):
    done = verify(build, "--quick", "--json", tmp_path / "rows.json")
    say(done.stdout)
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert done.returncode == 0 and len(rows) >= 10, done.stdout + done.stderr
    here = [row for row in rows if not row["not_here"]]
    assert len(here) >= 7 and not any(row["wrong"] for row in here)
    assert all(row["measures"] and row["measures"][0]["ours"] > 0 for row in here)


def test_one_lost_event_in_a_million_is_noticed(build, say):
    done = verify(build, "--quick", "--broken", "--only", "its own counts")
    say(done.stdout)
    assert done.returncode == 1 and "WRONG: allocations -" in done.stdout, done.stdout + done.stderr
    # What has fewer events than that is counted as before.
    assert verify(build, "--quick", "--broken", "--only", "dict (C)").returncode == 0


def test_what_is_not_there(build):
    done = verify(build, "--only", "no such program")
    assert done.returncode != 0 and "--list" in done.stderr
