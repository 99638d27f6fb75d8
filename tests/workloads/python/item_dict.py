"""Items of an ordinary class: each may have any attribute."""
import sys


class InventoryItem:
    def __init__(self, sku, warehouse, quantity):
        self.sku = sku  # measured: items
        self.warehouse = warehouse  # measured: items
        self.quantity = quantity  # measured: items


def build(n):
    items = []
    for i in range(n):
        sku, warehouse, quantity = "SKU-%06d" % i, "W%02d" % (i % 40), i % 900
        item = InventoryItem(sku, warehouse, quantity)  # measured: items
        items.append(item)
    return items


if __name__ == "__main__":
    print(len(build(int(sys.argv[1]) if len(sys.argv) > 1 else 40000)))
