"""What is asked: every format, plain and streamed, passed through and translated, each with a canary of its own.

The simulated provider repeats what it is told, so that an answer with a canary of another request in it is an
answer that went to the wrong caller.
"""

from __future__ import annotations

import enum
import gzip
import json
import random
import re
from collections.abc import Callable
from typing import Any

import attrs

from .stage import FORMATS, SHAKY, STEADY

CANARY = re.compile(rb"canary[0-9a-f]{8}z")
MODEL = "sandbox-small"
FORM_BOUNDARY = "soak-boundary"
# Above what the gateway reads whole: these bodies go up while they come.
LARGE_BODY = 300_000
# Above what it translates without a thread.
HUGE_BODY = 600_000

# Above what any answer here has. Messages needs a limit; one of the translation's own could cut a long answer.
MOST_TOKENS = 30_000

# Faults that a caller does not notice.
CALM = (
    *[""] * 10,
    *("delay=2", "chunk=5", "nolen", "words=200", "size=60000", "headers=big", "informational"),
    *("first-byte-delay=20", "first-event-delay=10", "events=40"),
)
# Time to leave in: before the head, before the first content, between events.
LEISURE = ("first-byte-delay=40", "first-event-delay=40", "delay=5,events=20")
# Faults before the answer's first content: another candidate saves the request.
EARLY = (
    *("status=429,retry-after-ms=5", "status=503", "status=500", "status=529", "status=400", "status=401"),
    *("close-before-head", "error-first", "empty", "html"),
)
# Faults amid the answer: nothing saves it, and nothing may make it look complete.
LATE = ("cut-events=2c", "cut-bytes=300", "reset=1c", "reset=2c", "error-mid=2c", "no-terminal", "gzip,cut=2c")
# These take until a time limit.
SILENT = ("stall-head", "stall=2c")
# What callers may say about how their request is to be treated.
WISHES = (
    *[()] * 12,
    ("x-aigw-hedge: true",),
    ("x-aigw-strategy: round_robin",),
    ("x-aigw-strategy: cache_affinity",),
    ("x-aigw-timeout: total=10s, idle=3s",),
    ("x-stainless-retry-count: 1",),
)


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
    """One request, ready to be written; the first `head` bytes of `data` are its head."""

    canary: bytes
    kind: Kind
    data: bytes
    streamed: bool
    expects: Expects
    fault: str
    head: int = 0
    provider: str = STEADY

    @property
    def number(self) -> int:
        """Which request it is, from 1 on."""
        return numbered(self.canary)


def numbered(canary: bytes) -> int:
    """The number in a canary."""
    return int(canary[len("canary") : -1], 16)


def _chat(canary: str, streamed: bool) -> dict[str, Any]:
    return {"max_tokens": MOST_TOKENS, "messages": [{"role": "user", "content": canary}], "stream": streamed}


def _responses(canary: str, streamed: bool) -> dict[str, Any]:
    return {"max_output_tokens": MOST_TOKENS, "input": canary, "stream": streamed}


def _gemini(canary: str, streamed: bool) -> dict[str, Any]:
    limits = {"maxOutputTokens": MOST_TOKENS}
    return {"contents": [{"role": "user", "parts": [{"text": canary}]}], "generationConfig": limits}


def _completions(canary: str, streamed: bool) -> dict[str, Any]:
    return {"prompt": canary, "stream": streamed}


