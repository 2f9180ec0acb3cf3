"""What goes out to Z.ai."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from aigw import operations as op
from aigw.adapter import Operation, Outgoing
from aigw.providers.z_ai import PROVIDER
from aigw.wire.neutral import Reasoning

Send = Callable[..., Outgoing]
Head = Callable[..., bytes]

BEARER = "authorization: Bearer sk-test-0123456789"


@pytest.mark.parametrize(
    ("operation", "line"),
    [
        pytest.param(op.CHAT, "POST /api/paas/v4/chat/completions", id="chat"),
    ],
)
def test_heads(send: Send, head: Head, operation: Operation, line: str) -> None:
    """Every operation goes to its path at Z.ai, with a bearer key."""
    outgoing = send(PROVIDER, operation)
    assert outgoing.prefix == head(f"{line} HTTP/1.1", "host: api.z.ai", BEARER)


def test_without_a_key(send: Send, head: Head) -> None:
    """Without a key no credential is sent, and the provider says that it needs one."""
    outgoing = send(PROVIDER, op.CHAT, secret=None)
    assert outgoing.prefix == head("POST /api/paas/v4/chat/completions HTTP/1.1", "host: api.z.ai")
    assert PROVIDER.needs_key is True


def test_override(send: Send, head: Head) -> None:
    """An overridden base URL keeps its path prefix and its query."""
    moved = attrs.evolve(PROVIDER, base_url="http://127.0.0.1:9000/proxy/z_ai?team=a")
    outgoing = send(moved, op.CHAT, query="trace=1")
    line = "POST /proxy/z_ai/chat/completions?team=a&trace=1 HTTP/1.1"
    assert outgoing.prefix == head(line, "host: 127.0.0.1:9000", BEARER)


def test_foreign_headers(send: Send) -> None:
    """What an Anthropic-shaped caller says to Anthropic stays behind, OpenAI's own headers pass."""
    assert send(PROVIDER, op.CHAT).drop == {"anthropic-beta", "anthropic-version"}


def test_dialect() -> None:
    """JSON without a schema, no strict tools, and thoughts return."""
    dialect = PROVIDER.dialect("chat-completions", "glm-4.7")
    assert (dialect.json_schema, dialect.json_object, dialect.strict_tools) == (False, True, False)
    assert dialect.thinking_back == "reasoning_content"


@pytest.mark.parametrize(
    ("model", "asked", "members", "lossy"),
    [
        ("glm-4.7", Reasoning(effort="none"), {"thinking": {"type": "disabled"}}, False),
        ("glm-4.7", Reasoning(effort="high"), {"thinking": {"type": "enabled"}}, True),
        ("glm-5.2", Reasoning(effort="high"), {"thinking": {"type": "enabled"}, "reasoning_effort": "high"}, False),
        (
            "glm-5.3-flash",
            Reasoning(effort="medium"),
            {"thinking": {"type": "enabled"}, "reasoning_effort": "high"},
            True,
        ),
    ],
)
def test_reasoning(model: str, asked: Reasoning, members: dict[str, Any], lossy: bool) -> None:
    """Thinking is a switch, with an effort beside it since GLM 5.2."""
    said, reason = PROVIDER.dialect("chat-completions", model).reasoning(asked)
    assert said == members
    assert (reason is not None) == lossy
