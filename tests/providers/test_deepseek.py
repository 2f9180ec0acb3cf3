"""What goes out to DeepSeek: two dialects, three paths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from aigw import operations as op
from aigw.adapter import COMPLETIONS, MESSAGES, Operation, Outgoing
from aigw.providers.deepseek import PROVIDER
from aigw.wire.neutral import Reasoning

Send = Callable[..., Outgoing]
Head = Callable[..., bytes]

BEARER = "authorization: Bearer sk-test-0123456789"
KEY = "x-api-key: sk-test-0123456789"

CASES = [
    pytest.param(op.CHAT, "/chat/completions", BEARER, id="chat"),
    pytest.param(op.COMPLETIONS, "/beta/completions", BEARER, id="completions"),
    pytest.param(op.MESSAGES, "/anthropic/v1/messages", KEY, id="messages"),
]


@pytest.mark.parametrize(("operation", "path", "credential"), CASES)
def test_heads(send: Send, head: Head, operation: Operation, path: str, credential: str) -> None:
    """Completions are a beta, Messages have their own path and their own key header."""
    outgoing = send(PROVIDER, operation, "deepseek-v4-pro")
    assert outgoing.prefix == head(f"POST {path} HTTP/1.1", "host: api.deepseek.com", credential)


@pytest.mark.parametrize(("operation", "path", "credential"), CASES)
def test_override(send: Send, head: Head, operation: Operation, path: str, credential: str) -> None:
    """Every surface follows an overridden base URL, with its prefix and its query."""
    moved = attrs.evolve(PROVIDER, base_url="http://127.0.0.1:9000/deep?team=a")
    outgoing = send(moved, operation)
    assert outgoing.prefix == head(f"POST /deep{path}?team=a HTTP/1.1", "host: 127.0.0.1:9000", credential)


@pytest.mark.parametrize(("operation", "path", "credential"), CASES)
def test_without_a_key(send: Send, head: Head, operation: Operation, path: str, credential: str) -> None:
    """Without a key no credential is sent in either dialect, and the provider says that it needs one."""
    outgoing = send(PROVIDER, operation, secret=None)
    assert outgoing.prefix == head(f"POST {path} HTTP/1.1", "host: api.deepseek.com")
    assert PROVIDER.needs_key


def test_surface_override_wins(send: Send) -> None:
    """A URL the operator gave for one surface is taken as it is; the others stay below the base URL."""
    moved = attrs.evolve(PROVIDER, surface_urls={MESSAGES: "http://a.test/claude"})
    assert send(moved, op.MESSAGES).target == "/claude/messages"
    assert moved.surface_url(COMPLETIONS) == "https://api.deepseek.com/beta"


def test_foreign_headers(send: Send) -> None:
    """Each dialect's own headers pass where it is spoken and stay behind elsewhere."""
    assert send(PROVIDER, op.CHAT).drop == {"anthropic-beta", "anthropic-version"}
    assert send(PROVIDER, op.MESSAGES).drop == {"openai-beta"}


def test_dialect() -> None:
    """JSON without a schema, text alone; what was thought returns, but not to the model that does not think."""
    chat, messages = PROVIDER.dialect("chat-completions", "deepseek-v4-pro"), PROVIDER.dialect("messages", "m")
    assert (chat.thinking_back, chat.json_schema, chat.json_object) == ("reasoning_content", False, True)
    assert (messages.json_object, messages.prefill, messages.documents) == (False, True, False)
    assert PROVIDER.dialect("chat-completions", "deepseek-chat").thinking_back is None
    assert PROVIDER.preferred() == ("chat-completions", "messages")


@pytest.mark.parametrize(
    ("model", "asked", "members", "lossy"),
    [
        ("m", Reasoning(effort="none"), {"thinking": {"type": "disabled"}}, False),
        ("m", Reasoning(effort="max"), {"thinking": {"type": "enabled"}, "reasoning_effort": "max"}, False),
        ("m", Reasoning(effort="low"), {"thinking": {"type": "enabled"}, "reasoning_effort": "high"}, True),
        ("m", Reasoning(enabled=True), {"thinking": {"type": "enabled"}}, False),
    ],
)
def test_reasoning(model: str, asked: Reasoning, members: dict[str, Any], lossy: bool) -> None:
    """Thinking is a switch with two efforts."""
    said, reason = PROVIDER.dialect("chat-completions", model).reasoning(asked)
    assert said == members
    assert (reason is not None) == lossy