GEMINI = Kind("gemini", "", _gemini, b"finishReason")
KINDS = (
    Kind("chat-completions", "/v1/chat/completions", _chat, b"[DONE]"),
    Kind("responses", "/v1/responses", _responses, b"response.completed"),
    Kind("messages", "/v1/messages", _chat, b"message_stop"),
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

    def next(self, *, leisurely: bool = False) -> Ask:
        """The next request; a leisurely one leaves time to go away in."""
        self.made += 1
        canary = f"canary{self.made:08x}z"
        rng = self._random
        draw = rng.random()
        if draw < 0.01:
            return self._form(canary)
        kind = rng.choice(KINDS)
        if draw < 0.62:
            calm = rng.choice(LEISURE) if leisurely and rng.random() < 0.3 else rng.choice(CALM)
            return self._json(canary, kind, STEADY, calm, Expects.COMPLETE)
        if draw < 0.78 and kind is not GEMINI:
            return self._json(canary, kind, SHAKY, rng.choice(EARLY), Expects.COMPLETE)
        fault = rng.choice(EARLY + LATE + CALM) if draw < 0.998 else rng.choice(SILENT)
        return self._json(canary, kind, SHAKY, fault, Expects.TRUTH)

    def _json(self, canary: str, kind: Kind, base: str, fault: str, expects: Expects) -> Ask:
        rng = self._random
        streamed = rng.random() < 0.6
        provider = self._provider(base, kind)
        model = f"{provider}:{MODEL}!{fault}" if fault else f"{provider}:{MODEL}"
        members = kind.body(canary, streamed)
        if base == SHAKY and expects is Expects.COMPLETE:
            members["models"] = [f"{self._provider(STEADY, kind)}:{MODEL}"]
        if kind is not GEMINI:
            members = {"model": model, **members} if rng.random() < 0.8 else {**members, "model": model}
            self._enlarge(members)
        body = json.dumps(members).encode()
        path = (
            kind.path or f"/v1beta/models/{model}:{'streamGenerateContent?alt=sse' if streamed else 'generateContent'}"
        )
        head, body = self._framed(path, canary, body)
        return Ask(canary.encode(), kind, head + body, streamed, expects, fault, len(head), provider)

    def _provider(self, base: str, kind: Kind) -> str:
        """The provider that speaks every format, or one that speaks a single other one."""
        if kind.name not in FORMATS or self._random.random() < 0.6:
            return base
        return f"{base}-{self._random.choice([each for each in FORMATS if each != kind.name])}"

    def _enlarge(self, members: dict[str, Any]) -> None:
        draw = self._random.random()
        if draw < 0.01:
            members["padding"] = "x" * LARGE_BODY
        elif draw < 0.0125 and "messages" in members:
            history = [{"role": "user", "content": "x" * HUGE_BODY}, {"role": "assistant", "content": "y"}]
            members["messages"] = [*history, *members["messages"]]

    def _framed(self, path: str, canary: str, body: bytes) -> tuple[bytes, bytes]:
        """Head and body: mostly with a length, now and then compressed or in chunks."""
        draw = self._random.random()
        wishes = self._random.choice(WISHES)
        if draw < 0.03:
            body = gzip.compress(body, 1)
            wishes += ("content-encoding: gzip",)
        elif draw < 0.06:
            half = len(body) // 2
            chunks = (b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:half], body[half:]) if part)
            return self._head(path, canary, "transfer-encoding: chunked", *wishes), b"".join(chunks) + b"0\r\n\r\n"
        return self._head(path, canary, f"content-length: {len(body)}", *wishes), body

    def _form(self, canary: str) -> Ask:
        parts = [
            _part('name="model"', f"{STEADY}:{MODEL}".encode()),
            _part('name="prompt"', canary.encode()),
            _part('name="file"; filename="talk.wav"', b"RIFF" * self._random.randint(1, 50_000)),
        ]
        body = b"".join(parts) + f"--{FORM_BOUNDARY}--\r\n".encode()
        kind = f"multipart/form-data; boundary={FORM_BOUNDARY}"
        head = self._head(FORM.path, canary, f"content-length: {len(body)}", kind=kind)
        return Ask(canary.encode(), FORM, head + body, False, Expects.COMPLETE, "", len(head))

    def _head(self, path: str, canary: str, *more: str, kind: str = "application/json") -> bytes:
        lines = (
            f"POST {path} HTTP/1.1",
            "host: soak",
            f"authorization: Bearer {self._key}",
            f"content-type: {kind}",
            f"x-request-id: {canary}",
            *more,
        )
        return "\r\n".join((*lines, "", "")).encode()


def _part(disposition: str, value: bytes) -> bytes:
    return f"--{FORM_BOUNDARY}\r\ncontent-disposition: form-data; {disposition}\r\n\r\n".encode() + value + b"\r\n"
