"""Rows of a file, of which a column has few different numbers: each row has its own, or they share them."""

import csv
import sys

known = {}


def read(lines):
    rows = []
    for number, code in csv.reader(lines):
        code = int(code)  # HERE
        code = known.setdefault(code, code)  # mended
        rows.append((number, code))
    return rows


def main():
    rows = read(f"{i},{i % 60 + 4000}" for i in range(40000))
    print("waiting", flush=True)
    sys.stdin.read()
    rows.sort(key=lambda row: row[1])
    print(sum(code for number, code in rows), rows[5])


main()
