"""Whatever cannot work gets one clear sentence on stderr, and the program keeps its output and exit
status."""

import os
import shutil
import sqlite3
import subprocess

import pytest

from conftest import clean_environment, rows, same_exit, wait_for_run


def one_sentence(stderr, *words):
    """stderr is one line that contains these words."""
    text = stderr.decode() if isinstance(stderr, bytes) else stderr
    assert text.count("\n") == 1 and text.endswith("\n") and len(text) < 400, repr(text)
    for word in words:
        assert word in text, f"'{word}' is not in: {text}"


def hello(command, env, **options):
    """Runs hello, which must print what it prints and exit with 3; returns its stderr."""
    process = subprocess.run([*map(str, command), "you", "3"], env=env, stdin=subprocess.DEVNULL, capture_output=True,
                             timeout=60, **options)
    assert (process.stdout, process.returncode) == (b"hello you\n", 3), process
    return process.stderr


def hello_told(build, env):
    """What hello is told, by its library. On a machine so busy that the collector has not even started after a second, hello
    has ended before there is anything to tell."""
    for _ in range(5):
        if said := hello([build.target("hello")], env):
            return said
    return b""


# ---- databases that cannot be written to --------------------------------------------------------


def test_unwritable_directory(build, tmp_path, preload):
    # Not even root can write there, and nobody can make the directory.
    one_sentence(hello_told(build, preload(db="/proc/nothing/trace.db")), "libtrace", "/proc/nothing")


def test_directory_without_permission(build, tmp_path, preload, everybodys):
    if os.geteuid() != 0:
        tmp_path.chmod(0o500)
        err = hello([build.target("hello")], preload())
        tmp_path.chmod(0o700)
    else:
        reachable = _reachable_copy(build)
        try:
            env = clean_environment({"LD_PRELOAD": reachable / "lib/libtrace.so", "LIBTRACE_DB": everybodys / "trace.db"})
            err = hello([reachable / "hello"], env, user=65534, group=65534)
        finally:
            shutil.rmtree(reachable)
    one_sentence(err, "libtrace", "trace.db")


def _reachable_copy(build):
    """The library, the collector and hello where another user can read them."""
    import pathlib
    import tempfile

    folder = pathlib.Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    for source in (build.library, build.collector, build.target("hello")):
        source = pathlib.Path(source)
        target = folder / (source.relative_to(build.root) if source.name != "hello" else "hello")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    return folder


def test_no_working_directory(build, tmp_path):
    """Where the database would be if nobody says where."""
    folder = tmp_path / "gone"
    folder.mkdir()
    env = clean_environment({"LD_PRELOAD": build.library})
    said = hello([build.target("hello")], env, cwd=folder, preexec_fn=lambda: os.rmdir(folder))
    one_sentence(said, "libtrace", "the working directory is gone")


def test_not_a_database(build, tmp_path, preload, report):
    (tmp_path / "trace.db").write_bytes(b"this is a letter, and no database\n" * 200)
    before = (tmp_path / "trace.db").read_bytes()
    one_sentence(hello_told(build, preload()), "libtrace", "trace.db", "not a database")
    assert (tmp_path / "trace.db").read_bytes() == before
    answer = report(tmp_path / "trace.db", "top")
    assert answer.returncode == 1 and answer.stdout == ""
    one_sentence(answer.stderr, "trace.db", "not a database")


def test_somebody_elses_database(build, tmp_path, preload, report):
    with sqlite3.connect(tmp_path / "trace.db") as connection:
        connection.execute("CREATE TABLE customers (name TEXT)")
        connection.execute("INSERT INTO customers VALUES ('a')")
    connection.close()
    before = (tmp_path / "trace.db").read_bytes()
    one_sentence(hello_told(build, preload()), "libtrace", "trace.db")
    assert (tmp_path / "trace.db").read_bytes() == before
    answer = report(tmp_path / "trace.db", "top")
    assert answer.returncode == 1 and answer.stdout == ""
    one_sentence(answer.stderr, "trace.db")


