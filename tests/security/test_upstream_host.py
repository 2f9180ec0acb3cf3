"""Only configuration says where requests go (CVE-2024-6587, CVE-2025-66405 and their repeats in other gateways)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aigw.front.routes import DOCUMENTED

from ..support.caller import CHAT, HELLO, request
from ..support.gate import TOKEN, OpenGate
from ..support.upstream import OK, Upstream

FIELDS = [
    "x-portkey-custom-host",
    "x-portkey-provider",
    "x-upstream-url",
    "x-target-url",
    "x-base-url",
    "x-openai-base-url",
    "x-forwarded-host",
    "x-original-url",
    "x-rewrite-url",
    "x-host",
    "forwarded",
    "helicone-target-url",
    "cf-aig-upstream",
    "litellm-api-base",
]
MEMBERS = ["api_base", "base_url", "api_url", "endpoint", "host", "url", "custom_host", "proxy", "azure_endpoint"]


def smuggling(url: str) -> dict[str, Any]:
    """A body that names another host wherever other gateways have looked for one."""
    named = dict.fromkeys(MEMBERS, url)
    return {
        **HELLO,
        **named,
        "extra_body": named,
        "metadata": named,
        "litellm_params": named,
        "user_config": {"model_list": [{"litellm_params": named}]},
        "provider": named,
        "config": {"targets": [named]},
        "max_tokens": 5,
        "contents": [],
    }


@pytest.mark.parametrize(
    ("method", "path"), [route for route in DOCUMENTED if "models" not in route[1] or "{model}" in route[1]]
)
async def test_no_request_names_the_host(gateway: OpenGate, upstream: Upstream, method: str, path: str) -> None:
    """On every route, in any header, at any depth of the body, in the query: inert."""
    gate = await gateway()
    target = path.replace("{id}", "resp_1").replace("{model}", "up:sandbox-small")
    query = "&".join(f"{name}={upstream.base_url}" for name in MEMBERS)
    headers = [(name, upstream.base_url) for name in FIELDS]
    body: Any = smuggling(upstream.base_url) if method == "POST" else None
    if "edits" in path or "transcriptions" in path or "translations" in path:
        fields = {"model": "up:sandbox-small", **dict.fromkeys(MEMBERS, upstream.base_url)}
        parts = [
            f'--b\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
        ]
        body = "".join([*parts, "--b--\r\n"]).encode()
        headers.append(("content-type", "multipart/form-data; boundary=b"))
    elif "realtime" in path:
        query += "&model=up:sandbox-small"
        headers += [("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13")]
    caller = await gate.caller()
    caller.ask(body, f"{target}?{query}", method=method, headers=headers)
    await caller.head()
    assert len(gate.sandbox.requests) == 1
    assert upstream.visits == 0


@pytest.mark.parametrize("host", ["other.example", "127.0.0.1:9", "localhost", "[::1]", "a b", ""])
async def test_the_callers_host_field_means_nothing(gateway: OpenGate, upstream: Upstream, host: str) -> None:
    """Neither the way nor the right to go it follows from it, and it is not passed on (CVE-2026-48710)."""
    gate = await gateway(providers={"up": {"base_url": upstream.base_url}})
    caller = await gate.caller()
    caller.send(request(HELLO, token=TOKEN).replace(b"host: gateway", b"host: " + host.encode()))
    visit = await upstream.accept()
    head, _ = await visit.request()
    authority = upstream.base_url.removeprefix("http://").removesuffix("/v1")
    assert f"\r\nhost: {authority}\r\n".encode() in head
    assert head.lower().count(b"\r\nhost:") == 1
    visit.send(OK)
    assert (await caller.answer()).status == 200
    caller.send(request(HELLO).replace(b"host: gateway", b"host: " + host.encode()))
    assert (await caller.answer()).code == "missing_access_key"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("path", [CHAT, "/v1/messages", "/v1/responses/resp_1"])
async def test_redirects_are_not_followed(gateway: OpenGate, upstream: Upstream, status: int, path: str) -> None:
    """A redirect would carry the credential to a host that nobody configured; where it leads is not told either."""
    async with Upstream() as other:
        gate = await gateway(providers={"up": {"base_url": upstream.base_url, "keys": ["sk-bound-0123456789abcdef"]}})
        caller = await gate.caller()
        caller.ask(None if path.endswith("resp_1") else HELLO, path)
        visit = await upstream.accept()
        await visit.request()
        location = f"{other.base_url}/elsewhere".encode()
        visit.send(b"HTTP/1.1 %d Moved\r\nlocation: %b\r\ncontent-length: 0\r\n\r\n" % (status, location))
        answer = await caller.answer()
        assert (answer.status, answer.code) == (502, "upstream_error")
        assert answer.header("location") is None
        assert "elsewhere" not in answer.body.decode()
        assert str(status) in answer.body.decode()
        assert other.visits == 0


async def test_a_key_goes_to_its_own_provider_alone(gateway: OpenGate, upstream: Upstream) -> None:
    """When one provider fails the next one sees its own credential, never the first one's."""
    async with Upstream() as second:
        gate = await gateway(
            providers={
                "a": {"base_url": upstream.base_url, "keys": ["sk-first-0123456789"], "headers": {"x-team": "first"}},
                "b": {"base_url": second.base_url, "keys": ["sk-second-0123456789"]},
            }
        )
        caller = await gate.caller()
        caller.ask({**HELLO, "model": "a:m", "models": ["b:m"]})
        for listener, own, foreign in ((upstream, b"first", b"second"), (second, b"second", b"first")):
            visit = await listener.accept()
            head, _ = await visit.request()
            assert b"Bearer sk-%b-" % own in head
            assert foreign not in head
            visit.send(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n" if listener is upstream else OK)
        assert (await caller.answer()).status == 200


@pytest.mark.parametrize(
    "path", ["/metrics", "/livez", "/readyz", "/v1/access-keys", "/provider-keys", "/config", "/admin"]
)
async def test_the_data_plane_has_no_back_door(gateway: OpenGate, path: str) -> None:
    """What operators call is on another listener."""
    gate = await gateway()
    for method in ("GET", "POST"):
        answer = await gate.ask(b"{}" if method == "POST" else None, path, method=method)
        assert (answer.status, answer.code) == (404, "unknown_route")


@pytest.mark.parametrize("name", ["up:x/../../admin", "up:..", "up:./x", "up:a/.."])
async def test_a_models_name_cannot_climb(gateway: OpenGate, name: str) -> None:
    """Where the model stands in the provider's path it cannot leave its place there."""
    gate = await gateway()
    for path, body in (
        (CHAT, {**HELLO, "model": name}),
        (f"/v1beta/models/{name.replace('/', '%2F')}:generateContent", {"contents": []}),
        (f"/v1beta/models/{name}:generateContent", {"contents": []}),
    ):
        answer = await gate.ask(json.dumps(body).encode(), path)
        assert answer.status == 400
    assert not gate.sandbox.requests
