"""Searches of the web by the provider, as items and back."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire.formats.responses.searches import arguments_of, is_search, read_search, search_item
from aigw.wire.neutral import Part, SearchHit, ServerToolCall, ServerToolResult

URL = "https://example.org/"


@pytest.mark.parametrize(
    ("action", "arguments"),
    [
        (None, "{}"),
        ({"type": "search", "query": "q"}, '{"query":"q"}'),
        ({"type": "search", "query": "q", "queries": ["q", "r"]}, '{"query":"q","queries":["q","r"]}'),
        ({"type": "search", "query": "q", "sources": [{"type": "url", "url": URL}]}, '{"query":"q"}'),
        ({"type": "search", "queries": ["q", "r"]}, '{"query":"q","queries":["q","r"]}'),
        ({"type": "open_page", "url": URL}, f'{{"type":"open_page","url":"{URL}"}}'),
    ],
)
def test_arguments(action: Any, arguments: str) -> None:
    """What was done is the call's arguments, in the words of other formats; what was found is not."""
    assert arguments_of(action) == arguments


def test_reading() -> None:
    """A search is a call, and a result where the pages are told."""
    call = ServerToolCall(id="ws_1", name="web_search", arguments='{"query":"q"}', maker="p")
    item = {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "q"}}
    assert read_search(item, "p") == [call]
    item["action"]["sources"] = [{"type": "url", "url": URL}, {"type": "api"}]  # type: ignore[index]
    found: list[Part] = [
        call,
        ServerToolResult(call_id="ws_1", name="web_search", hits=[SearchHit(url=URL)], maker="p"),
    ]
    assert read_search(item, "p") == found
    assert read_search({"status": "failed"}, "p") == [
        ServerToolCall(id="", name="web_search", arguments="{}", maker="p", status="failed")
    ]


def call(arguments: str, name: str = "web_search", status: str | None = None) -> ServerToolCall:
    """A call of a provider's own tool."""
    return ServerToolCall(id="i", name=name, arguments=arguments, status=status)


@pytest.mark.parametrize(
    ("told", "action"),
    [
        (call('{"query":"q"}'), {"type": "search", "query": "q"}),
        (call('{"queries":["a","b"]}'), {"type": "search", "query": "a", "queries": ["a", "b"]}),
        (call(""), {"type": "search", "query": ""}),
        (call("not JSON"), {"type": "search", "query": ""}),
        (call('{"type":"open_page","url":"u"}'), {"type": "open_page", "url": "u"}),
        (call('{"url":"u"}', "web_fetch"), {"type": "open_page", "url": "u"}),
    ],
)
def test_writing(told: ServerToolCall, action: dict[str, Any]) -> None:
    """A call is told as the action that it was."""
    item = search_item("ws_1", told, told.arguments, None)
    assert item == {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": action}


def test_what_was_found() -> None:
    """The addresses found stand with the search; a result that is an error makes it one that failed."""
    found = ServerToolResult(call_id="i", name="web_search", hits=[SearchHit(url=URL, title="t")])
    assert search_item("i", call('{"query":"q"}'), '{"query":"q"}', found)["action"]["sources"] == [
        {"type": "url", "url": URL}
    ]
    failed = ServerToolResult(call_id="i", name="web_search", error="unavailable")
    assert search_item("i", call("{}"), "{}", failed)["status"] == "failed"
    assert search_item("i", call("{}", status="searching"), "{}", None)["status"] == "searching"


@pytest.mark.parametrize(("name", "has"), [("web_search", True), ("web_fetch", True), ("code_execution", False)])
def test_what_has_an_item(name: str, has: bool) -> None:
    """Searches and pages fetched have an item here, other tools of providers have none."""
    assert is_search(call("{}", name)) is has
