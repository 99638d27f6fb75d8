"""Stacks that no compiler produces: frames in other registers, signals, small stacks, wrong or missing call frame information.

The program runs as it does untraced, and its stacks are libunwind's (LIBTRACE_CHECK_STACKS=1) or are marked as cut.
"""

import os
import pathlib
import random
import subprocess

import pytest

DAMAGED = int(os.environ.get("LIBTRACE_TEST_DAMAGED", 40))  # programs with damaged .eh_frame; scripts/test-damaged: 400


def stacks_of_leaf(traced):
    found = traced.rows("SELECT allocations, frames FROM stacks WHERE frames LIKE 'leaf (%'")
    return [(row["allocations"], [frame.split(" (")[0] for frame in row["frames"].split(";")]) for row in found]


@pytest.mark.parametrize("mode, checked", [("registers", "0"), ("registers", "1"), ("signals", "0"), ("signals", "1"),
                                           ("rbp", "0")])
def test_stacks_reach_main(mode, checked, build, trace, plain):
    """Frames that are found by another register, with a caller's rbp in a register, or by an expression; functions that a
    signal interrupted where there is no call."""
    argv = [build.target("frames"), mode]
    expected = plain(argv)
    traced = trace(argv, env={"LIBTRACE_CHECK_STACKS": checked})
    assert (traced.returncode, traced.stdout, traced.stderr) == (0, expected.stdout, b"")
    stacks = stacks_of_leaf(traced)
    assert sum(n for n, _ in stacks) == int(expected.stdout.split()[-1]) > 0
    for _, frames in stacks:
        assert "main" in frames and frames[-1].startswith("_start"), frames
    named = {name for _, frames in stacks for name in frames}
    if mode == "registers":
        assert {"by_rbx", "by_r12", "by_expression", "through"} <= named
    if mode == "rbp":
        assert {"rbp_in_r13", "through"} <= named
    if mode == "signals":
        assert [f for _, f in stacks if "interrupted" in f and "handler" in f]
    if checked == "1":
        assert traced.run["stacks_checked"] > 40
        assert traced.run["stacks_different"] == 0 and traced.run["stacks_slow"] == 0


@pytest.mark.parametrize("size", [8192, 10240, 12288, 16384])
def test_small_signal_stack(size, build, trace, plain):
    """8192 is SIGSTKSZ. The program survives on a stack with less than 1 KiB more than it needs untraced."""
    argv = [build.target("frames"), "alternative", str(size)]
    expected = plain(argv)
    if expected.returncode != 0:
        pytest.skip("too small for this processor's registers")
    traced = trace(argv)
    assert (traced.returncode, traced.stdout, traced.stderr) == (0, expected.stdout, b"")
    for _, frames in stacks_of_leaf(traced):
        assert "main" in frames and "handler" in frames, frames


@pytest.mark.parametrize("size", [4096, 65536])
def test_coroutines(size, build, trace, plain):
    """Stacks of one page between inaccessible pages, entered by hand-written code at their very end."""
    argv = [build.target("frames"), "coroutines", str(size)]
    expected = plain(argv)
    assert expected.returncode == 0
    traced = trace(argv)
    assert (traced.returncode, traced.stdout, traced.stderr) == (0, expected.stdout, b"")
    stacks = stacks_of_leaf(traced)
    assert sum(n for n, _ in stacks) == 20
    for _, frames in stacks:
        assert frames[1] == "in_coroutine", frames


@pytest.mark.may_fail_counting("counting takes stack, too")
def test_stack_that_the_recorder_uses(build, trace, plain):
    """At most 1 KiB more than the program's allocator uses, even for a thread's first event and for new places."""
    argv = [build.target("frames"), "stack-used"]
    used = {}
    for name, result in (("plain", plain(argv)), ("traced", trace(argv))):
        assert result.returncode == 0
        lines = result.stdout.decode().splitlines()
        used[name] = [int(line.split()[-2]) for line in lines if line.endswith("bytes")]
    assert len(used["plain"]) == len(used["traced"]) == 2
    for plainly, traced in zip(used["plain"], used["traced"]):
        assert 500 < plainly and traced - plainly <= 1024, used


def test_wrong_call_frame_information(build, trace, plain):
    argv = [build.target("frames"), "wrong"]
    expected = plain(argv)
    traced = trace(argv)
    assert (traced.returncode, traced.stdout, traced.stderr) == (0, expected.stdout, b"")
    assert sum(n for n, _ in stacks_of_leaf(traced)) == int(expected.stdout.split()[-1])


def test_descriptors_are_the_programs(build, trace, plain, tmp_path):
    """Code without call frame information, as written by a JIT, closes all descriptors and opens its own."""
    argv = [build.target("frames"), "descriptors"]
    results = []
    for number in range(10):
        (tmp_path / "in.txt").write_text("0123456789")
        result = trace(argv, cwd=tmp_path, db=tmp_path / f"{number}.db") if number else plain(argv, cwd=tmp_path)
        results.append((result.returncode, result.stdout, (tmp_path / "out.bin").read_bytes()))
    assert results[0][1].startswith(b"descriptors 3 4; 5 bytes '01234'")
    assert all(result == results[0] for result in results), results


def test_unknown_code_cuts_the_stack(build, trace, tmp_path):
    (tmp_path / "in.txt").write_text("0123456789")
    traced = trace([build.target("frames"), "descriptors"], cwd=tmp_path)
    assert traced.one("SELECT frames FROM stacks WHERE allocations > 200")["frames"] == "[unknown];[cut]"


# ---- damaged files ------------------------------------------------------------------------------------------


def sections(path):
    """(offset, size) of each section with call frame information."""
    listed = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True, check=True).stdout
    found = []
    for line in listed.splitlines():
        words = line.replace("[ ", "[").split()
        if len(words) > 5 and words[1] in (".eh_frame", ".eh_frame_hdr"):
            found.append((int(words[4], 16), int(words[5], 16)))
    return found


def damage(image, places, number, chance):
    """Changes a few bytes, or now and then all of them."""
    if number % 50 == 49:
        for offset, size in places:
            image[offset : offset + size] = bytes(size) if number % 100 == 99 else chance.randbytes(size)
        return
    for _ in range(chance.choice([1, 1, 1, 2, 4, 16])):
        offset, size = chance.choice(places)
        at = offset + chance.randrange(size)
        image[at] = chance.choice([chance.randrange(256), 0, 255, 127, 128, image[at] ^ 1 << chance.randrange(8)])


def test_damaged_programs(build, trace, plain, tmp_path, say):
    """Programs whose unwind tables were changed at random: those that survive untraced survive traced."""
    original = pathlib.Path(build.target("frames")).read_bytes()
    places = sections(build.target("frames"))
    assert len(places) == 2
    chance = random.Random(5)
    program, lived = tmp_path / "damaged", 0
    for number in range(DAMAGED):
        image = bytearray(original)
        damage(image, places, number, chance)
        program.write_bytes(image)
        program.chmod(0o755)
        argv = [str(program), ["registers", "signals", "wrong", "coroutines"][number % 4], "65536"]
        expected = plain(argv)
        if expected.returncode != 0:
            continue
        lived += 1
        database = tmp_path / "damaged.db"
        database.unlink(missing_ok=True)
        traced = trace(argv, db=database)
        assert (traced.returncode, traced.stdout, traced.stderr) == (0, expected.stdout, b""), f"number {number}"
    say(f"{lived} of {DAMAGED} programs with damaged call frame information live, all of them when traced, too")
    assert lived > DAMAGED / 2
