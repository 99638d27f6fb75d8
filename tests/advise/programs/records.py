"""Records that are all made first, or one after the other."""


def read(n):
    for i in range(n):
        yield {"sku": f"item {i}", "warehouse": i % 7, "quantity": i, "note": "none"}


def main():
    records = [{f: r[f] for f in ("sku", "warehouse")} for r in read(40000)]  # faulty HERE
    records = ({f: r[f] for f in ("sku", "warehouse")} for r in read(40000))  # mended
    total = 0
    for record in records:
        total += len(record["sku"]) + record["warehouse"]
    print(total)


main()
