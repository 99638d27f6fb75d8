"""A class with __slots__ below one without: its instances have room for a __dict__."""
import sys


class Item:
    pass


class InventoryItem(Item):
    __slots__ = ("sku", "warehouse", "quantity")

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
