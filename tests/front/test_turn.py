"""One request from its head to its candidates: which fields go up, who is asked, in which order."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.front.routes import Intake, Route, route
from aigw.front.turn import clean_query
from aigw.operations import CHAT as CHAT_OPERATION
from aigw.operations import REALTIME

from ..support.caller import CHAT, HELLO, Answer, request
from ..support.gate import TOKEN, OpenGate, eventually
from ..support.upstream import OK, Upstream

KEY = "sk-up-0123456789abcdef"


def model(name: str, *fallbacks: str) -> dict[str, Any]:
    """A chat request for these."""
    return {**HELLO, "model": name, **({"models": list(fallbacks)} if fallbacks else {})}


def sandboxed(*faults: str, provider: str = "up") -> list[str]:
    """Names of models with these faults."""
    return [f"{provider}:sandbox-small{fault}" for fault in faults]


# -- what goes up ---------------------------------------------------------------------------------------------------


async def test_the_head_that_goes_up(gateway: OpenGate, upstream: Upstream) -> None:
    """Byte for byte: the provider's line, host and credential, the caller's fields that pass, the framing."""
    gate = await gateway(providers={"up": {"base_url": upstream.base_url, "keys": [KEY], "headers": {"x-team": "a"}}})
    caller = await gate.caller()
    body = b'{"model":"up:m"}'
    caller.send(
        b"POST /v1/chat/completions?a=1&key=secret&b=%2B HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer "
        + TOKEN.encode()
        + b"\r\nAccept: */*\r\nX-Team: theirs\r\nContent-Type: application/json\r\nX-Stainless-Lang: python\r\n"
        b"Cookie: a=b\r\nX-Api-Key: sk-stale\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\n"
        b"connection: x-second-hop\r\nX-Second-Hop: 1\r\nX-Forwarded-For: 10.0.0.1\r\nX-Request-Id: mine\r\n"
        b"OpenAI-Organization: org\r\nUser-Agent: OpenAI/Python\r\nAccept-Encoding: gzip, deflate\r\n"
        b"content-length: %d\r\n\r\n%b" % (len(body), body)
    )
    visit = await upstream.accept()
    head, came = await visit.request()
    host = upstream.base_url.removeprefix("http://").removesuffix("/v1").encode()
    assert came == b'{"model":"m"}'
    assert head == (
        b"POST /v1/chat/completions?a=1&b=%%2B HTTP/1.1\r\nhost: %b\r\nauthorization: Bearer %b\r\nx-team: a\r\n"
        b"Accept: */*\r\nContent-Type: application/json\r\nX-Stainless-Lang: python\r\nUser-Agent: OpenAI/Python\r\n"
        b"Accept-Encoding: gzip, deflate\r\ncontent-length: 13\r\n\r\n" % (host, KEY.encode())
    )
    visit.send(OK)
    assert (await caller.answer()).status == 200


@pytest.mark.parametrize(
    ("path", "credentials"),
    [
        (CHAT, {"authorization": f"Bearer {KEY}"}),
        ("/v1/messages", {"authorization": f"Bearer {KEY}", "x-api-key": KEY}),
        ("/v1beta/models/up:m:generateContent?key=mine", {"x-goog-api-key": KEY}),
    ],
)
@pytest.mark.parametrize("sent", ["authorization", "x-api-key", "x-goog-api-key", "api-key"])
async def test_the_callers_credential_never_goes_up(
    gateway: OpenGate, path: str, credentials: dict[str, str], sent: str
) -> None:
    """Whichever field it came in, whatever else came with it: the provider sees its own key alone."""
    gate = await gateway()
    caller = await gate.caller()
    names = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
    others = [(name, "stale-credential") for name in names[names.index(sent) + 1 :]]
    value = f"Bearer {TOKEN}" if sent == "authorization" else TOKEN
    caller.send(request({**HELLO, "max_tokens": 5, "contents": []}, path, headers=[*others, (sent, value)]))
    await caller.answer()
    seen = gate.sandbox.requests[0]
    assert {name: value for name, value in seen.headers if name in names} == credentials
    assert "stale" not in str(seen.headers)
    assert TOKEN not in str(seen.headers)
    assert "key=" not in seen.path


@pytest.mark.parametrize(
    ("query", "cleaned"),
    [
        ("alt=sse", "alt=sse"),
        ("key=secret", ""),
        ("alt=sse&key=secret", "alt=sse"),
        ("KEY=secret&k%65y=secret&api_key=a&api-key=b&apikey=c&access_token=d&alt=sse", "alt=sse"),
        ("a=%20+&b", "a=%20+&b"),
        ("monkey=1", "monkey=1"),
    ],
)
def test_credentials_leave_the_query(query: str, cleaned: str) -> None:
    """Gemini's callers may put their key there; the rest of the query stays as it is."""
    assert clean_query(query, Route(CHAT_OPERATION)) == cleaned


