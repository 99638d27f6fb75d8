"""Probes of user space (USDT): who listens learns of each sample what the record has. gdb listens here."""

import collections
import re
import subprocess

import pytest

from conftest import ROOT, rows, wait_for_run

PROGRAM = r"""
#include <stdlib.h>
#include <string.h>
struct row { struct row *next; char text[100]; };
int main(void)
{
    struct row *rows = NULL;
    char *all = malloc(100000);
    for (int i = 0; i < 20000; i++) {
        struct row *row = malloc(sizeof *row);
        free(malloc(3000));
        row->next = rows;
        rows = row;
        if (i % 1000 == 0)
            all = realloc(all, 100000 + 70 * (size_t)i);
    }
    for (int i = 0; i < 15000; i++) {
        struct row *gone = rows;
        rows = rows->next;
        free(gone);
    }
    all = realloc(all, 0);
    return 0;
}
"""
INTERVAL = 64 << 10


def test_they_are_in_the_file(build):
    """With a semaphore each, and their arguments where a listener finds them."""
    notes = subprocess.run(["readelf", "-nW", build.library], capture_output=True, text=True, check=True).stdout
    probes = re.findall(r"Provider: (\w+)\s+Name: (\w+)\s+Location: \w+, Base: \w+, Semaphore: (\w+)\s+Arguments: (.*)", notes)
    assert {(provider, name) for provider, name, _, _ in probes} == {("otel_memory", "alloc"), ("otel_memory", "free")}
    for _, name, semaphore, arguments in probes:
        assert int(semaphore, 16)
        assert [a.split("@")[0].lstrip("-") for a in arguments.split()] == ["8"] * {"alloc": 3, "free": 1}[name]


def listen(gdb, build, command, database, tmp_path):
    """(block, bytes, weighted bytes) of each allocation and (block,) of each free that a listener learns of, in order."""
    script = tmp_path / "listen.gdb"
    lines = ["set pagination off", "set breakpoint pending on", "set debuginfod enabled off",
             f"set exec-wrapper env LD_PRELOAD={build.library} LIBTRACE_DB={database} LIBTRACE_SAMPLE={INTERVAL}"]
    for name, count in (("alloc", 3), ("free", 1)):
        values = ", ".join(f"(unsigned long)$_probe_arg{i}" for i in range(count))
        lines += [f"break -probe-stap otel_memory:{name}", "commands", "silent", f'printf "probe{" %lu" * count}\\n", {values}', "continue", "end"]
    script.write_text("\n".join([*lines, "run", ""]), encoding="utf-8")
    done = subprocess.run([gdb, "-nx", "-batch", "-x", script, "--args", *map(str, command)], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=300)
    found = [tuple(map(int, line.split()[1:])) for line in done.stdout.splitlines() if line.startswith("probe ")]
    assert "exited normally" in done.stdout, done.stdout[-2000:] + done.stderr[-2000:]
    wait_for_run(database)
    return found


@pytest.mark.parametrize("language", ["c", "python"])
def test_what_a_listener_learns_is_what_is_recorded(language, build, program, tmp_path):
    gdb = program("gdb")
    if language == "c":
        source = tmp_path / "rows.c"
        source.write_text(PROGRAM, encoding="utf-8")
        subprocess.run(["gcc", "-g", "-O0", source, "-o", tmp_path / "rows"], check=True)
        command = [tmp_path / "rows"]
    else:
        command = ["/usr/bin/python3", ROOT / "tests/workloads/python/objects.py", 20000]
    database = tmp_path / "trace.db"
    found = listen(gdb, build, command, database, tmp_path)
    live, made, of = {}, collections.Counter(), collections.Counter()
    for block, *sizes in found:
        if sizes:
            size, weighted = sizes
            assert weighted % size == 0
            made["blocks"] += weighted // size
            made["bytes"] += weighted
            live[block] = (weighted // size, weighted)
            of[weighted // size] += 1
        else:
            live.pop(block, None)
    assert len(found) > 50 and max(of) > 10  # many samples, some of which stand for many blocks
    recorded = rows(database, "SELECT sum(allocations), sum(bytes), sum(live_allocations), sum(live_bytes) FROM site")[0]
    assert (made["blocks"], made["bytes"]) == tuple(recorded)[:2]
    assert (sum(n for n, _ in live.values()), sum(w for _, w in live.values())) == tuple(recorded)[2:]


def test_they_cost_nothing_while_nobody_listens(build):
    """The semaphores are 0 in the file: the kernel or a debugger counts them up."""
    sections = subprocess.run(["readelf", "-SW", build.library], capture_output=True, text=True, check=True).stdout
    offset, size = re.search(r" \.probes +PROGBITS +\w+ (\w+) (\w+)", sections).groups()
    with open(build.library, "rb") as file:
        file.seek(int(offset, 16))
        assert file.read(int(size, 16)) == bytes(int(size, 16)) and int(size, 16) == 4
