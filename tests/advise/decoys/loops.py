"""What every Python loop makes: numbers, methods, iterators, frames, small texts."""


class Point:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x, self.y = x, y

    def moved(self, by):
        return Point(self.x + by, self.y + by)


def main():
    point, total, words = Point(0.5, 1.5), 0, "a b c d".split()
    for i in range(100000):
        total += i * 1000003 % 7919
        point = point.moved(0.25)
        for word in words:
            total += len(word.upper())
        total += sum(x for x in (i, i + 1))
        pair = [i, i + 1]
        total += len({"a": pair, "b": None})
    print(total, point.x)


main()
