"""Items of a frozen dataclass with slots (3.10 and later; before, with __slots__ written out)."""
import sys
from dataclasses import dataclass

if sys.version_info >= (3, 10):
    @dataclass(frozen=True, slots=True)
    class InventoryItem:
        sku: str
        warehouse: str
        quantity: int
else:
    @dataclass(frozen=True)
    class InventoryItem:
        __slots__ = ("sku", "warehouse", "quantity")
        sku: str
        warehouse: str
        quantity: int


def build(n):
    items = []
    for i in range(n):
        sku, warehouse, quantity = "SKU-%06d" % i, "W%02d" % (i % 40), i % 900
        item = InventoryItem(sku, warehouse, quantity)  # measured: items
        items.append(item)
    return items


if __name__ == "__main__":
    print(len(build(int(sys.argv[1]) if len(sys.argv) > 1 else 40000)))
