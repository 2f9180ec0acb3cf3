"""What all connections share: errors in the caller's own format, ids, the upstream's errors, the end."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from typing import Any

import pytest

from aigw.front.routes import DOCUMENTED

from ..support.caller import CHAT, HELLO, Answer, request
from ..support.compiled import plain_only
from ..support.gate import TOKEN, OpenGate, eventually
from ..support.upstream import Upstream

FORMATS = {
    "/v1/chat/completions": "chat",
    "/v1/embeddings": "chat",
    "/v1/responses": "responses",
    "/v1/responses/resp_1": "responses",
    "/v1/messages": "messages",
    "/v1/messages/count_tokens": "messages",
    "/v1beta/models/x:generateContent": "gemini",
    "/v1beta/models": "gemini",
}


def shaped(answer: Answer, format: str) -> tuple[str, str]:
    """Code and message of an error, which has to have this format's shape."""
    body = answer.json
    assert answer.header("content-type") == "application/json"
    if format == "messages":
        assert set(body) == {"type", "error", "request_id"}
        assert body["request_id"] == answer.header("request-id")
        return body["error"]["details"]["error_code"], body["error"]["message"]
    if format == "gemini":
        assert set(body["error"]) == {"code", "message", "status", "details"}
        assert body["error"]["code"] == answer.status
        return body["error"]["details"][0]["reason"], body["error"]["message"]
    assert set(body["error"]) == {"message", "type", "param", "code"}
    return body["error"]["code"], body["error"]["message"]


@pytest.mark.parametrize(("path", "format"), FORMATS.items())
@pytest.mark.parametrize(
    ("token", "code"), [(None, "missing_access_key"), ("wrong", "invalid_access_key"), (TOKEN, None)]
)
async def test_errors_in_the_callers_format(
    gateway: OpenGate, path: str, format: str, token: str | None, code: str | None
) -> None:
    """401 before anything else, 405, 404: each in the shape that the SDKs of this path read, with ids and our code."""
    gate = await gateway()
    caller = await gate.caller()
    for method, target in (("PATCH", path), ("POST", f"{path}/nothing/here"), ("PATCH", f"{path}?a=b")):
        caller.send(request(path=target, method=method, token=token))
        answer = await caller.answer()
        expected = code or ("unknown_route" if "nothing" in target else "method_not_allowed")
        assert answer.code == expected
        assert shaped(answer, format)[0] == expected
        assert answer.status == (401 if code else 404 if "nothing" in target else 405)
        assert (answer.header("allow") is None) is (answer.status != 405)
        assert re.fullmatch(r"req_[0-9a-f]{24}", answer.header("x-request-id") or "")
        assert answer.header("request-id") == answer.header("x-request-id")
    assert not gate.sandbox.requests
    assert {record.outcome for record in gate.records} == {"refused"}


@pytest.mark.parametrize(("method", "path"), DOCUMENTED)
async def test_every_route_asks_who_calls(gateway: OpenGate, method: str, path: str) -> None:
    """No route forgets it: without a key nothing is read, nothing called."""
    gate = await gateway()
    caller = await gate.caller()
    target = path.replace("{id}", "x").replace("{model}", "up:sandbox-small")
    caller.send(request(b"" if method == "POST" else None, target, method=method))
    answer = await caller.answer()
    assert (answer.status, answer.code) == (401, "missing_access_key")
    assert not gate.sandbox.requests


