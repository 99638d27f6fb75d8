"""Oracles for the tests: other programs that count or name the same things."""

import os
import pathlib
import re
import subprocess

from conftest import clean_environment

NUMBER = r"([\d,]+)"


def valgrind_totals(argv, env):
    """Runs argv under valgrind: its output, and what valgrind counted of the heap."""
    process = subprocess.run(
        [
            "valgrind",
            "--tool=memcheck",
            "--undef-value-errors=no",
            "--leak-check=no",
            # valgrind would free the C library's own buffers at the end, and count that.
            "--run-libc-freeres=no",
            "--run-cxx-freeres=no",
            *argv,
        ],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=300,
    )
    text = process.stderr.decode()
    total = re.search(f"total heap usage: {NUMBER} allocs, {NUMBER} frees, {NUMBER} bytes", text)
    in_use = re.search(f"in use at exit: {NUMBER} bytes in {NUMBER} blocks", text)
    assert total and in_use, f"valgrind said no totals:\n{text}"
    allocations, frees, allocated = (int(n.replace(",", "")) for n in total.groups())
    live_bytes, live = (int(n.replace(",", "")) for n in in_use.groups())
    return process, {
        "allocations": allocations,
        "frees": frees,
        "bytes": allocated,
        "live_allocations": live,
        "live_bytes": live_bytes,
    }


def mapped_libraries(env):
    """The shared libraries of a process that starts in this environment."""
    maps = subprocess.run(["cat", "/proc/self/maps"], env=env, capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"(/\S*\.so\S*)$", maps, re.M))


def has_tls(library):
    """Whether a shared library has thread-local storage, for which the loader keeps room in each thread."""
    headers = subprocess.run(["readelf", "-lW", library], capture_output=True, text=True, check=True).stdout
    return re.search(r"^\s+TLS\s", headers, re.M) is not None


def tls_stand_ins(library, folder):
    """Libraries that do nothing, to be preloaded for an oracle: as many as libtrace.so brings into a program that have thread-local
    storage. The loader allocates a vector for each thread with one entry for each of those."""
    (folder / "tls.c").write_text("__thread int value = 1; int *value_of(void) { return &value; }\n")
    plain, traced = clean_environment(), clean_environment({"LD_PRELOAD": library, "LIBTRACE_DB": folder / "x.db"})
    found = []
    for number, brought in enumerate(sorted(mapped_libraries(traced) - mapped_libraries(plain))):
        if has_tls(brought):
            stand_in = folder / f"tls{number}.so"
            command = ["gcc", "-shared", "-fPIC", "-o", stand_in, f"-Wl,-soname,tls{number}.so", folder / "tls.c"]
            subprocess.run(command, check=True)
            found.append(str(stand_in))
    return found


def addr2line(file, addresses, program=("addr2line",)):
    """For each address its frames, innermost first: (function, absolute file or None, line).
        program: addr2line, or another with the same output."""
    process = subprocess.run(
        [*program, "-a", "-i", "-f", "-C", "-e", str(file)],
        input="\n".join(hex(a) for a in addresses) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    found = {}
    frames = None
    lines = iter(process.stdout.splitlines())
    for line in lines:
        if line.startswith("0x"):
            frames = found.setdefault(int(line, 16), [])
            continue
        where = re.sub(r" \(discriminator \d+\)$", "", next(lines))
        path, _, number = where.rpartition(":")
        known = path not in ("??", "")
        frames.append((line, os.path.normpath(path) if known else None, int(number) if number.isdigit() else 0))
    return found


def source(name):
    """Numbered lines of a workload's source: {line number: text}."""
    path = pathlib.Path(__file__).resolve().parent.parent / "workloads" / name
    return dict(enumerate(path.read_text(encoding="utf-8").splitlines(), 1))
