"""A long string grown by += in a loop."""
import sys


class Report:
    def __init__(self):
        self.text = ""

    def add(self, piece):
        self.text += piece  # measured: text


def build(n):
    report = Report()
    for i in range(n):
        report.add("line %d," % i)
    return report


if __name__ == "__main__":
    print(len(build(int(sys.argv[1]) if len(sys.argv) > 1 else 20000).text))
