"""Lines, functions and inlined calls from every form of debug information that compilers and linkers write
(tests/symbols/forms.h)."""

import pathlib
import shutil
import subprocess

import pytest

from conftest import ROOT

SOURCES = ROOT / "tests" / "symbols"


def place(file, mark):
    """"file:line" of the line that ends with this comment."""
    lines = (SOURCES / file).read_text().splitlines()
    found = [number for number, text in enumerate(lines, 1) if text.endswith(f"/* {mark} */")]
    assert len(found) == 1
    return f"{file}:{found[0]}"


# By size of a block: the frames of its stack, innermost first.
WANTED = {
    808: [("box", place("forms.h", "box")), ("main", place("forms_main.cc", "of box"))],
    777: [("raw", place("forms.h", "raw")), ("main", place("forms_main.cc", "of raw"))],
    666: [("near_by", place("forms_far.cc", "near_by")), ("away", place("forms_far.cc", "away")),
          ("main", place("forms_main.cc", "of away"))],
    555: [("step", place("forms_far.cc", "step")), ("beyond", place("forms_far.cc", "beyond")),
          ("main", place("forms_main.cc", "of beyond"))],
}

MOLD = "-fuse-ld=mold -B/usr/libexec/mold"
FORMS = {  # the compiler with options; commands to run afterwards
    "plain": ("g++ -O2 -g",),
    "split": ("g++ -O2 -g -gsplit-dwarf",),
    "split, version 4": ("g++ -O2 -gdwarf-4 -gsplit-dwarf",),
    "package, version 4": ("g++ -O2 -gdwarf-4 -gsplit-dwarf", "dwp -e prog", "rm -f {dwo}"),
    "package": ("clang++ -O2 -g -gsplit-dwarf", "llvm-dwp -e prog -o prog.dwp", "rm -f {dwo}"),
    "package, in pieces": ("clang++ -O2 -g -gsplit-dwarf -ffunction-sections", "llvm-dwp -e prog -o prog.dwp", "rm -f {dwo}"),
    "package, version 4, clang": ("clang++ -O2 -gdwarf-4 -gsplit-dwarf", "llvm-dwp -e prog -o prog.dwp", "rm -f {dwo}"),
    "in the object files": ("clang++ -O2 -g -gsplit-dwarf=single",),
    "in the object files, in pieces": ("clang++ -O2 -g -gsplit-dwarf=single -ffunction-sections",),
    "in the object files, version 4": ("clang++ -O2 -gdwarf-4 -gsplit-dwarf=single",),
    "in the object files, beside": ("clang++ -O2 -g -gsplit-dwarf=single -fdebug-prefix-map={folder}=/elsewhere",),
    "strict version 2": ("g++ -O2 -gdwarf-2 -gstrict-dwarf",),
    "strict version 2, clang": ("clang++ -O2 -gdwarf-2 -gstrict-dwarf",),
    "64 bits": ("g++ -O2 -gdwarf64 -g",),
    "zlib": ("g++ -O2 -g -gz",),
    "zstd": ("g++ -O2 -g -Wl,--compress-debug-sections=zstd",),
    "zstd, clang": ("clang++ -O2 -g -Wl,--compress-debug-sections=zstd",),
    "zstd, mold": (f"g++ -O2 -g {MOLD} -Wl,--compress-debug-sections=zstd",),
    "zstd, split": ("g++ -O2 -g -gsplit-dwarf -Wl,--compress-debug-sections=zstd",),
    "separate": ("g++ -O2 -g", "objcopy --only-keep-debug prog prog.debug", "strip prog", "objcopy --add-gnu-debuglink=prog.debug prog"),
    "unwinding by debug information": ("g++ -O2 -g -fno-asynchronous-unwind-tables -fno-exceptions",),
    "unwinding by debug information, version 4": ("g++ -O2 -gdwarf-4 -fno-asynchronous-unwind-tables -fno-exceptions -no-pie",),
    "unwinding by debug information, clang": ("clang++ -O2 -g -fno-asynchronous-unwind-tables -fno-exceptions",),
    "no build ID": ("g++ -O2 -g -Wl,--build-id=none",),
}
# DWARF 2 can describe neither code in several pieces nor the place of a call: GCC leaves such calls out, Clang leaves out where
# they were.
INNERMOST_LINE_ONLY = {"strict version 2", "strict version 2, clang"}


def build(form, folder):
    for name in "forms.h", "forms_main.cc", "forms_far.cc":
        shutil.copy(SOURCES / name, folder)
    command, *after = FORMS[form]
    compiler = command.format(folder=folder).split()
    steps = [[*compiler, "-c", f"{name}.cc", "-o", f"{name}.o"] for name in ("forms_main", "forms_far")]
    steps += [[*compiler, "-o", "prog", "forms_main.o", "forms_far.o"]]
    steps += [step.format(dwo="forms_main.dwo forms_far.dwo").split() for step in after]
    for step in steps:
        if not shutil.which(step[0]):
            pytest.skip(f"{step[0]} is not installed")
        done = subprocess.run(step, cwd=folder, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            pytest.skip(f"{' '.join(step)}: {done.stderr.strip().splitlines()[:1]}")
    return folder / "prog"


def frames_of(text):
    """(function, file:line), innermost first. For inlined static functions GCC writes only the last part of the name."""
    for frame in text.split(";"):
        name, _, where = frame.rpartition(" (") if frame.endswith(")") and "/" in frame.rpartition(" (")[2] else (frame, "", "")
        yield name.split("(")[0].split("::")[-1], pathlib.PurePath(where.rstrip(")")).name


@pytest.mark.parametrize("form", FORMS)
def test_form(form, trace, tmp_path):
    traced = trace([build(form, tmp_path)])
    assert (traced.returncode, traced.stderr) == (0, b"")
    stacks = {row["bytes"]: row["frames"] for row in traced.rows("SELECT frames, bytes FROM stacks")}
    for size, wanted in WANTED.items():
        found = list(frames_of(stacks[size]))
        if form in INNERMOST_LINE_ONLY:
            assert found[0][1] == wanted[0][1], (size, stacks[size])
            continue
        assert found[:len(wanted)] == wanted, (size, stacks[size])
