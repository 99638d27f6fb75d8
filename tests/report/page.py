"""Reads the data in a page that trace-report html wrote; analyzer/html/*.c describe how it is packed."""

import base64
import json
import re

SUMMED = ["allocations", "bytes", "peak_allocations", "peak_bytes", "live_allocations", "live_bytes", "temporary"]
VALUES = [*SUMMED, "own_peak_bytes", "own_peak_bytes_least"]
ROW = 5 + len(VALUES)
CHANGE = 13


def read(path):
    text = path.read_text(encoding="utf-8")
    [data] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    assert "<" not in data
    return json.loads(data)


def _numbers(text):
    out, value, shift = [], 0, 0
    for byte in base64.b64decode(text):
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            out.append(value)
            value = shift = 0
    return out


def stacks(data):
    """[(path of functions, values of each run)]."""
    out, path, packed = [], [], iter(_numbers(data["stacks"]))
    names = [data["texts"][n] for n in data["functions"][::3]]
    for up in packed:
        del path[len(path) - up :]
        path.append(names[next(packed)])
        values = []
        for _ in data["runs"]:
            bits = next(packed)
            values.append([next(packed) if bits >> i & 1 else 0 for i in range(len(VALUES))])
        out.append((tuple(path), values))
    return out


def _errors(packed):
    bits = next(packed)
    return [next(packed) / 16 if bits >> i & 1 else 0 for i in range(len(VALUES))]


def stack_errors(data):
    """Those of stacks(data), of each run; None for an exact one."""
    packed = iter(_numbers(data["stack_errors"]))
    out = [[_errors(packed) if run["facts"]["sampling"] else None for run in data["runs"]] for _ in stacks(data)]
    assert next(packed, None) is None
    return out


def around(data):
    """{row: (first line, texts)}"""
    out, at, numbers = {}, 0, data["around"]
    while at < len(numbers):
        row, first, count = numbers[at : at + 3]
        out[row] = (first, [data["texts"][n] for n in numbers[at + 3 : at + 3 + count]])
        at += 3 + count
    return out


def row_stacks(data):
    """{row: (how many stacks it has, [(path of functions, values), ...])}; of a sampled run with the values' errors, too."""
    out, row, packed, paths = {}, 0, iter(_numbers(data["row_stacks"])), [path for path, _ in stacks(data)]
    for up in packed:
        row += up
        in_all, found = next(packed), []
        for _ in range(next(packed)):
            node, bits = next(packed), next(packed)
            found.append((paths[node - 1] if node else (), [next(packed) if bits >> i & 1 else 0 for i in range(len(VALUES))]))
            if data["runs"][0]["facts"]["sampling"]:
                found[-1] += (_errors(packed),)
        out[row] = (in_all, found)
    return out
