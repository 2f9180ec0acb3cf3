"""What does the control listener answer? Probes at once; the control API, whose modules come with its first request."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from aigw.control.health import DOCUMENTED, Health
from aigw.control.message import Answer, Request
from aigw.settings import Settings

if TYPE_CHECKING:
    from aigw.control.api import Api, OpenStore
    from aigw.control.gateway import Explain, MadeKey, Reload

_PROBES = frozenset(path for _, path in DOCUMENTED)


class ControlPlane:
    """All of it. `settings` tells those in force: after a reload the API is made anew. `made_key` tells the access key
    that the gateway made for itself.
    """

    def __init__(
        self,
        health: Health,
        settings: Callable[[], Settings],
        store: OpenStore,
        explain: Explain,
        reload: Reload,
        made_key: MadeKey = lambda: None,
    ) -> None:
        self._health = health
        self._settings = settings
        self._store = store
        self._explain = explain
        self._reload = reload
        self._made_key = made_key
        self._api: tuple[Settings, Api] | None = None

    async def answer(self, request: Request) -> Answer:
        """The answer to one request."""
        if request.path in _PROBES:
            return await self._health.answer(request.method, request.path)
        api = await self._made()
        return await api.answer(request)

    async def _made(self) -> Api:
        settings = self._settings()
        if self._api is None or self._api[0] is not settings:
            # In a thread: requests are being served, and the modules take a while.
            module = await asyncio.to_thread(importlib.import_module, "aigw.control.api")
            self._api = (settings, module.Api(self._store, settings, self._explain, self._reload, self._made_key))
        return self._api[1]