@pytest.mark.parametrize("path", ["/nothing", CHAT, "/v1/models"])
async def test_head_answers_have_no_body(gateway: OpenGate, path: str) -> None:
    """The head of what GET would answer, its length included, and nothing behind it."""
    gate = await gateway()
    whole = await gate.ask(path=path)
    head = await gate.ask(path=path, method="HEAD")
    assert head.status == whole.status
    assert head.header("content-length") == whole.header("content-length") or path == CHAT
    assert head.body == b""


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        ("abc-123_X.y:z", True),
        ("a" * 128, True),
        ("a" * 129, False),
        ("", False),
        ("a b", False),
        ("a\tb", False),
        ('"quoted"', False),
        ("a;b", False),
        ("größer", False),
    ],
)
async def test_a_callers_request_id_is_taken_if_it_is_harmless(gateway: OpenGate, sent: str, taken: bool) -> None:
    """It goes into headers and logs: a plain token of bounded length is taken over, anything else replaced."""
    gate = await gateway()
    answer = await gate.ask(HELLO, headers=[("x-request-id", sent)])
    assert (answer.header("x-request-id") == sent) is taken
    assert (await gate.record()).request_id == answer.header("request-id")
    assert gate.sandbox.requests[0].header("x-request-id") is None


async def test_ids_are_unique(gateway: OpenGate) -> None:
    """Every request has its own, refused ones included."""
    gate = await gateway()
    ids = {(await gate.ask(HELLO, path)).header("x-request-id") for path in (CHAT, "/nothing", CHAT)}
    assert len(ids) == 3


# -- the upstream's own errors --------------------------------------------------------------------------------------

UPSTREAM_ERRORS: dict[str, tuple[bytes, bytes, str]] = {
    "a page": (
        b"text/html",
        b"<html><head><title>Bad Gateway</title><style>p{}</style></head><body><p>nginx</p>",
        "Bad Gateway nginx",
    ),
    "text": (b"text/plain", b"try\r\nagain\x1b[0m", "try again [0m"),
    "nothing": (b"application/json", b"", "no further explanation"),
    "half JSON": (b"application/json", b'{"error":{"message":"The ser', "The ser"),
    "no JSON": (b"application/json", b"upstream connect error", "upstream connect error"),
    "a number": (b"application/json", b"5", "5"),
}


async def failing(
    gateway: OpenGate, upstream: Upstream, kind: bytes, body: bytes, *fields: bytes, path: str = CHAT
) -> Answer:
    """What the caller gets when the only upstream answers 502 with this."""
    gate = await gateway(providers={"up": {"base_url": upstream.base_url, "keys": ["sk-upstream-0123456789abcdef"]}})
    caller = await gate.caller()
    caller.ask({"model": "up:m"}, path)
    visit = await upstream.accept()
    await visit.request()
    lines = b"".join(b"%b\r\n" % field for field in fields)
    visit.send(
        b"HTTP/1.1 502 Bad\r\ncontent-type: %b\r\n%bcontent-length: %d\r\n\r\n%b" % (kind, lines, len(body), body)
    )
    answer = await caller.answer()
    record = await gate.record()
    assert (record.status, record.outcome, record.error) == (502, "upstream_error", "upstream_error")
    return answer


@pytest.mark.parametrize(("path", "format"), [(CHAT, "chat"), ("/v1/messages", "messages")])
@pytest.mark.parametrize("case", UPSTREAM_ERRORS)
async def test_what_is_no_json_is_told_in_words(
    gateway: OpenGate, upstream: Upstream, case: str, path: str, format: str
) -> None:
    """A web page, a text, half an object: the caller gets its status and its words in the caller's own format."""
    kind, body, words = UPSTREAM_ERRORS[case]
    answer = await failing(gateway, upstream, kind, body, path=path)
    code, message = shaped(answer, format)
    assert answer.status == 502
    assert code == "upstream_error"
    assert message.startswith("The provider `up` answered with status 502: ")
    assert words in message
    assert "<" not in message


@pytest.mark.parametrize("kind", [b"application/json", b"application/problem+json; charset=utf-8"])
async def test_json_passes_as_it_is(gateway: OpenGate, upstream: Upstream, kind: bytes) -> None:
    """Byte for byte with its type, its retry hints and nothing else of the upstream's."""
    body = b'{ "detail" : "busy" , "n" : 1.50 }'
    answer = await failing(gateway, upstream, kind, body, b"retry-after: 7", b"set-cookie: a=b", b"location: /x")
    assert answer.body == body
    assert answer.header("content-type") == kind.decode()
    assert answer.header("retry-after") == "7"
    assert [answer.header(name) for name in ("set-cookie", "location", "x-aigw-error")] == [None, None, None]
    assert answer.header("x-aigw-provider") == "up"
    assert answer.header("x-aigw-attempts") == "1"


