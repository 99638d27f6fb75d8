"""A program that overwrites what its tracer shares with it goes on as if untraced; scripts/test-scribbles tries more."""

import json
import time

import scribbles
from conftest import clean_environment

SECONDS = 15
MOST = 40


def test_scribbles(build, preload, tmp_path, say):
    """Wherever the program writes, its output and exit status are right, the collector ends, and the database is sound."""
    program = build.target("scribbler")
    right = scribbles.expected(program, clean_environment())
    start, tried, wrong = time.monotonic(), 0, []
    while tried < MOST and (tried < 16 or time.monotonic() - start < SECONDS):
        database = tmp_path / f"{tried}.db"
        found = scribbles.scribble(program, tried, preload(db=database), database, right)
        wrong += [found] if found else []
        tried += 1
    say(f"scribbles: {tried} tried, {len(wrong)} wrong")
    assert not wrong, "\n".join(wrong)


def test_said_in_the_record(build, preload, tmp_path, report):
    """If a run's record was overwritten, its reports say so."""
    program, database = build.target("scribbler"), tmp_path / "trace.db"
    right = scribbles.expected(program, clean_environment())
    seed = scribbles.PLACES.index("nodes")
    said = False
    for seed in range(seed, seed + 40 * len(scribbles.PLACES), len(scribbles.PLACES)):
        assert scribbles.scribble(program, seed, preload(db=database), database, right) is None
        summary = json.loads(report(database, "summary", "--json").stdout)
        if summary["run"]["damaged"]:
            said = True
            break
    assert said, "of 40 runs with stacks overwritten none was found damaged"
    assert "overwrote memory of the tracer's" in report(database, "top").stdout
    assert "overwrote memory of the tracer's" in report(database, "summary").stdout
