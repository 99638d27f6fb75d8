"""scripts/check finds nothing wrong with the source, and finds planted faults."""
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2]
QUICK = ["layers", "circles", "names", "guest", "format", "shell"]  # the linters are tests of their own


def check(source, *arguments):
    result = subprocess.run([source / "scripts" / "check", *arguments], capture_output=True, text=True, timeout=300)
    assert not result.stderr, result.stderr
    return result.returncode, result.stdout


@pytest.mark.may_fail_counting("the library calls what clang's runtime for it needs")
def test_nothing_is_wrong(build):
    status, said = check(SOURCE, "--build", str(build.root), *QUICK)
    assert status == 0, said
    assert "check: nothing is wrong." in said


@pytest.fixture
def copy(tmp_path):
    for folder in ("include", "analyzer", "preload", "scripts"):
        shutil.copytree(SOURCE / folder, tmp_path / folder)
    assert check(tmp_path, "layers", "circles", "names")[0] == 0
    return tmp_path


def finds(copy, name, what):
    status, said = check(copy, name)
    assert status == 1 and what in said, said


def test_an_include_that_points_up_is_found(copy):
    with open(copy / "analyzer" / "query" / "run.c", "a") as file:
        file.write('#include "table.h"\n')
    finds(copy, "layers", "table.h is of no room below analyzer/query")


def test_an_include_that_points_up_inside_the_library_is_found(copy):
    with open(copy / "preload" / "guest" / "stack" / "modules.c", "a") as file:
        file.write('#include "session.h"\n')
    finds(copy, "layers", "session.h is of no room below preload/guest/stack")


def test_what_runs_inside_programs_includes_nothing_of_the_commands(copy):
    with open(copy / "preload" / "guest" / "entry" / "attach.c", "a") as file:
        file.write('#include "../../commands/attach/inject.h"\n')
    finds(copy, "layers", "preload/commands/attach/inject.h, which is not below it")


def test_an_include_from_beside_is_found(copy):
    with open(copy / "analyzer" / "export" / "csv.c", "a") as file:
        file.write('#include "../report/table.h"\n')
    finds(copy, "layers", "analyzer/report/table.h, which is not below it")


def test_a_circle_is_found(copy):
    with open(copy / "analyzer" / "query" / "json.h", "a") as file:
        file.write('#include "run.h"\n')
    finds(copy, "circles", "analyzer/query/run.h -> ")


def test_a_second_file_of_a_name_is_found(copy):
    (copy / "preload" / "by_line.h").write_text("")
    finds(copy, "names", "2 files are called by_line.h")


def test_a_call_that_a_guest_must_not_make_is_found(copy):
    library = copy / "build" / "release" / "lib" / "libtrace.so"
    library.parent.mkdir(parents=True)
    (copy / "talks.c").write_text('#include <stdio.h>\nvoid talk(int n) { printf("%d", n); }\n')
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, copy / "talks.c"], check=True)
    finds(copy, "guest", "libtrace.so calls printf()")
