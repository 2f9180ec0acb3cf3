"""A real browser without a window, told what to do over its DevTools protocol."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE = 30.0
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    *("--remote-debugging-port=0", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
)
# What a page did that its author did not want.
_TROUBLE = frozenset({"Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Network.loadingFailed"})


class Page:
    """The one page of a browser. `trouble` has what its console and its requests complained of."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.trouble: list[Any] = []
        self._socket = socket
        self._ids = itertools.count(1)

    async def send(self, method: str, **parameters: Any) -> Any:
        """Call a method of the protocol: its result."""
        id = next(self._ids)
        await self._socket.send_json({"id": id, "method": method, "params": parameters})
        told = await self._until(lambda told: told.get("id") == id)
        assert "error" not in told, told
        return told["result"]

    async def look(self, url: str, *, width: int, dark: bool = False) -> None:
        """Open a page, as wide as this and in one of both colour schemes."""
        mobile = width < 600
        for part in ("Page", "Log", "Runtime", "Network"):
            await self.send(f"{part}.enable")
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": mobile}
        await self.send("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.send("Emulation.setEmulatedMedia", features=[scheme])
        await self._socket.send_json({"id": next(self._ids), "method": "Page.navigate", "params": {"url": url}})
        await self._until(lambda told: told.get("method") == "Page.loadEventFired")

    async def run(self, script: str) -> Any:
        """What an expression in the page gives."""
        told = await self.send("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    async def click(self, selector: str) -> None:
        """Click on the middle of an element, as a person does."""
        box = f"document.querySelector({selector!r})"
        x, y = await self.run(
            f"{box}.scrollIntoView({{block: 'center'}}), (({{x, y, width, height}}) => [x + width / 2, y + height / 2])"
            f"({box}.getBoundingClientRect())"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    async def _until(self, wanted: Any) -> Any:
        async with asyncio.timeout(PATIENCE):
            while True:
                told = await self._socket.receive_json()
                if told.get("method") in _TROUBLE:
                    self.trouble.append(told)
                if wanted(told):
                    return told


@contextlib.asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Page]:
    """Start one whose files are in a folder; it is gone afterwards."""
    assert CHROMIUM
    process = await asyncio.create_subprocess_exec(
        *(CHROMIUM, *_FLAGS, f"--user-data-dir={folder}", "about:blank"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as session:
            pages = f"http://127.0.0.1:{await _port(folder)}/json/list"
            async with session.get(pages) as answer:
                [found] = [each for each in await answer.json() if each["type"] == "page"]
            async with session.ws_connect(found["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                yield Page(socket)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _port(folder: Path) -> int:
    """Where it listens, which it writes down when it does."""
    path = folder / "DevToolsActivePort"
    while True:
        with contextlib.suppress(FileNotFoundError):
            if lines := path.read_text().splitlines():
                return int(lines[0])
        await asyncio.sleep(0.02)
