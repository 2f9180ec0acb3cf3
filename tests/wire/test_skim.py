"""A stream is skimmed, not parsed, and still says all that metering needs, however it is sliced."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.wire.shapes import Seen, Usage
from aigw.wire.skim import Skimmer


def sse(*events: dict[str, Any] | str, names: bool = False) -> bytes:
    """A stream of events; strings are sent as they are."""
    lines = []
    for event in events:
        text = event if isinstance(event, str) else "data: " + json.dumps(event, separators=(",", ":"))
        named = names and isinstance(event, dict)
        lines.append((f"event: {event['type']}\n" if named and isinstance(event, dict) else "") + text + "\n\n")
    return "".join(lines).encode()


def skim(stream: bytes, cuts: list[int] | None = None) -> Seen:
    """What a stream says that is cut at the offsets."""
    skimmer = Skimmer()
    edges = [0, *sorted(cuts or []), len(stream)]
    for start, end in pairwise(edges):
        skimmer.take(stream[start:end])
    return skimmer.finish()


def chunk(content: str = "", finish: str | None = None, **more: Any) -> dict[str, Any]:
    """A chunk of a chat stream, with the nulls that OpenAI sends."""
    choices = [{"index": 0, "delta": {"content": content}, "finish_reason": finish}]
    return {"id": "chatcmpl-1", "model": "m-1", "choices": choices, "usage": None, **more}


USAGE = {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29}
COUNTED = Usage(19, 10)
END = chunk(choices=[], usage=USAGE)
DELTAS = [chunk(f"word {number} ") for number in range(30)]
START = {
    "type": "message_start",
    "message": {"id": "msg_1", "model": "m-1", "stop_reason": None, "usage": {"input_tokens": 100, "output_tokens": 1}},
}
TEXT = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "usage: 7 tokens"}}
STOP = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 12}}
CREATED = {
    "type": "response.created",
    "response": {"id": "resp_1", "object": "response", "model": "m-1", "status": "in_progress", "usage": None},
}
COMPLETED = {
    "type": "response.completed",
    "response": {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "model": "m-1",
        "usage": {"input_tokens": 19, "output_tokens": 10, "total_tokens": 29},
    },
}


def gemini(text: str, output: int, **candidate: Any) -> dict[str, Any]:
    """A chunk of a Gemini stream: usage in every one."""
    return {
        "candidates": [{"content": {"parts": [{"text": text}]}, **candidate}],
        "usageMetadata": {"promptTokenCount": 19, "candidatesTokenCount": output, "totalTokenCount": 19 + output},
        "modelVersion": "m-1",
        "responseId": "r-1",
    }


CHAT_SEEN = Seen(COUNTED, "stop", "m-1", "chatcmpl-1", None, True)
STREAMS: dict[str, tuple[bytes, Seen]] = {
    "chat": (sse(*DELTAS, chunk(finish="stop"), END, "data: [DONE]"), CHAT_SEEN),
    "chat without usage": (
        sse(*DELTAS, chunk(finish="stop"), "data: [DONE]"),
        Seen(None, "stop", "m-1", "chatcmpl-1", None, True),
    ),
    "usage beside choices": (sse(*DELTAS, chunk(finish="stop", usage=USAGE), "data: [DONE]"), CHAT_SEEN),
    "usage in every chunk": (
        sse(
            *(chunk("w", usage={**USAGE, "completion_tokens": n, "total_tokens": 19 + n}) for n in range(10)),
            chunk(finish="stop", usage=USAGE),
            "data: [DONE]",
        ),
        CHAT_SEEN,
    ),
    "usage in a choice": (
        sse(*DELTAS, chunk(choices=[{"index": 0, "finish_reason": "stop", "usage": USAGE}]), "data: [DONE]"),
        CHAT_SEEN,
    ),
    "usage in x_groq": (
        sse(*DELTAS, chunk(finish="stop", x_groq={"id": "req_1", "usage": USAGE}), "data: [DONE]"),
        CHAT_SEEN,
    ),
    "usage before the finish reason": (sse(*DELTAS, END, chunk(finish="stop"), "data: [DONE]"), CHAT_SEEN),
    "usage long before the end": (sse(DELTAS[0], END, *DELTAS * 5, chunk(finish="stop"), "data: [DONE]"), CHAT_SEEN),
    "zeros after the usage": (
        sse(*DELTAS, chunk(finish="stop"), END, chunk(usage=dict.fromkeys(USAGE, 0)), "data: [DONE]"),
        CHAT_SEEN,
    ),
    "nothing but zeros": (
        sse(*DELTAS, chunk(finish="stop"), chunk(usage=dict.fromkeys(USAGE, 0)), "data: [DONE]"),
        Seen(Usage(0, 0), "stop", "m-1", "chatcmpl-1", None, True),
    ),
    "an empty usage object": (sse(*DELTAS, chunk(finish="stop"), END, chunk(usage={}), "data: [DONE]"), CHAT_SEEN),
    "filter results first": (
        sse({"id": "", "model": "", "choices": [], "prompt_filter_results": []}, *DELTAS, END, "data: [DONE]"),
        Seen(COUNTED, None, "m-1", "chatcmpl-1", None, True),
    ),
    "lookalikes in texts": (
        sse(
            *DELTAS,
            chunk('"usage":{"prompt_tokens":1,"completion_tokens":1}'),
            chunk("prompt_tokens"),
            chunk(tool_calls=[{"function": {"arguments": '{"usage":{"prompt_tokens":1}}'}}]),
            {"choices": [{"delta": {"usage": {"prompt_tokens": 1, "total_tokens": 2}}}]},
            END,
            chunk("_tokens", finish="stop"),
            "data: [DONE]",
        ),
        CHAT_SEEN,
    ),
    "keep-alives": (
        sse(*[": PROCESSING"] * 20, *DELTAS, ": c", chunk(finish="stop"), END, *[": c"] * 20, "data: [DONE]"),
        CHAT_SEEN,
    ),
    "no blank line at the end": (sse(*DELTAS, chunk(finish="stop"), END, "data: [DONE]").rstrip(), CHAT_SEEN),
    "cut": (sse(*DELTAS), Seen(None, None, "m-1", "chatcmpl-1", None, False)),
    "cut in an event": (
        sse(*DELTAS, chunk(finish="stop"), END)[:-9],
        Seen(None, "stop", "m-1", "chatcmpl-1", None, False),
    ),
    "an error in the middle": (
        sse(*DELTAS, {"error": {"code": "server_error", "message": "sorry"}}),
        Seen(None, None, "m-1", "chatcmpl-1", "server_error", False),
    ),
    "an error after the finish reason": (
        sse(*DELTAS, chunk(finish="length"), chunk(choices=[], error={"code": 400}, usage=USAGE), "data: [DONE]"),
        Seen(COUNTED, "length", "m-1", "chatcmpl-1", "400", True),
    ),
    "an error at once": (
        sse({"error": {"type": "overloaded_error"}}),
        Seen(None, None, None, None, "overloaded_error", False),
    ),
    "messages": (
        sse(START, *[TEXT] * 40, STOP, {"type": "message_stop"}, names=True),
        Seen(Usage(100, 12), "end_turn", "m-1", "msg_1", None, True),
    ),
    "messages whose input comes last": (
        sse(
            {"type": "message_start", "message": {"id": "msg_1", "model": "m-1", "usage": {"input_tokens": 0}}},
            TEXT,
            {**STOP, "usage": {"input_tokens": 32, "output_tokens": 16, "cache_read_input_tokens": 8}},
            {"type": "message_stop"},
            names=True,
        ),
        Seen(Usage(40, 16, 8), "end_turn", "m-1", "msg_1", None, True),
    ),
    "messages cut": (
        sse(START, *[TEXT] * 40, names=True),
        Seen(Usage(100, 1), None, "m-1", "msg_1", None, False),
    ),
    "messages without output": (
        sse(START, {**STOP, "usage": {"output_tokens": 0}}, {"type": "message_stop"}, names=True),
        Seen(Usage(100, 0), "end_turn", "m-1", "msg_1", None, True),
    ),
    "messages overloaded": (
        sse(START, TEXT, {"type": "error", "error": {"type": "overloaded_error"}}, names=True),
        Seen(Usage(100, 1), None, "m-1", "msg_1", "overloaded_error", False),
    ),
    "messages whose types are only names": (
        sse("event: message_start\ndata: " + json.dumps(START), "event: message_stop\ndata: {}"),
        Seen(Usage(100, 1), None, "m-1", "msg_1", None, True),
    ),
    "responses": (
        sse(CREATED, *[{"type": "response.output_text.delta", "delta": "w"}] * 60, COMPLETED, names=True),
        Seen(COUNTED, "completed", "m-1", "resp_1", None, True),
    ),
    "responses failed": (
        sse(
            CREATED,
            {
                "type": "response.failed",
                "response": {"object": "response", "status": "failed", "error": {"code": "server_error"}},
            },
        ),
        Seen(None, "failed", "m-1", "resp_1", "server_error", True),
    ),
    "gemini": (
        sse(*(gemini("w", n) for n in range(9)), gemini("", 10, finishReason="STOP")).replace(b"\n", b"\r\n"),
        Seen(COUNTED, "STOP", "m-1", "r-1", None, True),
    ),
    "gemini and a bare error": (
        sse(gemini("w", 10)) + b'{\n  "error": {\n    "code": 503,\n    "status": "UNAVAILABLE"\n  }\n}\n',
        Seen(COUNTED, None, "m-1", "r-1", "UNAVAILABLE", False),
    ),
    "transcription": (
        sse(
            {"type": "transcript.text.delta", "delta": "w"},
            {"type": "transcript.text.done", "usage": {"type": "tokens", "input_tokens": 19, "output_tokens": 10}},
        ),
        Seen(COUNTED, None, None, None, None, True),
    ),
    "not JSON": (b"data: hello\n\ndata: [1,2\n\nfoo\n\n", Seen()),
    "nothing": (b"", Seen()),
}


@pytest.mark.parametrize("name", STREAMS)
def test_streams(name: str) -> None:
    """Each kind of stream says what it should: whole, byte by byte, and cut in two at any byte."""
    stream, expected = STREAMS[name]
    assert skim(stream) == expected
    assert skim(stream, list(range(len(stream)))) == expected
    for cut in range(0, len(stream), max(1, len(stream) // 400)):
        assert skim(stream, [cut]) == expected


@pytest.mark.parametrize("end", [b"\r\n", b"\r"])
@pytest.mark.parametrize("name", STREAMS)
def test_line_ends(name: str, end: bytes) -> None:
    """Line ends of any kind, cut anywhere, make no difference."""
    stream, expected = STREAMS[name]
    stream = stream.replace(b"\r\n", b"\n").replace(b"\n", end)
    chance = random.Random(name)
    assert skim(stream) == expected
    for _ in range(20):
        assert skim(stream, [chance.randrange(len(stream) + 1) for _ in range(8)]) == expected


@pytest.mark.parametrize("size", [15_000, 16_384, 16_385, 40_000, 300_000])
def test_large_events(size: int) -> None:
    """Of an event too large to keep the ends are read: the last event of Responses echoes the whole request."""
    large = {**COMPLETED["response"], "instructions": "i" * size}  # type: ignore[dict-item]
    usage = large.pop("usage")
    completed = {"type": "response.completed", "response": {**large, "usage": usage, "metadata": {}}}
    pieces = [sse(CREATED, names=True), sse(completed, names=True)]
    stream = b"".join([pieces[0], sse({"type": "response.output_text.delta", "delta": "w"}), pieces[1]])
    expected = Seen(COUNTED, "completed", "m-1", "resp_1", None, True)
    assert skim(stream) == expected
    for step in (1000, 4096, 5000, 65_536):
        assert skim(stream, list(range(0, len(stream), step))) == expected
    for cut in [*range(len(stream) - 40, len(stream)), *range(len(pieces[0]) - 4, len(pieces[0]) + 40)]:
        assert skim(stream, [cut]) == expected


def test_a_large_event_with_zeros_only() -> None:
    """A large event that holds no figures above zero does not hide the usage that came before it."""
    empty = {"choices": [], "padding": "p" * 50_000, "usage": dict.fromkeys(USAGE, 0)}
    for events, expected in (([END, empty], COUNTED), ([empty], Usage(0, 0))):
        stream = sse(DELTAS[0], *events, *DELTAS)
        for step in (len(stream), 1000):
            assert skim(stream, list(range(0, len(stream), step))).usage == expected


@pytest.mark.parametrize("size", [16_300, 50_000])
def test_large_first_and_middle_events(size: int) -> None:
    """Images in a stream, first or in the middle, hide neither the id nor the usage."""
    picture = gemini("B" * size, 5)
    for events in ([picture], [gemini("w", 1), picture], [picture, picture]):
        stream = sse(*events, gemini("", 10, finishReason="STOP"))
        expected = Seen(COUNTED, "STOP", "m-1", "r-1", None, True)
        for step in (len(stream), 1000, 4096, 30_000):
            assert skim(stream, list(range(0, len(stream), step))) == expected
        cut = sse(*events)
        for step in (len(cut), 1000, 4096, 30_000):
            assert skim(cut, list(range(0, len(cut), step))).usage == Usage(19, 5)


def test_memory_is_bounded() -> None:
    """Neither a long stream, nor one endless event, nor endless comments are kept."""
    filler = [sse(chunk("w")), b"x" * 1000, b": c\n\n" * 200, sse(gemini("B" * 50_000, 1))]
    for piece in filler:
        skimmer = Skimmer()
        for _ in range(2000):
            skimmer.take(piece)
            kept = len(skimmer._carry) + len(skimmer._front) + sum(len(text) for text in skimmer._last)
            assert kept < 20_000


EVENTS: list[dict[str, Any] | str] = [*DELTAS[:2], END, START, TEXT, STOP, CREATED, COMPLETED, gemini("w", 3)]
EVENTS += [": c", "", "\n", "data: [DONE]", "data:", "event: x", "{", '{"error":{"code":1}}', chunk("B" * 17_000)]
EVENTS += [chunk(usage=dict.fromkeys(USAGE, 0)), chunk(finish="stop"), gemini("B" * 16_200, 4), "data: " + "x" * 5000]


@given(st.lists(st.sampled_from(EVENTS), max_size=20), st.lists(st.integers(0, 60_000), max_size=20))
def test_slicing_makes_no_difference(events: list[dict[str, Any] | str], cuts: list[int]) -> None:
    """Whatever a stream holds, its slicing does not change what is seen."""
    stream = sse(*events)
    assert skim(stream, [cut for cut in cuts if cut <= len(stream)]) == skim(stream)


@given(st.lists(st.sampled_from([sse(END), b"data: ", b"\n", b"\r", b'{"usage":', b"}", b"\xff"]), max_size=20))
def test_garbage(pieces: list[bytes]) -> None:
    """No bytes make the skimmer raise, and finishing twice gives the same."""
    skimmer = Skimmer()
    for piece in pieces:
        skimmer.take(piece)
    assert skimmer.finish() == skimmer.finish()
