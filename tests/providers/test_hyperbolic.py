"""What goes out to Hyperbolic."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from aigw import operations as op
from aigw.adapter import Operation, Outgoing
from aigw.providers.hyperbolic import PROVIDER

Send = Callable[..., Outgoing]
Head = Callable[..., bytes]

BEARER = "authorization: Bearer sk-test-0123456789"


@pytest.mark.parametrize(
    ("operation", "line"),
    [
        pytest.param(op.CHAT, "POST /v1/chat/completions", id="chat"),
        pytest.param(op.COMPLETIONS, "POST /v1/completions", id="completions"),
        pytest.param(op.IMAGES_GENERATE, "POST /v1/images/generations", id="images"),
        pytest.param(op.SPEECH, "POST /v1/audio/generation", id="speech"),
    ],
)
def test_heads(send: Send, head: Head, operation: Operation, line: str) -> None:
    """Every operation goes to its path at Hyperbolic, with a bearer key."""
    outgoing = send(PROVIDER, operation)
    assert outgoing.prefix == head(f"{line} HTTP/1.1", "host: api.hyperbolic.xyz", BEARER)


def test_without_a_key(send: Send, head: Head) -> None:
    """Without a key no credential is sent, and the provider says that it needs one."""
    outgoing = send(PROVIDER, op.CHAT, secret=None)
    assert outgoing.prefix == head("POST /v1/chat/completions HTTP/1.1", "host: api.hyperbolic.xyz")
    assert PROVIDER.needs_key is True


def test_override(send: Send, head: Head) -> None:
    """An overridden base URL keeps its path prefix and its query."""
    moved = attrs.evolve(PROVIDER, base_url="http://127.0.0.1:9000/proxy/hyperbolic?team=a")
    outgoing = send(moved, op.CHAT, query="trace=1")
    line = "POST /proxy/hyperbolic/chat/completions?team=a&trace=1 HTTP/1.1"
    assert outgoing.prefix == head(line, "host: 127.0.0.1:9000", BEARER)


def test_foreign_headers(send: Send) -> None:
    """What an Anthropic-shaped caller says to Anthropic stays behind, OpenAI's own headers pass."""
    assert send(PROVIDER, op.CHAT).drop == {"anthropic-beta", "anthropic-version"}


def test_only_speech_moves(send: Send) -> None:
    """Transcriptions keep OpenAI's path: only speech has one of its own."""
    assert send(PROVIDER, op.TRANSCRIPTIONS).target == "/v1/audio/transcriptions"


def test_dialect() -> None:
    """OpenAI's plain dialect, without documents and sounds."""
    dialect = PROVIDER.dialect("chat-completions", "m")
    assert (dialect.maker, dialect.limit_member) == ("hyperbolic", "max_tokens")
    assert (dialect.developer, dialect.documents, dialect.audio) == (False, False, False)
