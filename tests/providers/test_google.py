"""What goes out to Google: natively, and on the OpenAI-compatible path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from aigw import operations as op
from aigw.adapter import CHAT_COMPLETIONS, EMBEDDINGS, GEMINI, Operation, Outgoing
from aigw.providers.google import PROVIDER
from aigw.wire.formats.gemini.part_writer import RESULT_PARTS
from aigw.wire.formats.gemini.settings_writer import JSON_WITH_FUNCTIONS
from aigw.wire.neutral import Reasoning

Send = Callable[..., Outgoing]
Head = Callable[..., bytes]

HOST = "host: generativelanguage.googleapis.com"
NATIVE = "x-goog-api-key: sk-test-0123456789"
BEARER = "authorization: Bearer sk-test-0123456789"


@pytest.mark.parametrize(
    ("operation", "verb"),
    [
        pytest.param(op.GEMINI_GENERATE, "generateContent", id="generate"),
        pytest.param(op.GEMINI_STREAM, "streamGenerateContent", id="stream"),
        pytest.param(op.GEMINI_COUNT, "countTokens", id="count"),
        pytest.param(op.GEMINI_EMBED, "embedContent", id="embed"),
        pytest.param(op.GEMINI_BATCH_EMBED, "batchEmbedContents", id="batch-embed"),
    ],
)
def test_native_heads(send: Send, head: Head, operation: Operation, verb: str) -> None:
    """Natively the model and the verb are in the path and the key in x-goog-api-key."""
    outgoing = send(PROVIDER, operation, "gemini-2.5-flash")
    assert outgoing.prefix == head(f"POST /v1beta/models/gemini-2.5-flash:{verb} HTTP/1.1", HOST, NATIVE)


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        pytest.param(op.CHAT, "chat/completions", id="chat"),
        pytest.param(op.EMBEDDINGS, "embeddings", id="embeddings"),
    ],
)
def test_compatible_heads(send: Send, head: Head, operation: Operation, path: str) -> None:
    """OpenAI's surfaces go to the compatible path, with a bearer key."""
    outgoing = send(PROVIDER, operation, "gemini-2.5-flash")
    assert outgoing.prefix == head(f"POST /v1beta/openai/{path} HTTP/1.1", HOST, BEARER)


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("models/gemini-2.5-flash", "/v1beta/models/gemini-2.5-flash:countTokens"),
        ("tunedModels/mine", "/v1beta/tunedModels/mine:countTokens"),
        ("models/x/../../y", "/v1beta/models/x%2F..%2F..%2Fy:countTokens"),
        ("other/x", "/v1beta/models/other%2Fx:countTokens"),
        ("..", "/v1beta/models/..:countTokens"),
        ("a?key=b#c", "/v1beta/models/a%3Fkey%3Db%23c:countTokens"),
        ("models/{id}", "/v1beta/models/%7Bid%7D:countTokens"),
    ],
)
def test_model_names(send: Send, model: str, path: str) -> None:
    """`x` and `models/x` are one model, a tuned one keeps its collection, and no name leads elsewhere."""
    assert send(PROVIDER, op.GEMINI_COUNT, model).target == path


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("alt=sse", "?alt=sse"),
        ("alt=sse&key=stolen", "?alt=sse"),
        ("key=stolen", ""),
        ("%6bey=stolen&$alt=json", "?$alt=json"),
        ("access_token=stolen&keys=1", "?keys=1"),
        ("", ""),
    ],
)
def test_query(send: Send, query: str, kept: str) -> None:
    """The caller's `alt=sse` passes; what Google would read as a credential never stands in the query."""
    outgoing = send(PROVIDER, op.GEMINI_STREAM, "g", query=query)
    assert outgoing.target == f"/v1beta/models/g:streamGenerateContent{kept}"


def test_without_a_key(send: Send, head: Head) -> None:
    """Without a key no credential is sent on either path, and the provider says that it needs one."""
    native = send(PROVIDER, op.GEMINI_GENERATE, "g", secret=None)
    compatible = send(PROVIDER, op.CHAT, "g", secret=None)
    assert native.prefix == head("POST /v1beta/models/g:generateContent HTTP/1.1", HOST)
    assert compatible.prefix == head("POST /v1beta/openai/chat/completions HTTP/1.1", HOST)
    assert PROVIDER.needs_key


def test_override(send: Send, head: Head) -> None:
    """The compatible path follows an overridden base URL, with its prefix and its query."""
    moved = attrs.evolve(PROVIDER, base_url="http://127.0.0.1:9000/g/v1beta?team=a")
    native = send(moved, op.GEMINI_STREAM, "g", query="alt=sse")
    compatible = send(moved, op.CHAT)
    line = "POST /g/v1beta/models/g:streamGenerateContent?team=a&alt=sse HTTP/1.1"
    assert native.prefix == head(line, "host: 127.0.0.1:9000", NATIVE)
    line = "POST /g/v1beta/openai/chat/completions?team=a HTTP/1.1"
    assert compatible.prefix == head(line, "host: 127.0.0.1:9000", BEARER)


def test_surface_override_wins(send: Send) -> None:
    """A URL the operator gave for one surface is taken as it is, whatever the base URL."""
    moved = attrs.evolve(
        PROVIDER, surface_urls={CHAT_COMPLETIONS: "http://a.test/chat", GEMINI: "http://b.test/native"}
    )
    assert moved.surface_url(EMBEDDINGS) == "https://generativelanguage.googleapis.com/v1beta/openai"
    chat, native = send(moved, op.CHAT), send(moved, op.GEMINI_COUNT, "g")
    assert (str(chat.origin), chat.target) == ("http://a.test", "/chat/chat/completions")
    assert (str(native.origin), native.target) == ("http://b.test", "/native/models/g:countTokens")


