"""A file and names in other scripts than ASCII, Latin-1 and beyond the first 65536 characters among them."""


class Größe:
    def измерить(self, here):
        self.測る(here)
        here()

    def 測る(self, here):
        return [𐎶𐎿(here) for _ in "ß測𝔐"]  # ü 測定 𝔐


def 𐎶𐎿(here):
    return here()