async def test_a_compressed_error_is_undone(gateway: OpenGate, upstream: Upstream) -> None:
    """It has to be looked at for secrets, so it goes out plain."""
    body = gzip.compress(b'{"error":{"message":"Incorrect API key sk-upstream-0123456789abcdef"}}')
    answer = await failing(gateway, upstream, b"application/json", body, b"content-encoding: gzip")
    assert answer.header("content-encoding") is None
    assert answer.json["error"]["message"] == "Incorrect API key [redacted]"


@pytest.mark.parametrize(("coding", "body"), [(b"x-secret", b'{"a":1}'), (b"gzip", b"no gzip")])
async def test_an_error_that_cannot_be_undone_is_not_shown(
    gateway: OpenGate, upstream: Upstream, coding: bytes, body: bytes
) -> None:
    """What cannot be looked at for secrets is not passed on."""
    answer = await failing(gateway, upstream, b"application/json", body, b"content-encoding: " + coding)
    assert answer.header("content-encoding") is None
    assert shaped(answer, "chat")[1].endswith("no further explanation")


async def test_an_error_without_end_is_cut(gateway: OpenGate, upstream: Upstream) -> None:
    """Of a huge error only the beginning is read, and the connection is not used again."""
    body = b'{"error":"' + b"a" * 300_000 + b'"}'
    answer = await failing(gateway, upstream, b"application/json", body)
    assert len(answer.body) < 2000
    assert shaped(answer, "chat")[1].endswith("a" * 300)


# -- places and the end ---------------------------------------------------------------------------------------------


async def test_one_connection_too_many_is_told_so(gateway: OpenGate) -> None:
    """Beyond `server.max_connections` a caller gets 503 and when to come back; the others are served on."""
    gate = await gateway(server={"max_connections": 2})
    callers = [await gate.caller() for _ in range(2)]
    await eventually(lambda: len(gate.process.gateway.connections) == 2)
    third = await gate.caller()
    third.ask(HELLO)
    answer = await third.answer()
    assert (answer.status, answer.code, answer.header("retry-after")) == (503, "overloaded", "1")
    assert "server.max_connections" in answer.json["error"]["message"]
    for caller in callers:
        caller.ask(HELLO)
        assert (await caller.answer()).status == 200


async def test_many_connections_too_many_are_cut_off(gateway: OpenGate) -> None:
    """Even saying no has its bound."""
    gate = await gateway(server={"max_connections": 1})
    for _ in range(2):
        await gate.caller()
    await eventually(lambda: len(gate.process.gateway.connections) == 2)
    assert await (await gate.caller()).rest() == b""


async def test_a_place_comes_free_again(gateway: OpenGate) -> None:
    """Who leaves makes room."""
    gate = await gateway(server={"max_connections": 1})
    for _ in range(3):
        assert (await gate.ask(HELLO)).status == 200
        await eventually(lambda: not gate.process.gateway.connections)


async def test_a_stream_under_way_is_finished(gateway: OpenGate) -> None:
    """Draining: what is under way goes on to its end, idle connections close, new ones find nobody."""
    gate = await gateway(server={"drain_timeout": 5.0})
    idle = await gate.caller()
    caller = await gate.caller()
    caller.ask({**HELLO, "model": "up:sandbox-small!delay=20", "stream": True})
    await caller.head()
    stopping = asyncio.create_task(gate.process.stop())
    assert await idle.rest() == b""
    assert (await caller.until(b"0\r\n\r\n")).endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
    assert await caller.rest() == b""
    await stopping
    with pytest.raises(ConnectionRefusedError):
        await gate.caller()
    assert (await gate.record()).outcome == "ok"


