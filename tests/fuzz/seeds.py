"""Makes inputs that fuzzing begins with, in DIRECTORY/TARGET: programs in several forms of debug information, their
call frame information, line tables of this Python, and small texts.

    seeds.py DIRECTORY
"""

import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SYMBOLS = ROOT / "tests/symbols"
folder = pathlib.Path(sys.argv[1])


def keep(target, name, data):
    place = folder / target
    place.mkdir(parents=True, exist_ok=True)
    (place / name).write_bytes(data if isinstance(data, bytes) else data.encode())


def run(*command):
    return subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout


def programs():
    """Programs by name; what the compilers here cannot make is left out."""
    made, place = {}, folder / "programs"
    place.mkdir(parents=True, exist_ok=True)
    c, cc = SYMBOLS / "list.c", SYMBOLS / "shop.cc"
    forms = {
        "five": ["gcc", "-O2", "-gdwarf-5", c], "four": ["gcc", "-O1", "-gdwarf-4", c], "compressed": ["gcc", "-O2", "-g", "-gz", c],
        "split": ["gcc", "-O2", "-g", "-gsplit-dwarf", c], "clang": ["clang", "-O2", "-gdwarf-5", c],
        "classes": ["g++", "-O1", "-g1", cc], "bare": ["gcc", "-O2", "-s", c], "told": ["g++", SYMBOLS / "new_types.s"],
        "frames": ["gcc", "-g1", "-O2", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables", c],
    }
    for name, command in forms.items():
        try:
            run(*command, "-o", place / name)
            made[name] = place / name
        except (OSError, subprocess.CalledProcessError):
            pass
    if shutil.which("xz") and "five" in made:
        mini, bare = place / "mini", place / "mini_bare"
        run("objcopy", "--only-keep-debug", made["five"], mini)
        run("strip", "--strip-debug", mini)
        run("xz", "-f", mini)
        run("objcopy", "--strip-all", made["five"], bare)
        run("objcopy", "--add-section", f".gnu_debugdata={mini}.xz", bare)
        made["mini"] = bare
    return {name: path.read_bytes() for name, path in made.items()}


def sections(data):
    """(name, offset, size) of an ELF file's sections."""
    at, size, count, names = (struct.unpack_from("<Q", data, 40)[0], *struct.unpack_from("<HHH", data, 58))
    heads = [struct.unpack_from("<IIQQQQ", data, at + i * size) for i in range(count)]
    texts = heads[names][4]
    return [(data[texts + h[0]:data.index(b"\0", texts + h[0])].decode(), h[4], h[5]) for h in heads]


def elf():
    for name, data in programs().items():
        keep("elf", name, data)
        found = {section: (offset, size) for section, offset, size in sections(data)}
        if ".eh_frame_hdr" in found and ".eh_frame" in found:
            start, end = found[".eh_frame_hdr"][0], sum(found[".eh_frame"])
            if start < end < start + 60000:
                keep("cfi", name, data[start:end])
        if ".debug_frame" in found:
            keep("debug_frame", name, data)


def python():
    code, version = compile((ROOT / "tests/fuzz/seeds.py").read_text(), "seeds.py", "exec"), sys.version_info[1]
    for i, one in enumerate([code, *(c for c in code.co_consts if hasattr(c, "co_code"))]):
        table = one.co_linetable if hasattr(one, "co_linetable") else one.co_lnotab
        keep("pycode", str(i), struct.pack("<iBQ", one.co_firstlineno, version - 6, 10) + table)
    keep("source", "itself", (ROOT / "tests/fuzz/seeds.py").read_text()[:3000])


def text(value):
    value = value if isinstance(value, bytes) else value.encode()
    return bytes([len(value)]) + value


def texts():
    keep("smaps", "own", pathlib.Path("/proc/self/smaps").read_bytes()[:3000])
    keep("suppressions", "leaks", "# known\nleak:^main$\nleak:red*[\nleak:.c\n")
    keep("suppressions", "advice", "*:list.c:10\ngrowth-by-copy:*\n// libtrace: ignore churn, small-blocks because\n")
    for i, words in enumerate((["--by", "peak", "-n", "5", "2"], ["--from=loaded", "--to", "1.5s", "--json"],
                               ["--max-peak", "1.5 MiB", "--min", "5%"], ["-bpeak", "-glibrary", "--", "-x", "\u202e\x1b[31m"])):
        keep("arguments", str(i), bytes([i]) + "\0".join(words).encode())
    for i, (option, words) in enumerate(((0, ["1@loaded"]), (1, ["list@loaded..0.5"]), (2, ["loaded", "1.5s"]), (3, ["tick#3"]),
                                         (4, ["list*"]), (9, ["malloc,x*"]), (7, ["*.c"]))):
        keep("windows", str(i), bytes([i]) + b"".join(bytes([option]) + text(word) for word in words))
    names = ["</script><!--", '"\\\x01', "\xe4\u2028", b"\xff\xfe", "a;b\n", "x" * 200, "std::vector<int>", ""]
    for i in range(22):
        keep("names", str(i), bytes([i]) + b"".join(text(names[(i + k) % len(names)]) for k in range(20)))
    for i in range(28):
        keep("database", str(i), bytes([i, 3]) + bytes([i % 20, i % 11, i % 3, 1]) + b"\xff" * 7 + bytes([i % 20, 3, 255, 51]))
    for i, name in enumerate(("_ZNSt6vectorIiSaIiEE9push_backERKi", "_RNvCs1234_7mycrate3foo", "_ZN4core3ptr13drop_in_place17h0123456789abcdefE",
                              "_ZTV6Circle", "std::allocator<Shape>::allocate(unsigned long)", "alloc::vec::Vec<T>::with_capacity")):
        keep("demangle", str(i), name)


def records():
    """Messages of each kind for the writer; notes; words of rings."""
    # How rows.c takes fields: n a number that may be there, z 0, t a text, h nothing.
    takes = {"n": b"\x1e", "z": bytes(9), "t": b"\x1e\x02ab", "h": b"\x1e\0"}
    messages = ((9, "nnnttnnnnnnn"), (10, "nnntnnn"), (11, "nttn"), (12, "ntnttnn"), (13, "nnn"), (14, "nnn"), (15, "nzn"), (16, "nnnnnnnnhh"),
                (18, "nnnnn"), (19, "nnnn"), (20, "nnnnn"), (22, "nn"), (21, "nnntnnnn"), (24, "nnnnnnnnnnt"), (25, "nnnnntnn"), (27, "ntn"),
                (28, "nnnnn"), (29, "n"), (30, ""), (5, 27 * "n"), (6, "n"), (4, "t"), (7, "t"), (8, "n"))
    packed = [bytes([kind]) + b"".join(takes[field] for field in fields) for kind, fields in messages]
    keep("rows", "all", bytes([1]) + b"".join(packed) + bytes([2, 31]))
    keep("rows", "twice", bytes([1]) + b"".join(packed[:8]) + bytes([2, 1]) + b"".join(packed) + bytes([2, 31]))
    for i in range(8, len(packed)):
        keep("rows", str(i), bytes([1]) + b"".join(packed[:8]) + packed[i] + bytes([2, 31]))
    module = struct.pack("<IIQQQQQII", 1, 7, 4096, 8192, 0, 0, 0, 0, 0) + b"/bin/a\0"
    code = struct.pack("<IiIIII", 1, 10, 5, 2, 4, 0x30b) + b"a.py\0f\0\x80\x00\x80\x00"
    kind = struct.pack("<IIQqqqIIII", 1, 1, 0, 16, 8, 0, 16, 0, 1, 5) + b"\0dict\0"
    mark = struct.pack("<II", 1, 0) + b"loaded\0"
    process = struct.pack("<IIII", 5, 4, 2, 0) + b"/a/b\0a b\0l\0"
    notes = b"".join(bytes([i, 0]) + text(body) for i, body in ((2, process), (3, module), (4, code), (5, mark), (7, kind)))
    keep("notes", "all", notes + b"\0\0\0" + bytes(range(256)) * 3)
    keep("arena", "words", bytes([3]) + b"".join(bytes([8, i, 0, 0]) + struct.pack("<Q", (i % 9) << 60 | i * 64) for i in range(60))
         + bytes([6, 0, 0, 0]) + struct.pack("<Q", 60))


for make in (elf, python, texts, records):
    make()
(folder / "made").write_text(json.dumps(sorted(os.listdir(folder))))
