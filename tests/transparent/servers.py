"""Servers under load: traced from their start, or attached to and left again while they are busy."""

import dataclasses
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import threading
import time

import clients
import conftest

CLIENTS = 4
PATIENCE = 100
NODE = """require('http').createServer((q, a) => require('fs').readFile('.' + q.url, (e, d) => { a.statusCode = e ? 404 : 200; a.end(d) }))
.listen(PORT, '127.0.0.1')"""
NGINX = """daemon off; worker_processes 1; pid nginx.pid; error_log stderr; %s
events { worker_connections 64; }
http { access_log access.log; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
server { listen 127.0.0.1:%d; gzip on; root .; } }
"""


@dataclasses.dataclass
class Server:
    name: str
    package: str
    program: str
    client: type
    start: object  # (program, folder, port) -> its command; what it needs is written into the folder
    user: str = ""  # another one than root
    child: bool = False  # its only child serves

    def needs(self):
        found = shutil.which(self.program)
        places = sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{self.program}")) if self.program == "postgres" else []
        return str(places[-1]) if places else found or self.program


def nginx(program, folder, port):
    (folder / "nginx.conf").write_text(NGINX % ("user root;" if os.getuid() == 0 else "", port))
    return [program, "-p", folder, "-e", "stderr", "-c", folder / "nginx.conf"]


def node(program, folder, port):
    (folder / "server.js").write_text(NODE.replace("PORT", str(port)))
    return [program, "server.js"]