async def test_what_takes_too_long_is_cut(gateway: OpenGate) -> None:
    """After `server.drain_timeout` a stream is cut, never ended as if it were complete, and recorded as broken."""
    gate = await gateway(server={"drain_timeout": 0.05})
    caller = await gate.caller()
    caller.ask({**HELLO, "model": "up:sandbox-small!stall", "stream": True})
    head = await caller.head()
    await caller.until(b"You")
    await gate.process.stop()
    assert head.status == 200
    assert not (await caller.rest()).endswith(b"0\r\n\r\n")
    record = await gate.record()
    assert (record.outcome, record.error) == ("broken", "draining")
    await gate.sandbox.requests[0].over.wait()
    assert gate.sandbox.requests[0].hung_up


async def test_who_has_no_answer_yet_gets_one(gateway: OpenGate) -> None:
    """A request that waits for its upstream when the time is over is told to ask again."""
    gate = await gateway(server={"drain_timeout": 0.05})
    caller = await gate.caller()
    caller.ask({**HELLO, "model": "up:sandbox-small!stall-head"})
    await eventually(lambda: gate.sandbox.requests)
    await gate.process.stop()
    answer = await caller.answer()
    assert (answer.status, answer.code, answer.header("connection")) == (503, "overloaded", "close")
    assert await caller.rest() == b""


async def test_the_last_answer_says_that_it_is(gateway: OpenGate) -> None:
    """An answer that begins while draining closes the connection and says so in its head."""
    gate = await gateway(server={"drain_timeout": 5.0})
    caller = await gate.caller()
    caller.ask({**HELLO, "model": "up:sandbox-small!first-byte-delay=50"})
    await eventually(lambda: gate.sandbox.requests)
    stopping = asyncio.create_task(gate.process.stop())
    answer = await caller.answer()
    assert (answer.status, answer.header("connection")) == (200, "close")
    assert await caller.rest() == b""
    await stopping


async def test_one_record_per_request(gateway: OpenGate) -> None:
    """Served, refused, unknown, malformed, not HTTP: each is shown to the sinks exactly once, settled."""
    gate = await gateway()
    cases: list[tuple[Any, str, str, int]] = [
        (request(HELLO, token=TOKEN), "ok", "", 200),
        (request(HELLO), "refused", "missing_access_key", 401),
        (request(b"[", token=TOKEN), "refused", "invalid_body", 400),
        (request(path="/nothing", token=TOKEN), "refused", "unknown_route", 404),
        (request(path="/v1/models", token=TOKEN), "ok", "", 200),
        (request(path="/v1/models"), "refused", "missing_access_key", 401),
        (b"nonsense\r\n\r\n", "refused", "bad_request", 400),
    ]
    for number, (data, outcome, error, status) in enumerate(cases, 1):
        caller = await gate.caller()
        caller.send(data)
        await caller.answer()
        record = await gate.record(number)
        assert (record.outcome, record.error, record.status) == (outcome, error, status)
        assert record.ended is not None
    assert len(gate.records) == len(cases)


async def test_a_refusals_body_is_counted(gateway: OpenGate) -> None:
    """Bytes in and out are those of the bodies."""
    gate = await gateway()
    body = json.dumps({**HELLO, "model": "nothing"}).encode()
    answer = await gate.ask(body)
    record = await gate.record()
    assert (record.bytes_in, record.bytes_out) == (len(body), len(answer.body))


@plain_only
async def test_a_fault_of_our_own_is_answered(gateway: OpenGate, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake within the gateway gives 500 in the caller's format and a traceback for the operator, never silence."""
    gate = await gateway()
    seen: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: seen.append(context))

    def broken(*args: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(gate.process.gateway.planner, "plan", broken)
    answer = await gate.ask({**HELLO, "max_tokens": 5}, "/v1/messages")
    assert (answer.status, answer.header("connection")) == (500, "close")
    assert shaped(answer, "messages")[0] == "internal_error"
    assert "mistake" not in answer.body.decode()
    assert [str(context["exception"]) for context in seen] == ["a mistake"]
    record = await gate.record()
    assert (record.outcome, record.error) == ("failed", "internal_error")
