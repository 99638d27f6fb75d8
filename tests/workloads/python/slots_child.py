"""The child of a class with __slots__ forgets them: its instances have a __dict__ again."""
import sys


class Item:
    __slots__ = ("sku", "warehouse")

    def __init__(self, sku, warehouse):
        self.sku = sku  # measured: items
        self.warehouse = warehouse  # measured: items


class InventoryItem(Item):
    def __init__(self, sku, warehouse, quantity):
        super().__init__(sku, warehouse)
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
