"""What may come out of everything that looks at answers: events, openings, usage, and the four formats."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cache
from random import Random
from typing import Any

from aigw.errors import AnswerBroken, BadAnswer, InvalidBody
from aigw.relay.rewriting import Rewriting
from aigw.wire.complaint import complaint, delay
from aigw.wire.dialect import Dialect
from aigw.wire.format import Format, Trouble, Verdict
from aigw.wire.formats import load
from aigw.wire.guard import Guard
from aigw.wire.lane import Asking
from aigw.wire.losses import Ledger
from aigw.wire.opening import Opening
from aigw.wire.sse import Event, Splitter, read, write
from aigw.wire.usage import Tap

from ...support.golden import DIALECTS, NAMES, cases
from .mutate import cut

formats = cache(load)


def seeds(kind: str, name: str) -> list[bytes]:
    """What callers or providers of a format say in the golden files."""
    return [case.given.read_bytes() for case in cases() if case.kind == kind and case.format == name]


EVENT_SEEDS = [
    b"\xef\xbb\xbfdata: one\n\ndata: two\ndata: lines\n\n: comment\n\nevent: x\nid: 1\nretry: 5\n\n",
    b"event: a\r\ndata: {}\r\n\r\ndata:x\r\r: ping\r\n\r\n",
    b'{"error":{"message":"bare"}}',
    b"data: " + b"y" * 3000 + b"\n\ndata: [DONE]\n\n",
]


def events(data: bytes, chance: Random) -> None:
    """The same events in any slicing, no byte of them lost or doubled, and what is written reads the same."""
    whole, sliced = _events([data]), _events(cut(data, chance))
    assert [_said(event) for event in whole] == [_said(event) for event in sliced]
    for event in whole:
        _written(event)


def _events(pieces: list[bytes]) -> list[Event]:
    splitter = Splitter()
    found = [event for piece in pieces for event in splitter.feed(piece)] + splitter.finish()
    at = 0
    data = b"".join(pieces)
    for event in found:
        at = data.index(event.raw, at) + len(event.raw)
    return found


def _said(event: Event) -> Any:
    return event.kind, event.data, event.event, event.comment, event.id, event.retry


def _written(event: Event) -> None:
    if event.kind == "field" and event.raw.lstrip().startswith(b"{"):
        return
    try:
        written = write(event)
    except ValueError:
        return
    again = read(written)
    assert again is not None
    # A NUL makes an id none, a lone CR in data is a line end of its own.
    assert again.kind == event.kind


def usage(data: bytes, chance: Random) -> None:
    """Never raises; the same in any slicing."""
    told = []
    for pieces in ([data], cut(data, chance)):
        tap = Tap(chance.choice(("application/json", "text/event-stream")))
        for piece in pieces:
            tap.feed(piece)
        told.append(tap.finish())
    assert told[0] == told[1]


def opening(data: bytes, chance: Random) -> None:
    """Never raises; the same verdict in any slicing."""
    for name in NAMES:
        verdicts = []
        for pieces in ([data], cut(data, chance)):
            opened = Opening(formats()[name], None)
            verdict = Verdict.PREAMBLE
            for piece in pieces:
                if (verdict := opened.feed(piece)) is not Verdict.PREAMBLE:
                    break
            verdicts.append((verdict, opened.error))
        assert verdicts[0] == verdicts[1]


def guarded(data: bytes, chance: Random) -> None:
    """Never raises; a second beginning does not pass in any slicing, and the end is found to be the same."""
    for name in NAMES:
        format = formats()[name]
        endings = []
        for pieces in ([data], cut(data, chance)):
            passed, ending = _guarded(format, pieces)
            endings.append((ending, passed if ending != "halted" else b""))
            assert format.begins_with is None or len(format.begins_with.line.findall(passed)) <= 1
        assert endings[0] == endings[1]


def _guarded(format: Format, pieces: list[bytes]) -> tuple[bytes, str]:
    tap = Tap("text/event-stream")
    guard = Guard(format, tap, coded=False)
    passed: list[bytes] = []
    for piece in pieces:
        if guard.halts(piece):
            return b"".join([*passed, piece[: guard.room]]), "halted"
        passed.append(piece)
        tap.feed(piece)
    broken = guard.ending()
    return b"".join(passed), "whole" if broken is None else broken.reason


def request(name: str) -> Any:
    """A caller's request for providers of all formats: bodies of JSON, or InvalidBody."""

    def look(data: bytes, chance: Random) -> None:
        try:
            asking = Asking(formats()[name], data, "a-model", stream=chance.random() < 0.5)
        except InvalidBody:
            return
        assert asking.effort is None or isinstance(asking.effort, str)
        for target in NAMES:
            try:
                body, _ = asking.ask(formats()[target], DIALECTS[target])
            except InvalidBody:
                continue
            json.loads(body)

    return look


def answer(name: str) -> Any:
    """A provider's whole answer for callers of all formats, as one or as a stream: said, or BadAnswer."""

    def look(data: bytes, chance: Random) -> None:
        for caller in NAMES:
            wants_stream = chance.random() < 0.3
            with suppress(BadAnswer):
                told = rewriting(caller, name, wants_stream=wants_stream).whole(data, events=False)
                assert wants_stream or json.loads(told)

    return look


def stream(name: str) -> Any:
    """A provider's stream for callers of all formats: said or AnswerBroken, the same in any slicing."""

    def look(data: bytes, chance: Random) -> None:
        for caller in NAMES:
            assert _told(caller, name, [data]) == _told(caller, name, cut(data, chance)), caller

    return look


def _told(caller: str, name: str, pieces: list[bytes]) -> Any:
    """How a stream ends."""
    lane = rewriting(caller, name, wants_stream=True)
    told: list[bytes] = []
    try:
        for number, piece in enumerate(pieces, 1):
            told.append(lane.streamed(piece, number == len(pieces)))
    except AnswerBroken as broken:
        return broken.reason
    trouble = lane.trouble
    b"".join(told).decode()
    return lane.lane.finished, trouble and trouble.message


def error(name: str) -> Any:
    """A provider's error in all formats: never raises."""

    def look(data: bytes, chance: Random) -> None:
        trouble = formats()[name].read_error(chance.choice((0, 400, 429, 500)), data)
        assert isinstance(trouble, Trouble)
        for caller in NAMES:
            json.loads(formats()[caller].error(trouble))
            formats()[caller].stream_error(trouble).decode()
        complaint(data)
        delay(data)

    return look


_DIALECT = Dialect(maker="p", developer=True, thinking_back="reasoning_details")
_HELLO: dict[str, bytes] = {
    "chat": b'{"messages":[{"role":"user","content":"Hi"}]}',
    "responses": b'{"input":"Hi"}',
    "messages": b'{"messages":[{"role":"user","content":"Hi"}],"max_tokens":9}',
    "gemini": b'{"contents":[{"parts":[{"text":"Hi"}]}]}',
}


def rewriting(caller: str, name: str, *, wants_stream: bool) -> Rewriting:
    return Rewriting(_asking(caller).back(formats()[name], _DIALECT, Ledger()), None, wants_stream=wants_stream)


@cache
def _asking(caller: str) -> Asking:
    return Asking(formats()[caller], _HELLO[caller], "m", stream=True)
