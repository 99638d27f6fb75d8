"""A text that is added to in place, and copied each time, as for a line that is drawn anew: joining its pieces saves nothing."""


def main():
    text, drawn = "", 0
    for i in range(10000):
        text += "word %d " % i
        line = text + "|"
        drawn += len(line)
    print(drawn)


main()
