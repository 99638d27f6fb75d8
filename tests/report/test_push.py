"""trace-report push, against a server of ours that takes what it gets, is away, slow, refuses, or hangs up midway.

What arrives is decoded by protoc, and by pprof.py, and its sums are those of `summary --json`.
"""

import ast
import gzip
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import struct
import subprocess
import threading
import time
import urllib.parse

import pytest

import pprof
from conftest import BUILD, await_said, environment, until_recording
from stopping import stop

PROTO = pathlib.Path(__file__).parent / "push" / "profiles.proto"
PATIENCE = 100
TYPES = {"alloc_objects": "allocations", "alloc_space": "bytes", "inuse_objects": "unfreed_allocations", "inuse_space": "unfreed_bytes"}
needs_protoc = pytest.mark.skipif(not shutil.which("protoc"), reason="no protoc: scripts/setup installs it")


# ---- the server -----------------------------------------------------------------------------------


class Handler(http.server.BaseHTTPRequestHandler):
    """Does with each request what the server's list says next; when it is empty, takes it."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        what = self.server.plan.pop(0) if self.server.plan else 200
        size = int(self.headers["Content-Length"])
        if what == "hang up":  # in the middle of the body, with a reset
            self.rfile.read(min(size, 10))
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            self.server.seen.append(what)
            return
        body = self.rfile.read(size)
        if what == "slow":
            self.server.seen.append(what)
            self.server.go_on.wait(PATIENCE)
            what = 200
        status, headers, text = (what, {}, b"") if isinstance(what, int) else what
        with self.server.arrived:
            self.server.seen.append(status)
            if status == 200:
                self.server.taken.append((self.path, self.headers, body))
            self.server.arrived.notify_all()
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
        except OSError:
            self.close_connection = True  # the sender's time was over

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *plan, port=0):
        self.plan, self.seen, self.taken = list(plan), [], []
        self.go_on, self.arrived = threading.Event(), threading.Condition()
        super().__init__(("127.0.0.1", port), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_):
        pass

    def wait(self, count):
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.taken) >= count, PATIENCE), self.seen


@pytest.fixture
def server():
    """server(what to do with each request...): see Handler."""
    made = []

    def make(*plan, port=0):
        made.append(Server(*plan, port=port))
        return made[-1]

    yield make
    for each in made:
        each.go_on.set()
        each.shutdown()
        each.server_close()


@pytest.fixture
def closed():
    """A URL at which nobody listens."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{s.getsockname()[1]}"


@pytest.fixture
def push(run):
    """push(target, url, arguments...): with the variables that matter unset."""

    def call(target, url, *arguments, status=0, env=None, **options):
        off = {"no_proxy": "*", **{f"OTEL_{name}": "" for name in ("SERVICE_NAME", "RESOURCE_ATTRIBUTES", "EXPORTER_OTLP_ENDPOINT",
                                                                   "EXPORTER_OTLP_HEADERS")}}
        done = run("push", "--to", target, *([url] if url else []), *arguments, status=status, env={**off, **(env or {})}, **options)
        assert "Sanitizer" not in done.stderr
        return done

    return call


# ---- what arrives ---------------------------------------------------------------------------------


def parse(lines):
    """protoc's text, as {field: [values]}; messages are such dictionaries, too."""
    out = {}
    for line in lines:
        line = line.strip()
        if line == "}":
            return out
        if line.endswith("{"):
            out.setdefault(line[:-1].strip(), []).append(parse(lines))
        else:
            name, _, value = line.partition(": ")
            text = value.startswith('"')
            out.setdefault(name, []).append(ast.literal_eval("b" + value) if text else int(value))
    return out


