"""Instances with a dict, or with slots."""


class Item:
    __slots__ = ("sku", "warehouse", "quantity")  # mended

    def __init__(self, sku, warehouse, quantity):
        self.sku = sku
        self.warehouse = warehouse
        self.quantity = quantity


def main():
    items = [Item("a", "b", i) for i in range(40000)]  # HERE
    print(sum(item.quantity for item in items), items[7].sku)


main()
