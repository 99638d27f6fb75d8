"""Lists that are needed as lists."""


def read(n):
    for i in range(n):
        yield {"sku": "item %d" % (i * 7919 % n), "quantity": i}


def twice(n):
    records = [dict(r, seen=True) for r in read(n)]
    most = max(r["quantity"] for r in records)
    return [r["quantity"] / most for r in records][7]


def in_order(n):
    records = [dict(r, seen=True) for r in read(n)]
    records.sort(key=lambda r: r["sku"])
    total = 0
    for r in records:
        total += r["quantity"]
    return total


def kept(n):
    records = [dict(r, seen=True) for r in read(n)]
    by_sku = {}
    for r in records:
        by_sku[r["sku"]] = r
    return len(by_sku)


def at_random(n):
    records = [dict(r, seen=True) for r in read(n)]
    return sum(records[i * 31 % n]["quantity"] for i in range(n))


def given_away(n):
    records = [dict(r, seen=True) for r in read(n)]
    for r in records:
        handle(r)
    return len(handled)


handled = []


def handle(record):
    handled.append(record)


print(twice(20000), in_order(20000), kept(20000), at_random(20000), given_away(20000))