class Otlp:
    """A request, with every index followed."""

    def __init__(self, body):
        raw = gzip.decompress(body)
        text = subprocess.run(["protoc", f"--proto_path={PROTO.parent}", "--decode=Request", PROTO.name], input=raw, check=True,
                              capture_output=True).stdout.decode()
        whole = parse(iter(text.splitlines()))
        assert not re.search(r"^\s*\d+[:\s]", text, re.M), "a field that the description does not have"
        [self.dictionary] = whole["dictionary"]
        self.strings = [s.decode() for s in self.dictionary["strings"]]
        assert self.strings[0] == "" and len(set(self.strings)) == len(self.strings)
        for table, empty in (("mappings", {}), ("locations", {}), ("functions", {}), ("attributes", {}), ("stacks", {}),
                             ("links", {"trace": [bytes(16)], "span": [bytes(8)]})):
            assert self.dictionary[table][0] == empty
        [resource] = whole["resource_profiles"]
        self.resource = {a["key"][0].decode(): a["value"][0]["text"][0].decode() for a in resource["resource"][0]["attributes"]}
        [self.scope] = resource["scope_profiles"]
        self.profiles = {self.strings[p["sample_type"][0]["type"][0]]: p for p in self.scope["profiles"]}
        assert list(self.profiles) == ["inuse_space", "inuse_objects", "alloc_space", "alloc_objects"]
        assert len({p["profile_id"][0] for p in self.profiles.values()}) == 4

    def attributes(self, holder):
        out = {}
        for index in holder.get("attributes", []):
            a = self.dictionary["attributes"][index]
            value = a["value"][0].get("text") or a["value"][0].get("number")
            out[self.strings[a["key"][0]]] = value[0].decode() if isinstance(value[0], bytes) else value[0]
        return out

    def totals(self):
        for profile in self.profiles.values():
            seen = [(s["stack"][0], tuple(s.get("attributes", []))) for s in profile.get("samples", [])]
            assert len(set(seen)) == len(seen), "samples of one identity are one sample"
        return {TYPES[kind]: sum(s["values"][0] for s in p.get("samples", [])) for kind, p in self.profiles.items()}

    def frames(self, sample):
        d = self.dictionary
        for index in d["stacks"][sample["stack"][0]]["locations"]:
            where = d["locations"][index]
            if "mapping" in where:
                mapping = d["mappings"][where["mapping"][0]]
                assert mapping["start"][0] <= where["address"][0] < mapping["limit"][0]
            for line in where["lines"]:
                function = d["functions"][line["function"][0]]
                yield self.strings[function["name"][0]], line.get("line", [0])[0]


def pprof_of(taken, tmp_path):
    file = tmp_path / "taken.pb.gz"
    file.write_bytes(taken[2])
    return pprof.read(file)


def pprof_totals(found):
    assert [t for t, _ in found["types"]] == list(TYPES)
    return {TYPES[kind]: sum(s[1][i] for s in found["samples"]) for i, (kind, _) in enumerate(found["types"])}


def wanted(as_json, *run):
    found = as_json("summary", *run)["run"]
    return {name: found[name] for name in TYPES.values()}


# ---- once -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["small", "empty", "one", "hostile", "dead", "stacks 20000"])
def test_pyroscope(push, make_db, server, as_json, tmp_path, kind):
    make_db(*kind.split())
    at = server()
    done = push("pyroscope", at.url, sanitized=True)
    assert f"to {at.url}/ingest\n" in done.stdout and not done.stderr
    [taken] = at.taken
    path, _, query = taken[0].partition("?")
    query = urllib.parse.parse_qs(query, strict_parsing=True)
    assert path == "/ingest" and query["format"] == ["pprof"] and taken[1]["Content-Type"] == "application/octet-stream"
    assert re.fullmatch("[A-Za-z0-9_./-]+", query["name"][0])
    assert int(query["from"][0]) <= int(query["until"][0])
    found = pprof_of(taken, tmp_path)
    assert pprof_totals(found) == wanted(as_json)
    assert all(any(values) for _, values, _ in found["samples"])
    assert int(query["until"][0]) - 1 <= found["time"] / 1e9 <= int(query["until"][0])


