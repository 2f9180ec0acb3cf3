"""What goes out to OpenRouter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from aigw import operations as op
from aigw.adapter import Operation, Outgoing
from aigw.providers.openrouter import PROVIDER
from aigw.wire.neutral import Reasoning

Send = Callable[..., Outgoing]
Head = Callable[..., bytes]

BEARER = "authorization: Bearer sk-test-0123456789"


@pytest.mark.parametrize(
    ("operation", "line"),
    [
        pytest.param(op.CHAT, "POST /api/v1/chat/completions", id="chat"),
        pytest.param(op.RESPONSES, "POST /api/v1/responses", id="responses"),
        pytest.param(op.MESSAGES, "POST /api/v1/messages", id="messages"),
        pytest.param(op.COMPLETIONS, "POST /api/v1/completions", id="completions"),
        pytest.param(op.EMBEDDINGS, "POST /api/v1/embeddings", id="embeddings"),
    ],
)
def test_heads(send: Send, head: Head, operation: Operation, line: str) -> None:
    """Every operation goes to its path at OpenRouter, with a bearer key."""
    outgoing = send(PROVIDER, operation)
    assert outgoing.prefix == head(f"{line} HTTP/1.1", "host: openrouter.ai", BEARER)


def test_without_a_key(send: Send, head: Head) -> None:
    """Without a key no credential is sent, and the provider says that it needs one."""
    outgoing = send(PROVIDER, op.CHAT, secret=None)
    assert outgoing.prefix == head("POST /api/v1/chat/completions HTTP/1.1", "host: openrouter.ai")
    assert PROVIDER.needs_key is True


def test_override(send: Send, head: Head) -> None:
    """An overridden base URL keeps its path prefix and its query."""
    moved = attrs.evolve(PROVIDER, base_url="http://127.0.0.1:9000/proxy/openrouter?team=a")
    outgoing = send(moved, op.CHAT, query="trace=1")
    line = "POST /proxy/openrouter/chat/completions?team=a&trace=1 HTTP/1.1"
    assert outgoing.prefix == head(line, "host: 127.0.0.1:9000", BEARER)


def test_foreign_headers(send: Send) -> None:
    """Each dialect's own headers pass where it is spoken and stay behind elsewhere."""
    assert send(PROVIDER, op.CHAT).drop == {"anthropic-beta", "anthropic-version"}
    assert send(PROVIDER, op.MESSAGES).drop == {"openai-beta"}


def test_attribution_passes(send: Send) -> None:
    """A caller's HTTP-Referer and X-Title reach OpenRouter: nothing of ours replaces or drops them."""
    headers = {"HTTP-Referer": "https://app.example.com", "X-Title": "App"}
    outgoing = send(PROVIDER, op.CHAT, headers=headers)
    assert not outgoing.dropped & {b"http-referer", b"x-title"}


def test_dialect() -> None:
    """Thoughts return as details, parts take cache marks; chat comes first, because details are there alone."""
    dialect = PROVIDER.dialect("chat-completions", "anthropic/claude-sonnet-5")
    assert (dialect.thinking_back, dialect.cache_marks) == ("reasoning_details", True)
    assert PROVIDER.preferred() == ("chat-completions", "messages", "responses")


@pytest.mark.parametrize(
    ("model", "asked", "members", "lossy"),
    [
        ("m", Reasoning(effort="low"), {"reasoning": {"effort": "low"}}, False),
        ("m", Reasoning(budget=2000, enabled=True), {"reasoning": {"max_tokens": 2000}}, False),
        ("m", Reasoning(budget=0), {"reasoning": {"effort": "none"}}, False),
        ("m", Reasoning(enabled=True, shown="none"), {"reasoning": {"enabled": True, "exclude": True}}, False),
        ("m", Reasoning(effort="low", budget=2000), {"reasoning": {"effort": "low"}}, True),
        ("m", Reasoning(), {}, False),
    ],
)
def test_reasoning(model: str, asked: Reasoning, members: dict[str, Any], lossy: bool) -> None:
    """One object says an effort, a number of tokens, or only that the model is to think."""
    said, reason = PROVIDER.dialect("chat-completions", model).reasoning(asked)
    assert said == members
    assert (reason is not None) == lossy
