"""Liveness, readiness and metrics. No upstream is called, nothing secret is told, no credential is asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs
import orjson

PLAIN = "text/plain; charset=utf-8"
METRICS = "text/plain; version=0.0.4; charset=utf-8"
JSON = "application/json"
# What the documentation lists.
DOCUMENTED = (("GET", "/livez"), ("GET", "/readyz"), ("GET", "/metrics"))


@attrs.frozen
class Answer:
    """One answer of the control listener, on whatever server. `headers` are those beside the content's own."""

    status: int
    body: bytes
    content_type: str = PLAIN
    headers: tuple[tuple[str, str], ...] = ()


class Health:
    """Answers the control listener's requests. `ready` is false while starting or draining."""

    def __init__(self, ready: Callable[[], bool], metrics: Callable[[], Awaitable[bytes]]) -> None:
        self._ready = ready
        self._metrics = metrics

    async def answer(self, method: str, path: str) -> Answer:
        """The answer to a request for this path (without its query)."""
        known = {"/livez": self._livez, "/readyz": self._readyz, "/metrics": self._render}.get(path)
        if known is None:
            return refusal(404, "notFound", "There is nothing here; see /livez, /readyz and /metrics.")
        if method not in ("GET", "HEAD"):
            refused = refusal(405, "methodNotAllowed", f"{path} takes GET and HEAD.")
            return attrs.evolve(refused, headers=(("allow", "GET, HEAD"),))
        return await known()

    async def _livez(self) -> Answer:
        return Answer(200, b"ok\n")

    async def _readyz(self) -> Answer:
        return Answer(200, b"ok\n") if self._ready() else Answer(503, b"not ready\n")

    async def _render(self) -> Answer:
        return Answer(200, await self._metrics(), METRICS)


def refusal(status: int, code: str, message: str) -> Answer:
    """An error in the form of the control API."""
    body = {"errorCode": code, "statusCode": status, "msg": message, "details": {}}
    return Answer(status, orjson.dumps(body), JSON)
