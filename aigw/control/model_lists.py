"""Which models does an upstream's list name? The lists of OpenAI's API, Anthropic's, Gemini's, and those like them.

- OpenAI, and most servers: `{"data": [{"id": "…"}]}`; some send the list alone
- Anthropic (https://docs.anthropic.com/en/api/models-list): the same with `has_more` and `last_id`
- Gemini (https://ai.google.dev/api/models): `{"models": [{"name": "models/…"}], "nextPageToken": "…"}`
- Ollama's own API: `{"models": [{"name": "…"}]}`
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import attrs
import orjson

from aigw import adapter
from aigw.adapter import Operation, Provider
from aigw.control import surfaces
from aigw.store import checks
from aigw.store.errors import Invalid

MOST = 10_000
_LONGEST_TOKEN = 1024
# The first page of each format: as long as the API allows.
_FIRST = {"chat": "", "messages": "limit=1000", "gemini": "pageSize=1000"}


class BadList(ValueError):
    """An answer is no list of models; the message goes behind "the answer "."""


@attrs.frozen
class Page:
    """A page of a list. `following` is the query of the next one, empty at the end."""

    models: tuple[str, ...]
    following: str = ""


def operation(provider: Provider) -> tuple[Operation, str]:
    """What is asked of a provider, and the query of the first page: in OpenAI's format if it speaks that."""
    served = sorted(provider.surfaces, key=surfaces.ORDER.index)
    own = [each for each in served if surfaces.format_of(each) == surfaces.OPENAI]
    surface = (own or served)[0]
    format = {surfaces.ANTHROPIC: "messages", surfaces.GEMINI: adapter.GEMINI}.get(surfaces.format_of(surface), "chat")
    return Operation("models", surface, format, "models", "GET"), _FIRST[format]


def read(body: bytes, format: str) -> Page:
    """The models that an answer names, in its order, none of them twice; what is no model's id is passed over.

    Raises BadList.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadList("is not JSON") from None
    entries = _entries(value)
    models = unique(id for each in entries if (id := _id(each, format)))
    if len(models) > MOST:
        raise BadList(f"names {len(models)} models, more than {MOST}")
    return Page(models, _following(value, format))


def unique(models: Iterable[str]) -> tuple[str, ...]:
    """Models without those that differ in case alone from one before."""
    found: dict[str, str] = {}
    for each in models:
        found.setdefault(each.casefold(), each)
    return tuple(found.values())


def _entries(value: Any) -> list[Any]:
    if isinstance(value, dict):
        value = value.get("data", value.get("models"))
    if not isinstance(value, list):
        raise BadList("has no list of models")
    return value


def _id(entry: Any, format: str) -> str:
    """The id in an entry of a list; empty where there is none that can be kept."""
    id: object = (entry.get("id") or entry.get("name")) if isinstance(entry, dict) else entry
    if not isinstance(id, str):
        return ""
    if format == adapter.GEMINI:
        id = id.removeprefix("models/")
    try:
        checks.model("model", id)
    except Invalid:
        return ""
    return id


def _following(value: Any, format: str) -> str:
    if not isinstance(value, dict):
        return ""
    if format == adapter.GEMINI:
        name, token = "pageToken", value.get("nextPageToken")
    else:
        name, token = "after_id", value.get("last_id") if value.get("has_more") is True else None
    if not isinstance(token, str) or not 0 < len(token) <= _LONGEST_TOKEN:
        return ""
    first = _FIRST[format]
    return f"{first}&{name}={quote(token, safe='')}" if first else ""
