"""What goes out to InceptionLabs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from aigw import operations as op
from aigw.adapter import Operation, Outgoing
from aigw.providers.inceptionlabs import PROVIDER
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
    """Every operation goes to its path at InceptionLabs, with a bearer key."""
    outgoing = send(PROVIDER, operation)
    assert outgoing.prefix == head(f"{line} HTTP/1.1", "host: api.inceptionlabs.ai", BEARER)


def test_without_a_key(send: Send, head: Head) -> None:
    """Without a key no credential is sent, and the provider says that it needs one."""
    outgoing = send(PROVIDER, op.CHAT, secret=None)
    assert outgoing.prefix == head("POST /v1/chat/completions HTTP/1.1", "host: api.inceptionlabs.ai")
    assert PROVIDER.needs_key is True


def test_override(send: Send, head: Head) -> None:
    """An overridden base URL keeps its path prefix and its query."""
    moved = attrs.evolve(PROVIDER, base_url="http://127.0.0.1:9000/proxy/inceptionlabs?team=a")
    outgoing = send(moved, op.CHAT, query="trace=1")
    line = "POST /proxy/inceptionlabs/chat/completions?team=a&trace=1 HTTP/1.1"
    assert outgoing.prefix == head(line, "host: 127.0.0.1:9000", BEARER)


def test_foreign_headers(send: Send) -> None:
    """What an Anthropic-shaped caller says to Anthropic stays behind, OpenAI's own headers pass."""
    assert send(PROVIDER, op.CHAT).drop == {"anthropic-beta", "anthropic-version"}


@pytest.mark.parametrize(
    ("model", "asked", "members", "lossy"),
    [
        ("mercury-2", Reasoning(effort="none"), {"reasoning_effort": "instant"}, False),
        ("mercury-2", Reasoning(effort="high"), {"reasoning_effort": "high"}, False),
        ("mercury-2", Reasoning(effort="xhigh"), {"reasoning_effort": "high"}, True),
        ("mercury-2", Reasoning(effort="minimal"), {"reasoning_effort": "low"}, True),
        ("mercury-2", Reasoning(), {}, False),
    ],
)
def test_dialect(model: str, asked: Reasoning, members: dict[str, Any], lossy: bool) -> None:
    """The least effort has a word of its own, and there is none above high."""
    said, reason = PROVIDER.dialect("chat-completions", model).reasoning(asked)
    assert said == members
    assert (reason is not None) == lossy
