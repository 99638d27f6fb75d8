"""What scripts/bench-sampled runs: ten programs, each with a fixed amount of work of two to four seconds, on two cores.

The servers and their clients are those of tests/transparent. Programs that make all their blocks in a heap of their own (node, java) are
given work that uses the C library's as well, as theirs does: compressed text, buffers outside the heap, threads, what the JIT compiles.
"""

import dataclasses
import functools
import importlib.machinery
import importlib.util
import multiprocessing
import pathlib
import shutil
import subprocess
import time

import servers

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CLIENTS = 4  # processes: threads of one interpreter would wait for each other, and not for the server

NODE = """
const zlib = require('zlib'), kept = [];
for (let round = 0; round < Number(process.argv[2]); round++) {
  const item = (_, i) => ({id: i, name: 'item ' + i * 7919 % 2003, tags: ['a' + i % 7, 'b' + round % 11]});
  const items = Array.from({length: 2000}, item);
  const text = JSON.stringify(items), byName = new Map();
  for (const item of JSON.parse(text)) byName.set(item.name, (byName.get(item.name) || []).concat(item.tags));
  const packed = zlib.deflateSync(text, {level: 1});
  kept[round % 50] = {byName, packed, copy: Buffer.from(text), words: text.split(',').map(w => w.trim())};
}
console.log(kept.reduce((sum, one) => sum + one.packed.length + one.copy.length + one.words.length + one.byName.size, 0));
"""

JAVA = """
import java.nio.ByteBuffer; import java.util.*; import java.util.stream.*; import java.util.zip.*;
public class Work {
  record Item(int id, String name, List<String> tags) {}
  static long round(int round) {
    List<Item> items = IntStream.range(0, 5000)
        .mapToObj(i -> new Item(i, "item " + i * 7919 % 5003, List.of("a" + i % 7, "b" + round % 11))).toList();
    Map<String, List<Item>> byTag = items.stream().collect(Collectors.groupingBy(item -> item.tags().get(0)));
    byte[] text = items.toString().getBytes();
    Deflater deflater = new Deflater(1);  // zlib's memory is the C library's
    deflater.setInput(text); deflater.finish();
    ByteBuffer packed = ByteBuffer.allocateDirect(text.length + 1000);
    int size = deflater.deflate(packed);
    deflater.end();
    return size + byTag.values().stream().mapToLong(List::size).sum();
  }
  public static void main(String[] arguments) {
    System.out.println(IntStream.range(0, Integer.parseInt(arguments[0])).parallel().mapToLong(Work::round).sum());
  }
}
"""


@functools.cache
def bench():
    """The functions of scripts/bench."""
    loader = importlib.machinery.SourceFileLoader("bench", str(ROOT / "scripts" / "bench"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench", loader))
    loader.exec_module(module)
    return module


@dataclasses.dataclass
class Program:
    """A program that ends by itself. size: how much it has to do."""

    name: str
    package: str  # Debian's
    program: str
    size: int
    command: object  # (size, folder) -> its command
    setup: object = None  # (size, folder): writes what it reads

    def missing(self):
        return not shutil.which(self.program)

    def prepare(self, size, folder):
        """Returns what Popen needs to start it."""
        if self.setup:
            self.setup(size, folder)
        return {}


class Server:
    """A server of tests/transparent. size: requests that each of its clients makes."""

    def __init__(self, name, size):
        self.server = next(server for server in servers.SERVERS if server.name == name)
        self.name, self.package, self.size = name.replace("python3 -m ", ""), self.server.package, size

    def missing(self):
        return not pathlib.Path(self.server.needs()).exists()

    def prepare(self, _, folder):
        return servers.prepare(self.server, self.server.needs(), folder)

    def start(self, folder, port):
        return self.server.start(self.server.needs(), folder, port)


def java(_, folder):
    (folder / "Work.java").write_text(JAVA)
    subprocess.run(["javac", "-d", folder, folder / "Work.java"], check=True)


def programs():
    scripts = bench()
    return [
        Server("redis", 12000),
        Server("nginx", 10000),
        Server("PostgreSQL", 3000),
        Server("memcached", 20000),
        Server("python3 -m http.server", 2000),
        Program("node", "nodejs", "node", 500, lambda size, folder: ["node", folder / "work.js", size],
                lambda _, folder: (folder / "work.js").write_text(NODE)),
        Program("java", "default-jdk-headless", "javac", 800,
                lambda size, folder: ["java", "-XX:-UsePerfData", "-Xms256m", "-Xmx256m", "-cp", folder, "Work", size], java),
        Program("sqlite3", "sqlite3", "sqlite3", 800000, lambda _, folder: ["sqlite3", ":memory:", f".read {folder}/table.sql"],
                lambda size, folder: scripts.write_sql(folder / "table.sql", size)),
        Program("gcc", "gcc", "gcc", 600, lambda _, folder: ["gcc", "-O1", "-c", folder / "large.c", "-o", folder / "large.o"],
                lambda size, folder: scripts.write_c(folder / "large.c", size)),
        Program("ffmpeg", "ffmpeg", "ffmpeg", 60, lambda size, folder: [
            "ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", f"testsrc=duration={size}:size=640x360:rate=25",
            "-f", "lavfi", "-i", f"sine=duration={size}", "-threads", "2", "-c:v", "mpeg4", "-c:a", "aac", folder / "video.mkv"]),
    ]


def client(kind, port, requests, together, results):
    """A process that makes so many requests, once all clients are ready."""
    start, failure = 0, ""
    try:
        one = servers.connected(kind, port)
        together.wait(servers.PATIENCE)
        start, cpu = time.monotonic(), time.process_time()
        for _ in range(requests):
            one.request()
        results.put((start, time.monotonic(), time.process_time() - cpu, ""))
        one.close()
        return
    except Exception as error:  # whatever it is, the request has failed
        failure = f"{type(error).__name__}: {error}"
    together.abort()
    results.put((start, time.monotonic(), 0, failure))


class Load:
    """All clients of a server at work."""

    def __init__(self, server, port, requests):
        servers.connected(server.server.client, port).close()
        fork = multiprocessing.get_context("fork")
        self.results, together = fork.SimpleQueue(), fork.Barrier(CLIENTS)
        arguments = (server.server.client, port, requests, together, self.results)
        self.clients = [fork.Process(target=client, args=arguments) for _ in range(CLIENTS)]
        for one in self.clients:
            one.start()

    def ended(self, patience):
        """Waits so long; whether all have ended."""
        deadline = time.monotonic() + patience
        for one in self.clients:
            one.join(max(deadline - time.monotonic(), 0))
        return not any(one.is_alive() for one in self.clients)

    def result(self):
        """(seconds that they took, processor time of theirs, what failed)."""
        found = []
        while not self.results.empty():
            found.append(self.results.get())
        failures = [one[3] for one in found if one[3]] + ["a client has ended early"] * (CLIENTS - len(found))
        return (max(one[1] for one in found) - min(one[0] for one in found) if found else 0, sum(one[2] for one in found), failures)
