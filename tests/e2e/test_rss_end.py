"""A program that ends while the collector looks at its pages: nothing of the record is lost, and nobody waits for the look."""

import subprocess

import pytest

from conftest import clean_environment, rows, wait_for_run
from test_rss_walk import Talking

BLOCKS = 2_000_000  # a look at them takes a while: tens of milliseconds

SOURCE = f"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(void)
{{
    for (long i = 0; i < {BLOCKS}; i++) {{
        size_t size = 16 + (size_t)i % 5 * 16;
        void **block = malloc(size);
        memset(block, 1, size);
    }}
    puts("ready 0");
    fflush(stdout);
    getchar();
    return 0;
}}
"""


@pytest.fixture(scope="module")
def holder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("holder")
    (folder / "holder.c").write_text(SOURCE)
    subprocess.run(["gcc", "-O1", "-g", "-w", "-o", folder / "holder", folder / "holder.c"], check=True, env=clean_environment())
    return folder / "holder"


def has_moments(database):
    return rows(database, "SELECT 1 FROM sqlite_master WHERE name = 'page_moment'") != []


@pytest.mark.parametrize("seconds", [0, 0.02, 0.05, 0.1])
def test_end_within_a_look(build, preload, tmp_path, holder, seconds):
    """Somebody asks, and the program ends so long after that."""
    database = tmp_path / "trace.db"
    program = Talking([str(holder)], preload())
    asking = subprocess.Popen([build.command("trace-report"), "rss", "--json", "--db", str(database)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment())
    try:
        asking.wait(timeout=seconds or 0.001)
    except subprocess.TimeoutExpired:
        pass
    program.end()
    out, _ = asking.communicate(timeout=60)
    assert asking.returncode == 0 and out
    run = wait_for_run(database)
    assert run["state"] == "complete" and run["exit_status"] == 0
    assert BLOCKS <= run["live_allocations"] < BLOCKS + 10
    for moment in rows(database, "SELECT kind, t_ns, took_ns, resident, missing, (SELECT sum(bytes) FROM page_row AS r WHERE r.moment = m.id AND r.part < 9) "
                                 "AS parts FROM page_moment AS m") if has_moments(database) else []:
        assert moment["resident"] == (moment["parts"] or 0) > 0 and moment["missing"] is None, dict(moment)
