"""One true answer as a stream of each wire format, in its parts, and what a caller of each format asks for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

KIND = b"content-type: text/event-stream\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """One chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


SAID = "It is 21 °C."
Json = Mapping[str, Any]


def event(data: Json | str, name: str | None = None, end: str = "\n") -> bytes:
    """One event."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return (f"event: {name}{end}" if name else "").encode() + f"data: {text}{end}{end}".encode()


# -- what upstreams say ---------------------------------------------------------------------------------------------


@attrs.frozen
class Stream:
    """A true stream in its parts; `error` is how the format reports one midway, `whole` the same answer as one body."""

    start: bytes
    words: tuple[bytes, ...]
    end: bytes
    error: bytes
    whole: bytes

    @property
    def true(self) -> bytes:
        """All of it."""
        return self.start + b"".join(self.words) + self.end


def chat(delta: Json, why: str | None = None) -> Json:
    """A chunk."""
    choice = {"index": 0, "delta": delta, "finish_reason": why}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def message(kind: str, **more: Any) -> bytes:
    """An event of Messages."""
    return event({"type": kind, **more}, kind)


def response(kind: str, number: int, **more: Any) -> bytes:
    """An event of Responses."""
    return event({"type": f"response.{kind}", "sequence_number": number, **more}, f"response.{kind}")


def gemini(text: str, why: str | None = None) -> Json:
    """A chunk of Gemini."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
    return {"candidates": [candidate if why is None else {**candidate, "finishReason": why}], "modelVersion": "m"}


WORDS = ("It is ", "21 °C", ".")
ERROR = {"message": "the engine broke", "type": "server_error", "param": None, "code": "server_error"}
TEXT = {"type": "output_text", "text": SAID, "annotations": []}
ITEM = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [TEXT]}
OPEN = {**ITEM, "status": "in_progress", "content": []}
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "status": "in_progress",
    "output": [],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
}
PLACE = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 1},
}

STREAMS: Mapping[str, Stream] = {
    "chat": Stream(
        event(chat({"role": "assistant", "content": ""})),
        tuple(event(chat({"content": word})) for word in WORDS),
        event(chat({}, "stop")) + event("[DONE]"),
        event({"error": ERROR}),
        json.dumps(
            {
                **chat({}),
                "object": "chat.completion",
                "choices": [
                    {"index": 0, "message": {"role": "assistant", "content": SAID}, "finish_reason": "stop"},
                ],
            }
        ).encode(),
    ),
    "messages": Stream(
        message("message_start", message=MESSAGE)
        + message("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        tuple(message("content_block_delta", index=0, delta={"type": "text_delta", "text": word}) for word in WORDS),
        message("content_block_stop", index=0)
        + message("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 9})
        + message("message_stop"),
        message("error", error={"type": "api_error", "message": "the engine broke"}),
        json.dumps(
            {**MESSAGE, "content": [{"type": "text", "text": SAID}], "stop_reason": "end_turn"}, ensure_ascii=False
        ).encode(),
    ),
    "responses": Stream(
        response("created", 0, response=RESPONSE)
        + response("output_item.added", 1, output_index=0, item=OPEN)
        + response("content_part.added", 2, **PLACE, part={**TEXT, "text": ""}),
        tuple(response("output_text.delta", 3 + at, **PLACE, delta=word) for at, word in enumerate(WORDS)),
        response("output_text.done", 6, **PLACE, text=SAID)
        + response("content_part.done", 7, **PLACE, part=TEXT)
        + response("output_item.done", 8, output_index=0, item=ITEM)
        + response("completed", 9, response={**RESPONSE, "status": "completed", "output": [ITEM]}),
        event({"type": "error", "sequence_number": 6, **ERROR}, "error"),
        json.dumps({**RESPONSE, "status": "completed", "output": [ITEM]}).encode(),
    ),
    "gemini": Stream(
        b"",
        tuple(event(gemini(word), end="\r\n") for word in WORDS),
        event(gemini("", "STOP"), end="\r\n"),
        event({"error": {"code": 503, "message": "the engine broke", "status": "UNAVAILABLE"}}, end="\r\n"),
        json.dumps(gemini(SAID, "STOP")).encode(),
    ),
}


TURNS = [{"role": "user", "content": "hi"}]
ASKED: Mapping[str, tuple[str, Json]] = {
    "chat": ("/v1/chat/completions", {"model": "up:m", "messages": TURNS, "stream": True}),
    "responses": ("/v1/responses", {"model": "up:m", "input": "hi", "stream": True}),
    "messages": ("/v1/messages", {"model": "up:m", "messages": TURNS, "max_tokens": 9, "stream": True}),
    "gemini": ("/v1beta/models/up:m:streamGenerateContent?alt=sse", {"contents": [{"parts": [{"text": "hi"}]}]}),
}
