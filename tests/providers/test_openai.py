"""What goes out to OpenAI."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from aigw import operations as op
from aigw.adapter import Operation, Outgoing
from aigw.providers.openai import PROVIDER
from aigw.wire.neutral import Reasoning

Send = Callable[..., Outgoing]
Head = Callable[..., bytes]

BEARER = "authorization: Bearer sk-test-0123456789"


@pytest.mark.parametrize(
    ("operation", "line"),
    [
        pytest.param(op.CHAT, "POST /v1/chat/completions", id="chat"),
        pytest.param(op.RESPONSES, "POST /v1/responses", id="responses"),
        pytest.param(op.RESPONSE_GET, "GET /v1/responses/resp_1", id="stored"),
        pytest.param(op.RESPONSE_DELETE, "DELETE /v1/responses/resp_1", id="delete"),
        pytest.param(op.RESPONSE_CANCEL, "POST /v1/responses/resp_1/cancel", id="cancel"),
        pytest.param(op.RESPONSE_ITEMS, "GET /v1/responses/resp_1/input_items", id="items"),
        pytest.param(op.COMPLETIONS, "POST /v1/completions", id="completions"),
        pytest.param(op.EMBEDDINGS, "POST /v1/embeddings", id="embeddings"),
        pytest.param(op.MODERATIONS, "POST /v1/moderations", id="moderations"),
        pytest.param(op.IMAGES_GENERATE, "POST /v1/images/generations", id="images"),
        pytest.param(op.IMAGES_EDIT, "POST /v1/images/edits", id="image-edits"),
        pytest.param(op.SPEECH, "POST /v1/audio/speech", id="speech"),
        pytest.param(op.TRANSCRIPTIONS, "POST /v1/audio/transcriptions", id="transcriptions"),
        pytest.param(op.TRANSLATIONS, "POST /v1/audio/translations", id="translations"),
    ],
)
def test_heads(send: Send, head: Head, operation: Operation, line: str) -> None:
    """Every operation goes to its path at OpenAI, with a bearer key."""
    outgoing = send(PROVIDER, operation, id="resp_1")
    assert outgoing.prefix == head(f"{line} HTTP/1.1", "host: api.openai.com", BEARER)


def test_without_a_key(send: Send, head: Head) -> None:
    """Without a key no credential is sent, and the provider says that it needs one."""
    outgoing = send(PROVIDER, op.CHAT, secret=None)
    assert outgoing.prefix == head("POST /v1/chat/completions HTTP/1.1", "host: api.openai.com")
    assert PROVIDER.needs_key is True


def test_override(send: Send, head: Head) -> None:
    """An overridden base URL keeps its path prefix and its query."""
    moved = attrs.evolve(PROVIDER, base_url="http://127.0.0.1:9000/proxy/openai?team=a")
    outgoing = send(moved, op.CHAT, query="trace=1")
    line = "POST /proxy/openai/chat/completions?team=a&trace=1 HTTP/1.1"
    assert outgoing.prefix == head(line, "host: 127.0.0.1:9000", BEARER)


def test_foreign_headers(send: Send) -> None:
    """What an Anthropic-shaped caller says to Anthropic stays behind, OpenAI's own headers pass."""
    assert send(PROVIDER, op.CHAT).drop == {"anthropic-beta", "anthropic-version"}


def test_realtime(send: Send, head: Head) -> None:
    """A WebSocket is opened with the model in the query, before the caller's own parameters."""
    outgoing = send(PROVIDER, op.REALTIME, "gpt-realtime", query="intent=transcription")
    line = "GET /v1/realtime?model=gpt-realtime&intent=transcription HTTP/1.1"
    assert outgoing.prefix == head(line, "host: api.openai.com", BEARER)


def test_stored_objects_stay_below_their_path(send: Send) -> None:
    """An id from a caller's path is one segment of ours, whatever it holds."""
    assert send(PROVIDER, op.RESPONSE_GET, id="../models?x#y").target == "/v1/responses/..%2Fmodels%3Fx%23y"


def test_dialect() -> None:
    """Chat has the newer limit and developers, Responses no sounds; a conversation goes to Responses first."""
    chat, responses = PROVIDER.dialect("chat-completions", "gpt-5"), PROVIDER.dialect("responses", "gpt-5")
    assert (chat.maker, chat.model, chat.limit_member) == ("openai", "gpt-5", "max_completion_tokens")
    assert (chat.developer, responses.developer, chat.audio, responses.audio) == (True, True, True, False)
    assert chat.thinking_back is None
    assert chat.refused == {"top_k", "min_p", "repetition_penalty"}
    assert responses.refused == frozenset()
    assert PROVIDER.preferred() == ("responses", "chat-completions")


@pytest.mark.parametrize(
    ("model", "asked", "members", "lossy"),
    [
        ("gpt-5", Reasoning(effort="low"), {"reasoning_effort": "low"}, False),
        ("gpt-5", Reasoning(budget=1000), {"reasoning_effort": "low"}, True),
        ("gpt-5", Reasoning(effort="low", shown="auto"), {"reasoning_effort": "low"}, True),
    ],
)
def test_reasoning(model: str, asked: Reasoning, members: dict[str, Any], lossy: bool) -> None:
    """Chat takes an effort and tells no thoughts."""
    said, reason = PROVIDER.dialect("chat-completions", model).reasoning(asked)
    assert said == members
    assert (reason is not None) == lossy