def test_key_variables() -> None:
    """GOOGLE_API_KEY wins over GEMINI_API_KEY, as in Google's own SDKs."""
    assert PROVIDER.key_variables == ("GOOGLE_API_KEY", "GEMINI_API_KEY")


def test_foreign_headers(send: Send) -> None:
    """Other dialects' headers stay behind; OpenAI's pass on the path that speaks its dialect."""
    assert send(PROVIDER, op.GEMINI_COUNT).drop == {"anthropic-beta", "anthropic-version", "openai-beta"}
    assert send(PROVIDER, op.CHAT).drop == {"anthropic-beta", "anthropic-version"}


@pytest.mark.parametrize(
    ("model", "schema", "levels"),
    [
        ("gemini-2.0-flash", "gemini", ()),
        ("gemini-2.5-pro", "full", ()),
        ("gemini-3-pro-preview", "full", ("low", "high")),
        ("models/gemini-3.1-pro-preview", "full", ("low", "medium", "high")),
        ("gemini-3.6-flash", "full", ("minimal", "low", "medium", "high")),
        ("gemini-3.8-flash", "full", ("low", "medium", "high")),
        ("gemini-flash-latest", "full", ("low", "medium", "high")),
        ("tunedModels/mine", "gemini", ()),
    ],
)
def test_dialect(model: str, schema: str, levels: tuple[str, ...]) -> None:
    """Schemas in full since 2.5, levels of thinking since 3; a name that says nothing gets the oldest."""
    for surface in ("gemini", "chat-completions"):
        dialect = PROVIDER.dialect(surface, model)
        assert (dialect.maker, dialect.schema, dialect.efforts) == ("google", schema, levels)
    assert PROVIDER.dialect("gemini", model).documents
    assert "top_k" in PROVIDER.dialect("chat-completions", model).refused
    assert not PROVIDER.dialect("chat-completions", model).documents
    assert PROVIDER.preferred() == ("gemini", "chat-completions")


BEFORE = frozenset({RESULT_PARTS, JSON_WITH_FUNCTIONS})
PENALTIES = frozenset({"frequencyPenalty", "presencePenalty"})


@pytest.mark.parametrize(
    ("model", "refused", "budgets", "prefill"),
    [
        ("tunedModels/mine", BEFORE, None, True),
        ("gemini-2.0-flash", BEFORE, None, True),
        ("gemini-2.5-flash-lite", BEFORE, (0, 24_576), True),
        ("gemini-2.5-pro", BEFORE, (128, 32_768), True),
        ("gemini-3-pro-preview", frozenset(), None, True),
        ("gemini-3.5-flash", frozenset(), None, True),
        ("gemini-3.5-flash-lite", PENALTIES, None, False),
        ("gemini-3.6-flash", PENALTIES, None, False),
        ("gemini-flash-latest", PENALTIES, None, False),
    ],
)
def test_what_a_model_refuses(model: str, refused: frozenset[str], budgets: Any, prefill: bool) -> None:
    """Media in results, JSON beside functions came with Gemini 3; penalties and a last turn of its own went in 3.6."""
    native, compatible = PROVIDER.dialect("gemini", model), PROVIDER.dialect("chat-completions", model)
    assert (native.refused, native.budgets, native.prefill) == (refused, budgets, prefill)
    assert ("presence_penalty" in compatible.refused, compatible.prefill) == (not prefill, prefill)


def config(**members: Any) -> dict[str, Any]:
    """The configuration of thinking where OpenAI's dialect has no word for it."""
    return {"extra_body": {"google": {"thinking_config": members}}}


@pytest.mark.parametrize(
    ("model", "asked", "members", "lossy"),
    [
        ("gemini-2.5-flash", Reasoning(effort="low"), {"reasoning_effort": "low"}, False),
        ("gemini-2.5-flash", Reasoning(effort="xhigh"), {"reasoning_effort": "high"}, True),
        ("gemini-2.5-flash", Reasoning(enabled=False), {"reasoning_effort": "none"}, False),
        ("gemini-2.5-pro", Reasoning(effort="none"), {"reasoning_effort": "minimal"}, True),
        ("gemini-2.5-flash", Reasoning(budget=777), config(thinking_budget=777), False),
        ("gemini-2.5-flash", Reasoning(budget=30_000), config(thinking_budget=24_576), True),
        ("gemini-2.5-pro", Reasoning(budget=1), config(thinking_budget=128), True),
        (
            "gemini-2.5-flash",
            Reasoning(budget=777, shown="auto"),
            config(thinking_budget=777, include_thoughts=True),
            False,
        ),
        (
            "gemini-2.5-flash",
            Reasoning(effort="low", shown="auto"),
            config(thinking_budget=1024, include_thoughts=True),
            True,
        ),
        (
            "gemini-3-flash",
            Reasoning(effort="low", shown="auto"),
            config(thinking_level="low", include_thoughts=True),
            False,
        ),
        ("gemini-3-flash", Reasoning(budget=777), {"reasoning_effort": "low"}, True),
        ("gemini-3-flash", Reasoning(shown="auto"), config(include_thoughts=True), False),
        ("gemini-3-pro", Reasoning(effort="none"), {"reasoning_effort": "low"}, True),
    ],
)
def test_reasoning(model: str, asked: Reasoning, members: dict[str, Any], lossy: bool) -> None:
    """The compatible path takes an effort, or the native configuration where only that says it; never both."""
    said, reason = PROVIDER.dialect("chat-completions", model).reasoning(asked)
    assert said == members
    assert (reason is not None) == lossy