def test_pyroscope_names(push, make_db, server):
    make_db("small", "a label: {x}")
    at = server()
    variables = {"OTEL_RESOURCE_ATTRIBUTES": "service.name=shop,env=a%2cb%7D, k8s.pod.name = p 1 "}
    push("pyroscope", at.url + "/base/")
    push("pyroscope", at.url + "/ingest?tenant=1", env=variables)
    push("pyroscope", at.url, env={**variables, "OTEL_SERVICE_NAME": "till"})
    push("pyroscope", at.url, "--name", "mine{env=x y}", env=variables)
    paths = [urllib.parse.urlsplit(taken[0]) for taken in at.taken]
    assert [p.path for p in paths] == ["/base/ingest", "/ingest", "/ingest", "/ingest"]
    queries = [urllib.parse.parse_qs(p.query, strict_parsing=True) for p in paths]
    assert [q["name"][0] for q in queries] == ["a_label___x_", "shop{env=a_b_,k8s_pod_name=p 1}", "till{env=a_b_,k8s_pod_name=p 1}",
                                               "mine{env=x y}"]
    assert queries[1]["tenant"] == ["1"]


@needs_protoc
@pytest.mark.parametrize("kind", ["small", "empty", "one", "hostile", "dead", "stacks 20000"])
def test_otlp(push, make_db, server, as_json, kind):
    database = make_db(*kind.split())
    at = server()
    assert not push("otlp", at.url, sanitized=True).stderr
    [taken] = at.taken
    assert taken[0] == "/v1development/profiles"
    assert (taken[1]["Content-Type"], taken[1]["Content-Encoding"]) == ("application/x-protobuf", "gzip")
    found = Otlp(taken[2])
    assert found.totals() == wanted(as_json)
    run = as_json("summary")["run"]
    for profile in found.profiles.values():
        about = found.attributes(profile)
        assert about["libtrace.run"] == run["run"] and about["libtrace.run.state"] == run["state"]
        assert "libtrace.sample_interval" not in about and profile["period"] == [1]
    assert found.scope["scope"][0]["name"] == [b"libtrace"]
    if kind in ("small", "hostile"):
        with sqlite3.connect(database) as connection:
            known = {row[0] for row in connection.execute("SELECT build_id FROM module WHERE build_id <> ''")}
        ids = {found.attributes(m).get("process.executable.build_id.gnu") for m in found.dictionary["mappings"][1:]} - {None}
        assert ids <= known and (ids or not known)
    if kind == "small":
        functions = {name for s in found.profiles["alloc_space"]["samples"] for name, _ in found.frames(s)}
        assert functions >= {row["function"] for row in as_json("top", "--by", "bytes", "--limit", "3")["rows"] if row["function"]}


@needs_protoc
def test_otlp_variables(push, make_db, server):
    make_db("small")
    at = server()
    push("otlp", None, env={"OTEL_EXPORTER_OTLP_ENDPOINT": at.url + "/", "OTEL_EXPORTER_OTLP_HEADERS": "x-scope-orgid=7, api-key = a%20b",
                            "OTEL_SERVICE_NAME": "till", "OTEL_RESOURCE_ATTRIBUTES": "service.name=no,deployment.environment=test"})
    push("otlp", at.url + "/v1development/profiles", "--name", "mine")
    first, second = at.taken
    assert [t[0] for t in at.taken] == ["/v1development/profiles"] * 2
    assert first[1]["x-scope-orgid"] == "7" and first[1]["api-key"] == "a b"
    assert Otlp(first[2]).resource == {"service.name": "till", "deployment.environment": "test"}
    assert Otlp(second[2]).resource == {"service.name": "mine"}
    push("pyroscope", at.url, env={"OTEL_EXPORTER_OTLP_HEADERS": "api-key=no"})
    assert at.taken[2][1]["api-key"] is None


