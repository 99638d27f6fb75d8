"""Writes line tables of this interpreter, and how the interpreter itself reads them; see test_pycode.c.

For every code object of many standard modules one record: table size, first line, version, number of
instructions (u32 each), the table, and the line of every instruction (i32, 0 = none).
"""
import ctypes
import dis
import os
import struct
import sys
import sysconfig
import warnings

MODULES = """
argparse ast asyncio/base_events asyncio/tasks asyncio/streams bdb calendar cgitb codecs collections/__init__
concurrent/futures/process configparser contextlib copy csv ctypes/__init__ dataclasses datetime _pydatetime
decimal _pydecimal difflib dis doctest email/_header_value_parser email/message enum fractions ftplib functools
gzip heapq html/parser http/client http/server imaplib inspect ipaddress json/decoder json/encoder
logging/__init__ mailbox multiprocessing/pool multiprocessing/managers optparse os pathlib pathlib/_local pdb
pickle pickletools platform plistlib pprint pydoc random re re/_parser sre_parse shutil smtplib socket
sqlite3/dump ssl statistics string subprocess tarfile tempfile textwrap threading timeit tokenize trace
traceback turtle types typing unittest/case unittest/mock urllib/request uuid weakref xml/dom/minidom
xml/etree/ElementTree zipfile zipfile/__init__ test/test_grammar test/test_syntax test/test_patma
test/test_generators test/test_coroutines test/test_descr test/test_exceptions
""".split()

EXTRA = """
def f(x):
    try:
        y = [a for a in x
             if a]
    except (ValueError,
            TypeError) as e:
        raise \\
            KeyError(
                e)
    finally:
        for _ in x: continue
    return (lambda: (yield
                     ))
""" + "\n" * 700 + "z = 1\n" + "\n" * 100000 + "def g(): return 1\n"


def codes(code):
    yield code
    for constant in code.co_consts:
        if hasattr(constant, "co_code"):
            yield from codes(constant)


def record(code, version, address_to_line, out):
    table = code.co_linetable if version >= (3, 10) else code.co_lnotab
    size = len(code.co_code)
    said = [max(address_to_line(code, offset), 0) for offset in range(0, size, 2)]

    # The same from the functions that debuggers use, as a second opinion.
    if version >= (3, 10):
        listed = {}
        for start, end, line in code.co_lines():
            for offset in range(start, end, 2):
                listed[offset] = line or 0
        assert [listed.get(2 * i) for i in range(len(said))] == said, code
    else:
        starts, line, listed = dict(dis.findlinestarts(code)), code.co_firstlineno, []
        for offset in range(0, size, 2):
            line = starts.get(offset, line)
            listed.append(line)
        assert listed == said, code
    out.write(struct.pack("<IiII", len(table), code.co_firstlineno, version[0] << 8 | version[1], len(said)))
    out.write(table)
    out.write(struct.pack("<%di" % len(said), *said))


def main():
    address_to_line = ctypes.pythonapi.PyCode_Addr2Line
    address_to_line.argtypes = [ctypes.py_object, ctypes.c_int]
    warnings.simplefilter("ignore")
    library = sysconfig.get_paths()["stdlib"]
    count = 0
    for name in MODULES + [None]:
        source = EXTRA
        if name:
            path = os.path.join(library, name + ".py")
            if not os.path.exists(path):
                continue
            with open(path, "rb") as file:
                source = file.read()
        for code in codes(compile(source, name or "extra", "exec")):
            record(code, sys.version_info[:2], address_to_line, sys.stdout.buffer)
            count += 1
    print("%d code objects" % count, file=sys.stderr)


main()