def test_a_sessions_model_leaves_the_query() -> None:
    """The provider's own name of it is put there instead."""
    assert clean_query("model=up:m&a=1", Route(REALTIME, Intake.TUNNEL)) == "a=1"


@pytest.mark.parametrize(
    ("path", "target"),
    [
        (CHAT, "/v1/chat/completions"),
        ("/v1/messages?beta=true", "/v1/messages?beta=true"),
        ("/v1/messages/count_tokens", "/v1/messages/count_tokens"),
        ("/v1/responses", "/v1/responses"),
        ("/v1/embeddings", "/v1/embeddings"),
        ("/v1/moderations", "/v1/moderations"),
        ("/v1/rerank", "/v1/rerank"),
        ("/v1/images/generations", "/v1/images/generations"),
        ("/v1/audio/speech", "/v1/audio/speech"),
        ("/v1/completions", "/v1/completions"),
        ("/v1beta/models/up:m:generateContent", "/v1beta/models/m:generateContent"),
        ("/v1/models/up%3Am:streamGenerateContent?alt=sse", "/v1beta/models/m:streamGenerateContent?alt=sse"),
        ("/v1beta/models/up:a%20b:countTokens", "/v1beta/models/a%20b:countTokens"),
        ("/v1beta/models/up:m:batchEmbedContents", "/v1beta/models/m:batchEmbedContents"),
    ],
)
async def test_every_surface_reaches_its_path(gateway: OpenGate, path: str, target: str) -> None:
    """Below the provider's base URL for that surface, with the model where this API has it."""
    gate = await gateway()
    await gate.ask(model("up:m"), path)
    seen = gate.sandbox.requests[0]
    assert (seen.method, seen.path) == ("POST", target)
    assert route("POST", path.partition("?")[0])


# -- who is asked ---------------------------------------------------------------------------------------------------

CATALOG = {
    "openai": {"keys": ["sk-openai-0123456789"], "surfaces": ["chat-completions"]},
    "my-ollama": {"models": ["llama3.2:1b", "Own-Model"]},
}


@pytest.mark.parametrize(
    ("name", "provider", "out"),
    [
        ("openai:gpt-4o", "openai", "gpt-4o"),
        ("gpt-4o", "openai", "gpt-4o"),
        ("GPT-4O", "openai", "gpt-4o"),
        ("openai:not-in-the-catalog", "openai", "not-in-the-catalog"),
        ("llama3.2:1b", "my-ollama", "llama3.2:1b"),
        ("own-model", "my-ollama", "Own-Model"),
        ("my-ollama:anything/at:all", "my-ollama", "anything/at:all"),
    ],
)
async def test_a_name_chooses_provider_and_model(gateway: OpenGate, name: str, provider: str, out: str) -> None:
    """By prefix, by what the operator declared, by the catalog; the provider gets its own spelling."""
    gate = await gateway(providers=CATALOG)
    answer = await gate.ask(model(name))
    assert (answer.header("x-aigw-provider"), answer.header("x-aigw-model")) == (provider, out)
    assert f'"model": "{out}"'.encode() in gate.sandbox.requests[0].body
    record = await gate.record()
    assert (record.provider, record.model, record.requested_model) == (provider, out, name)


