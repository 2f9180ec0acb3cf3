"""Ways through the four formats and back, and what it means that two neutral things are the same."""

from __future__ import annotations

import json
from itertools import pairwise, product
from typing import Any

import msgspec
import pytest
from hypothesis import settings

from aigw.wire import formats
from aigw.wire.deltas import Delta
from aigw.wire.dialect import Dialect
from aigw.wire.fold import folded, unfolded
from aigw.wire.format import Format
from aigw.wire.lane import Asking, BackLane
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Answer, Candidate, Conversation, Refusal, ServerToolCall, Stop, Text, Thinking, ToolCall
from aigw.wire.sequence import Sequencer
from aigw.wire.shapes import Usage
from aigw.wire.signatures import unseal
from aigw.wire.sse import Splitter

NAMES = ("chat", "responses", "messages", "gemini")
PAIRS = list(product(NAMES, NAMES))
LOADED: dict[str, Format] = formats.load()
# A provider that takes all that its surface's documentation has; signatures in these tests are of the maker `p`.
DIALECT = Dialect(maker="p", developer=True, thinking_back="reasoning_details")

each_format = pytest.mark.parametrize("name", NAMES)
each_pair = pytest.mark.parametrize(("caller", "target"), PAIRS, ids=["-to-".join(pair) for pair in PAIRS])
few = settings(max_examples=10)
fewer = settings(max_examples=3)

HELLO: dict[str, dict[str, Any]] = {
    "chat": {"messages": [{"role": "user", "content": "Hi"}], "stream_options": {"include_usage": True}},
    "responses": {"input": "Hi"},
    "messages": {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9},
    "gemini": {"contents": [{"parts": [{"text": "Hi"}]}]},
}


def asked(name: str, *, stream: bool = True) -> Asking:
    """A short question of a caller."""
    return Asking(LOADED[name], json.dumps({"model": "m", **HELLO[name]}).encode(), "m", stream=stream)


def bare(thing: Any) -> Any:
    """A neutral thing as dicts and lists, without its places and without what nobody said."""
    if isinstance(thing, Stop):
        return {"reason": thing.reason, "sequence": thing.sequence}
    if isinstance(thing, Thinking):
        thing = unsealed(thing)
    if isinstance(thing, msgspec.Struct):
        members = {name: bare(getattr(thing, name)) for name in thing.__struct_fields__ if name not in _PLACES}
        if isinstance(thing, ServerToolCall):
            members["status"] = None  # Responses has one always
        if isinstance(thing, Conversation):
            members["turns"] = _joined(members["turns"])
        if isinstance(thing, Usage):
            # Formats that must tell a split tell none of it as nothing.
            members = {name: value for name, value in members.items() if value or not name.startswith(_SPLITS)}
        return {"": type(thing).__name__, **{name: value for name, value in members.items() if value not in _NOTHING}}
    if isinstance(thing, list | tuple):
        return [bare(each) for each in thing]
    return thing


def _joined(turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Turns of tools that follow each other as one: some formats have a turn for each result."""
    joined: list[dict[str, Any]] = []
    for turn in turns:
        if joined and turn["role"] == joined[-1]["role"] == "tool":
            joined[-1] = {**joined[-1], "parts": joined[-1]["parts"] + turn["parts"]}
        else:
            joined.append(turn)
    return joined


_SPLITS = ("cache", "reasoning")
_PLACES = ("at", "places", "own_format")
_NOTHING: tuple[Any, ...] = (None, [], {})


def unsealed(thinking: Thinking) -> Thinking:
    """With the signature that a seal holds. Whose an unsigned thought is nobody knows in a format without names."""
    held = thinking.signature
    if held is not None and held.startswith("{"):  # a detail of OpenRouter's kind, verbatim
        detail = json.loads(held)
        held = detail.get("signature") or detail.get("data")
    if held is None:
        return msgspec.structs.replace(thinking, signature=None, maker="", id=None, summary=False)
    opened = unseal(held)
    return thinking if opened is None else unsealed(msgspec.structs.replace(opened, text=thinking.text))


def gist(answer: Answer) -> Any:
    """What an answer says, whatever the order in which a format tells it and however it encodes arguments."""
    return [_said(candidate) for candidate in answer.candidates], answer.id, bare(answer.usage)


def _said(candidate: Candidate) -> dict[str, Any]:
    parts = candidate.parts
    thoughts = [unsealed(part) for part in parts if isinstance(part, Thinking)]
    return {
        "text": "".join(part.text for part in parts if isinstance(part, Text)),
        "refusal": "".join(part.text for part in parts if isinstance(part, Refusal)),
        "thoughts": "".join(part.text for part in thoughts),
        "signatures": sorted((part.signature, part.maker, part.bound) for part in thoughts if part.signature),
        "calls": [called(part) for part in parts if isinstance(part, ToolCall)],
        "stop": candidate.stop and candidate.stop.reason,
        "index": candidate.index,
    }


def called(call: ToolCall) -> tuple[str, str, Any]:
    """A call, with arguments as values. What a custom tool is given is an object's only member where text is none."""
    return call.id, call.name, {"input": call.arguments} if call.custom else json.loads(call.arguments)


def same(left: Any, right: Any) -> None:
    """Raise AssertionError where two neutral things differ."""
    assert bare(left) == bare(right)


def streamed(answer: Answer, name: str, ledger: Ledger | None = None) -> bytes:
    """The stream of an answer in a format."""
    writer = LOADED[name].stream_writer(asked(name).conversation, Ledger() if ledger is None else ledger)
    return writer.write(unfolded(answer))


def read(stream: bytes, name: str) -> Answer:
    """What a stream amounts to."""
    reader, splitter, sequencer = LOADED[name].stream_reader(DIALECT), Splitter(), Sequencer()
    deltas: list[Delta] = []
    for event in (*splitter.feed(stream), *splitter.finish()):
        if event.kind == "event":
            deltas += sequencer.put(reader.read(event))
    return folded([*deltas, *sequencer.put(reader.finish())])


def lane(caller: str, target: str) -> BackLane:
    """The way back of one answer."""
    return asked(caller).back(LOADED[target], DIALECT, Ledger())


def told(stream: bytes, caller: str, target: str, cuts: list[int]) -> bytes:
    """What the caller is told of a provider's stream that arrives in pieces."""
    back = lane(caller, target)
    edges = [0, *sorted(cuts), len(stream)]
    out = b"".join(back.feed(stream[a:b]) for a, b in pairwise(edges))
    return out + back.finish()
