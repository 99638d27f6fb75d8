"""scripts/check's clang-tidy finds nothing wrong with the source, and finds planted faults."""
import json

from linters import copy_of, plant, run_check, SOURCE

FILE = "preload/commands/attach/proc.c"
HEADER = "preload/commands/attach/proc.h"


def test_nothing_is_wrong(build):
    assert run_check(SOURCE, "tidy", build.root) == (0, "check: nothing is wrong.\n")


def copied(folder):
    copy_of(folder, FILE, HEADER)
    call = ["cc", "-std=gnu11", "-Wall", "-Wextra", "-I", str(folder / "include"), "-c", str(folder / FILE)]
    (folder / "compile_commands.json").write_text(
        json.dumps([{"directory": str(folder), "file": str(folder / FILE), "arguments": call}]))
    assert run_check(folder, "tidy", folder) == (0, "check: nothing is wrong.\n")
    return folder


def test_a_mistake_is_found(tmp_path):
    folder = copied(tmp_path)
    line = plant(folder / FILE, '#include "proc.h"',
                 ["int proc_planted(int a);", "int proc_planted(int a)", "{", "    return a == 1 || a == 1;", "}"])
    status, said = run_check(folder, "tidy", folder)
    assert status == 1 and f"tidy: {FILE}:{line + 3}:" in said and "misc-redundant-expression" in said, said


def test_a_mistake_in_a_header_is_found(tmp_path):
    folder = copied(tmp_path)
    line = plant(folder / HEADER, "#define LIBTRACE_ATTACH_PROC_H",
                 ["static inline int proc_planted(int a)", "{", "    return a == 1 || a == 1;", "}"])
    status, said = run_check(folder, "tidy", folder)
    assert status == 1 and f"tidy: {HEADER}:{line + 2}:" in said, said


def test_a_warning_of_the_compiler_is_found(tmp_path):
    folder = copied(tmp_path)
    plant(folder / FILE, '#include "proc.h"', ["static int proc_planted(void)", "{", "    return 1;", "}"])
    status, said = run_check(folder, "tidy", folder)
    assert status == 1 and "unused function 'proc_planted'" in said, said
