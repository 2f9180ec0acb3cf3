"""The control API under attack: no spelling of a path, no header field and no member gives more than the key does."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from aigw.control.backoff import FREE
from aigw.control.routes import OPERATOR, Route
from aigw.control.table import routes
from aigw.store.tokens import API, make

from ..control.conftest import Live, Serve

ROUTES = tuple(routes())
# What a caller may not choose, in the spellings that somebody may have left open.
FOREIGN = ("accountId", "account_id", "role", "id", "token", "digest", "revision", "source", "createdBy", "keyRedacted")
SPELLINGS = (
    "/{}", "//{}", "/./{}", "/x/../{}", "/access-keys/../{}", "/{}/", "/{}/.", "/{};x=1", "/{}%00", "/{}%2f",
    "/{}%20", "/%2f{}", "/{}?everywhere=true", "/{}#x", "/{}/%2e%2e/accounts", "\\{}",
)  # fmt: skip


async def raw(live: Live, method: str, target: str, token: str, *fields: str) -> tuple[int, bytes]:
    """The status and body that are answered to a target as it is written."""
    where = urlsplit(live.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    lines = [f"{method} {target} HTTP/1.1", "host: x", f"authorization: Bearer {token}", *fields, "", ""]
    writer.write("\r\n".join(lines).encode())
    heard = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = heard.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


@pytest.mark.parametrize("route", [each for each in ROUTES if each.role == OPERATOR], ids=lambda each: each.summary)
async def test_no_spelling_leads_an_account_to_operators_routes(serve: Serve, route: Route) -> None:
    """The route that is matched says who may call it; another spelling of its path is another path, or refused."""
    live = await serve()
    name = route.path.format(id=live.default).removeprefix("/")
    for spelling in SPELLINGS:
        for written in (name, name.upper(), name.replace("a", "%61", 1)):
            status, body = await raw(live, route.method, spelling.format(written), live.token)
            assert status in (400, 403, 404, 405), (spelling, body)
    status, _ = await raw(
        live, route.method, route.path, live.token, "x-http-method-override: GET", "aigw-role: operator"
    )
    assert status in (403, 404)


@pytest.mark.parametrize(
    "route", [each for each in ROUTES if each.body is not None], ids=lambda each: f"{each.method} {each.path}"
)
async def test_no_member_is_taken_that_is_not_offered(serve: Serve, route: Route) -> None:
    """Nobody chooses an owner, a role, an id or a token by adding a member: it is refused by its name."""
    live = await serve()
    offered = set(route.body.__struct_encode_fields__)
    for name in set(FOREIGN) - offered:
        body = {**(route.example or {}), name: live.default}
        heard = await live.ask(route.method, route.path.format(id="x"), body)
        assert (heard.status, heard.code, heard.told["details"]["field"]) == (400, "invalidBody", name)


async def test_wrong_keys_are_counted_by_the_connections_address(serve: Serve) -> None:
    """Whoever claims to come from elsewhere waits all the same, and makes nobody else wait."""
    live = await serve()
    for number in range(FREE + 1):
        claims = (
            f"x-forwarded-for: 192.0.2.{number}",
            f"forwarded: for=192.0.2.{number}",
            f"x-real-ip: 192.0.2.{number}",
        )
        status, _ = await raw(live, "GET", "/whoami", "aigw-api-typo", *claims)
    assert status == 429


async def test_secrets_are_told_once_and_kept_nowhere(serve: Serve) -> None:
    """No list, audit row, error or file of the store holds a token or a key that was sent; one creation tells it."""
    live = await serve()
    value = "canary-0123456789-provider-key"
    made = [
        await live.made("/access-keys", {"name": "a"}),
        await live.made("/api-keys", {"name": "b"}),
    ]
    key = await live.made("/provider-keys", {"providerId": "openai", "value": value})
    rules = [{"provider": "openai", "steps": [{"type": "user", "keys": [{"value": value + "-inline"}]}]}]
    await live.made("/access-key-configurations", {"router": {"rules": rules}})
    told = [json.dumps(key)]
    for path in ("/access-keys", "/api-keys", "/provider-keys", "/access-key-configurations", "/audit"):
        told.append((await live.ask("GET", path)).body.decode())
    for body in (
        {"value": value, "providerId": "nobody"},
        {"value": value, "x": 1},
        {"value": f" {value}", "providerId": "openai"},
    ):
        told.append((await live.ask("POST", "/provider-keys", body)).body.decode())
    told.append((await live.ask("GET", "/whoami", token=make(API).reveal())).body.decode())
    database = live.store.database.engine.url.database
    assert database is not None
    files = [each.read_bytes() for each in Path(database.removeprefix("file:")).parent.iterdir()]
    assert sum(map(len, files)) > 100_000
    for secret in (value, made[0]["token"], made[1]["token"], live.operator, live.token):
        assert not [each for each in told if secret in each]
        assert not [each for each in files if secret.encode() in each]
