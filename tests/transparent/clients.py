"""Clients of servers: connect, and make requests whose answers are known. What is wrong is an exception."""

import hashlib
import http.client
import socket
import struct


class Wrong(Exception):
    """An answer that is not the right one."""


class Lines:
    """A connection on which answers are lines."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=100)
        self.file = self.socket.makefile("rb")
        self.number = 0
        self.key = f"k{self.socket.getsockname()[1]}"

    def ask(self, text, *expected):
        self.socket.sendall(text)
        for line in expected:
            said = self.file.readline()
            if said != line + b"\r\n":
                raise Wrong(f"{said!r}, not {line!r}")

    def close(self):
        self.file.close()
        self.socket.close()

    def pid(self):
        """The process that serves this connection, if that is not the server's main one."""
        return None


class Redis(Lines):
    def request(self):
        self.number += 1
        value = b"x" * (self.number % 5000)
        key = f"{self.key}:{self.number % 100}"
        self.ask(b"SET %s %d\r\n" % (key.encode(), self.number), b"+OK")
        self.ask(b"GET %s\r\n" % key.encode(), b"$%d" % len(str(self.number)), b"%d" % self.number)
        self.ask(b"*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$%d\r\n%s\r\n" % (len(value), value), b"+OK")
        self.ask(b"STRLEN none\r\n", b":0")


class Memcached(Lines):
    def request(self):
        self.number += 1
        key, value = f"{self.key}:{self.number % 100}".encode(), b"x" * (self.number % 5000)
        self.ask(b"set %s 0 0 %d\r\n%s\r\n" % (key, len(value), value), b"STORED")
        self.ask(b"get %s\r\n" % key, b"VALUE %s 0 %d" % (key, len(value)), value, b"END")


class Http:
    """GET of a file; "text" is what it contains."""

    text = b"".join(b"line %d of the page\n" % i for i in range(500))

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=100)

    def request(self):
        self.connection.request("GET", "/page.txt")
        answer = self.connection.getresponse()
        if answer.status != 200 or answer.read() != self.text:
            raise Wrong(f"status {answer.status}, or another text")

    def close(self):
        self.connection.close()

    def pid(self):
        return None


class Postgres:
    """The frontend's protocol, as far as simple queries need it."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=100)
        self.file = self.socket.makefile("rb")
        words = b"user\0postgres\0database\0postgres\0\0"
        self.socket.sendall(struct.pack(">II", len(words) + 8, 196608) + words)
        self.backend = None
        self.answer()
        self.table = f"t{self.socket.getsockname()[1]}"
        self.ask(f"CREATE TEMP TABLE {self.table}(a int primary key, b text)")
        self.number = 0

    def answer(self):
        """All rows, once the server is ready for the next query."""
        rows = []
        while True:
            kind = self.file.read(1)
            if not kind:
                raise Wrong("the connection was closed")
            size = struct.unpack(">I", self.file.read(4))[0]
            data = self.file.read(size - 4)
            if kind == b"E":
                raise Wrong(data.replace(b"\0", b" ").decode(errors="replace"))
            if kind == b"K":
                self.backend = struct.unpack(">II", data)[0]
            if kind == b"D":
                rows.append(data[6:])
            if kind == b"Z":
                return rows

    def ask(self, query):
        text = query.encode() + b"\0"
        self.socket.sendall(b"Q" + struct.pack(">I", len(text) + 4) + text)
        return self.answer()

    def request(self):
        self.number += 1
        self.ask(f"INSERT INTO {self.table} VALUES ({self.number}, repeat('x', {self.number % 500}))")
        if self.ask(f"SELECT length(b) FROM {self.table} WHERE a = {self.number}") != [str(self.number % 500).encode()]:
            raise Wrong("another length")
        expected = hashlib.md5(b"12").hexdigest().encode()
        if self.ask("SELECT md5(string_agg(i::text, '' ORDER BY i)) FROM generate_series(1, 2) i") != [expected]:
            raise Wrong("another sum")

    def close(self):
        self.file.close()
        self.socket.close()

    def pid(self):
        return self.backend
