"""Code without call frame information, from well-known runtimes: stacks continue through it to the program's start."""

import subprocess

import pytest

JAVA = """
public class Deep {
    static int down(int n) {
        if (n == 0) {
            for (int i = 0; i < 200; i++)
                new java.util.zip.Deflater().end();
            return 0;
        }
        return down(n - 1) + 1;
    }
    public static void main(String[] arguments) { System.out.println(down(Integer.parseInt(arguments[0]))); }
}
"""

GO = """
package main
// #include <stdlib.h>
// static void *take(int n) { return malloc(n); }
import "C"
func leaf(n int) int { if n > 0 { return leaf(n-1) + 1 }; C.free(C.take(4321)); return 0 }
func main() {
    done := make(chan int)
    for i := 0; i < 4; i++ { go func() { for j := 0; j < 100; j++ { leaf(5) }; done <- 1 }() }
    for i := 0; i < 4; i++ { <-done }
    println("done")
}
"""

NODE = """
const zlib = require('zlib');
function down(n) { return n ? down(n - 1) + 1 : zlib.deflateSync(Buffer.alloc(5000)).length; }
let sum = 0;
for (let i = 0; i < 3000; i++) sum += down(i % 8);
const all = [];
for (let i = 0; i < 50000; i++) all.push({i, s: 'x' + i});
console.log(sum, JSON.stringify(all).length);
"""


THREADS = {"clone3", "clone", "__clone3", "__GI___clone3"}  # where threads begin


def ends(traced):
    """Number of allocations by the outermost frame of their stacks."""
    found = {}
    for row in traced.rows("SELECT allocations, frames FROM stacks"):
        end = row["frames"].split(";")[-1].split(" (")[0].split("+")[0]
        found[end] = found.get(end, 0) + row["allocations"]
    return found


def share_of(found, names):
    return sum(n for end, n in found.items() if end in names) / sum(found.values())


def test_node(program, trace, plain, tmp_path, say):
    argv = [program("node"), "-e", NODE]
    expected = plain(argv)
    traced = trace(argv)
    assert (traced.returncode, traced.stdout) == (0, expected.stdout)
    found = ends(traced)
    whole = share_of(found, {*THREADS, "_start", "_dl_start_user", "node"})
    say(f"node: {100 * whole:.2f} % of {sum(found.values()):,} allocations have a whole stack")
    assert whole > 0.99, found


@pytest.mark.parametrize("options", [["-Xint"], ["-Xcomp", "-XX:-Inline", "-XX:TieredStopAtLevel=1"], []],
                         ids=["interpreted", "compiled", "as usual"])
def test_java(options, program, trace, plain, tmp_path, say):
    """Interpreted or without inlining, there is a frame for each call: the virtual machine's call of main, main, n + 1 times
    down(), two constructors, and the wrapper of the native method."""
    (tmp_path / "Deep.java").write_text(JAVA)
    subprocess.run([program("javac"), "Deep.java"], cwd=tmp_path, check=True, capture_output=True)
    depth = 20
    argv = [program("java"), "-Xshare:auto", *options, "-cp", str(tmp_path), "Deep", str(depth)]
    expected = plain(argv)
    assert expected.stdout == b"20\n"
    traced = trace(argv)
    assert (traced.returncode, traced.stdout) == (0, expected.stdout)
    found = ends(traced)
    whole = share_of(found, {*THREADS, "_start", "java"})
    say(f"java {' '.join(options)}: {100 * whole:.2f} % of {sum(found.values()):,} allocations have a whole stack")
    assert whole > 0.98, found
    if not options:
        return
    rows = traced.rows("SELECT allocations, frames FROM stacks WHERE frames LIKE '%Deflater_init%' AND allocations >= 100")
    assert rows
    for row in rows:
        frames = row["frames"].split(";")
        assert len([f for f in frames if f.startswith("[unknown]")]) == 1 + 1 + depth + 1 + 2 + 1, frames


def test_go(program, trace, plain, tmp_path):
    (tmp_path / "main.go").write_text(GO)
    built = subprocess.run(
        [program("go"), "build", "-gcflags=-l", "-o", "program", "main.go"], cwd=tmp_path, capture_output=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "GO111MODULE": "off", "GOFLAGS": ""})
    if built.returncode != 0:
        pytest.skip(f"go cannot build with C here: {built.stderr[-200:]}")
    argv = [str(tmp_path / "program")]
    expected = plain(argv)
    traced = trace(argv)
    assert (traced.returncode, traced.stdout, traced.stderr) == (0, expected.stdout, expected.stderr)
    [row] = traced.rows("SELECT allocations, frames FROM stacks WHERE frames LIKE 'take%'")
    names = [frame.split(" (")[0].split("+")[0] for frame in row["frames"].split(";")]
    assert row["allocations"] == 400
    assert names.count("main.leaf") == 6 and names[-1].startswith("runtime.goexit"), names
    assert "runtime.cgocall" in names