@pytest.mark.parametrize(
    ("name", "status", "code", "words"),
    [
        ("gpt-4o-mimi", 404, "unknown_model", "`gpt-4o-mini`"),
        ("opnai:gpt-4o", 404, "unknown_provider", "did you mean `openai:`"),
        ("nobody:gpt-4o", 404, "unknown_provider", "my-ollama, "),
        ("groq:llama-3.3-70b-versatile", 400, "no_credentials", "GROQ_API_KEY"),
        ("openai:../../admin", 400, "invalid_body", "no model's name"),
        ("openai:" + "x" * 600, 400, "invalid_body", "longer than"),
    ],
)
async def test_a_name_that_cannot_be_called(gateway: OpenGate, name: str, status: int, code: str, words: str) -> None:
    """Refused before anything is called, with what to write or to set instead."""
    gate = await gateway(providers=CATALOG)
    answer = await gate.ask(model(name))
    assert (answer.status, answer.code) == (status, code)
    assert answer.json["error"]["param"] == "model"
    assert words in answer.json["error"]["message"]
    assert not gate.sandbox.requests


SCOPES = [
    ({}, 200),
    ({"providers": ("up",)}, 200),
    ({"providers": ("other",)}, 403),
    ({"providers": ()}, 403),
    ({"models": ("up:SANDBOX-small", "other/x")}, 200),
    ({"models": ("up/sandbox-small",)}, 200),
    ({"models": ("other:sandbox-small",)}, 403),
    ({"models": ()}, 403),
    ({"providers": ("other",), "models": ("up:sandbox-small",)}, 403),
]


@pytest.mark.parametrize(("scope", "status"), SCOPES)
@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
async def test_a_keys_scope(gateway: OpenGate, scope: dict[str, Any], status: int, header: str) -> None:
    """What is not allowed is refused and never called, by whichever field the key came."""
    gate = await gateway(access_keys=[{"name": "app", "key": TOKEN, **scope}])
    caller = await gate.caller()
    value = f"Bearer {TOKEN}" if header == "authorization" else TOKEN
    caller.send(request(HELLO, headers=[(header, value)]))
    answer = await caller.answer()
    assert answer.status == status
    if status == 403:
        assert answer.code == "not_allowed"
        assert "`sandbox-small` of the provider `up`" in answer.json["error"]["message"]
        assert not gate.sandbox.requests


async def test_a_scope_drops_what_it_does_not_allow(gateway: OpenGate) -> None:
    """The other candidates are asked as if it had not been named."""
    gate = await gateway(access_keys=[{"name": "app", "key": TOKEN, "models": ("up:allowed",)}])
    answer = await gate.ask(model("up:forbidden", "up:allowed"))
    assert (answer.status, answer.header("x-aigw-model"), answer.header("x-aigw-attempts")) == (200, "allowed", "1")


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"up:allowed","model":"up:forbidden","messages":[]}',
        b'{"model":"up:allowed","\\u006dodel":"forbidden","messages":[]}',
        b'{"model":"up:allowed","Model":"forbidden","messages":[]}',
        b'{"model":"up:allowed","x":"' + b"a" * 300_000 + b'","\\u006dodel":"forbidden"}',
        b'{"model":"up:allowed","x":[' + b"[]," * 300_000 + b'[]],"model":"forbidden"}',
    ],
)
async def test_a_scope_cannot_be_tricked(gateway: OpenGate, body: bytes) -> None:
    """A second model in any spelling, small body or large: what is checked and what is obeyed are the same."""
    gate = await gateway(access_keys=[{"name": "app", "key": TOKEN, "models": ("up:allowed",)}])
    answer = await gate.ask(body)
    assert (answer.status, answer.code) == (400, "invalid_body")
    assert not any(b"forbidden" in seen.body for seen in gate.sandbox.requests)


# -- when they fail -------------------------------------------------------------------------------------------------


async def failing(gateway: OpenGate, names: list[str], keys: list[str] | None = None) -> tuple[Answer, Any]:
    """The answer to a request for these models, and its record."""
    gate = await gateway(providers={"up": {"keys": keys or [KEY]}, "gone": {"base_url": "http://127.0.0.1:9/v1"}})
    answer = await gate.ask(model(names[0], *names[1:]))
    return answer, await gate.record()


