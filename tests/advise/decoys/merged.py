"""A text of which each version is worked out from the one before it, and is larger."""


def widen(text):
    return bytes(byte ^ 1 for byte in text[:1000]) + text + text


def grow():
    text = b"x" * 65536
    while len(text) < 12 << 20:
        text = widen(text)
    return text


print(len(grow()))
