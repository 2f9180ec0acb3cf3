"""Recorded answers of real providers, heard by callers of every format: nothing of what they say changes on the way."""

from __future__ import annotations

import functools
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from aigw.wire import formats
from aigw.wire.dialect import Dialect
from aigw.wire.lane import Asking, Lane
from aigw.wire.losses import Ledger

from ..support import differ, heard, recorded, specs
from ..support.heard import Heard
from ..support.recorded import Recorded
from ..support.request_corpus import HELLO

FORMATS = formats.load()
CALLERS = ("chat", "responses", "messages", "gemini")
SEED = 20261123

# Case → callers (all where none is named), and why it cannot hold for them. Each entry has to fail.
CANNOT: Mapping[str, tuple[tuple[str, ...], str]] = {
    "background-mode-reasoning-vcr-ff6cd": ((), "a response that is queued says nothing yet"),
    "background-mode-streaming-without-starting-after-vcr-49dac": ((), "a response that is queued says nothing yet"),
    "snowflake-thinking-streaming-39dec": ((), "a stream that does not say why it ended: a reason would be made up"),
    "stream-unknown-error-responses-1-ec887": ((), "of two errors in one stream a caller hears the first"),
}
# Where what is written is not in a description, as patterns → why it is right.
BEYOND: Mapping[str, str] = {
    r"tool_calls/\d+/type: 'function' was expected": "OpenAI streams custom calls; its description forgot them",
    (
        r"^content(_block|/\d+): .*'(mcp_tool_use|mcp_tool_result|compaction)'.* is none of the documented kinds"
    ): "blocks of betas, to a caller of the same format",
    r"^service_tier: 'on_demand'": "Groq's own word, to a caller of the same format",
}


@pytest.fixture(scope="module")
def cases(corpus: Path) -> list[Recorded]:
    """All recorded exchanges of the four conversation formats."""
    return recorded.load(corpus)


@functools.cache
def asking(caller: str, stream: bool) -> Asking:
    """The smallest request of a caller, streamed with usage."""
    body: dict[str, Any] = {**HELLO[caller]}
    if caller != "gemini":
        body["stream"] = stream
    if caller == "chat" and stream:
        body["stream_options"] = {"include_usage": True}
    return Asking(FORMATS[caller], json.dumps(body).encode(), "m", stream=stream)


def lane(case: Recorded, caller: str, stream: bool) -> Lane:
    """The way back from the provider of a case to a caller."""
    return Lane(asking(caller, stream), FORMATS[case.format], Dialect(maker=case.provider), Ledger())


def in_pieces(data: bytes, seed: str) -> list[bytes]:
    """The bytes cut at random."""
    rng = random.Random(f"{SEED}{seed}")
    pieces, at = [], 0
    while at < len(data):
        size = rng.choice((1, 2, 3, 7, 40, 300, 5000))
        pieces.append(data[at : at + size])
        at += size
    return pieces


def streamed(case: Recorded, caller: str, pieces: list[bytes]) -> tuple[bytes, Lane]:
    """A recorded stream as the caller gets it."""
    way = lane(case, caller, stream=True)
    return b"".join([way.feed(piece) for piece in pieces]) + way.finish(), way


def broken(case: Recorded, said: Heard, way: Lane) -> list[str]:
    """What is wrong about a stream that its provider ended with an error: it must reach the caller as one."""
    if way.failed is None:
        return ["the error is not noticed"]
    found = [] if message(case) in way.failed.message else [f"{way.failed.message!r} instead of {message(case)!r}"]
    if said.ended:
        found.append("an end after an error")
    if said.texts.get(0, "") != (case.expect.get("text") or ""):
        found.append(f"text {said.texts} instead of {case.expect.get('text')!r}")
    return found


def message(case: Recorded) -> str:
    """What the provider says went wrong."""
    error = case.expect["error"]
    if isinstance(error, str):
        return error
    return str(error.get("message") or error.get("detail"))


