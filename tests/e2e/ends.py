"""Calls a report as soon as a program has ended, in any of ten ways, and checks that the report is right each time.

    ends.py [TRIES]

TRIES (100) is the number of tries for each way. The subcommands of trace-report take turns. LIBTRACE_BUILD is the build.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import conftest  # noqa: E402

BLOCKS = 1000
# How the program is started, its exit status, and whether one of its processes continues after it has ended.
WAYS = {
    "exit": (3, False),
    "_exit": (3, False),
    "quick_exit": (3, False),
    "abort": (-6, False),
    "killed": (-9, False),
    "executes": (3, False),
    "daemon": (0, True),
    "threads": (0, False),
    "leaves child": (-9, True),
    "number 1": (3, False),
}
REPORTS = ("top", "summary", "tree", "leaks", "runs", "sql", "temporary", "histogram", "timeline", "export", "html")
SQL = "SELECT state, (SELECT sum(allocations) FROM lines WHERE function = 'allocate') AS n FROM runs"
UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc"]


def can_unshare():
    try:
        return subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def run(build, way, database):
    argv = [build.target("ends"), way, build.target("hello-static")]
    env = conftest.clean_environment({"LIBTRACE_DB": database, "LD_PRELOAD": build.library})
    if way == "number 1":
        del env["LD_PRELOAD"]
        argv = [*UNSHARE, "env", f"LD_PRELOAD={build.library}", *argv]
    return subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)


def ask(build, name, database):
    """Calls one subcommand; returns the run's state according to it (None if it shows none), and the allocations of
    allocate()."""
    page = database + ".html"
    arguments = {"sql": ["--json", SQL], "export": ["--format", "folded"], "html": ["-o", page]}.get(name, ["--json"])
    ended = subprocess.run([build.command("trace-report"), name, *arguments, "--db", database], env=conftest.clean_environment(),
                           capture_output=True, text=True, timeout=120, check=False)
    if ended.returncode != 0:
        return f"status {ended.returncode}: {ended.stderr.strip()}", None
    if name in ("export", "html"):
        return None, "allocate" in (pathlib.Path(page).read_text(encoding="utf-8") if name == "html" else ended.stdout)
    said = json.loads(ended.stdout)
    if name == "sql":
        return tuple(said["rows"][0])
    if name == "top":
        lines = [row["allocations"] for row in said["rows"] if row["function"] == "allocate"]
        return said["run"]["state"], sum(lines)
    run_of = said["runs"][0] if name == "runs" else said["run"]
    return run_of["state"], None


def wrong(build, way, name, folder):
    """Makes one try; returns what is wrong, or an empty text."""
    database = str(pathlib.Path(folder) / "trace.db")
    status, goes_on = WAYS[way]
    ended = run(build, way, database)
    if (ended.returncode, ended.stderr) != (status, b""):
        return f"status {ended.returncode}, {ended.stderr[:200]!r}"
    state, count = ask(build, name, database)
    whole = BLOCKS * (2 if goes_on or way == "threads" else 1)
    allowed = ("complete", "recording") if goes_on else ("complete",)
    if state is not None and state not in allowed:
        return f"{name}: {state}"
    if count is False or (count not in (None, True) and count != whole and not (goes_on and state == "recording" and count == BLOCKS)):
        return f"{name}: {count} of {whole} allocations, {state}"
    final = conftest.wait_for_run(database)
    counted = conftest.rows(database, SQL)[0]["n"]
    return "" if (final["state"], counted) == ("complete", whole) else f"at last {final['state']}, {counted} of {whole}"


def main():
    build, bad = conftest.Build(), 0
    tries = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    for way in WAYS:
        if way == "number 1" and not can_unshare():
            print(f"{way}: cannot be tried here")
            continue
        found = []
        for number in range(tries):
            with tempfile.TemporaryDirectory() as folder:
                found.append(wrong(build, way, REPORTS[number % len(REPORTS)], folder))
        found = [what for what in found if what]
        bad += len(found)
        print(f"{way}: {tries - len(found)} of {tries} right{'; ' if found else ''}{'; '.join(sorted(set(found))[:4])}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