def test_another_version(build, tmp_path, trace, preload, report):
    trace([build.target("hello")])
    with sqlite3.connect(tmp_path / "trace.db") as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    before = (tmp_path / "trace.db").read_bytes()
    one_sentence(hello_told(build, preload()), "libtrace", "version")
    assert (tmp_path / "trace.db").read_bytes() == before
    answer = report(tmp_path / "trace.db", "top")
    assert answer.returncode == 1 and answer.stdout == ""
    one_sentence(answer.stderr, "version", "999")


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9])
def test_truncated(keep, build, tmp_path, trace, preload, report):
    trace([build.workload("shapes"), "300"])
    database = tmp_path / "trace.db"
    os.truncate(database, int(database.stat().st_size * keep) // 512 * 512 + 100)
    answer = report(database, "top")
    assert answer.returncode == 1
    one_sentence(answer.stderr, "trace.db")
    # Recording into it: either the sentence, or it works; the program never notices.
    err = hello([build.target("hello")], preload())
    if err:
        one_sentence(err, "libtrace", "trace.db")


def test_database_is_a_directory(build, tmp_path, preload, report):
    (tmp_path / "trace.db").mkdir()
    one_sentence(hello_told(build, preload()), "libtrace", "trace.db")
    answer = report(tmp_path / "trace.db", "top")
    assert answer.returncode == 1
    one_sentence(answer.stderr, "trace.db")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_disk_full_from_the_start(small_disk, build, preload):
    (small_disk / "filler").write_bytes(bytes(1 << 20))
    one_sentence(hello_told(build, preload(db=small_disk / "trace.db")), "libtrace", "trace.db")


def test_disk_fills_while_recording(small_disk, build, preload, trace, plain):
    """What was recorded before stays; the program's output and exit status are its own."""
    kept = trace([build.target("hello"), "kept"], db=small_disk / "trace.db").run
    database = small_disk / "trace.db"
    room = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
    (small_disk / "filler").write_bytes(bytes(max(room - 60_000, 0)))

    argv = [build.workload("shapes"), "20000"]  # some hundred stacks: more than 60 KB
    process = subprocess.run(argv, env=preload(db=database), capture_output=True, timeout=60)
    expected = plain(argv)
    assert (process.stdout, process.returncode) == (expected.stdout, expected.returncode)
    if process.stderr:
        one_sentence(process.stderr, "libtrace")
    (small_disk / "filler").unlink()
    assert rows(database, "PRAGMA integrity_check")[0][0] == "ok"
    assert dict(rows(database, "SELECT * FROM run WHERE id = 1")[0]) == dict(kept)


# ---- programs that cannot be traced --------------------------------------------------------------


def run_by(build, tmp_path, *command, **options):
    return [build.command("trace-run"), "-o", tmp_path / "trace.db", *command], clean_environment(options.pop("env", None))


def test_static_program(build, tmp_path):
    command, env = run_by(build, tmp_path, build.target("hello-static"))
    one_sentence(hello(command, env), "hello-static", "static", "untraced")
    assert not (tmp_path / "trace.db").exists()
    # The loader ignores LD_PRELOAD for it, and it runs.
    assert hello([build.target("hello-static")], clean_environment({"LD_PRELOAD": build.library})) == b""


def test_script_of_a_static_interpreter(build, tmp_path):
    script = tmp_path / "script"
    script.write_text(f"#!{build.target('hello-static')}\n")
    script.chmod(0o755)
    command, env = run_by(build, tmp_path, script)
    process = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert process.stdout == f"hello {script}\n" and process.returncode == 0
    one_sentence(process.stderr, "hello-static", "static")


def test_setuid_program(build, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("making a setuid program of another user needs root")
    program = tmp_path / "hello"
    shutil.copy(build.target("hello"), program)
    os.chown(program, 65534, 65534)
    program.chmod(0o4755)
    if os.statvfs(tmp_path).f_flag & os.ST_NOSUID:
        pytest.skip("setuid has no effect in this directory")
    command, env = run_by(build, tmp_path, program)
    one_sentence(hello(command, env), "setuid", "untraced")


def test_other_architecture(build, tmp_path):
    program = tmp_path / "foreign"
    header = bytearray(open(build.target("hello"), "rb").read(4096))
    header[18:20] = (183).to_bytes(2, "little")  # AArch64
    program.write_bytes(header)
    program.chmod(0o755)
    command, env = run_by(build, tmp_path, program)
    process = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert process.returncode == 126
    assert "not an x86-64 program" in process.stderr and "cannot run" in process.stderr


def test_missing_and_unrunnable_programs(build, tmp_path):
    for name, mode, status, words in [("there-is-none", None, 127, "no such command"), ("./none", None, 127, "No such file"),
                                      ("./text", 0o644, 126, "Permission denied"), (".", None, 126, "directory"),
                                      ("", None, 127, "no such command")]:
        if mode:
            (tmp_path / name).write_text("x")
            (tmp_path / name).chmod(mode)
        command, env = run_by(build, tmp_path, name)
        process = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert process.returncode == status and process.stdout == "", (name, process)
        one_sentence(process.stderr, "trace-run: cannot run", words)


def test_settings(build, trace):
    """What is no value for a setting is said once, and the program is traced with the default."""
    for name, value in [("LIBTRACE_DEPTH", "0"), ("LIBTRACE_DEPTH", "12x"), ("LIBTRACE_EVENTS", "2"), ("LIBTRACE_STACK", "all")]:
        traced = trace([build.target("hello"), "you", "3"], env={name: value})
        assert (traced.stdout, traced.returncode, traced.run["state"]) == (b"hello you\n", 3, "complete")
        one_sentence(traced.stderr, "libtrace", name)
    for name, value in [("LIBTRACE_DEPTH", ""), ("LIBTRACE_DEPTH", "0x10"), ("LIBTRACE_STACK", "")]:
        assert trace([build.target("hello"), "you", "3"], env={name: value}).stderr == b"", (name, value)


def test_options_of_commands(build, tmp_path):
    for arguments in (["--nonsense", "true"], [], ["--label"], ["-x"]):
        process = subprocess.run([build.command("trace-run"), *arguments], capture_output=True, text=True, cwd=tmp_path)
        assert process.returncode == 2 and process.stdout == "" and "trace-run" in process.stderr
    for command, operand in (("trace-run", "true"), ("trace-attach", "1")):
        process = subprocess.run([build.command(command), "--sample", "512KiB", operand], capture_output=True, text=True, cwd=tmp_path)
        assert process.returncode == 2 and "--sample=512KiB" in process.stderr
    assert os.listdir(tmp_path) == []


# ---- the tracer's own parts missing -------------------------------------------------------------


def test_missing_collector(build, tmp_path):
    folder = tmp_path / "lib"
    folder.mkdir()
    shutil.copy(build.library, folder / "libtrace.so")
    env = clean_environment({"LD_PRELOAD": folder / "libtrace.so", "LIBTRACE_DB": tmp_path / "trace.db"})
    one_sentence(hello_told(build, env), "libtrace", "trace-collector")
    assert not (tmp_path / "trace.db").exists()


def test_collector_without_permission(build, tmp_path):
    copy = _reachable_copy(build)
    try:
        (copy / build.collector.relative_to(build.root)).chmod(0o644)
        env = clean_environment({"LD_PRELOAD": copy / build.library.relative_to(build.root),
                                 "LIBTRACE_DB": tmp_path / "trace.db"})
        one_sentence(hello_told(build, env), "libtrace", "trace-collector")
    finally:
        shutil.rmtree(copy)


def test_collector_that_ends_at_once(build, tmp_path):
    copy = _reachable_copy(build)
    try:
        collector = copy / build.collector.relative_to(build.root)
        shutil.copy("/bin/false", collector)
        env = clean_environment({"LD_PRELOAD": copy / build.library.relative_to(build.root),
                                 "LIBTRACE_DB": tmp_path / "trace.db"})
        one_sentence(hello_told(build, env), "libtrace")
    finally:
        shutil.rmtree(copy)


# ---- wrong arguments of trace-report --------------------------------------------------------------


@pytest.fixture
def recorded(build, trace, tmp_path):
    trace([build.target("hello")])
    return tmp_path / "trace.db"


@pytest.mark.parametrize("arguments, status, words", [
    (["top", "99"], 1, ["99"]),
    (["top", "nosuchlabel"], 1, ["nosuchlabel"]),
    (["compare", "hello", "nosuchlabel"], 1, ["nosuchlabel"]),
    (["compare"], 1, []),  # there is only one run
    (["top", "--nonsense"], 2, ["--nonsense"]),
    (["top", "--by", "colour"], 2, ["colour"]),
    (["top", "--group", "planet"], 2, ["planet"]),
    (["top", "--limit", "many"], 2, ["many"]),
    (["nosuchcommand"], 2, ["nosuchcommand"]),
    (["sql", "SELECT nothing FROM nowhere"], 1, ["nowhere"]),
    (["sql", "DELETE FROM run"], 1, []),
])
def test_report_refuses(arguments, status, words, recorded, report):
    answer = report(recorded, *arguments)
    assert answer.returncode == status and answer.stdout == "", answer
    assert 1 <= answer.stderr.count("\n") <= 2, answer.stderr
    for word in words:
        assert word in answer.stderr
    assert len(rows(recorded, "SELECT * FROM run")) == 1


def test_report_without_a_database(report, tmp_path):
    answer = report(tmp_path / "none.db", "top")
    assert answer.returncode == 1
    one_sentence(answer.stderr, "none.db", "LD_PRELOAD=libtrace.so")
    assert not (tmp_path / "none.db").exists()


def test_still_recording(build, preload, report, tmp_path):
    """A run that is still recorded can be reported on, and is not disturbed by that."""
    process = subprocess.Popen([build.target("storm"), tmp_path / "page"], env=preload())
    try:
        for _ in range(2000):
            answer = report(tmp_path / "trace.db", "top")
            if answer.returncode == 0 and "storm" in answer.stdout:
                break
        runs = report(tmp_path / "trace.db", "runs")
        assert "recording" in runs.stdout, runs
    finally:
        process.kill()
        process.wait()
    run = wait_for_run(tmp_path / "trace.db")
    assert run["state"] == "complete" and same_exit(run["exit_status"], -9)
