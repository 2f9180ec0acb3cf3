"""What is asked and answered: the bodies of requests and answers, with their sizes."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

# Path of a surface, and what an application sends there.
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
ACCESS_KEY = "aigw-bench-0123456789abcdef"
PROVIDER_KEY = "sk-bench-0123456789"
ANSWER_BYTES = 1024
SMALL_BYTES, MEDIUM_BYTES, HUGE_BYTES = 1024, 32 * 1024, 10_000_000
# A provider of the gateway, which is also the first part of a path of the upstream, and its only model.
SMALL, BURSTS, SINGLE, SLOW, ENDLESS, SINK = "small", "bursts", "single", "slow", "endless", "sink"
RAW = (BURSTS, SINGLE, SLOW, ENDLESS)
# Providers of Messages, with the deltas of each of their streams.
LONG, LONGER = "long", "longer"
STORIES: Mapping[str, int] = MappingProxyType({LONG: 5_000, LONGER: 50_000})
_MAX_TOKENS = 4096


def answer() -> str:
    """A chat completion with usage, 1 KB."""
    choice = {"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": "stop"}
    told: dict[str, Any] = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": SMALL}
    told["choices"] = [choice]
    told["usage"] = {"prompt_tokens": 230, "completion_tokens": 190, "total_tokens": 420}
    choice["message"] = {"role": "assistant", "content": _filler(ANSWER_BYTES - len(_json(told)))}
    return _json(told)


def ask(model: str, size: int = SMALL_BYTES, *, stream: bool = False, surface: str = CHAT) -> bytes:
    """A request of so many bytes in the format of a surface."""
    told: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": ""}], "stream": stream}
    if surface == MESSAGES:
        told["max_tokens"] = _MAX_TOKENS
    told["messages"] = [{"role": "user", "content": _filler(size - len(_json(told)))}]
    return _json(told).encode()


def picture(model: str, *, model_last: bool, size: int = HUGE_BYTES) -> bytes:
    """A chat request of about so many bytes, nearly all of them a picture in base64."""
    noise = random.Random(1).randbytes(size // 4 * 3)
    url = f"data:image/png;base64,{base64.b64encode(noise).decode()}"
    content = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]
    members: dict[str, Any] = {"messages": [{"role": "user", "content": content}]}
    told = {**members, "model": model} if model_last else {"model": model, **members}
    return _json(told).encode()


def head(path: str, length: int) -> bytes:
    """The head of a request as an application sends it."""
    lines = (
        f"POST {path} HTTP/1.1",
        "host: bench",
        f"authorization: Bearer {ACCESS_KEY}",
        "content-type: application/json",
        f"content-length: {length}",
    )
    return "\r\n".join((*lines, "", "")).encode()


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _filler(size: int) -> str:
    return ("the quick brown fox jumps over the lazy dog " * (size // 44 + 1))[:size]
