"""The list of operations: complete, unambiguous, and on surfaces that exist."""

from __future__ import annotations

import string

import pytest

from aigw import operations
from aigw.adapter import SURFACES, Operation

FORMATS = {"chat", "responses", "messages", "gemini"}

# The data plane of the product, method and path below the base URL.
PROMISED = {
    "POST chat/completions",
    "POST responses",
    "GET responses/{id}",
    "DELETE responses/{id}",
    "POST responses/{id}/cancel",
    "GET responses/{id}/input_items",
    "POST messages",
    "POST messages/count_tokens",
    "POST models/{model}:generateContent",
    "POST models/{model}:streamGenerateContent",
    "POST models/{model}:countTokens",
    "POST models/{model}:embedContent",
    "POST models/{model}:batchEmbedContents",
    "POST completions",
    "POST embeddings",
    "POST moderations",
    "POST rerank",
    "POST images/generations",
    "POST images/edits",
    "POST audio/speech",
    "POST audio/transcriptions",
    "POST audio/translations",
    "GET realtime?model={model}",
}


def test_all_is_all() -> None:
    """Every path the product promises to serve is an operation, and there is no other."""
    assert {f"{operation.method} {operation.path}" for operation in operations.ALL} == PROMISED


def test_names_are_unique() -> None:
    """What was rendered is kept under an operation's name, so no two share one."""
    names = [operation.name for operation in operations.ALL]
    assert len(names) == len(set(names)) == len(PROMISED)


def test_every_surface_can_be_asked() -> None:
    """A surface that a provider may declare has an operation."""
    assert {operation.surface for operation in operations.ALL} == SURFACES


@pytest.mark.parametrize("operation", operations.ALL, ids=lambda operation: operation.name)
def test_shape(operation: Operation) -> None:
    """A path is relative, names nothing but a model or an id, and is written in one of the four formats."""
    fields = {field for _, field, _, _ in string.Formatter().parse(operation.path) if field is not None}
    assert not operation.path.startswith("/")
    assert fields <= {"model", "id"}
    assert operation.format in FORMATS
