"""Time grows with the bytes and not with their square, whatever they are: what one peer sends, all others wait for."""

from __future__ import annotations

import gzip
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from random import Random
from types import FrameType
from typing import Any

import pytest

from aigw.errors import AnswerBroken, InvalidBody
from aigw.front.intake import Growing
from aigw.observe.scrub import Scrubber
from aigw.routing.cooling import cooldown
from aigw.wire.chunked import BadChunkError, Chunks
from aigw.wire.complaint import complaint, delay
from aigw.wire.form import FormScanner
from aigw.wire.inflate import InflateError, inflater
from aigw.wire.opening import Opening
from aigw.wire.peek import peek
from aigw.wire.prefix import prefix
from aigw.wire.scan import Scanner
from aigw.wire.sse import EventTooLargeError, Splitter
from aigw.wire.usage import Tap

from .fuzzing.streams import formats, rewriting

# Each takes some 100 ms of a slow machine, at most; what grows with the square of the size takes much longer.
SIZE = 400_000
CPU_SECONDS = 10.0


@contextmanager
def bounded() -> Iterator[None]:
    """Raises TimeoutError after so much time of the processor."""

    def over(_: int, __: FrameType | None) -> None:
        raise TimeoutError(f"this took more than {CPU_SECONDS:g} s of the processor")

    before = signal.signal(signal.SIGVTALRM, over)
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def fed(make: Callable[[], Any], size: int = 64) -> Callable[[bytes], None]:
    """Feed something in slices."""

    def feed(data: bytes) -> None:
        taker = make()
        with suppress(InvalidBody, BadChunkError, EventTooLargeError, InflateError):
            for at in range(0, len(data), size):
                taker.feed(data[at : at + size])

    return feed


def whole(data: bytes) -> None:
    """A body that is read at once: a small one, or one that came compressed."""
    with suppress(InvalidBody):
        peek(data)


def grown(data: bytes) -> None:
    """A body on its way up."""
    growing = Growing(None)
    with suppress(InvalidBody):
        for at in range(0, len(data), 4096):
            growing.feed(data[at : at + 4096], at + 4096 >= len(data))


def tapped(kind: str) -> Callable[[bytes], None]:
    """An answer looked at in passing."""

    def feed(data: bytes) -> None:
        tap = Tap(kind)
        for at in range(0, len(data), 64):
            tap.feed(data[at : at + 64])
        tap.finish()

    return feed


def translated(caller: str, name: str) -> Callable[[bytes], None]:
    """A stream on its way through a translation."""

    def feed(data: bytes) -> None:
        lane = rewriting(caller, name, wants_stream=True)
        with suppress(AnswerBroken):
            for at in range(0, len(data), 256):
                lane.streamed(data[at : at + 256], False)

    return feed


def cools(name: bytes) -> None:
    """Fields of the largest size that is taken."""
    for number in range(20):
        cooldown({f"{number}-{name.decode()}": "1"}, b"", 1.7e9)


def of(unit: bytes, before: bytes = b"", size: int = SIZE) -> bytes:
    """A body of one thing again and again."""
    return before + unit * (size // len(unit))


def chunk(**delta: Any) -> bytes:
    """An event of a chat stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    return b"data: " + json.dumps({"id": "c", "created": 1, "model": "m", "choices": [choice]}).encode() + b"\n\n"


def opened() -> Opening:
    """A stream's beginning."""
    return Opening(formats()["chat"], None)


split, scan, form = fed(Splitter), fed(lambda: Scanner(strict=True)), fed(lambda: FormScanner(b"b"))
scrub = Scrubber(["sk-planted/0123456789+abc", "zzzzzzzzzzzzzzzzzzzz"]).scrub
_PART = b'--b\r\ncontent-disposition: form-data; name="file"\r\n\r\n'
_CALL = {"index": 0, "function": {"arguments": "x"}}
CASES: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "one long line": (split, of(b"x", b"data: ")),
    "lines that end no event": (split, of(b"data: x\n")),
    "carriage returns": (split, of(b"data: x\r")),
    "two kinds of line ends": (split, of(b"data: x\n", of(b"data: x\r"))),
    "events at once": (fed(Splitter, 1 << 20), of(b"a\r\rb\n\n")),
    "a far line end": (fed(Splitter, 1 << 20), of(b"data: x\n\n") + b"\r"),
    "backslashes": (scan, of(b"\\\\", b'{"a":"')),
    "brackets": (scan, of(b"[", b'{"a":')),
    "members": (scan, of(b'"k":1,', b"{")),
    "white space": (scan, of(b" ", b"{")),
    "a long key": (scan, of(b"k", b'{"')),
    "a long string": (grown, of(b"x", b'{"a":"')),
    "lists": (grown, of(b"[1],", b'{"a":[', 1 << 20)),
    "lists, then members": (grown, of(b'"k":1,', of(b"[1],", b'{"a":[', 1 << 20) + b"1],") + b'"z":1}'),
    "members at once": (whole, of(b'"k":1,', b"{", 1 << 22) + b'"z":1}'),
    "many names at once": (whole, b"{" + b",".join(b'"%x":1' % name for name in range(400_000)) + b"}"),
    "almost delimiters": (form, of(b"\r\n--", _PART)),
    "a part's head": (form, of(b' ;a="\\"', b"--b\r\ncontent-disposition: form-data")),
    "parts": (form, of(_PART + b"x\r\n")),
    "chunks of a byte": (fed(Chunks, 1), of(b"1\r\nx\r\n")),
    "trailers": (fed(Chunks), of(b"a: b\r\n", b"0\r\n")),
    "usage everywhere": (tapped("text/event-stream"), of(b'okens\\"', b'data: {"x":"')),
    "usage in a document": (tapped("application/json"), of(b'"usage"', b'{"a":"')),
    "nesting in a document": (tapped("application/json"), of(b'{"a":')),
    "comments": (fed(opened, 16), of(b": x\n\n")),
    "half an error": (complaint, of(b'{"error":')),
    "a delay that never comes": (delay, of(b" ", b'"retryDelay":')),
    "Bearer": (scrub, of(b"Bearer ")),
    "Bearer and space": (scrub, of(b" ", b"Bearer")),
    "beginnings of tokens": (scrub, of(b"eyJ")),
    "halves of tokens": (scrub, of(b"eyJaaaaaaaa.")),
    "beginnings of keys": (scrub, of(b"sk-")),
    "beginnings of a secret": (scrub, of(b"sk-planted/012345678")),
    "parameters": (scrub, of(b"?key=")),
    "white space behind a mark": (prefix, of(b" ", b'{"system":[{"cache_control":', 250_000) + b'1}],"messages":[]}'),
    "a long name of a limit": (cools, of(b"ratelimit-", size=32_000) + b"reset!"),
    "coded byte by byte": (fed(lambda: inflater("gzip"), 1), gzip.compress(Random(1).randbytes(SIZE // 4))),
    "empty members of gzip": (fed(lambda: inflater("gzip"), 1 << 20), gzip.compress(b"") * 20_000),
    "a stream of words": (translated("responses", "chat"), of(chunk(content="x"))),
    "a stream of arguments": (translated("messages", "chat"), of(chunk(tool_calls=[_CALL]))),
}


@pytest.mark.parametrize("name", CASES)
def test_time_is_linear(name: str) -> None:
    """The longest of what is taken, at its worst, is over within a time that a square would never keep."""
    look, data = CASES[name]
    with bounded():
        look(data)