@needs_protoc
def test_sampled(push, make_db, add_sampling, server, as_json, tmp_path):
    add_sampling(make_db("small"), interval=4096)
    at = server()
    push("otlp", at.url)
    push("pyroscope", at.url)
    found = Otlp(at.taken[0][2])
    for profile in found.profiles.values():
        assert found.attributes(profile)["libtrace.sample_interval"] == 4096 and profile["period"] == [4096]
    assert found.totals() == wanted(as_json) == pprof_totals(pprof_of(at.taken[1], tmp_path))


def test_several_runs_and_json(push, make_db, server):
    for label in ("a", "b", "a"):
        make_db("small", label)
    at = server()
    said = json.loads(push("pyroscope", at.url, "a", "2", "--json").stdout)
    assert [(r["run"], r["label"], r["pushes"]) for r in said["runs"]] == [(3, "a", 1), (2, "b", 1)]
    assert said["schema"] == "libtrace.push/1" and said["url"] == at.url + "/ingest" and said["sent"] == 2
    assert said["sent_bytes"] == sum(len(body) for _, _, body in at.taken)
    assert (said["waiting"], said["dropped"], said["refused"]) == (0, 0, 0)
    push("pyroscope", at.url, "99", status=1)
    assert len(at.taken) == 2


# ---- what can go wrong ----------------------------------------------------------------------------


def test_tries_again(push, make_db, server):
    make_db("small")
    at = server(503, (429, {"Retry-After": "1"}, b""), "hang up", 500, 200)
    done = push("pyroscope", at.url)
    assert at.seen == [503, 429, "hang up", 500, 200] and len(at.taken) == 1
    assert done.stderr == (f"trace-report push: {at.url}/ingest does not take it now: it answers with status 503\n"
                           f"trace-report push: {at.url}/ingest takes it again\n")


def test_time_is_limited(push, make_db, server, closed):
    make_db("small")
    at = server((429, {"Retry-After": "1000"}, b""))
    assert "run 1 was not sent: it answers with status 429" in push("pyroscope", at.url, status=1).stderr
    assert at.seen == [429]
    at = server("slow")
    assert "was not sent: Timeout was reached" in push("pyroscope", at.url, "--timeout", "500ms", status=1).stderr
    assert re.search("(Couldn't|Could not) connect to server", push("otlp", closed, "--timeout", "0.5", status=1).stderr)


@pytest.mark.parametrize("target, status", [("pyroscope", 400), ("otlp", 400), ("otlp", 500), ("pyroscope", 413), ("pyroscope", 302)])
def test_refused(push, make_db, server, target, status):
    make_db("small")
    at = server((status, {"Location": "/elsewhere"}, b"no \x1b[31m\nmore"), (status, {}, "zu groß\nx".encode()))
    done = push(target, at.url, status=1)
    assert f"refuses it: it answers with status {status}\n" in done.stderr and "\x1b" not in done.stderr
    done = push(target, at.url, "--json", status=1)
    assert f"status {status}: zu groß\n" in done.stderr and json.loads(done.stdout)["refused"] == 1
    assert at.seen == [status, status]


def test_taken_in_part(push, make_db, server):
    make_db("small")
    answers = [b"", b"\x0a\x00", b"\x0a\x04\x12\x02ok", b"\x0a\x07\x08\x03\x12\x03why", b"\x0a\xff", b"\xff" * 300, b"\x0a\xff\xff\x03\x08\x02"]
    at = server(*((200, {}, answer) for answer in answers))
    done = [push("otlp", at.url, status=None) for _ in answers]
    assert [each.returncode for each in done] == [0, 0, 0, 1, 0, 0, 1]
    assert "it took only a part, and rejected 3 profiles" in done[3].stderr
    at.plan[:] = [(200, {}, answers[3])]
    push("pyroscope", at.url)


