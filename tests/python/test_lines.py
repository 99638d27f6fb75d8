"""The line of every instruction in many standard modules, on every interpreter found: ours is the interpreter's own.

python3 test_lines.py TEST_PYCODE
"""
import os
import subprocess
import sys

import interpreters


def main():
    decoder = sys.argv[1]
    oracle = os.path.join(os.path.dirname(os.path.abspath(__file__)), "line_oracle.py")
    wrong = 0
    found = interpreters.interpreters()
    for interpreter in found:
        tables = subprocess.Popen([interpreter.path, "-I", oracle], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        told = subprocess.run([decoder, "-"], stdin=tables.stdout, stdout=subprocess.PIPE)
        complaint = tables.stderr.read().decode()
        if told.returncode or tables.wait():
            print(complaint)
            wrong += 1
        print("%-16s %s" % (interpreter.name, told.stdout.decode().strip()))
    if not found:
        print("no interpreter found")
        return 77
    return 1 if wrong else 0


sys.exit(main())
