"""Gateways with a store, and their control API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
from trials.process import Gateway, TrialError, first_line, gateway, started

# Both tokens are made at the start, as no access key is declared.
CONFIG = """
[server]
listen = "127.0.0.1:0"
control = "127.0.0.1:0"
workers = {workers}
data_dir = "{folder}/data"
[store]
url = "{url}"
[providers.own]
base_url = "{upstream}/v1"
surfaces = ["chat-completions"]
models = ["sandbox-small"]
[log]
level = "info"
"""
SECRET_KEY = "of-the-trials-of-changes-0123456789abcdef"
PATIENCE = 60.0


@attrs.define
class Node:
    """One gateway, whose store may be shared with others. `operator` is an API key."""

    gateway: Gateway
    folder: Path
    operator: str = attrs.field(repr=False)
    complaints: list[str]

    async def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        """A call of the control API: status and what was answered."""
        reader, writer = await asyncio.open_connection(*self.gateway.control)
        data = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nhost: trial\r\nauthorization: Bearer {self.operator}\r\n"
        head += f"content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
        writer.write(head.encode() + data)
        async with asyncio.timeout(PATIENCE):
            answer = await reader.read()
        writer.close()
        told, _, text = answer.partition(b"\r\n\r\n")
        kind = told.lower().partition(b"content-type: ")[2]
        return int(told.split()[1]), json.loads(text) if kind.startswith(b"application/json") else text.decode()

    async def make_key(self, name: str = "app") -> tuple[str, str]:
        """A new access key that is everywhere: its id and its token. Raises TrialError."""
        status, told = await self.call("POST", "/access-keys?wait=true", {"name": name})
        if status != 201:
            raise TrialError(f"no key was made: {status} {told}")
        return told["id"], told["token"]

    async def delete_key(self, id: str) -> int:
        """Delete one, everywhere when this returns; the status."""
        status, _ = await self.call("DELETE", f"/access-keys/{id}?wait=true")
        return status

    async def ready(self) -> str:
        """What readiness says."""
        _, told = await self.call("GET", "/readyz")
        return str(told).strip()

    async def store_up(self) -> float:
        """The metric that tells whether the store answers."""
        return float((await self.gateway.numbers()).total("aigw_store_up"))

    async def until(self, *, up: bool) -> None:
        """Wait until readiness and metric say that the store is there, or is not. Raises TrialError."""
        try:
            async with asyncio.timeout(PATIENCE):
                while (await self.ready() == "ok") != up or await self.store_up() != up:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise TrialError(f"the store is not noticed to be {'up' if up else 'down'}") from None


@asynccontextmanager
async def node(
    folder: Path, code: Path, *, workers: int = 1, url: str = "sqlite", operator: str = ""
) -> AsyncIterator[Node]:
    """A gateway with a store. Raises TrialError."""
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    complaints: list[str] = []

    def take(line: bytes) -> None:
        if b'"level":"error"' in line:
            complaints.append(line.decode().strip())

    async with started(folder, code, "sandbox", "--listen", "127.0.0.1:0", "--json") as sandbox:
        upstream = json.loads(await first_line(sandbox))["url"]
        config = CONFIG.format(workers=workers, folder=folder, url=url, upstream=upstream)
        async with gateway(folder, code, config, take, AIGW_SECRET_KEY=SECRET_KEY) as running:
            token = operator or (folder / "data" / "operator-key").read_text().strip()
            yield Node(running, folder, token, complaints)
