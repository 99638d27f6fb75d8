"""A file of a few large parts: each is added to what there is, or has its place from the beginning."""

COUNT, SIZE = 16, 1 << 20


def read(number):
    return bytes([number]) * SIZE


def load():
    data = b""  # faulty
    data = bytearray(COUNT * SIZE)  # mended
    for number in range(COUNT):
        part = read(number)
        data = data + part  # faulty HERE
        data[number * SIZE:(number + 1) * SIZE] = part  # mended
    return data


data = load()
print(len(data), sum(data[::4096]))
