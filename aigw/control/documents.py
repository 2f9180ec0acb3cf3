"""What anybody may read of the control API without an API key: the OpenAPI document, and a page that shows it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import orjson

from aigw.control import openapi
from aigw.control.docs_page import POLICY, page
from aigw.control.message import HTML, JSON, Answer, Request
from aigw.control.problems import ApiError
from aigw.control.routes import Route

DOCUMENT, PAGE = "/openapi.json", "/docs"
_METHODS = ("GET", "HEAD")
# Nothing of it is ever shown within another page, or taken for something else.
_SAFE = (("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"))


class Documents:
    """Both of them, made when they are first asked for: in a thread, as requests may be served beside it."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = routes
        self._made: dict[str, Answer] = {}

    async def answer(self, request: Request) -> Answer | None:
        """The answer to a request for one of them; None for any other. Raises ApiError."""
        if request.path not in _MAKERS:
            return None
        if request.method not in _METHODS:
            allowed = ", ".join(_METHODS)
            raise ApiError("methodNotAllowed", f"{request.path} takes {allowed}.", headers=(("allow", allowed),))
        if request.path not in self._made:
            self._made[request.path] = await asyncio.to_thread(_MAKERS[request.path], self._routes)
        return self._made[request.path]


def _document(routes: Sequence[Route]) -> Answer:
    return Answer(200, orjson.dumps(openapi.document(routes)), JSON, _SAFE)


def _page(routes: Sequence[Route]) -> Answer:
    text = page(openapi.document(routes))
    return Answer(200, text.encode(), HTML, (*_SAFE, ("content-security-policy", POLICY)))


_MAKERS: Mapping[str, Callable[[Sequence[Route]], Answer]] = {DOCUMENT: _document, PAGE: _page}