def test_long_answer(push, make_db, server):
    make_db("small")
    at = server((200, {}, b"x" * 10_000_000), (400, {}, b"y" * 10_000_000))
    assert not push("pyroscope", at.url).stderr
    assert push("pyroscope", at.url, status=1).stderr.count("y") < 250
    assert len(at.seen) == 2


def test_secrets(push, make_db, server, closed, tmp_path):
    make_db("small")
    secrets = tmp_path / "token"
    secrets.write_text("# ours\n\nAuthorization: Bearer s3cret-t0ken\r\nX-Scope-OrgID: 7\n")
    at = server(200, (401, {}, b"what is s3cret-t0ken?"), (401, {}, b"pa55 is wrong"))
    for mode in (0o604, 0o602, 0o620, 0o644):
        secrets.chmod(mode)
        assert "headers, as they are secret" in push("pyroscope", at.url, "--header-file", secrets, status=1).stderr
    assert not at.seen
    secrets.chmod(0o640)
    push("pyroscope", at.url, "--header-file", secrets)
    assert at.taken[0][1]["Authorization"] == "Bearer s3cret-t0ken" and at.taken[0][1]["X-Scope-OrgID"] == "7"
    said = push("pyroscope", at.url, "--header-file", secrets, status=1)
    with_user = at.url.replace("//", "//me:pa55@") + "/?key=hidden"
    said.stderr += push("pyroscope", with_user, status=1).stderr
    for url in (with_user, closed.replace("//", "//me:pa55@") + "?key=hidden"):
        done = push("pyroscope", url, "--header-file", secrets, "--timeout", "0.2", status=None)
        said.stderr += done.stderr + done.stdout
    assert "status 401\n" in said.stderr and closed in said.stderr
    assert not re.search("s3cret|pa55|hidden|me:", said.stderr + said.stdout)
    secrets.write_text("Authorization\n")
    done = push("pyroscope", at.url, "--header-file", secrets, status=2)
    assert "header 1 is not of the form" in done.stderr
    secrets.write_text("Name: ok\nX: a\x01b\n")
    assert "header 2 is not of the form" in push("pyroscope", at.url, "--header-file", secrets, status=2).stderr
    assert "cannot read" in push("pyroscope", at.url, "--header-file", tmp_path / "none", status=1).stderr


def test_wrong_use(push, run, make_db, tmp_path, closed):
    make_db("small")
    assert "--to says what the server takes" in run("push", closed, status=2).stderr
    assert "push takes a URL" in push("otlp", None, status=2).stderr
    assert "push takes a URL" in push("pyroscope", "1", status=2).stderr
    assert "begin with http" in push("pyroscope", "ftp://x", status=2).stderr
    assert "is no URL" in push("pyroscope", "http://a b/", status=2).stderr
    assert "--every takes a time" in push("pyroscope", closed, "--every", "0", status=2).stderr
    assert "no option --from" in push("pyroscope", closed, "--from", "1", status=2).stderr


def test_without_libcurl(push, run, make_db, closed, tmp_path):
    make_db("small")
    for name in ("libcurl.so.4", "libcurl-gnutls.so.4"):
        (tmp_path / name).write_text("no library")
    env = {"LD_LIBRARY_PATH": tmp_path}
    assert "push needs libcurl.so.4, which is not installed" in push("pyroscope", closed, status=1, env=env).stderr
    run("top", env=env, status=0)
    loaded = subprocess.run(["ldd", BUILD / "bin/trace-report"], capture_output=True, text=True, check=True).stdout
    assert "curl" not in loaded and "ssl" not in loaded


