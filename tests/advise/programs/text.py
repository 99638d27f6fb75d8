"""A text that is added to, or joined from its pieces."""


class Page:
    def __init__(self):
        self.text = ""
        self.pieces = []  # mended

    def add(self, piece):
        self.text += piece  # faulty HERE
        self.pieces.append(piece)  # mended

    def end(self):
        self.text = "".join(self.pieces)  # mended
        return len(self.text)


def main():
    page = Page()
    for i in range(10000):
        page.add("word %d " % i)
    print(page.end())


main()