async def test_every_key_in_order(gateway: OpenGate) -> None:
    """A key that is refused or exhausted gives way to the next one of the same model."""
    keys = ["sk-bad-key-0123456789", "sk-fail-429-0123456789", KEY]
    answer, record = await failing(gateway, sandboxed(""), keys)
    assert (answer.status, answer.header("x-aigw-attempts")) == (200, "3")
    assert [(each.status, each.key_id) for each in record.attempts] == [
        (401, "aigpk_up_1"),
        (429, "aigpk_up_2"),
        (200, "aigpk_up_3"),
    ]


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_bad_request_goes_to_the_next_model(gateway: OpenGate, status: int) -> None:
    """Another key would hear the same; another provider may take it."""
    answer, record = await failing(gateway, sandboxed(f"!status={status}", ""), [KEY, "sk-other-0123456789abcdef"])
    assert answer.status == 200
    assert [each.status for each in record.attempts] == [status, 200]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429])
async def test_a_unanimous_refusal_is_passed_on(gateway: OpenGate, status: int) -> None:
    """If every attempt got the same 4xx, the last upstream's own words go to the caller."""
    answer, _ = await failing(gateway, sandboxed(f"!status={status}", f"!status={status},retry-after=9"))
    assert (answer.status, answer.code) == (status, None)
    assert answer.header("x-aigw-attempts") == "2"
    assert answer.header("retry-after") == "9"
    assert "message" in answer.json["error"]


@pytest.mark.parametrize(
    ("faults", "seconds"),
    [
        (("!status=500", "!status=503"), "1"),
        (("!status=429,retry-after=30", "!status=503,retry-after=9"), "9"),
        (("!status=429,retry-after=3600", "!status=500"), "120"),
        (("!status=429,retry-after-ms=2500", "!status=500"), "3"),
    ],
)
async def test_all_failed(gateway: OpenGate, faults: tuple[str, ...], seconds: str) -> None:
    """Every attempt is listed, no key is shown, and when to come back is between 1 and 120 seconds."""
    answer, record = await failing(gateway, [*sandboxed(*faults), "gone:m"])
    assert (answer.status, answer.code, answer.header("retry-after")) == (503, "all_candidates_failed", seconds)
    message = answer.json["error"]["message"]
    for attempt in record.attempts:
        assert f"{attempt.provider}:{attempt.model}" in message
        assert str(attempt.status or attempt.reason) in message
    assert "sk-up-0123***cdef" in message
    assert KEY not in message
    assert record.outcome == "upstream_error"


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("gone:m", 502, "upstream_unreachable"),
        ("up:sandbox-small!close-before-head", 502, "upstream_unreachable"),
        ("up:sandbox-small!html", 502, "upstream_error"),
        ("up:sandbox-small!status=302", 502, "upstream_error"),
        ("up:sandbox-small!status=429,retry-after=7", 429, None),
        ("up:sandbox-small!status=529", 529, None),
        ("up:sandbox-small!status=418", 418, None),
    ],
)
async def test_the_only_candidate_fails(gateway: OpenGate, name: str, status: int, code: str | None) -> None:
    """Its own error with its status, or what was wrong with its answer; one that cannot be reached is tried twice."""
    answer, record = await failing(gateway, [name])
    assert (answer.status, answer.code) == (status, code)
    assert answer.header("location") is None
    assert len(record.attempts) == (2 if name.startswith("gone") else 1)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"per_request_timeout": 0.05}, "limits.per_request_timeout"),
        ({"total_timeout": 0.05}, "limits.total_timeout"),
    ],
)
async def test_too_late(gateway: OpenGate, limits: dict[str, float], words: str) -> None:
    """504 says which limit it was, and the upstream is let go."""
    gate = await gateway(limits=limits)
    answer = await gate.ask(model("up:sandbox-small!stall-head"))
    assert (answer.status, answer.code) == (504, "timeout")
    assert words in answer.json["error"]["message"]
    assert (await gate.record()).outcome == "timeout"
    await eventually(lambda: gate.sandbox.requests[0].hung_up)


@pytest.mark.parametrize(
    ("fault", "limits"),
    [("stall", {"stream_idle_timeout": 0.1}), ("delay=20,words=100", {"stream_total_timeout": 0.2})],
)
async def test_a_stream_that_takes_too_long(gateway: OpenGate, fault: str, limits: dict[str, float]) -> None:
    """It ends with an error event, and is recorded as a timeout."""
    gate = await gateway(limits=limits)
    answer = await gate.ask({**model(f"up:sandbox-small!{fault}"), "stream": True})
    assert b"stopped midway" in answer.body
    assert (await gate.record()).outcome == "timeout"
