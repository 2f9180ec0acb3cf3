"""Searches of the web that a provider makes by itself, as items and back.

An item says what was done (`action`: a search, a page opened, a page searched through) and, when asked to, the pages
that were found (`sources`). The neutral call has the action as its arguments, in the words that other formats use of
their search tools: `{"query": …}`.

Source: https://platform.openai.com/docs/guides/tools-web-search#output-and-citations
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from aigw.wire.neutral import Part, SearchHit, ServerToolCall, ServerToolResult

Json = dict[str, Any]

SEARCH: Final = "web_search"
_FETCH: Final = "web_fetch"
_STATUSES: Final = frozenset({"in_progress", "searching", "failed", "incomplete"})
_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(dict).decode


def read_search(item: Json, maker: str, at: str = "") -> list[Part]:
    """A `web_search_call`: the call, and what it found if that is told."""
    id = item.get("id")
    action = item.get("action")
    call = ServerToolCall(
        id=id if isinstance(id, str) else "",
        name=SEARCH,
        arguments=arguments_of(action),
        maker=maker,
        status=None if item.get("status") == "completed" else _text(item.get("status")),
        at=at,
    )
    own = {name: value for name, value in item.items() if name not in _KNOWN and value is not None}
    call.own = own or None
    hits = _hits(action)
    if hits is None:
        return [call]
    return [call, ServerToolResult(call_id=call.id, name=SEARCH, hits=hits, maker=maker, at=at)]


_KNOWN: Final = frozenset({"id", "type", "action", "status"})


def arguments_of(action: Any) -> str:
    """The JSON text of an action, without what it found; `{}` for none."""
    if not isinstance(action, dict):
        return "{}"
    told = {name: value for name, value in action.items() if name != "sources" and value is not None}
    queries = told.get("queries")
    if told.get("type") == "search":
        del told["type"]
        if "query" not in told and isinstance(queries, list) and queries:
            told = {"query": queries[0], **told}
    return _encode(told).decode()


def is_search(call: ServerToolCall) -> bool:
    """Whether a call has an item to be told in."""
    return call.name in (SEARCH, _FETCH)


def search_item(id: str, call: ServerToolCall, arguments: str, result: ServerToolResult | None) -> Json:
    """A call, with what it found if that is known, as an item."""
    status = call.status if call.status in _STATUSES else "completed"
    if result is not None and result.error is not None:
        status = "failed"
    action = _action(call, arguments)
    if result is not None and result.hits and action["type"] == "search":
        action["sources"] = [{"type": "url", "url": hit.url} for hit in result.hits]
    return {"id": id, "type": "web_search_call", "status": status, "action": action}


def _action(call: ServerToolCall, arguments: str) -> Json:
    try:
        told: Json = _decode(arguments or "{}")
    except (msgspec.DecodeError, RecursionError):
        told = {}
    kind = told.get("type")
    if kind in ("open_page", "find_in_page"):
        return told
    if call.name == _FETCH:
        return {"type": "open_page", "url": _text(told.get("url"))}
    action: Json = {"type": "search", "query": _text(told.get("query")) or ""}
    queries = told.get("queries")
    if isinstance(queries, list):
        texts = [query for query in queries if isinstance(query, str)]
        action["queries"] = texts
        action["query"] = action["query"] or (texts[0] if texts else "")
    return action


def _hits(action: Any) -> list[SearchHit] | None:
    sources = action.get("sources") if isinstance(action, dict) else None
    if not isinstance(sources, list):
        return None
    return [
        SearchHit(url=source["url"], title=_text(source.get("title")))
        for source in sources
        if isinstance(source, dict) and isinstance(source.get("url"), str)
    ]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