def by_stream(case: Recorded, caller: str) -> list[str]:
    """A recorded stream, whole and in pieces."""
    data, way = streamed(case, caller, [case.answer])
    cut, _ = streamed(case, caller, in_pieces(case.answer, case.name + caller))
    said, again = (heard.STREAMS[caller](data) for data in (data, cut))
    found = [] if told(said) == told(again) else [f"in pieces: {told(again)} instead of {told(said)}"]
    if "error" in case.expect:
        return found + broken(case, said, way)
    return found + recorded.differences(case, caller, said) + documented(specs.event_checker(caller), said)


def told(said: Heard) -> tuple[Any, ...]:
    """What was said, made comparable: ids that the gateway makes up differ from time to time."""
    calls = {at: [(call.name, call.arguments) for call in calls] for at, calls in said.calls.items()}
    return said.texts, said.thoughts, said.refusals, calls, said.stops, said.usage, said.ended


def by_collecting(case: Recorded, caller: str) -> list[str]:
    """A recorded stream as one answer."""
    said = heard.ANSWERS[caller](lane(case, caller, stream=False).collected(case.answer))
    return recorded.differences(case, caller, said) + documented(specs.answer_checker(caller), said)


def by_answer(case: Recorded, caller: str) -> list[str]:
    """A recorded answer."""
    said = heard.ANSWERS[caller](lane(case, caller, stream=False).whole(case.answer))
    return recorded.differences(case, caller, said) + documented(specs.answer_checker(caller), said)


def by_streaming(case: Recorded, caller: str) -> list[str]:
    """A recorded answer as a stream."""
    said = heard.STREAMS[caller](lane(case, caller, stream=True).streamed(case.answer))
    return recorded.differences(case, caller, said) + documented(specs.event_checker(caller), said)


def by_error(case: Recorded, caller: str) -> list[str]:
    """A recorded error answer."""
    trouble = FORMATS[case.format].read_error(case.status, case.answer)
    error = json.loads(FORMATS[caller].error(trouble))["error"]
    found = [] if message(case) in error["message"] else [f"{error['message']!r} instead of {message(case)!r}"]
    if trouble.status != case.status or (caller == "gemini" and error["code"] != case.status):
        found.append(f"status {trouble.status} instead of {case.status}")
    told = case.expect["error"] if isinstance(case.expect["error"], dict) else {}
    if caller in ("chat", "responses"):
        for member in ("code", "param"):
            # A code that is the status again says nothing.
            if told.get(member) not in (None, case.status, str(case.status)) and case.format in ("chat", "responses"):
                found += [] if str(error[member]) == str(told[member]) else [f"{member} {error[member]!r} of {told}"]
    if told.get("type") and (caller, case.format) in KINDRED and error["type"] != told["type"]:
        found.append(f"type {error['type']!r} instead of {told['type']!r}")
    return found


# Callers and formats with the same words for kinds of errors.
KINDRED = {("chat", "chat"), ("chat", "responses"), ("responses", "chat"), ("responses", "responses"),
           ("messages", "messages")}  # fmt: skip

WAYS: Mapping[str, Callable[[Recorded, str], list[str]]] = {
    "stream": by_stream,
    "stream → answer": by_collecting,
    "answer": by_answer,
    "answer → stream": by_streaming,
    "error": by_error,
}


def documented(checker: specs.Checker, said: Heard) -> list[str]:
    """Where what was written is not what the format's description has."""
    faults = [fault for value in said.values for fault in checker.faults(value)]
    return [fault for fault in faults if not any(re.search(pattern, fault) for pattern in BEYOND)][:5]


def ways(case: Recorded) -> tuple[str, ...]:
    """The ways that a case can take."""
    if case.failed:
        return ("error",)
    if not case.stream:
        return ("answer", "answer → stream")
    return ("stream",) if "error" in case.expect else ("stream", "stream → answer")


