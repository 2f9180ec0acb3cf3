"""Pages of lists: newest first, each with the address of the next one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from aigw.control.routes import Call, Reply
from aigw.control.shapes import Query

Fetch = Callable[[int, str | None], Awaitable[Sequence[Any]]]


async def page(call: Call, kind: Any, fetch: Fetch) -> Reply:
    """A page of what `fetch` gives: so many things before an id, newest first."""
    limit = call.query.limit
    found = list(await fetch(limit, call.query.before_id))
    path = call.uri
    following = None
    if len(found) == limit and await fetch(1, found[-1].id):
        kept = {name: value for name, value in _query(call.query).items() if name not in ("limit", "beforeId")}
        pairs = {**kept, "limit": limit, "beforeId": found[-1].id}
        following = f"{path}?" + "&".join(f"{name}={quote(str(value), safe='')}" for name, value in pairs.items())
    return Reply(kind(**{kind.__struct_fields__[0]: found, "uri": path, "nextPageUri": following}))


def _query(query: Query) -> dict[str, Any]:
    told = msgspec.to_builtins(query)
    return {name: "true" if value is True else value for name, value in told.items() if value not in (None, False)}


def merged(own: Sequence[Any], limit: int, before_id: str | None, kept: Sequence[Any]) -> list[Any]:
    """A page of things of two origins, by descending ids: those declared and a page of those kept."""
    declared = [each for each in own if before_id is None or each.id < before_id]
    return sorted([*declared, *kept], key=lambda each: str(each.id), reverse=True)[:limit]
