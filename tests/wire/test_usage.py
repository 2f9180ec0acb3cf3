"""The tap sees what an answer used, whatever its form and slicing, and never raises."""

from __future__ import annotations

import gzip
import importlib
import json
import os
import random
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.wire.usage import Seen, Tap, Usage

brotli = importlib.import_module("brotli")
zstd = importlib.import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")

JSON = "application/json; charset=utf-8"
STREAM = "text/event-stream"
CODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}


def tapped(body: bytes, kind: str = JSON, coding: str | None = None, size: int = 0) -> Seen:
    """What the tap sees of a body that arrives in chunks of a size (0: in one)."""
    tap = Tap(kind, coding)
    for at in range(0, len(body), size or max(1, len(body))):
        tap.feed(body[at : at + (size or len(body))])
    return tap.finish()


def encode(members: Any) -> bytes:
    """JSON as servers send it."""
    return json.dumps(members, separators=(",", ":")).encode()


def chat(content: str = "hello", **more: Any) -> dict[str, Any]:
    """A chat completion."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "m-1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29},
        **more,
    }


CHAT = Seen(Usage(19, 10), "stop", "m-1", "chatcmpl-1", None, True)
CHUNKS = (
    b'data: {"id":"chatcmpl-1","model":"m-1","choices":[{"index":0,"delta":{"content":"w"},"finish_reason":null}]}\n\n'
    * 60
    + b'data: {"id":"chatcmpl-1","model":"m-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    + b'data: {"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":19,"completion_tokens":10}}\n\n'
    + b"data: [DONE]\n\n"
)


@pytest.mark.parametrize("size", [0, 1, 7, 100])
@pytest.mark.parametrize(
    ("body", "seen"),
    [
        (encode(chat()), CHAT),
        (json.dumps(chat(), indent=2).encode() + b"\n", CHAT),
        (b"\n\n  \r\n" + encode(chat()), CHAT),
        (b"\xef\xbb\xbf" + encode(chat()), CHAT),
        (encode(chat(id=7)), Seen(Usage(19, 10), "stop", "m-1", None, None, True)),
        (encode(chat())[:-1], Seen(Usage(19, 10), "stop", "m-1", "chatcmpl-1", None, False)),
        (b'{"error":{"type":"rate_limit_error"}}', Seen(error="rate_limit_error", terminal=True)),
        (b'[{"error":{"code":400,"status":"INVALID_ARGUMENT"}}]', Seen(error="INVALID_ARGUMENT", terminal=True)),
        (b'{"object":"list","data":[]}', Seen(terminal=True)),
        (b"[]", Seen()),
        (b"{", Seen()),
        (b"", Seen()),
        (b"   ", Seen()),
        (CHUNKS, CHAT),
    ],
)
def test_bodies_and_streams(body: bytes, seen: Seen, size: int) -> None:
    """Bodies and streams are told apart by their bytes, as servers mislabel them, and read in any slicing."""
    for kind in (JSON, STREAM, "", "text/plain"):
        assert tapped(body, kind, size=size) == seen


@pytest.mark.parametrize("coding", CODERS)
@pytest.mark.parametrize("body", [encode(chat()), encode(chat("h" * 300_000)), CHUNKS])
def test_coded_answers(body: bytes, coding: str) -> None:
    """A compressed answer is read on the side, in any slicing."""
    coded = CODERS[coding](body)
    for size in (0, 1, 100, 4096):
        assert tapped(coded, coding=coding, size=size) == CHAT


def test_codings_that_change_nothing() -> None:
    """No coding is spelt in several ways."""
    for coding in (None, "", "identity"):
        assert tapped(encode(chat()), coding=coding) == CHAT


@pytest.mark.parametrize("coding", ["aws-chunked", "gzip", "br", "zstd", "deflate"])
def test_codings_that_fail(coding: str) -> None:
    """An unknown coding, or data that are not what it says, leave the tap blind, nothing else."""
    assert tapped(encode(chat()) * 10, coding=coding, size=50) == Seen()


def test_what_was_seen_before_a_failure_stays() -> None:
    """Data that turn bad in the middle of a stream do not undo what was read of it."""
    noise = random.Random(1).randbytes(9000).hex().encode()
    tap = Tap(STREAM, "gzip")
    tap.feed(gzip.compress(CHUNKS + b": " + noise + b"\n\n" + CHUNKS))
    tap.feed(b"\x1f\xff" * 4000)
    tap.feed(b"\xff" * 8000)
    assert tap.finish() == CHAT


def test_a_bomb() -> None:
    """A decompression bomb costs its bound, not the memory it stands for."""
    assert tapped(gzip.compress(b" " * 30_000_000), coding="gzip") == Seen()


@pytest.mark.parametrize("kind", ["audio/mpeg", "image/png", "application/octet-stream", "text/html", "video/mp4"])
def test_other_types_are_left_alone(kind: str) -> None:
    """The tap takes no interest in what cannot hold usage, and keeps nothing of it."""
    tap = Tap(kind, "gzip")
    for _ in range(3):
        tap.feed(encode(chat()))
        assert tap._chunks == []
    assert tap.finish() == Seen()


@pytest.mark.parametrize("length", [262_144 - 200, 262_144, 262_144 + 200, 2_000_000])
def test_large_bodies(length: int) -> None:
    """Above the bound only the ends of a body are kept, and they give the same answer."""
    lookalike = {"function": {"name": "f", "arguments": '{"usage":{"prompt_tokens":1}}'}, "usage": {"prompt_tokens": 1}}
    body = encode(chat("h" * (length - 400), tool_calls=[lookalike]))
    for size in (0, 65_536, 1000):
        assert tapped(body, size=size) == CHAT
    messages = {
        "model": "m-1",
        "id": "msg_1",
        "content": [{"type": "text", "text": "h" * length}, {"type": "tool_use", "input": lookalike}],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 19, "output_tokens": 10},
    }
    assert tapped(encode(messages)) == Seen(Usage(19, 10), "tool_use", "m-1", "msg_1", None, True)
    embeddings = {"data": [{"embedding": [0.25] * (length // 5)}], "model": "m-1", "usage": {"prompt_tokens": 19}}
    assert tapped(encode(embeddings)).usage == Usage(19)
    images = {"usage": {"input_tokens": 19, "output_tokens": 10}, "data": [{"b64_json": "A" * length}]}
    assert tapped(encode(images)) == Seen(Usage(19, 10), terminal=True)
    assert tapped(encode(chat("h" * length))[:-300]).usage is None


def test_a_gemini_stream_that_is_an_array() -> None:
    """Without `alt=sse` a Gemini stream is an array that grows: the last element counts."""
    items = [
        {
            "candidates": [{"content": {"parts": [{"text": "w" * 100}]}}],
            "usageMetadata": {"promptTokenCount": 19, "candidatesTokenCount": n, "totalTokenCount": 19 + n},
            "modelVersion": "m-1",
            "responseId": "r-1",
        }
        for n in range(1, 11)
    ]
    items[-1]["candidates"][0]["finishReason"] = "STOP"  # type: ignore[index]
    expected = Seen(Usage(19, 10), "STOP", "m-1", "r-1", None, True)
    for filler in (0, 2000):
        body = b"[" + b"\n,\r\n".join(encode(item) for item in items[:1] * filler + items) + b"\n]"
        for size in (0, 333):
            assert tapped(body, size=size) == expected
    assert tapped(body[:9000]).usage == Usage(19, 1)


def test_memory_is_bounded() -> None:
    """However much arrives, little is kept."""
    for start in (b'{"data":"', b"[", b"data: "):
        tap = Tap("", None)
        tap.feed(start)
        for _ in range(500):
            tap.feed(b"x" * 10_000)
            assert sum(map(len, tap._chunks)) < 300_000
        reader: Any = tap._reader
        kept = reader._parts if hasattr(reader, "_parts") else [reader._carry]
        assert sum(map(len, kept)) < 300_000


def test_finishing_twice() -> None:
    """The outcome does not depend on how often it is asked for."""
    for body in (encode(chat()), encode(chat("h" * 300_000)), CHUNKS):
        tap = Tap(JSON)
        tap.feed(body)
        assert tap.finish() == tap.finish() == CHAT


PIECES = [
    encode(chat()),
    CHUNKS[-300:],
    b"data: ",
    b"\n\n",
    b"{",
    b"[",
    b'"usage":',
    b"}",
    b"\xff\x00",
    b"\r",
    b" " * 5000,
]
PIECES += [gzip.compress(CHUNKS), zstd.compress(CHUNKS)[:50], b'{"a":' * 5000, b"[" * 5000, b'"\\u' * 100]


@given(
    st.lists(st.sampled_from(PIECES) | st.binary(max_size=50), max_size=12),
    st.sampled_from([JSON, STREAM, "", "text/plain", "audio/mpeg", ";", "\xff"]),
    st.sampled_from([None, "", "gzip", "br", "zstd", "deflate", "gzip, br", "nonsense", ","]),
)
def test_nothing_raises(pieces: list[bytes], kind: str, coding: str | None) -> None:
    """Any bytes under any label: the tap stays silent and gives an answer."""
    tap = Tap(kind, coding)
    for piece in pieces:
        tap.feed(piece)
    assert isinstance(tap.finish(), Seen)


# ---- recorded traffic of many providers

_SHARED = Path(os.environ.get("AIGW_SHARED", Path(__file__).resolve().parents[3] / "shared"))
CORPUS = _SHARED / "corpus"


def recorded() -> Iterator[Any]:
    """Every recorded answer whose usage was noted."""
    found = False
    for path in sorted(CORPUS.glob("*/*/*/expect.json")):
        if json.loads(path.read_bytes()).get("usage"):
            found = True
            yield pytest.param(path.parent, id="/".join(path.parent.parts[-3:]))
    if not found:
        reason = f"no recorded traffic in {CORPUS}: set AIGW_SHARED to the folder that has corpus/"
        yield pytest.param(None, marks=pytest.mark.skip(reason=reason), id="none")


def billed(surface: str, noted: list[dict[str, Any]]) -> tuple[int | None, int | None, int, int, int]:
    """Input, output, cache read, cache write and reasoning tokens of a recording, by the rule of its surface."""
    said: dict[str, Any] = {}
    for usage in noted:
        said |= {key: value for key, value in usage.items() if value is not None}

    def part(*path: str) -> int:
        value: Any = said
        for key in path:
            value = (value or {}).get(key)
        return value or 0

    if surface == "anthropic-messages":
        read, write = part("cache_read_input_tokens"), part("cache_creation_input_tokens")
        thinking = part("output_tokens_details", "thinking_tokens")
        return said["input_tokens"] + read + write, said["output_tokens"], read, write, thinking
    if surface.startswith("gemini"):
        prompt = said.get("promptTokenCount")
        prompt = None if prompt is None else prompt + part("toolUsePromptTokenCount")
        thoughts = part("thoughtsTokenCount")
        return prompt, part("candidatesTokenCount") + thoughts, part("cachedContentTokenCount"), 0, thoughts
    asked, told = ("input", "output") if surface == "openai-responses" else ("prompt", "completion")
    prompt, output = said[f"{asked}_tokens"], said.get(f"{told}_tokens")
    details = (f"{asked}_tokens_details", f"{told}_tokens_details")
    reasoning = part(details[1], "reasoning_tokens") or part("reasoning_tokens")
    if output is not None and reasoning > output:
        output += reasoning
    elif output is not None and said["total_tokens"] > prompt + output:
        reasoning = reasoning or said["total_tokens"] - prompt - output
        output = said["total_tokens"] - prompt
    read = part(details[0], "cached_tokens") or part("cached_tokens")
    return prompt, output, read, part(details[0], "cache_write_tokens"), reasoning


@pytest.mark.parametrize("case", [*recorded()])
def test_recorded_traffic(case: Path) -> None:
    """What providers really sent gives exactly their numbers: whole, sliced, and in every content coding."""
    noted = json.loads((case / "expect.json").read_bytes())
    meta = json.loads((case / "meta.json").read_bytes())
    name = meta["response"]["file"]
    body = (case / name).read_bytes()
    kind = STREAM if name.endswith(".sse") else JSON
    seen = tapped(body, kind)
    if noted["usage"] == [{"trafficType": "ON_DEMAND"}]:
        assert seen.usage is None
    else:
        usage = seen.usage
        assert usage is not None
        parts = (usage.cache_read_tokens or 0, usage.cache_write_tokens or 0, usage.reasoning_tokens or 0)
        assert (usage.input_tokens, usage.output_tokens, *parts) == billed(meta["surface"], noted["usage"])
    assert seen.model == noted.get("model")
    assert seen.response_id == noted.get("id")
    finish = [reason.removeprefix("block:") for reason in noted.get("finish", []) if reason != "queued"]
    assert seen.stop_reason in (finish or [None])
    assert (seen.error is not None) == ("error" in noted)

    chance = random.Random(case.name)
    for size in (1, *(chance.randrange(2, 5000) for _ in range(3))):
        assert tapped(body, kind, size=size) == seen
    for coding, coder in CODERS.items():
        coded = coder(body)
        assert tapped(coded, kind, coding) == seen
        assert tapped(coded, kind, coding, size=chance.randrange(1, 900)) == seen
