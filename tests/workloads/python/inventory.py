"""The raw data that the inventory programs export."""


def raw_data(n):
    return [{"sku": "SKU-%06d" % i, "warehouse": "W%02d" % (i % 40), "quantity": i % 900,
             "price": i * 0.25, "note": None} for i in range(n)]


fields = ("sku", "warehouse", "quantity")
