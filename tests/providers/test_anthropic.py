"""What goes out to Anthropic."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest
from multidict import CIMultiDict

from aigw import operations as op
from aigw.adapter import MAX_RENDERED, Operation, Outgoing
from aigw.catalog import Catalog, Model
from aigw.providers.anthropic import PROVIDER, version_of

Send = Callable[..., Outgoing]
Head = Callable[..., bytes]

KEY = "x-api-key: sk-test-0123456789"
VERSION = "anthropic-version: 2023-06-01"


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        pytest.param(op.MESSAGES, "/v1/messages", id="messages"),
        pytest.param(op.COUNT_TOKENS, "/v1/messages/count_tokens", id="count-tokens"),
    ],
)
def test_heads(send: Send, head: Head, operation: Operation, path: str) -> None:
    """A caller that names no version gets the long-lived one; the key goes in x-api-key."""
    outgoing = send(PROVIDER, operation, "claude-sonnet-5")
    assert outgoing.prefix == head(f"POST {path} HTTP/1.1", "host: api.anthropic.com", KEY, VERSION)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"anthropic-version": "2026-10-21"}, id="lower-case"),
        pytest.param({"Anthropic-Version": "2026-10-21"}, id="title-case"),
        pytest.param(CIMultiDict({"ANTHROPIC-VERSION": "2026-10-21"}), id="case-insensitive"),
    ],
)
def test_callers_version_passes(send: Send, head: Head, headers: dict[str, str]) -> None:
    """A caller's own version is neither replaced nor doubled, in whatever case its name comes."""
    outgoing = send(PROVIDER, op.MESSAGES, headers=headers)
    assert outgoing.prefix == head("POST /v1/messages HTTP/1.1", "host: api.anthropic.com", KEY)
    assert not outgoing.dropped & {b"anthropic-version", b"anthropic-beta"}


def test_both_variants_are_kept(send: Send) -> None:
    """Asked again, with a version or without, the same kept answer comes back."""
    provider = attrs.evolve(PROVIDER)
    bare, named = send(provider, op.MESSAGES), send(provider, op.MESSAGES, headers={"anthropic-version": "x"})
    assert bare is not named
    assert send(provider, op.MESSAGES) is bare
    assert send(provider, op.MESSAGES, headers={"anthropic-version": "y"}) is named


def test_what_is_kept_is_bounded(send: Send) -> None:
    """A caller that varies its query on purpose cannot fill the memory, in either variant."""
    provider = attrs.evolve(PROVIDER)
    for number in range(2 * MAX_RENDERED):
        send(provider, op.MESSAGES, query=f"n={number}")
    assert len(provider._rendered) <= 2 * MAX_RENDERED


def test_operators_version_wins(send: Send, head: Head) -> None:
    """A version that the operator configured is sent once, and replaces a caller's."""
    pinned = attrs.evolve(PROVIDER, headers=(("anthropic-version", "2026-10-21"),))
    expected = head("POST /v1/messages HTTP/1.1", "host: api.anthropic.com", KEY, "anthropic-version: 2026-10-21")
    for headers in ({}, {"anthropic-version": "2023-06-01"}):
        outgoing = send(pinned, op.MESSAGES, headers=headers)
        assert outgoing.prefix == expected
        assert b"anthropic-version" in outgoing.dropped


def test_without_a_key(send: Send, head: Head) -> None:
    """Without a key no credential is sent, and the provider says that it needs one."""
    outgoing = send(PROVIDER, op.MESSAGES, secret=None)
    assert outgoing.prefix == head("POST /v1/messages HTTP/1.1", "host: api.anthropic.com", VERSION)
    assert PROVIDER.needs_key


def test_override(send: Send, head: Head) -> None:
    """An overridden base URL keeps its path prefix and its query; the caller's `beta=true` follows."""
    moved = attrs.evolve(PROVIDER, base_url="http://[::1]:9000/claude/v1?team=a")
    outgoing = send(moved, op.COUNT_TOKENS, query="beta=true")
    line = "POST /claude/v1/messages/count_tokens?team=a&beta=true HTTP/1.1"
    assert outgoing.prefix == head(line, "host: [::1]:9000", KEY, VERSION)


def test_foreign_headers(send: Send) -> None:
    """OpenAI's beta header stays behind; Anthropic's own pass."""
    assert send(PROVIDER, op.MESSAGES).drop == {"openai-beta"}


@pytest.mark.parametrize(
    ("model", "version"),
    [
        ("claude-3-haiku-20240307", (3, 0)),
        ("claude-3-5-sonnet-20241022", (3, 5)),
        ("claude-3-7-sonnet-latest", (3, 7)),
        ("claude-opus-4-20250514", (4, 0)),
        ("claude-opus-4-1-20250805", (4, 1)),
        ("claude-sonnet-4.5", (4, 5)),
        ("claude-opus-4-7", (4, 7)),
        ("claude-fable-5", (5, 0)),
        ("claude-fable-5-2", (5, 2)),
        ("claude-next", (99, 0)),
    ],
)
def test_version(model: str, version: tuple[int, int]) -> None:
    """A model's version is the number in its name, wherever it stands; a date is none, and no number is new."""
    assert version_of(model) == version


@pytest.mark.parametrize("model", list(Catalog.load().models("anthropic")), ids=lambda model: model.id)
def test_dialect(model: Model) -> None:
    """What the name of a model says of it is what the catalog knows."""
    dialect = PROVIDER.dialect("messages", model.id)
    assert dialect.refused == model.refused
    assert dialect.prefill == ("prefill" in model.capabilities)
    assert dialect.adaptive == ("thinking.budget_tokens" in model.refused)
    assert (dialect.maker, dialect.model) == ("anthropic", model.id)


@pytest.mark.parametrize(
    ("model", "schema", "efforts"),
    [
        ("claude-opus-4-1", False, 0),
        ("claude-haiku-4-5", True, 0),
        ("claude-opus-4-6", True, 4),
        ("claude-fable-5", True, 5),
    ],
)
def test_dialect_by_version(model: str, schema: bool, efforts: int) -> None:
    """Structured output came with 4.5, efforts with 4.6; a JSON mode never did."""
    dialect = PROVIDER.dialect("messages", model)
    assert (dialect.json_schema, dialect.strict_tools, len(dialect.efforts)) == (schema, schema, efforts)
    assert not dialect.json_object
