"""What goes out to vLLM."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from aigw import operations as op
from aigw.adapter import Operation, Outgoing
from aigw.providers.vllm import PRESET
from aigw.wire.neutral import Reasoning

Send = Callable[..., Outgoing]
Head = Callable[..., bytes]

BEARER = "authorization: Bearer sk-test-0123456789"


@pytest.mark.parametrize(
    ("operation", "line"),
    [
        pytest.param(op.CHAT, "POST /v1/chat/completions", id="chat"),
        pytest.param(op.RESPONSES, "POST /v1/responses", id="responses"),
        pytest.param(op.MESSAGES, "POST /v1/messages", id="messages"),
        pytest.param(op.COMPLETIONS, "POST /v1/completions", id="completions"),
        pytest.param(op.EMBEDDINGS, "POST /v1/embeddings", id="embeddings"),
        pytest.param(op.RERANK, "POST /v1/rerank", id="rerank"),
    ],
)
def test_heads(send: Send, head: Head, operation: Operation, line: str) -> None:
    """Every operation goes to its path at vLLM, with a bearer key."""
    outgoing = send(PRESET, operation)
    assert outgoing.prefix == head(f"{line} HTTP/1.1", "host: localhost:8000", BEARER)


def test_without_a_key(send: Send, head: Head) -> None:
    """Without a key no credential is sent, and none is needed."""
    outgoing = send(PRESET, op.CHAT, secret=None)
    assert outgoing.prefix == head("POST /v1/chat/completions HTTP/1.1", "host: localhost:8000")
    assert PRESET.needs_key is False


def test_override(send: Send, head: Head) -> None:
    """An overridden base URL keeps its path prefix and its query."""
    moved = attrs.evolve(PRESET, base_url="http://127.0.0.1:9000/proxy/vllm?team=a")
    outgoing = send(moved, op.CHAT, query="trace=1")
    line = "POST /proxy/vllm/chat/completions?team=a&trace=1 HTTP/1.1"
    assert outgoing.prefix == head(line, "host: 127.0.0.1:9000", BEARER)


def test_foreign_headers(send: Send) -> None:
    """Each dialect's own headers pass where it is spoken and stay behind elsewhere."""
    assert send(PRESET, op.CHAT).drop == {"anthropic-beta", "anthropic-version"}
    assert send(PRESET, op.MESSAGES).drop == {"openai-beta"}


def test_key_is_bearer_in_every_dialect(send: Send, head: Head) -> None:
    """The Messages path takes the key as a bearer token too: vLLM reads no other header."""
    outgoing = send(PRESET, op.MESSAGES)
    assert outgoing.prefix == head("POST /v1/messages HTTP/1.1", "host: localhost:8000", BEARER)


def test_dialect() -> None:
    """An own server takes the older words of OpenAI's dialect and any effort, and has no schemas in Anthropic's."""
    chat, messages = PRESET.dialect("chat-completions", "m"), PRESET.dialect("messages", "m")
    assert (chat.limit_member, chat.developer, chat.thinking_back) == ("max_tokens", False, "reasoning")
    assert (chat.image_urls, chat.json_schema, chat.json_object) == (True, True, True)
    assert (messages.json_schema, messages.json_object) == (False, False)
    assert chat.reasoning(Reasoning(effort="max")) == ({"reasoning_effort": "max"}, None)
    assert PRESET.preferred()[0] == "chat-completions"