def test_proxy(push, make_db, server):
    make_db("small")
    at = server()
    push("pyroscope", "http://profiles.invalid:1234", env={"http_proxy": at.url, "no_proxy": ""})
    assert at.taken[0][0].startswith("http://profiles.invalid:1234/ingest?")


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl")
def test_tls(push, make_db, server, tmp_path):
    make_db("small")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "ca.pem"], check=True,
                   capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "ca.pem", tmp_path / "key.pem")
    at = server()
    at.socket = context.wrap_socket(at.socket, server_side=True)
    url = at.url.replace("http://127.0.0.1", "https://localhost")
    # On a busy machine the time is over in the next attempt, so that this is said of the one before.
    assert ": SSL" in push("pyroscope", url, "--timeout", "3", status=1).stderr
    push("pyroscope", url, "--ca-file", tmp_path / "ca.pem")
    assert len(at.taken) == 1


# ---- the spool ------------------------------------------------------------------------------------


def waiting(folder, target="pyroscope"):
    return sorted(folder.glob(f"*.{target}"))


def test_spool(push, make_db, server, closed, as_json, tmp_path):
    for kind in ("small", "one", "stacks"):
        make_db(kind)
    spool = tmp_path / "spool"
    for number in ("1", "2"):
        done = push("pyroscope", closed, number, "--spool", spool, "--timeout", "0.1", sanitized=True)
        assert f"wait in {spool}\n" in done.stdout and done.stderr.count("does not take it now") == 1
    assert len(waiting(spool)) == 2 and spool.stat().st_mode & 0o777 == 0o700
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in waiting(spool))
    push("otlp", closed, "1", "--spool", spool, "--timeout", "0.1")
    at = server()
    said = json.loads(push("pyroscope", at.url, "3", "--spool", spool, "--json").stdout)
    assert (said["sent"], said["waiting"], said["dropped"]) == (3, 0, 0)
    assert not waiting(spool) and len(waiting(spool, "otlp")) == 1
    assert [pprof_totals(pprof_of(taken, tmp_path)) for taken in at.taken] == [wanted(as_json, n) for n in "123"]


def test_spool_keeps_what_is_not_taken(push, make_db, server, tmp_path):
    make_db("small")
    spool = tmp_path / "spool"
    at = server(503, (429, {"Retry-After": "100"}, b""))
    push("pyroscope", at.url, "--spool", spool)
    assert at.seen == [503, 429] and len(waiting(spool)) == 1
    at.plan[:] = [200, "hang up", (429, {"Retry-After": "100"}, b"")]
    push("pyroscope", at.url, "--spool", spool)
    assert len(at.taken) == 1 and len(waiting(spool)) == 1
    at.plan[:] = [400]
    done = push("pyroscope", at.url, "--spool", spool, status=1)  # what is refused does not stay in the way
    assert "refuses it" in done.stderr and not waiting(spool) and len(at.taken) == 2


