"""Ways to break what was right: bytes anywhere, or the values of a JSON document that stays one."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

# What parsers look for, and what they hope not to meet.
PIECES = [
    *(b"\r\n", b"\n", b"\r", b"\n\n", b"\r\n\r\n", b"\0", b" ", b"\t", b":", b",", b'"', b"\\", b"\x0b", b"\x1f\x8b"),
    *(b"\xff", b"\xc3", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\\ud800", b"\\u006d", b"\\u0000"),
    *(b"{", b"}", b"[", b"]", b"[[[[", b"null", b"1e999", b"-0", b"9" * 30, b'"model":', b'"models":[', b'"Model":1,'),
    *(b"data: ", b"data:", b"event: error\n", b": x\n", b"data: [DONE]\n\n", b'"error":{', b"--b", b"\r\n--b--"),
    *(b"content-length: 5\r\n", b"transfer-encoding: chunked\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"0\r\n\r\n"),
    *(b"ffffffffffffffff", b"5;a=b\r\n", b"+5\r\n", b"connection: close\r\n", b"x" * 300),
]
JUNK: Sequence[Any] = (
    *(None, True, False, 0, -1, 1.5, 10**30, 1e308, "", "x", "\0", "\ud800", "\u2028", "9" * 40, [], {}, [[]], [{}]),
    *([None], {"": None}, {"type": "error"}, {"type": []}, {"text": 5}, {"error": {"message": []}}, "data:;base64,x"),
)

Slices = list[bytes]


def cut(data: bytes, chance: Random) -> Slices:
    """The same bytes in any slicing, never an empty one."""
    size = chance.choice((1, 2, 3, 7, 61, 1000))
    if chance.random() < 0.5:
        return [data[at : at + size] for at in range(0, len(data), size)]
    places = sorted({chance.randrange(1, len(data)) for _ in range(chance.randrange(1, 6))}) if len(data) > 1 else []
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True) if start < end]


def broken(data: bytes, chance: Random, seeds: Sequence[bytes]) -> bytes:
    """One to four things wrong with it."""
    for _ in range(chance.randrange(1, 5)):
        data = chance.choice(_WAYS)(data, chance, seeds)
    return data


def altered(document: bytes, chance: Random, seeds: Sequence[bytes]) -> bytes:
    """A JSON document with other values in a few places, and still one; `seeds` lend parts of theirs."""
    root = [json.loads(document)]
    lent = json.loads(chance.choice(seeds))
    for _ in range(chance.randrange(1, 5)):
        holder, key = chance.choice(_places(root))
        deed = chance.randrange(5)
        if deed == 0 and holder is not root:
            del holder[key]
        elif deed == 1 and isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        elif deed == 2 and (others := _places([lent])):
            other, at = chance.choice(others)
            holder[key] = copy.deepcopy(other[at])
        else:
            holder[key] = copy.deepcopy(chance.choice(JUNK))
    return json.dumps(root[0]).encode()


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        each = waiting.pop()
        keys = list(each) if isinstance(each, dict) else range(len(each)) if isinstance(each, list) else ()
        for key in keys:
            found.append((each, key))
            waiting.append(each[key])
    return found


def _insert(data: bytes, chance: Random, _: Sequence[bytes]) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(PIECES) + data[at:]


def _delete(data: bytes, chance: Random, _: Sequence[bytes]) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + data[at + chance.randrange(1, 9) :]


def _replace(data: bytes, chance: Random, _: Sequence[bytes]) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]


def _repeat(data: bytes, chance: Random, _: Sequence[bytes]) -> bytes:
    start = chance.randrange(len(data) + 1)
    part = data[start : start + chance.randrange(1, 80)]
    at = chance.randrange(len(data) + 1)
    return data[:at] + part * chance.choice((1, 1, 2, 50)) + data[at:]


def _truncate(data: bytes, chance: Random, _: Sequence[bytes]) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _join(data: bytes, chance: Random, seeds: Sequence[bytes]) -> bytes:
    other = chance.choice(seeds)
    return data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other) + 1) :]


_WAYS: Sequence[Callable[[bytes, Random, Sequence[bytes]], bytes]] = (
    _insert,
    _insert,
    _insert,
    _delete,
    _replace,
    _repeat,
    _truncate,
    _join,
)
