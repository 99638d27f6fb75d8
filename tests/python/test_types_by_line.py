"""Live objects by type and line, from the tracer and from the garbage collector and tracemalloc, in the same process at the same
moment, on every interpreter found.

Equal for every type whose objects the collector tracks. (Of tuples and dicts it does not track some, nor does it know all who hold
them: there are at least as many as it knows.) Up to 3.12 an object from a free list counts for the line that first made its block:
there a line may differ by as many as the list holds (2,000 tuples of each length, 100 floats, 80 others); the largest
difference is printed. So is the share of the bytes of all objects, atoms too, that have their type.

LIBTRACE_LONG=1 compares larger sizes, on every interpreter: scripts/test -R python.types
"""

import collections
import json
import os
import pathlib

import pytest

from interpreters import interpreters, one_of_each

HERE = pathlib.Path(__file__).resolve().parent
PROBE = HERE / "type_probe.py"
WORKLOADS = HERE.parent / "workloads" / "python"
PROGRAMS = {
    "inventory_list": 2000,
    "inventory_generator": 2000,
    "item_dict": 2000,
    "item_slots": 2000,
    "item_dataclass": 2000,
    "slots_child": 2000,
    "orders_dict": 4000,
    "orders_slots": 4000,
    "materialise_list": 4000,
    "materialise_join": 4000,
    "containers": 1000,
    "many_types": 200,
}
LONG = bool(os.environ.get("LIBTRACE_LONG"))
FOUND = interpreters() if LONG else one_of_each(interpreters())
FREE_LISTS = {"tuple": 20 * 2000, "float": 100}
FREE_LIST = 80


def by_type(trace):
    """How many live objects there are of each (type, file, line)."""
    return collections.Counter({(row["type"], row["file"], row["line"]): row["blocks"] for row in trace.rows(
        "SELECT type, file, line, sum(live_allocations) AS blocks FROM types WHERE how = 'exact' GROUP BY 1, 2, 3")})


def sums(objects):
    """(type, objects, their bytes), of all lines."""
    number, size = collections.Counter(), collections.Counter()
    for kind, _, _, some, some_bytes in objects:
        number[kind] += some
        size[kind] += some_bytes
    return [(kind, number[kind], size[kind]) for kind in number]


def differences(ours, theirs, tracked, path, version):
    """Lines of a file whose numbers differ by more than they may, and the largest difference of those that may."""
    wrong, largest = [], 0
    for key in set(ours) | set(theirs):
        if key[1] != path or key[0] not in tracked | {"tuple", "dict"}:
            continue
        difference = ours[key] - theirs[key]
        if difference > 0 and key[0] in ("tuple", "dict"):
            continue
        if abs(difference) > (FREE_LISTS.get(key[0], FREE_LIST) if version < (3, 13) else 0):
            wrong.append(f"{key[0]}, line {key[2]}: ours {ours[key]}, theirs {theirs[key]}")
        largest = max(largest, abs(difference))
    return wrong, largest


@pytest.mark.skipif(not FOUND, reason="there is no CPython here")
@pytest.mark.parametrize("python", FOUND, ids=lambda python: python.name)
def test_types_by_line(python, trace, tmp_path, say):
    equal = largest = typed = whole = 0
    for name, n in PROGRAMS.items():
        path = str(WORKLOADS / f"{name}.py")
        traced = trace([python.path, PROBE, path, n * 10 if LONG else n], db=tmp_path / f"{name}.db")
        assert traced.returncode == 0, traced.stderr
        oracle, ours = json.loads(traced.stdout), by_type(traced)
        theirs = collections.Counter({(kind, file, line): number for kind, file, line, number, _ in oracle["objects"]})
        wrong, most = differences(ours, theirs, set(oracle["tracked"]), path, python.version)
        assert not wrong, f"{name}: " + "; ".join(wrong[:20])
        equal += sum(number for (kind, file, _), number in theirs.items() if file == path and kind in oracle["tracked"])
        largest = max(largest, most)
        for kind, number, size in sums(oracle["objects"]):
            whole += size
            typed += size * min(1, sum(blocks for (other, *_), blocks in ours.items() if other == kind) / number)
    say(f"Python {python.name}: {equal:,} tracked objects of {len(PROGRAMS)} programs by type and line, the largest difference "
        f"{largest}; {100 * typed / whole:.2f} % of the bytes of all objects have their type")
    assert typed >= 0.99 * whole
