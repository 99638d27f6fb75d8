"""Servers that leak 1 MB a minute, see server.h. Each says in its line LEAK which kind it is."""

import gc
import sys

import server

sessions = {}


class Node:
    def __init__(self, text):
        self.text, self.parent = text, None


def cycles(tick):
    """Nodes that know each other, and no collector of garbage."""
    gc.disable()
    for i in range(server.LEAKED // 1000):
        node = Node(bytes(900))  # LEAK cycles
        node.parent = node


def table(tick):
    """Sessions that never expire."""
    for i in range(server.LEAKED // 1000):
        sessions[tick, i] = "session %d " % tick + "x" * 900  # LEAK table


def interned(tick):
    """Names that are kept once each, and for good."""
    for i in range(server.LEAKED // 500):
        sessions[sys.intern("name %d of %d " % (i, tick) + "y" * 400)] = None  # LEAK interned


server.run({"cycles": cycles, "table": table, "interned": interned})
