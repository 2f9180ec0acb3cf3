"""What goes out to Moonshot AI."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from aigw import operations as op
from aigw.adapter import Operation, Outgoing
from aigw.providers.moonshotai import PROVIDER
from aigw.wire.neutral import Reasoning

Send = Callable[..., Outgoing]
Head = Callable[..., bytes]

BEARER = "authorization: Bearer sk-test-0123456789"


@pytest.mark.parametrize(
    ("operation", "line"),
    [
        pytest.param(op.CHAT, "POST /v1/chat/completions", id="chat"),
    ],
)
def test_heads(send: Send, head: Head, operation: Operation, line: str) -> None:
    """Every operation goes to its path at Moonshot AI, with a bearer key."""
    outgoing = send(PROVIDER, operation)
    assert outgoing.prefix == head(f"{line} HTTP/1.1", "host: api.moonshot.ai", BEARER)


def test_without_a_key(send: Send, head: Head) -> None:
    """Without a key no credential is sent, and the provider says that it needs one."""
    outgoing = send(PROVIDER, op.CHAT, secret=None)
    assert outgoing.prefix == head("POST /v1/chat/completions HTTP/1.1", "host: api.moonshot.ai")
    assert PROVIDER.needs_key is True


def test_override(send: Send, head: Head) -> None:
    """An overridden base URL keeps its path prefix and its query."""
    moved = attrs.evolve(PROVIDER, base_url="http://127.0.0.1:9000/proxy/moonshotai?team=a")
    outgoing = send(moved, op.CHAT, query="trace=1")
    line = "POST /proxy/moonshotai/chat/completions?team=a&trace=1 HTTP/1.1"
    assert outgoing.prefix == head(line, "host: 127.0.0.1:9000", BEARER)


def test_foreign_headers(send: Send) -> None:
    """What an Anthropic-shaped caller says to Anthropic stays behind, OpenAI's own headers pass."""
    assert send(PROVIDER, op.CHAT).drop == {"anthropic-beta", "anthropic-version"}


@pytest.mark.parametrize(("model", "schema"), [("kimi-k2.6", True), ("kimi-k3", True), ("kimi-k2-thinking", False)])
def test_dialect(model: str, schema: bool) -> None:
    """Images are data, thoughts return, and schemas came with K2.5."""
    dialect = PROVIDER.dialect("chat-completions", model)
    assert (dialect.image_urls, dialect.thinking_back, dialect.json_schema) == (False, "reasoning_content", schema)


@pytest.mark.parametrize(
    ("model", "asked", "members", "lossy"),
    [
        ("kimi-k2.6", Reasoning(enabled=False), {"thinking": {"type": "disabled"}}, False),
        ("kimi-k2.6", Reasoning(effort="high"), {"thinking": {"type": "enabled"}}, True),
        ("kimi-k2-thinking", Reasoning(effort="high"), {}, True),
        ("kimi-k2-thinking", Reasoning(enabled=True), {}, False),
        ("kimi-k2-thinking", Reasoning(enabled=False), {}, True),
        ("kimi-k2-0905-preview", Reasoning(effort="none"), {}, False),
        ("kimi-k2-0905-preview", Reasoning(enabled=True), {}, True),
    ],
)
def test_reasoning(model: str, asked: Reasoning, members: dict[str, Any], lossy: bool) -> None:
    """Newer models have a switch; the old ones think or not by their name."""
    said, reason = PROVIDER.dialect("chat-completions", model).reasoning(asked)
    assert said == members
    assert (reason is not None) == lossy
