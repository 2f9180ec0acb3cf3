"""What does a request say, in the types of its route? What is wrong is told with the place where it stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from aigw.control.message import JSON, Request
from aigw.control.problems import ApiError
from aigw.control.routes import Route

MOST_PARAMETERS = 20
# How msgspec says where something is wrong, and what its names are.
_PLACE = re.compile(r" - at `\$\.?(.*)`$")
_MEMBER = re.compile(r"(?:unknown|required) field `([^`]*)`")
_REVISION = re.compile(r'"([0-9]{1,15})"')


def query_of(request: Request, route: Route) -> Any:
    """The parameters. Raises ApiError."""
    try:
        pairs = parse_qsl(request.query, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
    except ValueError:
        raise ApiError("invalidQuery", "The query of the URL cannot be read.") from None
    given: dict[str, str] = {}
    for name, value in pairs:
        if name in given:
            raise ApiError("invalidQuery", f"{name} comes twice.", {"field": name})
        given[name] = value
    try:
        return msgspec.convert(given, route.query, strict=False)
    except msgspec.ValidationError as error:
        message, field = _explained(str(error))
        raise ApiError("invalidQuery", message, {"field": field}) from None


def body_of(request: Request, route: Route) -> Any:
    """The body; None where the route takes none. Raises ApiError."""
    if route.body is None:
        return None
    kind = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if kind != JSON:
        raise ApiError("unsupportedMediaType", f"Send the body as {JSON}.")
    try:
        return msgspec.json.decode(request.body, type=route.body)
    except msgspec.ValidationError as error:
        message, field = _explained(str(error))
        raise ApiError("invalidBody", message, {"field": field} if field else {}) from None
    except (ValueError, RecursionError):
        raise ApiError("invalidBody", "The body is not JSON.") from None


def revision_of(headers: Mapping[str, str], route: Route) -> int | None:
    """The revision that the caller expects (RFC 9110, section 13.1.1); None for any. Raises ApiError."""
    told = headers.get("if-match", "*").strip()
    if not route.conditional or told == "*":
        return None
    found = _REVISION.fullmatch(told)
    if found is None:
        raise ApiError("stale", 'What `if-match` names is no revision, which is written as in "3".')
    return int(found[1])


def _explained(text: str) -> tuple[str, str]:
    """What is wrong, and the path of the member."""
    place = _PLACE.search(text)
    path = place[1] if place else ""
    if found := _MEMBER.search(text):
        path = f"{path}.{found[1]}" if path else found[1]
    message = _PLACE.sub("", text)
    return f"{path}: {message}" if path else message, path
