"""What the collector has read of debug information is given back once nobody asks for names any more, and read again
when a new line allocates: also if the program's file is gone by then."""

import subprocess
import time

from conftest import collector_of, rows, wait_for_run

PROGRAM = """#include <stdio.h>
#include <stdlib.h>
static void *first(void) { return malloc(111); }
static void *second(void) { return malloc(222); }
int main(void)
{
    void *blocks[2] = {first(), NULL};
    setvbuf(stdin, NULL, _IONBF, 0);
    puts("ready");
    fflush(stdout);
    if (getchar() == 'x')
        blocks[1] = second();
    while (getchar() != EOF) {
    }
    free(blocks[0]);
    free(blocks[1]);
    return 0;
}
"""


def has_unpacked(collector):
    with open(f"/proc/{collector}/maps", encoding="utf-8") as maps:
        return "memfd:libtrace-debug" in maps.read()


def until(condition):
    """True once it held: it may not hold any more a moment later."""
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.2)
    return False


def test_given_back_and_read_again(started, report, tmp_path):
    (tmp_path / "program.c").write_text(PROGRAM)
    executable, database = tmp_path / "program", tmp_path / "trace.db"
    subprocess.run(["gcc", "-O0", "-g", "-gz=zlib", "-o", executable, tmp_path / "program.c"], check=True)
    program = started(executable)
    collector = collector_of(database)
    named = "SELECT function FROM lines WHERE bytes IN (111, 222) ORDER BY bytes"
    assert until(lambda: report(database, "top").returncode == 0 and len(rows(database, named)) == 1)
    assert until(lambda: not has_unpacked(collector))
    executable.unlink()
    program.stdin.write("x")
    program.stdin.flush()
    assert until(lambda: report(database, "top").returncode == 0 and len(rows(database, named)) == 2)
    program.stdin.close()
    assert program.wait(timeout=100) == 0
    assert wait_for_run(database)["state"] == "complete"
    assert [row["function"] for row in rows(database, named)] == ["first", "second"]
    lines = rows(database, "SELECT file, line FROM lines WHERE bytes IN (111, 222) ORDER BY bytes")
    source = str(tmp_path / "program.c")
    assert [tuple(row) for row in lines] == [(source, 3), (source, 4)]
