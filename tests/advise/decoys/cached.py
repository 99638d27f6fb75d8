"""Instances that need their dict: for a property that is kept in it, and for what is asked of it by name."""

import functools

COUNT = 20000


class Number:
    def __init__(self, value):
        self.value = value

    @functools.cached_property
    def square(self):
        return self.value * self.value


class Even(Number):
    def __init__(self, value):
        super().__init__(2 * value)


class Options:
    def __init__(self, **named):
        for name in named:
            setattr(self, name, named[name])


def main():
    numbers = [Number(i) for i in range(COUNT)]
    even = [Even(i) for i in range(COUNT)]
    options = [Options(width=i, height=0) for i in range(COUNT)]
    print(numbers[7].square, even[7].square, len(options))


main()
