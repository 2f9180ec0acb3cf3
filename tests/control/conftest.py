"""A control API on a real socket, with a store on disk that is new for each test."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest

from aigw.control.api import Api
from aigw.control.gateway import Explain, MadeKey, Reload
from aigw.control.listener import Listener
from aigw.secret import Secret
from aigw.settings import Settings
from aigw.store.opening import Location, opened
from aigw.store.records import SYSTEM
from aigw.store.specs import AccountSpec, ApiKeySpec
from aigw.store.sql import SqlStore

SECRET_KEY = Secret("a-secret-key-of-the-tests-0123456789abcdef")
_FILE = "store.sqlite"


@attrs.frozen
class Heard:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def told(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of an error."""
        return str(self.told["errorCode"])


@attrs.define
class Live:
    """A control API that listens. `operator` and `token` are API keys: the operator's, and the default account's."""

    url: str
    store: SqlStore
    settings: Settings
    operator: str
    token: str
    default: str
    session: aiohttp.ClientSession

    async def ask(self, method: str, path: str, body: Any = None, *, token: str | None = None, **headers: str) -> Heard:
        """What is answered to the operator, or to whoever has this token (empty: nobody)."""
        token = self.operator if token is None else token
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent["authorization"] = f"Bearer {token}"
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent.setdefault("content-type", "application/json")
        async with self.session.request(method, self.url + path, data=data, headers=sent) as response:
            return Heard(response.status, {k.lower(): v for k, v in response.headers.items()}, await response.read())

    async def made(self, path: str, body: Any, **more: str) -> Any:
        """A new thing, as it is answered."""
        heard = await self.ask("POST", path, body, **more)
        assert heard.status == 201, heard.body
        return heard.told

    async def account(self, name: str) -> tuple[str, str]:
        """A new account: its id and an API key of it."""
        id = (await self.store.accounts.create(AccountSpec(name=name), SYSTEM)).record.id
        return id, await api_key(self.store, id)


Serve = Callable[..., Awaitable[Live]]


async def api_key(store: SqlStore, account: str) -> str:
    """The token of a new API key."""
    change = await store.api_keys.create(account, ApiKeySpec(name="tests"), SYSTEM)
    assert change.token is not None
    return change.token.reveal()


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store as it is after the first opening; copies of it are made faster."""
    import asyncio

    folder = tmp_path_factory.mktemp("fresh")

    async def make() -> None:
        await (await opened(Location("sqlite", folder, SECRET_KEY))).close()

    asyncio.run(make())
    return folder


@pytest.fixture
async def serve(fresh: Path, tmp_path: Path) -> AsyncIterator[Serve]:
    """Starts control APIs."""
    listeners: list[Listener] = []
    stores: list[SqlStore] = []
    async with aiohttp.ClientSession() as session:

        async def start(
            settings: Settings | None = None,
            *,
            location: Location | None = None,
            explain: Explain | None = None,
            reload: Reload | None = None,
            made_key: MadeKey = lambda: None,
            wrap: Callable[[SqlStore], Any] = lambda store: store,
        ) -> Live:
            if location is None:
                folder = tmp_path / f"data{len(stores)}"
                shutil.copytree(fresh, folder)
                location = Location("sqlite", folder, SECRET_KEY)
            store = await opened(location)
            stores.append(store)
            operator = await store.first_operator()
            assert operator is not None
            assert operator.token is not None
            given = wrap(store)

            async def open_store() -> Any:
                return given

            settings = settings or Settings()
            sock = socket.create_server(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{sock.getsockname()[1]}"
            listeners.append(Listener(Api(open_store, settings, explain, reload, made_key).answer))
            await listeners[-1].listen(sock)
            default = (await store.accounts.named("default")).id
            token = await api_key(store, default)
            return Live(url, store, settings, operator.token.reveal(), token, default, session)

        yield start
        for listener in listeners:
            await listener.close()
        for store in stores:
            await store.close()


@pytest.fixture
async def live(serve: Serve) -> Live:
    """A control API with the built-in settings."""
    return await serve()
