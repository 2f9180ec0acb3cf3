"""Liveness, readiness and metrics. No upstream is called, nothing secret is told, no credential is asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# What the documentation lists.
DOCUMENTED = (("GET", "/livez"), ("GET", "/readyz"), ("GET", "/metrics"))


class Health:
    """Handles the control listener's requests. `ready` is false while starting or draining."""

    def __init__(self, ready: Callable[[], bool], metrics: Callable[[], Awaitable[bytes]]) -> None:
        self._ready = ready
        self._metrics = metrics

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        path = request.rel_url.raw_path
        known = {"/livez": self._livez, "/readyz": self._readyz, "/metrics": self._render}.get(path)
        if known is None:
            return _error(404, "notFound", "There is nothing here; see /livez, /readyz and /metrics.")
        if request.method not in ("GET", "HEAD"):
            answer = _error(405, "methodNotAllowed", f"{path} takes GET and HEAD.")
            answer.headers["allow"] = "GET, HEAD"
            return answer
        return await known()

    async def _livez(self) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self) -> web.Response:
        return web.Response(text="ok\n") if self._ready() else web.Response(status=503, text="draining\n")

    async def _render(self) -> web.Response:
        return web.Response(body=await self._metrics(), headers={"content-type": CONTENT_TYPE})


def _error(status: int, code: str, message: str) -> web.Response:
    body = {"errorCode": code, "statusCode": status, "msg": message, "details": {}}
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")
