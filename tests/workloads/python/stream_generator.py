"""As inventory_generator.py, but the raw data come one by one as well: the peak is that of one record."""
import sys

fields = ("sku", "warehouse", "quantity")


def source(n):
    for i in range(n):
        yield {"sku": "SKU-%06d" % i, "warehouse": "W%02d" % (i % 40), "quantity": i % 900,  # measured: source
               "price": i * 0.25, "note": None}


def build(n):
    records = ({f: item[f] for f in fields} for item in source(n))  # measured: records
    total = 0
    for record in records:
        total += record["quantity"]
    return records, total


if __name__ == "__main__":
    print(build(int(sys.argv[1]) if len(sys.argv) > 1 else 40000)[-1])
