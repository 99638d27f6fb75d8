"""Order summaries of twelve attributes, of a class with __slots__."""
import sys


class OrderSummary:
    __slots__ = ("number", "customer", "items", "net", "tax", "gross", "currency",
                 "country", "channel", "status", "created", "shipped")

    def __init__(self, number, shared):
        self.number = number  # measured: orders
        self.customer = shared  # measured: orders
        self.items = shared  # measured: orders
        self.net = shared  # measured: orders
        self.tax = shared  # measured: orders
        self.gross = shared  # measured: orders
        self.currency = shared  # measured: orders
        self.country = shared  # measured: orders
        self.channel = shared  # measured: orders
        self.status = shared  # measured: orders
        self.created = shared  # measured: orders
        self.shipped = shared  # measured: orders


def build(n):
    orders = []
    for i in range(n):
        number = i + 1000
        order = OrderSummary(number, None)  # measured: orders
        orders.append(order)
    return orders


if __name__ == "__main__":
    print(len(build(int(sys.argv[1]) if len(sys.argv) > 1 else 80000)))