def test_spool_is_bounded(push, make_db, server, closed, tmp_path):
    make_db("small")
    spool = tmp_path / "spool"
    fill = lambda *more, status=0: push("pyroscope", closed, "--spool", spool, "--timeout", "0.1", "--json", *more, status=status)
    fill("--name", "n1")
    one = waiting(spool)[0].stat().st_size
    room = ["--spool-size", str(3 * one + one // 2)]
    for i in (2, 3):
        fill("--name", f"n{i}", *room)
    done = fill("--name", "n4", *room, status=1)
    assert json.loads(done.stdout)["dropped"] == 1 and "dropped, as they did not fit into the spool" in done.stderr
    assert sum(file.stat().st_size for file in waiting(spool)) <= 3 * one + one // 2
    done = fill("--name", "n5", "--spool-size", str(one // 2), status=1)
    assert json.loads(done.stdout)["dropped"] == 1 and "larger than the spool" in done.stderr
    at = server()
    push("pyroscope", at.url, "--spool", spool, "--name", "n6", *room)
    names = [urllib.parse.parse_qs(taken[0].partition("?")[2])["name"][0] for taken in at.taken]
    assert names == ["n2", "n3", "n4", "n6"]


def test_spool_of_others(push, make_db, server, tmp_path):
    make_db("small")
    at = server()
    spool = tmp_path / "spool"
    spool.mkdir()
    spool.chmod(0o770)
    assert "other users may write to it" in push("pyroscope", at.url, "--spool", spool, status=1).stderr
    spool.chmod(0o700)
    (tmp_path / "file").write_text("")
    assert "cannot be the spool" in push("pyroscope", at.url, "--spool", tmp_path / "file", status=1).stderr
    secret = tmp_path / "secret"
    secret.write_text("libtrace push 1\nname=x\nnot to be sent")
    for number, text in enumerate(["", "libtrace push 1\n", "libtrace push 2\nname=x\nbody", "libtrace push 1\na b\nbody",
                                   "libtrace push 1\nname=x\r\nbody", "libtrace push 1\nname=x\nbody"], start=1):
        (spool / f"{number:020}.pyroscope").write_text(text)
    (spool / f"{7:020}.pyroscope").symlink_to(secret)
    os.mkfifo(spool / f"{8:020}.pyroscope")
    (spool / "notes.pyroscope").write_text("mine")
    done = push("pyroscope", at.url, "--spool", spool, "--json", status=1, sanitized=True)
    said = json.loads(done.stdout)
    assert (said["sent"], said["dropped"]) == (2, 5) and at.taken[0][2] == b"body"
    assert (spool / "notes.pyroscope").exists() and secret.exists()


def test_spool_in_use(push, make_db, server, tmp_path):
    make_db("small")
    at = server("slow")
    command = [BUILD / "bin/trace-report", "push", "--to", "pyroscope", at.url, "--spool", tmp_path / "spool", "--timeout", "1h"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, env=environment(no_proxy="*")) as first:
        limit = time.monotonic() + PATIENCE
        while not at.seen and time.monotonic() < limit:
            time.sleep(0.01)
        assert "another trace-report push uses the spool" in push("pyroscope", at.url, "--spool", tmp_path / "spool", status=1).stderr
        at.go_on.set()
        assert first.wait(PATIENCE) == 0


# ---- a run that goes on ---------------------------------------------------------------------------

PROGRAM = """
import sys
kept = []
for line in sys.stdin:
    kept.append([bytes(1000) for i in range(int(line))])
    print(len(kept), flush=True)
"""


class Program:
    """A traced program that allocates when it is told to."""

    def __init__(self, folder):
        self.process = subprocess.Popen([BUILD / "bin/trace-run", "--label", "live", "/usr/bin/python3", "-c", PROGRAM], cwd=folder, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment())
        until_recording(folder / "trace.db")

    def work(self, lists):
        self.process.stdin.write(f"{lists}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline()

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(PATIENCE) == 0


@pytest.fixture
def program(tmp_path):
    started = Program(tmp_path)
    yield started
    if started.process.poll() is None:
        started.process.kill()
        started.process.wait()


def pushing(tmp_path, *arguments):
    return subprocess.Popen([BUILD / "bin/trace-report", "push", *map(str, arguments)], cwd=tmp_path, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env=environment(no_proxy="*", OTEL_SERVICE_NAME="", OTEL_RESOURCE_ATTRIBUTES=""))


def unique(taken):
    """Without what was sent again because the answer did not come in time."""
    return list({(path, body): (path, headers, body) for path, headers, body in taken}.values())


def check_sum(each, whole):
    """What was allocated adds up over all pushes; what is in use is that of the last one."""
    for name in ("allocations", "bytes"):
        assert sum(one[name] for one in each) == whole[name]
    for name in ("unfreed_allocations", "unfreed_bytes"):
        assert each[-1][name] == whole[name]


def test_every(program, server, as_json, tmp_path):
    at = server()
    program.work(100)
    with pushing(tmp_path, "--to", "pyroscope", at.url, "--every", "200ms") as push:
        at.wait(2)
        program.work(1000)
        at.wait(len(at.taken) + 2)
        at.plan[:] = [503, "hang up"]
        program.work(500)
        at.wait(len(at.taken) + 1)
        program.end()
        out, err = push.communicate(timeout=PATIENCE)
        assert push.returncode == 0, err
    taken = unique(at.taken)
    found = [pprof_of(each, tmp_path) for each in taken]
    assert out == f"run 1 live: {len(found)} pushes to {at.url}/ingest\n"
    check_sum([pprof_totals(each) for each in found], wanted(as_json))
    queries = [urllib.parse.parse_qs(each[0].partition("?")[2]) for each in taken]
    times = [each["time"] for each in found]
    assert times == sorted(times)
    assert all(int(q["from"][0]) == before // 10**9 for q, before in zip(queries[1:], times))
    assert sum(values[1] for _, values, _ in found[0]["samples"]) >= 100 * 1000


def test_every_before_a_type_is_known(program, server, as_json, tmp_path):
    """While Python waits, its latest object counts for the type that is expected at its line; it may turn out to be another."""
    at = server()
    with pushing(tmp_path, "--to", "pyroscope", at.url, "--every", "100ms") as push:
        program.work(0)
        at.wait(len(at.taken) + 2)
        program.work(100)
        program.end()
        _, err = push.communicate(timeout=PATIENCE)
        assert push.returncode == 0, err
    check_sum([pprof_totals(pprof_of(each, tmp_path)) for each in unique(at.taken)], wanted(as_json))


@needs_protoc
def test_every_while_the_server_is_away(program, server, as_json, tmp_path):
    """Nothing is lost, neither with a spool nor without: then one push waits, and the next has the rest."""
    ports = [server(), server()]
    for at in ports:
        at.plan += [503] * 6
    program.work(100)
    with pushing(tmp_path, "--to", "otlp", ports[0].url, "--every", "100ms", "--timeout", "1s") as plain, \
         pushing(tmp_path, "--to", "otlp", ports[1].url, "--every", "100ms", "--timeout", "1s", "--spool", "spool") as spooled:
        for at in ports:
            at.wait(1)
        program.work(1000)
        program.end()
        for push in (plain, spooled):
            _, err = push.communicate(timeout=PATIENCE)
            assert push.returncode == 0, err
    whole = wanted(as_json)
    for at in ports:
        found = [Otlp(taken[2]) for taken in unique(at.taken)]
        check_sum([each.totals() for each in found], whole)
        spans = [(p["time_unix_nano"][0], p.get("duration_nano", [0])[0]) for p in (each.profiles["alloc_space"] for each in found)]
        assert all(a + length == b for (a, length), (b, _) in zip(spans, spans[1:]))
    assert not waiting(tmp_path / "spool", "otlp")


def test_every_without_news(program, server, tmp_path):
    """A collector that writes nothing gives nothing to push."""
    at = server()
    with pushing(tmp_path, "--to", "pyroscope", at.url, "--every", "100ms") as push:
        at.wait(1)
        connection = sqlite3.connect(tmp_path / "trace.db", timeout=PATIENCE, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")  # it is not to stand still in the middle of a transaction, with the file locked
        [[collector]] = connection.execute("SELECT collector_pid FROM run")
        stop(collector)
        connection.execute("ROLLBACK")
        connection.close()
        try:
            await_said(push, "has been stopped", 2)
            before = len(at.taken)
            await_said(push, "has been stopped", 5)
            assert len(at.taken) == before
        finally:
            os.kill(collector, signal.SIGCONT)
        at.wait(before + 1)
        program.end()
        assert push.wait(PATIENCE) == 0


def test_every_until_it_is_told_to_end(program, server, tmp_path):
    at = server()
    with pushing(tmp_path, "--to", "pyroscope", at.url, "--every", "1h") as push:
        at.wait(1)
        push.terminate()
        out, err = push.communicate(timeout=PATIENCE)
        assert push.returncode == 0 and "run 1 live: 2 pushes" in out, err
    assert len(at.taken) == 2 and program.process.poll() is None
    program.end()
