"""Liveness, readiness and metrics. No upstream is called, nothing secret is told, no credential is asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aigw.control.message import JSON, METRICS, PLAIN, Answer, Request, refusal

__all__ = ["DOCUMENTED", "JSON", "METRICS", "PLAIN", "Answer", "Health", "Request", "refusal"]

# What the documentation lists.
DOCUMENTED = (("GET", "/livez"), ("GET", "/readyz"), ("GET", "/metrics"))


def _nothing() -> str:
    return ""


class Health:
    """Answers what probes ask. `ready` is false while starting or draining.

    `note` gives a line that stands below `ok` although requests are taken (`store: down since …`), or nothing.
    """

    def __init__(
        self,
        ready: Callable[[], bool],
        metrics: Callable[[], Awaitable[bytes]],
        note: Callable[[], str] = _nothing,
    ) -> None:
        self._ready = ready
        self._metrics = metrics
        self._note = note

    async def asked(self, request: Request) -> Answer:
        """The answer to a request, where there are probes and nothing else."""
        return await self.answer(request.method, request.path)

    async def answer(self, method: str, path: str) -> Answer:
        """The answer to a request for this path (without its query)."""
        known = {"/livez": self._livez, "/readyz": self._readyz, "/metrics": self._render}.get(path)
        if known is None:
            return refusal(404, "notFound", "There is nothing here; see /livez, /readyz and /metrics.")
        if method not in ("GET", "HEAD"):
            return refusal(405, "methodNotAllowed", f"{path} takes GET and HEAD.").extended(("allow", "GET, HEAD"))
        return await known()

    async def _livez(self) -> Answer:
        return Answer(200, b"ok\n")

    async def _readyz(self) -> Answer:
        status, word = (200, "ok") if self._ready() else (503, "not ready")
        return Answer(status, "".join(f"{line}\n" for line in (word, self._note()) if line).encode())

    async def _render(self) -> Answer:
        return Answer(200, await self._metrics(), METRICS)