def postgres(program, folder, port):
    return [program, "-D", folder / "data", "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]


SERVERS = [
    Server("redis", "redis-server", "redis-server", clients.Redis, lambda program, folder, port: [
        program, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder]),
    Server("memcached", "memcached", "memcached", clients.Memcached, lambda program, _, port: [
        program, "-u", pwd.getpwuid(os.getuid()).pw_name, "-l", "127.0.0.1", "-p", port, "-U", "0", "-t", "4", "-m", "64"]),  # room for all: nothing is evicted
    Server("nginx", "nginx-light", "nginx", clients.Http, nginx, child=True),
    Server("PostgreSQL", "postgresql", "postgres", clients.Postgres, postgres, user="postgres"),
    Server("python3 -m http.server", "python3", "python3", clients.Http, lambda _, __, port: [
        "/usr/bin/python3", "-m", "http.server", "--bind", "127.0.0.1", port]),
    Server("node, http", "nodejs", "node", clients.Http, node),
]


@dataclasses.dataclass
class Found:
    server: Server
    how: str
    missing: bool = False
    requests: int = 0
    failures: list = dataclasses.field(default_factory=list)
    details: str = ""

    def wrong(self):
        return not self.missing and bool(self.failures)

    def cells(self):
        if self.missing:
            return self.server.name, "not here", "", "", "", ""
        said = f"{self.details}; {self.failures[0]}" if self.failures else self.details
        return self.server.name, "FAILED" if self.failures else "fine", self.how, f"{self.requests:,}", f"{len(self.failures):,}", said


def connected(kind, port):
    """A client, once the server answers."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            client = kind(port)
            client.request()
            return client
        except (OSError, clients.Wrong):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


class Load:
    """Clients that make requests until stop()."""

    def __init__(self, kind, port):
        self.kind, self.port, self.stopped = kind, port, threading.Event()
        self.requests, self.failures = [0] * CLIENTS, []
        first = connected(kind, port)
        self.pid = first.pid()
        self.threads = [threading.Thread(target=self.work, args=(i, first if i == 0 else None)) for i in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def work(self, number, client):
        while not self.stopped.is_set():
            try:
                client = client or self.kind(self.port)
                client.request()
                self.requests[number] += 1
            except Exception as error:  # whatever it is, the request has failed
                self.failures.append(f"{type(error).__name__}: {error}")
                client = None
                time.sleep(0.05)
        if client:
            client.close()

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join(PATIENCE)


def readable_copy(build, folder):
    """A copy of the library and its commands where every user can read it; returns its folder."""
    copy = folder / "libtrace"
    for part in ("lib", "bin", "libexec"):
        shutil.copytree(build.root / part, copy / part)
    subprocess.run(["chmod", "-R", "a+rX", copy], check=True)
    return copy


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def prepare(server, program, folder):
    """Fills the server's folder; returns what Popen needs to start it."""
    (folder / "page.txt").write_bytes(clients.Http.text)
    if not server.user or os.getuid() != 0:
        as_user = {}
    else:
        names = {one.pw_name for one in pwd.getpwall()}
        user = pwd.getpwnam(server.user if server.user in names else "nobody")
        as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        os.chown(folder, user.pw_uid, user.pw_gid)
    if server.program == "postgres":
        initdb = pathlib.Path(program).with_name("initdb")
        subprocess.run([initdb, "-D", folder / "data", "-U", "postgres", "-A", "trust", "-N"], stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, check=True, env=conftest.clean_environment(), cwd=folder, **as_user)
    return as_user


def child_of(pid):
    """The first child of a process."""
    for _ in range(PATIENCE * 10):
        found = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if found:
            return int(found[0])
        time.sleep(0.1)
    raise RuntimeError("the server starts no process that serves")


def attach_often(copy, database, pid, cycles, found):
    """Attaches and detaches so many times, the server being busy."""
    def command(*arguments):
        done = subprocess.run([copy / "bin" / "trace-attach", *map(str, arguments)], env=conftest.clean_environment(), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=PATIENCE)
        if done.returncode:
            found.failures.append(f"trace-attach {arguments[0]}: {done.stderr.strip()}")

    for _ in range(cycles):
        command("--background", "-o", database, pid)
        time.sleep(0.2)
        command("--detach", pid)
        time.sleep(0.05)


def describe(database, found, least):
    """What was recorded, once the runs are whole: one that began later may be so earlier."""
    try:
        conftest.wait_for_run(database, timeout=PATIENCE)
        for run in conftest.rows(database, "SELECT id FROM run"):
            conftest.wait_for_run(database, run["id"], timeout=PATIENCE)
    except AssertionError as error:
        found.failures.append(str(error))
        return
    [row] = conftest.rows(database, "SELECT count(*) AS runs, sum(allocations) AS n, sum(processes) AS p, sum(state != 'complete') AS broken FROM runs")
    found.details = f"{row['n']:,} allocations in {row['runs']} runs"
    if row["runs"] < least or row["broken"] or not row["n"]:
        found.failures.append(f"{row['broken']} of {row['runs']} records are not complete, {row['n']} allocations")


def under_load(server, how, build, folder, seconds, cycles):
    """how: traced, or attached."""
    found = Found(server, how)
    program = server.needs()
    if not os.path.exists(program):
        found.missing = True
        return found
    os.chmod(folder, 0o755)
    copy, database, port = readable_copy(build, folder), folder / "trace.db", free_port()
    as_user = prepare(server, program, folder)
    traced = {"LD_PRELOAD": copy / "lib" / "libtrace.so", "LIBTRACE_DB": database} if how == "traced" else {}
    command = [str(word) for word in server.start(program, folder, port)]
    log = open(folder / "log", "wb")
    process = subprocess.Popen(command, cwd=folder, env=conftest.clean_environment(traced), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                               **as_user)
    try:
        load = Load(server.client, port)
        if how == "attached":
            attach_often(copy, database, load.pid or (child_of(process.pid) if server.child else process.pid), cycles, found)
        else:
            time.sleep(seconds)
        ended = process.poll()
        load.stop()
        found.requests = sum(load.requests)
        found.failures += load.failures
        if ended is not None:
            found.failures.append(f"the server has ended: {ended}")
    except Exception as error:
        found.failures.append(f"{type(error).__name__}: {error}")
    finally:
        process.terminate()
        process.wait(PATIENCE)
        log.close()
    describe(database, found, 1 if how == "traced" else cycles)
    if b"libtrace: " in (folder / "log").read_bytes():
        found.failures.append((folder / "log").read_text(errors="replace").partition("libtrace: ")[2].splitlines()[0])
    return found
