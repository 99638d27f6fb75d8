"""Decodes as much of pprof's protocol buffer as the tests need; written from profile.proto, not from our encoder."""

import gzip


def _number(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _fields(data):
    at = 0
    while at < len(data):
        key, at = _number(data, at)
        if key & 7 == 0:
            value, at = _number(data, at)
        else:
            assert key & 7 == 2, "no other wire type is in use"
            size, at = _number(data, at)
            value, at = data[at : at + size], at + size
            assert len(value) == size
        yield key >> 3, value


def _message(data, **names):
    """The named fields as a dict. name=number, or name=[number] for a field that may occur several times."""
    out = {name: [] if isinstance(number, list) else 0 for name, number in names.items()}
    by_number = {(n[0] if isinstance(n, list) else n): name for name, n in names.items()}
    for number, value in _fields(data):
        name = by_number.get(number)
        if name is None:
            continue
        if isinstance(out[name], list):
            out[name].append(value)
        else:
            out[name] = value
    return out


def _packed(pieces):
    out = []
    for piece in pieces:
        at = 0
        while at < len(piece):
            value, at = _number(piece, at)
            out.append(value)
    return out


def read(path):
    """Returns types, samples [(frames innermost first, values, labels)] and mappings, with all names looked up."""
    profile = _message(gzip.decompress(path.read_bytes()), types=[1], samples=[2], mappings=[3], locations=[4],
                       functions=[5], strings=[6], time=9, duration=10, comments=[13], default=14)
    strings = [s.decode("utf-8") for s in profile["strings"]]
    assert strings[0] == "" and len(set(strings)) == len(strings)
    types = [_message(t, type=1, unit=2) for t in profile["types"]]
    mappings = [_message(m, id=1, start=2, limit=3, offset=4, file=5, build_id=6) for m in profile["mappings"]]
    functions = {}
    for data in profile["functions"]:
        f = _message(data, id=1, name=2, system=3, file=4)
        functions[f["id"]] = (strings[f["name"]], strings[f["file"]])
    locations = {}
    for data in profile["locations"]:
        location = _message(data, id=1, mapping=2, address=3, lines=[4])
        lines = [_message(line, function=1, line=2) for line in location["lines"]]
        assert lines and location["id"] not in locations
        if location["mapping"]:
            mapping = mappings[location["mapping"] - 1]
            assert mapping["id"] == location["mapping"]
            assert mapping["start"] <= location["address"] < mapping["limit"]
        locations[location["id"]] = [(*functions[line["function"]], line["line"]) for line in lines]
    samples = []
    for data in profile["samples"]:
        sample = _message(data, locations=[1], values=[2], labels=[3])
        frames = [f for n in _packed(sample["locations"]) for f in locations[n]]
        labels = [_message(label, key=1, text=2, number=3) for label in sample["labels"]]
        samples.append((frames, _packed(sample["values"]), {strings[x["key"]]: strings[x["text"]] or x["number"] for x in labels}))
        assert len(samples[-1][1]) == len(types)
    return {
        "types": [(strings[t["type"]], strings[t["unit"]]) for t in types],
        "samples": samples,
        "mappings": [{**m, "file": strings[m["file"]], "build_id": strings[m["build_id"]]} for m in mappings],
        "default": strings[profile["default"]],
        "time": profile["time"],
        "comments": [strings[n] for n in profile["comments"]],
    }
