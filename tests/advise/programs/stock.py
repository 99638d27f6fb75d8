"""Rows of a file, of which a column has few different texts: each row has its own, or they share them."""

import csv
import sys

TOWNS = [f"the warehouse of a town with a long name and the number {i}" for i in range(30)]


def read(lines):
    rows = []
    for number, town in csv.reader(lines):  # HERE
        town = sys.intern(town)  # mended
        rows.append((int(number), town))
    return rows


def main():
    rows = read(f"{i},{TOWNS[i % 30]}" for i in range(40000))
    print("waiting", flush=True)
    sys.stdin.read()
    rows.sort(key=lambda row: row[1])
    print(sum(number for number, town in rows if town.endswith("7")), rows[5])


main()
