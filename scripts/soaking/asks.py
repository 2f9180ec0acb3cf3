"""What is asked: every format, plain and streamed, healthy and failing upstreams, each with a canary of its own.

The simulated provider repeats what it is told, so that an answer with a canary of another request in it is an
answer that went to the wrong caller.
"""

from __future__ import annotations

import enum
import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

import attrs

CANARY = re.compile(rb"canary[0-9a-f]{8}z")
HEALTHY = "up:sandbox-small"
FORM_BOUNDARY = "soak-boundary"
# Above what the gateway reads whole: these bodies go up while they come.
LARGE_BODY = 300_000

# Faults that a caller does not notice.
CALM = (
    *[""] * 12,
    *("delay=2", "chunk=5", "nolen", "words=200", "size=60000", "headers=big", "informational"),
    *("first-byte-delay=20", "first-event-delay=10", "events=40"),
)
# Faults before the answer's first content: another candidate saves the request.
EARLY = (
    *("status=429,retry-after-ms=5", "status=503", "status=500", "status=529", "status=400", "status=401"),
    *("close-before-head", "error-first", "empty", "html"),
)
# Faults amid the answer: nothing saves it, and nothing may make it look complete.
LATE = ("cut-events=2c", "cut-bytes=300", "reset=1c", "reset=2c", "error-mid=2c")
# These take until a time limit.
SILENT = ("stall-head", "stall=2c")


class Expects(enum.Enum):
    """What the answer has to be: whole and right, or whatever it is, not a lie."""

    COMPLETE = "complete"
    TRUTH = "truth"


@attrs.frozen
class Kind:
    """One surface: where it is asked, how a body is made, and what its streams end with (empty: never streamed)."""

    name: str
    path: str
    body: Callable[[str, bool], dict[str, Any]]
    terminal: bytes = b""


@attrs.frozen
class Ask:
    """One request, ready to be written."""

    canary: bytes
    kind: Kind
    data: bytes
    streamed: bool
    expects: Expects
    fault: str


def _chat(canary: str, streamed: bool) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": canary}], "stream": streamed}


def _responses(canary: str, streamed: bool) -> dict[str, Any]:
    return {"input": canary, "stream": streamed}


def _messages(canary: str, streamed: bool) -> dict[str, Any]:
    return {"max_tokens": 30_000, **_chat(canary, streamed)}


def _gemini(canary: str, streamed: bool) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": canary}]}]}


def _completions(canary: str, streamed: bool) -> dict[str, Any]:
    return {"prompt": canary, "stream": streamed}


GEMINI = Kind("gemini", "", _gemini, b"finishReason")
KINDS = (
    Kind("chat", "/v1/chat/completions", _chat, b"[DONE]"),
    Kind("responses", "/v1/responses", _responses, b"response.completed"),
    Kind("messages", "/v1/messages", _messages, b"message_stop"),
    GEMINI,
    Kind("completions", "/v1/completions", _completions, b"[DONE]"),
)
FORM = Kind("transcriptions", "/v1/audio/transcriptions", lambda canary, streamed: {})


class Asking:
    """Makes requests at random, the same ones for the same seed. `key` is the access key."""

    def __init__(self, key: str, seed: int) -> None:
        self._key = key
        self._random = random.Random(seed)
        self.made = 0

    def next(self) -> Ask:
        """The next request."""
        self.made += 1
        canary = f"canary{self.made:08x}z"
        draw = self._random.random()
        if draw < 0.01:
            return self._form(canary)
        kind = self._random.choice(KINDS)
        streamed = self._random.random() < 0.6
        if draw < 0.62:
            return self._json(canary, kind, streamed, self._random.choice(CALM), (), Expects.COMPLETE)
        if draw < 0.78 and kind is not GEMINI:
            return self._json(canary, kind, streamed, self._random.choice(EARLY), (HEALTHY,), Expects.COMPLETE)
        if draw < 0.998:
            return self._json(canary, kind, streamed, self._random.choice(EARLY + LATE), (), Expects.TRUTH)
        return self._json(canary, kind, streamed, self._random.choice(SILENT), (), Expects.TRUTH)

    def _json(
        self, canary: str, kind: Kind, streamed: bool, fault: str, fallbacks: Sequence[str], expects: Expects
    ) -> Ask:
        model = f"{HEALTHY}!{fault}" if fault else HEALTHY
        members = kind.body(canary, streamed)
        if kind is not GEMINI:
            members = {"model": model, **members} if self._random.random() < 0.8 else {**members, "model": model}
        if fallbacks:
            members["models"] = list(fallbacks)
        if self._random.random() < 0.01 and kind is not GEMINI:
            members["padding"] = "x" * LARGE_BODY
        body = json.dumps(members).encode()
        verb = "streamGenerateContent?alt=sse" if streamed else "generateContent"
        path = kind.path or f"/v1beta/models/{model}:{verb}"
        return Ask(canary.encode(), kind, self._head(path, canary, len(body)) + body, streamed, expects, fault)

    def _form(self, canary: str) -> Ask:
        parts = [
            _part('name="model"', HEALTHY.encode()),
            _part('name="prompt"', canary.encode()),
            _part('name="file"; filename="talk.wav"', b"RIFF" * self._random.randint(1, 50_000)),
        ]
        body = b"".join(parts) + f"--{FORM_BOUNDARY}--\r\n".encode()
        head = self._head(FORM.path, canary, len(body), f"multipart/form-data; boundary={FORM_BOUNDARY}")
        return Ask(canary.encode(), FORM, head + body, False, Expects.COMPLETE, "")

    def _head(self, path: str, canary: str, length: int, kind: str = "application/json") -> bytes:
        lines = (
            f"POST {path} HTTP/1.1",
            "host: soak",
            f"authorization: Bearer {self._key}",
            f"content-type: {kind}",
            f"content-length: {length}",
            f"x-request-id: {canary}",
        )
        return "\r\n".join((*lines, "", "")).encode()


def _part(disposition: str, value: bytes) -> bytes:
    return f"--{FORM_BOUNDARY}\r\ncontent-disposition: form-data; {disposition}\r\n\r\n".encode() + value + b"\r\n"
