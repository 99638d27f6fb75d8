"""A heap in which one block in fifty is kept: the reports name the line that keeps it, and predict what malloc_trim(0)
frees."""

import pytest

from conftest import wait_for_run
from test_rss_walk import MIB, walked


def foretell(walked, target, say, *arguments):
    """Looks at the heap, has it trimmed, and looks again. Returns how much was free, and how much of that was given back."""
    program = walked(target, *arguments)
    found, parts, rss, anonymous = walked.ask_as_the_kernel(program)
    # Other processes with the same libraries come and go, so this one's share of the libraries (PSS) is between none and all.
    assert found["resident_bytes"] == rss and anonymous <= found["pss_bytes"] <= rss
    assert found["moment"]["kind"] == "asked"
    pinned = parts["pinned"]
    assert pinned["lines"][0]["function"] == "keep" and pinned["lines"][0]["bytes"] > 0.9 * pinned["bytes"]
    assert parts["live"]["lines"][0]["function"] == "main"  # the part of the table that was touched
    assert found["untouched_bytes"] == pytest.approx(7 * MIB, abs=MIB / 4) and found["untouched"][0]["function"] == "main"
    foretold = parts["free"]["bytes"]
    given_back = program.say("trim")
    say(f"{' of '.join(arguments)}: resident {rss / MIB:.1f} MiB, pinned {pinned['bytes'] / MIB:.1f}, free {foretold / MIB:.1f}, "
        f"given back {given_back / MIB:.1f}, other {parts.get('other', {'bytes': 0})['bytes'] / rss:.1%}")
    assert parts.get("other", {"bytes": 0})["bytes"] <= 0.02 * rss
    after, parts, rss, _ = walked.ask_as_the_kernel(program)
    assert after["resident_bytes"] == rss < found["resident_bytes"]
    assert after["moment"]["t_s"] > found["moment"]["t_s"]
    program.end()
    assert wait_for_run(walked.database)["state"] == "complete"
    return foretold, given_back


@pytest.mark.parametrize("blocks", [200_000, 300_000, 400_000, 800_000, 1_200_000])
def test_heaps_of_five_sizes(build, walked, blocks, say):
    foretold, given_back = foretell(walked, build.target("fragments"), say, str(blocks))
    assert foretold * 0.95 <= given_back <= foretold * 1.05


@pytest.mark.parametrize("blocks, size", [(400_000, 150), (300_000, 300), (60_000, 1000), (40_000, 2000), (20_000, 4000)])
def test_blocks_of_five_sizes(build, walked, blocks, size, say):
    foretold, given_back = foretell(walked, build.target("fragments"), say, str(blocks), str(size))
    assert foretold * 0.95 <= given_back <= foretold * 1.05


@pytest.mark.parametrize("blocks", [20_000, 100_000])
def test_small_heaps(build, walked, blocks, say):
    """glibc keeps up to seven free blocks of each size, which a trim does not give back: if they are far apart, each keeps a
    page."""
    foretold, given_back = foretell(walked, build.target("fragments"), say, str(blocks))
    assert foretold * 0.95 - 7 * 17 * 4096 <= given_back <= foretold * 1.05
