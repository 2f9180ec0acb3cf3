"""What goes out to Groq."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from aigw import operations as op
from aigw.adapter import Operation, Outgoing
from aigw.providers.groq import PROVIDER
from aigw.wire.neutral import Reasoning

Send = Callable[..., Outgoing]
Head = Callable[..., bytes]

BEARER = "authorization: Bearer sk-test-0123456789"


@pytest.mark.parametrize(
    ("operation", "line"),
    [
        pytest.param(op.CHAT, "POST /openai/v1/chat/completions", id="chat"),
        pytest.param(op.RESPONSES, "POST /openai/v1/responses", id="responses"),
        pytest.param(op.SPEECH, "POST /openai/v1/audio/speech", id="speech"),
        pytest.param(op.TRANSCRIPTIONS, "POST /openai/v1/audio/transcriptions", id="transcriptions"),
    ],
)
def test_heads(send: Send, head: Head, operation: Operation, line: str) -> None:
    """Every operation goes to its path at Groq, with a bearer key."""
    outgoing = send(PROVIDER, operation)
    assert outgoing.prefix == head(f"{line} HTTP/1.1", "host: api.groq.com", BEARER)


def test_without_a_key(send: Send, head: Head) -> None:
    """Without a key no credential is sent, and the provider says that it needs one."""
    outgoing = send(PROVIDER, op.CHAT, secret=None)
    assert outgoing.prefix == head("POST /openai/v1/chat/completions HTTP/1.1", "host: api.groq.com")
    assert PROVIDER.needs_key is True


def test_override(send: Send, head: Head) -> None:
    """An overridden base URL keeps its path prefix and its query."""
    moved = attrs.evolve(PROVIDER, base_url="http://127.0.0.1:9000/proxy/groq?team=a")
    outgoing = send(moved, op.CHAT, query="trace=1")
    line = "POST /proxy/groq/chat/completions?team=a&trace=1 HTTP/1.1"
    assert outgoing.prefix == head(line, "host: 127.0.0.1:9000", BEARER)


def test_foreign_headers(send: Send) -> None:
    """What an Anthropic-shaped caller says to Anthropic stays behind, OpenAI's own headers pass."""
    assert send(PROVIDER, op.CHAT).drop == {"anthropic-beta", "anthropic-version"}


@pytest.mark.parametrize(
    ("model", "back", "schema"),
    [
        ("openai/gpt-oss-20b", "reasoning", True),
        ("qwen/qwen3-32b", "reasoning", False),
        ("llama-3.3-70b-versatile", None, False),
        ("meta-llama/llama-4-scout-17b-16e-instruct", None, True),
    ],
)
def test_dialect(model: str, back: str | None, schema: bool) -> None:
    """Groq refuses odds and several answers; whether thoughts return and schemas hold is the model's."""
    dialect = PROVIDER.dialect("chat-completions", model)
    assert dialect.refused >= {"logprobs", "top_logprobs", "logit_bias", "n", "top_k"}
    assert (dialect.thinking_back, dialect.json_schema) == (back, schema)
    assert dialect.limit_member == "max_completion_tokens"


@pytest.mark.parametrize(
    ("model", "asked", "members", "lossy"),
    [
        ("openai/gpt-oss-20b", Reasoning(effort="low"), {"reasoning_effort": "low"}, False),
        ("openai/gpt-oss-20b", Reasoning(effort="none"), {"reasoning_effort": "low"}, True),
        ("openai/gpt-oss-20b", Reasoning(shown="none"), {"include_reasoning": False}, False),
        ("qwen/qwen3-32b", Reasoning(effort="none"), {"reasoning_format": "parsed", "reasoning_effort": "none"}, False),
        (
            "qwen/qwen3-32b",
            Reasoning(effort="low"),
            {"reasoning_format": "parsed", "reasoning_effort": "default"},
            True,
        ),
        ("qwen/qwen3-32b", Reasoning(enabled=True, shown="none"), {"reasoning_format": "hidden"}, False),
        ("llama-3.3-70b-versatile", Reasoning(effort="none"), {}, False),
        ("llama-3.3-70b-versatile", Reasoning(effort="low"), {}, True),
        ("llama-3.3-70b-versatile", Reasoning(enabled=True), {}, True),
    ],
)
def test_reasoning(model: str, asked: Reasoning, members: dict[str, Any], lossy: bool) -> None:
    """Each family of models is asked in its own words, and one that does not think is not asked."""
    said, reason = PROVIDER.dialect("chat-completions", model).reasoning(asked)
    assert said == members
    assert (reason is not None) == lossy
