"""What goes out to a custom provider that is known by its dialects alone."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from aigw import operations as op
from aigw.adapter import Operation, Outgoing
from aigw.providers.compatible import PRESET

Send = Callable[..., Outgoing]
Head = Callable[..., bytes]

CUSTOM = attrs.evolve(PRESET, id="mine", base_url="https://llm.example.com/api/v1?team=a")

HOST = "host: llm.example.com"
BEARER = "authorization: Bearer sk-test-0123456789"
KEY = "x-api-key: sk-test-0123456789"
GOOGLE_KEY = "x-goog-api-key: sk-test-0123456789"
VERSION = "anthropic-version: 2023-06-01"


@pytest.mark.parametrize(
    ("operation", "path", "headers"),
    [
        pytest.param(op.CHAT, "chat/completions", [BEARER], id="chat"),
        pytest.param(op.RESPONSES, "responses", [BEARER], id="responses"),
        pytest.param(op.RERANK, "rerank", [BEARER], id="rerank"),
        pytest.param(op.MESSAGES, "messages", [KEY, BEARER, VERSION], id="messages"),
        pytest.param(op.COUNT_TOKENS, "messages/count_tokens", [KEY, BEARER, VERSION], id="count-tokens"),
        pytest.param(op.GEMINI_COUNT, "models/m:countTokens", [GOOGLE_KEY], id="gemini"),
    ],
)
def test_heads(send: Send, head: Head, operation: Operation, path: str, headers: list[str]) -> None:
    """The credential goes where servers of the surface's dialect look for it."""
    outgoing = send(CUSTOM, operation)
    assert outgoing.prefix == head(f"POST /api/v1/{path}?team=a HTTP/1.1", HOST, *headers)


@pytest.mark.parametrize(
    ("operation", "headers"),
    [
        pytest.param(op.CHAT, [], id="chat"),
        pytest.param(op.MESSAGES, [VERSION], id="messages"),
        pytest.param(op.GEMINI_COUNT, [], id="gemini"),
    ],
)
def test_without_a_key(send: Send, head: Head, operation: Operation, headers: list[str]) -> None:
    """Without a key no credential is sent in any dialect, and none is needed."""
    path = operation.path.format(model="m")
    outgoing = send(CUSTOM, operation, secret=None)
    assert outgoing.prefix == head(f"POST /api/v1/{path}?team=a HTTP/1.1", HOST, *headers)
    assert not CUSTOM.needs_key


def test_callers_version_passes(send: Send) -> None:
    """A caller's own version is neither replaced nor doubled, and both answers are kept."""
    provider = attrs.evolve(CUSTOM)
    named = send(provider, op.MESSAGES, headers={"Anthropic-Version": "2026-10-21"})
    bare = send(provider, op.MESSAGES)
    assert b"anthropic-version" not in named.prefix
    assert b"anthropic-version" not in named.dropped
    assert send(provider, op.MESSAGES) is bare
    assert send(provider, op.MESSAGES, headers={"anthropic-version": "x"}) is named


def test_operators_version_wins(send: Send) -> None:
    """A version that the operator configured is sent once, and replaces a caller's."""
    pinned = attrs.evolve(CUSTOM, headers=(("anthropic-version", "2026-10-21"),))
    outgoing = send(pinned, op.MESSAGES)
    assert outgoing.prefix.endswith(b"\r\nanthropic-version: 2026-10-21\r\n")
    assert outgoing.prefix.count(b"anthropic-version") == 1
    assert b"anthropic-version" in outgoing.dropped


def test_foreign_headers(send: Send) -> None:
    """Each dialect's own headers pass where it is spoken and stay behind elsewhere."""
    assert send(CUSTOM, op.CHAT).drop == {"anthropic-beta", "anthropic-version"}
    assert send(CUSTOM, op.MESSAGES).drop == {"openai-beta"}
    assert send(CUSTOM, op.GEMINI_COUNT).drop == {"anthropic-beta", "anthropic-version", "openai-beta"}


def test_dialect() -> None:
    """Translated requests keep to what every server of a dialect understands."""
    declared = attrs.evolve(CUSTOM, surfaces=frozenset({"responses", "gemini", "messages", "chat-completions"}))
    chat, messages, gemini = (declared.dialect(each, "m") for each in ("chat-completions", "messages", "gemini"))
    assert (chat.maker, chat.limit_member, chat.developer, chat.thinking_back) == ("mine", "max_tokens", False, None)
    assert (chat.json_schema, messages.json_schema, messages.json_object) == (True, False, False)
    assert (chat.schema, gemini.schema) == ("full", "gemini")
    assert ("top_k" in chat.refused, messages.refused) == (True, frozenset())
    assert declared.preferred() == ("chat-completions", "messages", "responses", "gemini")