def excused(case: Recorded, caller: str) -> bool:
    """Whether the table says that a case cannot hold for a caller."""
    if case.name not in CANNOT:
        return False
    callers, _ = CANNOT[case.name]
    return not callers or caller in callers


def tried(case: Recorded, caller: str, way: str) -> list[str]:
    """What is wrong with a case on one way; faults of grammar and of translation alike."""
    try:
        return WAYS[way](case, caller)
    except Exception as error:
        return [f"{type(error).__name__}: {error}"[:300]]


@pytest.mark.parametrize("caller", CALLERS)
def test_answers_keep_what_they_say(caller: str, cases: list[Recorded]) -> None:
    """Text, reasoning, refusals, calls, ends, usage and errors of every recorded answer reach every caller."""
    wrong, counted = {}, Counter[str]()
    for case in cases:
        for way in ways(case):
            faults = tried(case, caller, way)
            if excused(case, caller):
                continue
            counted[f"{case.format} → {caller}, {way}"] += not faults
            if faults:
                wrong[f"{case.format} {case.provider} {case.name} ({way})"] = faults
    print("\n" + "\n".join(f"{kind}: {number}" for kind, number in sorted(counted.items())))
    assert wrong == {}
    assert {kind for kind in counted if counted[kind] < LEAST[kind.partition(", ")[2]]} == set()


# Fewer cases than this of one pair and way mean that the recorded traffic was not found, not that it is right.
LEAST = {"stream": 15, "stream → answer": 14, "answer": 20, "answer → stream": 20, "error": 5}


@pytest.mark.parametrize("name", sorted(CANNOT))
def test_what_cannot_hold_does_not(name: str, cases: list[Recorded]) -> None:
    """An entry of the table whose reason is gone goes, too."""
    case = next(case for case in cases if case.name == name)
    callers = CANNOT[name][0] or CALLERS
    assert [caller for caller in callers if not any(tried(case, caller, way) for way in ways(case))] == []


# What is content in an answer of each format, and members in it that only label or number it.
CONTENT = re.compile(
    r"/choices/\d+/(message|logprobs)/|/citations/|/search_results/\d+/(url|title)|/output/|/content/"
    r"|/candidates/\d+/(content|logprobsResult|groundingMetadata|citationMetadata)/"
)
LABELS = re.compile(
    r"/(type|index|id|object|role|status|phase|thought|name|caller|format|closed|date|last_updated|source|tokenId"
    r"|start_index|end_index|is_error|enabled|outcome|language|file_search_call_id|call_id|tool_use_id)$"
)
# Seals wrap what only the maker can read; that they hold is another test's concern.
SEALED = re.compile(r"signature|encrypted|/data$|thought")
# Bytes of a token are those of its text; the others are a gateway's or a server's own, beside the message.
ASIDE = re.compile(r"/bytes/\d+$|/message/(padding|provider_metadata)")


def unheard(case: Recorded, caller: str) -> list[str]:
    """Content of an answer that the caller does not get, and of which the ledger says nothing."""
    way = lane(case, caller, stream=False)
    written = json.loads(way.whole(case.answer))
    if any(loss.pointer.startswith("answer:") for loss in way.ledger.entries):
        return []
    places = [leaf.partition(" = ")[0] for leaf in differ.lost(json.loads(case.answer), written, ())]
    others = (LABELS, SEALED, ASIDE)
    return [place for place in places if CONTENT.match(place) and not any(kind.search(place) for kind in others)]


@pytest.mark.parametrize("caller", CALLERS)
def test_what_a_caller_does_not_get_is_told(caller: str, cases: list[Recorded]) -> None:
    """Citations, logprobs, pictures, searches: what the caller's format has no place for stands in the ledger."""
    answered = [case for case in cases if "answer" in ways(case) and case.format != caller]
    wrong = {}
    for case in answered:
        if not excused(case, caller) and not tried(case, caller, "answer") and unheard(case, caller):
            wrong[f"{case.format} {case.provider} {case.name}"] = unheard(case, caller)
    assert wrong == {}
