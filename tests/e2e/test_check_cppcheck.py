"""scripts/check's cppcheck finds nothing wrong with the source, and finds planted faults."""
import pytest
from linters import copy_of, plant, run_check, SOURCE

FILE = "preload/commands/attach/proc.c"

FAULTS = {
    "memleak": ["int proc_planted(void);", "int proc_planted(void)", "{", "    char *text = malloc(10);",
                "    return text != NULL;", "}"],
    "resourceLeak": ["int proc_planted(void);", "int proc_planted(void)", "{",
                     '    FILE *file = fopen("/dev/null", "r");', "    return file != NULL;", "}"],
    "uninitvar": ["int proc_planted(void);", "int proc_planted(void)", "{", "    int number;", "    return number;",
                  "}"],
    "arrayIndexOutOfBounds": ["int proc_planted(void);", "int proc_planted(void)", "{", "    int all[4] = {0};",
                              "    return all[4];", "}"],
}


def test_nothing_is_wrong(build):
    assert run_check(SOURCE, "cppcheck", build.root) == (0, "check: nothing is wrong.\n")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault, tmp_path):
    """Even kinds that are suppressed in other files are found."""
    folder = copy_of(tmp_path, FILE, "preload/commands/attach/proc.h")
    assert run_check(folder, "cppcheck", folder) == (0, "check: nothing is wrong.\n")
    plant(folder / FILE, "#include <string.h>", FAULTS[fault])
    status, said = run_check(folder, "cppcheck", folder)
    assert status == 1 and f"cppcheck: {FILE}:" in said and f"[{fault}]" in said, said
