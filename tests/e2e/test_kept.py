"""leaks: memory that the system's libraries keep in every program is counted, but not shown as the program's. The oracle is
valgrind, which makes glibc free its own memory. What a program forgets is shown, even if glibc allocated it."""

import json
import re
import subprocess

import pytest

from conftest import clean_environment

CLEAN = {
    "hello.c": '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n',
    "streams.cc": """#include <iostream>
#include <string>
#include <vector>
int main()
{
    std::vector<std::string> rows(100, std::string(100, 'x'));
    std::cout << rows.size() << std::endl;
}
""",
    "libc.c": """#define _GNU_SOURCE
#include <iconv.h>
#include <libintl.h>
#include <locale.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
static void *work(void *data) { return data; }
int main(void)
{
    char text[100];
    time_t now = time(NULL);
    pthread_t thread;
    setlocale(LC_ALL, "C.UTF-8");
    strftime(text, sizeof text, "%c", localtime(&now));
    getpwnam("root");
    pthread_create(&thread, NULL, work, NULL);
    pthread_join(thread, NULL);
    textdomain("none");
    setenv("NONE", gettext(text), 1);
    iconv_close(iconv_open("UTF-16", "UTF-8"));
    puts(text);
    return 0;
}
""",
}

# What each program forgets, and the number of the line.
LEAKING = {
    "file": ('fopen("/dev/null", "r");', 1),
    "conversion": ('iconv_open("UTF-16", "UTF-8");', 1),
    "locale": ('newlocale(LC_ALL_MASK, "C.UTF-8", NULL);', 1),
    "copy": ('strdup("a copy");', 1),
    "addresses": ('getaddrinfo("127.0.0.1", NULL, NULL, &found);', 1),
    "by a name of glibc's": ("setlocale_of_mine();", 1),
}

LEAK = """#define _GNU_SOURCE
#include <iconv.h>
#include <locale.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
struct addrinfo *found;
__attribute__((noinline)) void *nss_of_mine(void) { return malloc(100); }
__attribute__((noinline)) void *setlocale_of_mine(void) { void *p = nss_of_mine(); __asm__ volatile("" ::: "memory"); return p; }
int main(void)
{
    LEAK
    return 0;
}
"""


@pytest.fixture
def leaks(build, report, tmp_path):
    """leaks(program, options): runs it; returns what trace-report leaks --fail prints as JSON, and its exit status."""

    def run(program, *options):
        database = tmp_path / "trace.db"
        for file in tmp_path.glob("trace.db*"):
            file.unlink(missing_ok=True)  # a collector that ends removes its own
        env = clean_environment({"LD_PRELOAD": build.library, "LIBTRACE_DB": database})
        subprocess.run([program], env=env, check=True, stdout=subprocess.DEVNULL, timeout=100)
        done = report(database, "leaks", "--fail", "--json", *options, check=False)
        return json.loads(done.stdout), done.returncode

    return run


def compiled(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    program = tmp_path / name.split(".")[0]
    subprocess.run(["g++" if name.endswith(".cc") else "gcc", "-g", "-pthread", "-o", program, tmp_path / name], check=True)
    return program


@pytest.mark.parametrize("name", CLEAN)
def test_clean(name, leaks, tmp_path, report, program):
    binary = compiled(tmp_path, name, CLEAN[name])
    checked = subprocess.run([program("valgrind"), binary], capture_output=True, text=True, check=False, timeout=300)
    assert re.search(r"definitely lost: 0 bytes|no leaks are possible", checked.stderr), checked.stderr
    found, status = leaks(binary)
    assert (found["rows"], status) == ([], 0)
    assert sum(kind["live_bytes"] for kind in found["kept"]) == found["run"]["live_bytes"] > 0
    out = report(tmp_path / "trace.db", "leaks").stdout
    assert "Nothing is live at the end but what system libraries keep." in out and "buffers of stdout" in out
    everything, status = leaks(binary, "--all")
    assert status == 3 and everything["live_bytes"] == everything["run"]["live_bytes"] and everything["kept"] == []


@pytest.mark.parametrize("name", LEAKING)
def test_forgotten(name, leaks, tmp_path):
    binary = compiled(tmp_path, "leak.c", LEAK.replace("LEAK", LEAKING[name][0]))
    found, status = leaks(binary)
    assert status == 3 and found["rows"], found["kept"]
    assert any(frame["function"] == "main" for row in found["rows"] for frame in row["frames"])


def test_a_plugin_s_initialiser(leaks, tmp_path):
    """The loader calls the initialiser, but the memory that it keeps is the plugin's."""
    (tmp_path / "plugin.c").write_text("#include <stdlib.h>\nvoid *kept;\n"
                                       "__attribute__((constructor)) static void begin(void) { kept = malloc(333); }\n")
    subprocess.run(["gcc", "-g", "-shared", "-fPIC", "-o", tmp_path / "plugin.so", tmp_path / "plugin.c"], check=True)
    binary = compiled(tmp_path, "host.c", f'#include <dlfcn.h>\nint main(void) {{ return !dlopen("{tmp_path}/plugin.so", RTLD_NOW); }}\n')
    found, status = leaks(binary)
    assert status == 3 and [(row["live_bytes"], row["function"]) for row in found["rows"]] == [(333, "begin")]


def test_rust(leaks, tmp_path, program):
    (tmp_path / "clean.rs").write_text("""
use std::collections::HashMap;
fn main() {
    let mut map = HashMap::new();
    for i in 0..100 { map.insert(i, i.to_string()); }
    let thread = std::thread::spawn(move || map.len());
    println!("{}", thread.join().unwrap());
}
""")
    subprocess.run([program("rustc"), "-g", "-o", tmp_path / "clean", tmp_path / "clean.rs"], check=True, capture_output=True)
    found, status = leaks(tmp_path / "clean")
    assert (found["rows"], status) == ([], 0)
