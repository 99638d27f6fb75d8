"""Reports on real traced runs, in C, C++ and Python: their numbers agree with the run's and with each other's."""

import json
import subprocess

import pytest

from conftest import clean_environment, wait_for_run


@pytest.fixture(scope="module", params=["c", "cpp", "python"])
def recorded(request, build, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports")
    script = folder / "words.py"
    script.write_text("words = {}\nfor i in range(20000):\n    words[i] = [str(i)] * 3\nkept = list(words)\nprint(len(kept))\n")
    argv = {"c": [build.workload("list"), "5000"], "cpp": [build.workload("shapes"), "500"],
            "python": ["/usr/bin/python3", str(script)]}[request.param]
    env = clean_environment({"LD_PRELOAD": build.library, "LIBTRACE_DB": folder / "trace.db"})
    subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=True)
    wait_for_run(folder / "trace.db")

    def report(*arguments, status=0):
        done = subprocess.run([build.command("trace-report"), *arguments, "--db", folder / "trace.db"],
                              capture_output=True, text=True, timeout=60, env=clean_environment({}))
        assert done.returncode == status, done.stderr
        return done.stdout

    report.json = lambda *arguments, **more: json.loads(report(*arguments, "--json", **more))
    report.language = request.param
    return report


def test_sizes_and_lifetimes(recorded):
    found = recorded.json("histogram")
    assert sum(s["allocations"] for s in found["sizes"]) == found["allocations"] == found["run"]["allocations"]
    assert sum(l["blocks"] for l in found["lifetimes"]) == found["freed"] == found["run"]["frees"]


def test_leaks_and_timeline(recorded):
    leaks = recorded.json("leaks", "--all", "--limit", "0")
    assert sum(r["live_bytes"] for r in leaks["rows"]) == leaks["live_bytes"]
    if leaks["python_ends"]:  # it is what was live before the interpreter's shutdown freed everything
        assert leaks["run"]["live_bytes"] < leaks["live_bytes"] <= leaks["run"]["peak_bytes"]
    else:
        assert leaks["live_bytes"] == leaks["run"]["live_bytes"]
    timeline = recorded.json("timeline")
    times = [s["t_s"] for s in timeline["samples"]]
    assert times and times == sorted(times)
    assert max(s["live_bytes"] for s in timeline["samples"]) <= leaks["run"]["peak_bytes"]


def test_python_lines_can_be_filtered(recorded):
    total = recorded.json("top")["total"]
    parts = [recorded.json("top", "--language", language)["total"] for language in ("native", "python")]
    assert parts[0]["bytes"] + parts[1]["bytes"] == total["bytes"]
    if recorded.language == "python" and parts[1]["bytes"] > 0:
        rows = recorded.json("temporary", "--file", "*.py")["rows"]
        assert all(r["language"] == "python" for r in rows)
