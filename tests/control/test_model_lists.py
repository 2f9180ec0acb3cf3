"""Lists of models, as servers of all kinds write them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aigw import adapter
from aigw.adapter import Provider
from aigw.control import model_lists
from aigw.control.model_lists import BadList, Page, operation, read


@pytest.mark.parametrize(
    ("format", "value", "page"),
    [
        ("chat", {"object": "list", "data": [{"id": "a"}, {"id": "b/c:1"}]}, Page(("a", "b/c:1"))),
        ("chat", [{"id": "a"}, "b"], Page(("a", "b"))),
        ("chat", {"models": [{"name": "llama3.2:1b", "model": "x"}]}, Page(("llama3.2:1b",))),
        ("chat", {"data": []}, Page(())),
        ("chat", {"data": [{"id": "A"}, {"id": "a"}, {"id": "b"}]}, Page(("A", "b"))),
        ("chat", {"data": [{"id": 1}, {}, None, 7, {"id": ""}, {"id": "a b"}, {"id": "x" * 513}]}, Page(())),
        ("chat", {"data": [{"id": "a"}], "has_more": True, "last_id": "a"}, Page(("a",))),
        ("messages", {"data": [{"id": "a"}], "has_more": False, "last_id": "a"}, Page(("a",))),
        ("messages", {"data": [{"id": "a"}], "has_more": True, "last_id": None}, Page(("a",))),
        (
            "messages",
            {"data": [{"id": "a"}], "has_more": True, "last_id": "a&b"},
            Page(("a",), "limit=1000&after_id=a%26b"),
        ),
        (
            "gemini",
            {"models": [{"name": "models/gemini-x"}, {"name": "tunedModels/y"}], "nextPageToken": "t/+"},
            Page(("gemini-x", "tunedModels/y"), "pageSize=1000&pageToken=t%2F%2B"),
        ),
        ("gemini", {"models": [], "nextPageToken": "t" * 2000}, Page(())),
    ],
)
def test_lists(format: str, value: Any, page: Page) -> None:
    """The models of a list and the query of the next page; what is no model is passed over."""
    assert read(json.dumps(value).encode(), format) == page


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"null", b"7", b'"a"', b"{}", b'{"data":{}}', b'{"data":null}', b"[" * 100_000, b"\xff"]
)
def test_what_is_no_list(body: bytes) -> None:
    """Anything else is no list."""
    with pytest.raises(BadList):
        read(body, "chat")


def test_a_list_without_end() -> None:
    """A list may be long, but not longer than can be kept."""
    body = json.dumps([f"m{n}" for n in range(model_lists.MOST + 1)]).encode()
    with pytest.raises(BadList, match="10001"):
        read(body, "chat")


@pytest.mark.parametrize(
    ("surfaces", "format", "query"),
    [
        ({adapter.EMBEDDINGS, adapter.MESSAGES}, "chat", ""),
        ({adapter.RERANK}, "chat", ""),
        ({adapter.MESSAGES, adapter.GEMINI}, "messages", "limit=1000"),
        ({adapter.GEMINI}, "gemini", "pageSize=1000"),
    ],
)
def test_what_is_asked(surfaces: set[str], format: str, query: str) -> None:
    """A provider is asked in OpenAI's format if it speaks that, else in the one that it speaks."""
    provider = Provider(id="x", name="X", base_url="https://x.example", surfaces=frozenset(surfaces))
    asked, first = operation(provider)
    assert (asked.format, asked.path, asked.method, first) == (format, "models", "GET", query)
