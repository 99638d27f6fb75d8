"""Exports an inventory record by record."""
import sys

from inventory import fields, raw_data


def build(n):
    items = raw_data(n)
    records = ({f: item[f] for f in fields} for item in items)  # measured: records
    total = 0
    for record in records:
        total += record["quantity"]
    return items, records, total


if __name__ == "__main__":
    print(build(int(sys.argv[1]) if len(sys.argv) > 1 else 40000)[-1])
