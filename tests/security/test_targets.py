"""Odd targets on every route: what names nothing here is refused, and what goes up is what the route says.

The right to call follows from the matched route alone, never from a path or a host put together again (CVE-2026-48710,
CVE-2026-49468 in other gateways).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aigw.front.routes import DOCUMENTED

from ..support.caller import CHAT, request
from ..support.gate import TOKEN, Gate, OpenGate

ODD: dict[str, Callable[[str], str]] = {
    "absolute form": lambda path: f"http://evil.example{path}",
    "absolute form of another scheme": lambda path: f"https://user:secret@evil.example:1{path}",
    "authority form": lambda path: "evil.example:443",
    "asterisk form": lambda path: "*",
    "two slashes": lambda path: f"/{path}",
    "another host in front": lambda path: f"//evil.example{path}",
    "two slashes within": lambda path: path.replace("/v1", "/v1/", 1),
    "a slash behind": lambda path: f"{path}/",
    "a dot": lambda path: path.replace("/v1", "/./v1", 1),
    "two dots": lambda path: f"/x/..{path}",
    "two dots within": lambda path: path.replace("/v1", "/v1/../v1", 1),
    "encoded dots": lambda path: f"/%2e%2e{path}",
    "an encoded slash": lambda path: path.replace("/v1", "%2fv1", 1),
    "a letter encoded": lambda path: path.replace("/v1", "/%761", 1),
    "a parameter": lambda path: path.replace("/v1", "/v1;x=y", 1),
    "upper case": lambda path: path.replace("/v1", "/V1", 1),
    "a backslash": lambda path: path.replace("/v1", "\\v1", 1),
    "an encoded NUL": lambda path: path.replace("/v1", "/v1%00", 1),
}
# Bytes that cannot stand in a target at all.
NOT_HTTP = {"NUL": "\0", "a control character": "\x01", "Latin-1": "\xfc", "a space": " ", "a tab": "\t"}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND")


def named(path: str) -> str:
    """A documented path with something in its places."""
    return path.replace("{id}", "resp_1").replace("{model}", "up:sandbox-small")


async def refused(gate: Gate, method: str, target: str, host: str = "gateway") -> None:
    """Asked with a good key and a good body: no route, and nothing goes up."""
    caller = await gate.caller()
    body = b'{"model":"up:sandbox-small","messages":[]}' if method in ("POST", "PUT", "PATCH") else None
    caller.send(request(body, target, method=method, token=TOKEN).replace(b"host: gateway", b"host: " + host.encode()))
    answer = await caller.answer(to_head=method == "HEAD")
    assert answer.status in (400, 404, 405), (method, target, answer)
    caller.leave()


@pytest.mark.parametrize("odd", ODD)
async def test_odd_targets_name_nothing(gateway: OpenGate, odd: str) -> None:
    """Compared raw, a path in another spelling is another path; so on every route."""
    gate = await gateway()
    for method, path in DOCUMENTED:
        target = ODD[odd](named(path))
        if target == f"{named(path)}/" and "models" in path:
            continue  # a model of the empty name, or of one that ends so
        await refused(gate, method, target, "evil.example" if odd == "absolute form" else "gateway")
    assert not gate.sandbox.requests


@pytest.mark.parametrize("what", NOT_HTTP)
async def test_bytes_that_no_target_has(gateway: OpenGate, what: str) -> None:
    """Refused before any route is looked for."""
    gate = await gateway()
    for method, path in DOCUMENTED:
        caller = await gate.caller()
        caller.send(request(b"{}", named(path)[:-1] + NOT_HTTP[what] + "x", method=method, token=TOKEN))
        answer = await caller.answer()
        assert (answer.status, answer.code) == (400, "bad_request"), path
        caller.leave()
    assert not gate.sandbox.requests


async def test_every_route_with_every_method(gateway: OpenGate) -> None:
    """A route takes its own methods; any other is told which those are, and nothing of it goes up."""
    gate = await gateway()
    taken = {named(path): {own for own, other in DOCUMENTED if other == path} for _, path in DOCUMENTED}
    for path, own in taken.items():
        for method in METHODS:
            if method in own or (method == "HEAD" and "GET" in own and "models" in path):
                continue
            caller = await gate.caller()
            caller.send(request(None, path, method=method, token=TOKEN))
            answer = await caller.answer(to_head=method == "HEAD")
            # CONNECT names no path, and of a method nobody knows llhttp says that it is no HTTP.
            assert answer.status in (404, 405, 400), (method, path, answer)
            if answer.status == 405:
                assert own <= set((answer.header("allow") or "").split(", "))
            caller.leave()
    assert not gate.sandbox.requests


@pytest.mark.parametrize("path", [CHAT, "/v1/models", "/v1/responses/resp_1", "/v1beta/models/up:m:generateContent"])
async def test_an_upgrade_on_another_route_is_none(gateway: OpenGate, path: str) -> None:
    """`Upgrade` is heeded on the realtime route alone: elsewhere it is not passed on (CVE-2026-69243 in aiohttp)."""
    gate = await gateway()
    caller = await gate.caller()
    upgrade = [("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-key", "x" * 24)]
    method = "GET" if path in ("/v1/models", "/v1/responses/resp_1") else "POST"
    caller.ask(b'{"model":"up:sandbox-small"}' if method == "POST" else None, path, method=method, headers=upgrade)
    assert (await caller.answer()).status != 101
    for seen in gate.sandbox.requests:
        assert seen.header("upgrade") is None
        assert "upgrade" not in (seen.header("connection") or "")
