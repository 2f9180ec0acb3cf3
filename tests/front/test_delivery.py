"""Streams tell the truth: what arrives passes as it is, and what breaks off never looks complete."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from ..support.caller import CHAT, HELLO, request
from ..support.gate import TOKEN, Gate, OpenGate, eventually
from ..support.upstream import Upstream, Visit

STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
ROLE = b'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n'
WORD = b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n'
SPEECH = "/v1/audio/speech"
PATHS = {
    "chat": CHAT,
    "completions": "/v1/completions",
    "messages": "/v1/messages",
    "responses": "/v1/responses",
    "gemini": "/v1beta/models/up:sandbox-small{}:streamGenerateContent?alt=sse",
}


def asked(name: str, fault: str, *, stream: bool = True) -> tuple[dict[str, Any], str]:
    """Body and path of a request in a format, with a fault."""
    model = f"up:sandbox-small{fault}"
    if name == "gemini":
        path = PATHS[name].format(fault.replace("=", "%3D"))
        return {"contents": [{"role": "user", "parts": [{"text": "hello canary"}]}]}, path
    turns = [{"role": "user", "content": "hello canary"}]
    said: dict[str, dict[str, Any]] = {
        "completions": {"prompt": "hello canary"},
        "messages": {"messages": turns, "max_tokens": 100},
        "responses": {"input": "hello canary"},
    }
    return {"model": model, "stream": stream, **said.get(name, {"messages": turns})}, PATHS[name]


def chunk(data: bytes) -> bytes:
    """One chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


@pytest.mark.parametrize("name", PATHS)
async def test_a_whole_stream_passes_byte_for_byte(gateway: OpenGate, name: str) -> None:
    """Every event as it was sent, to the terminal one, with the record's usage read on the side."""
    gate = await gateway()
    body, path = asked(name, "")
    answer = await gate.ask(body, path)
    assert (answer.status, answer.complete) == (200, True)
    assert (answer.header("content-type") or "").startswith("text/event-stream")
    assert answer.header("x-accel-buffering") == "no"
    assert answer.header("content-length") is None
    assert b"canary" in answer.body
    record = await gate.record()
    assert (record.outcome, record.stream, record.bytes_out) == ("ok", True, len(answer.body))
    assert record.seen is not None
    assert record.seen.terminal
    # Chat's streams tell their usage only when they are asked to.
    assert (record.seen.usage is None) is (name in ("chat", "completions"))


@pytest.mark.parametrize("fault", ["cut-events", "reset", "cut-events=3c"])
@pytest.mark.parametrize("name", PATHS)
async def test_a_stream_that_breaks_off_says_so(gateway: OpenGate, name: str, fault: str) -> None:
    """Chat and Messages: the error event of the format, then an end without a terminal event. Others: and a cut."""
    gate = await gateway()
    body, path = asked(name, f"!{fault},words=20")
    answer = await gate.ask(body, path)
    assert answer.status == 200
    events = answer.body.replace(b"\r\n", b"\n").split(b"\n\n")
    assert events.pop() == b""
    *lines, data = events[-1].split(b"\n")
    error = json.loads(data.removeprefix(b"data: "))
    assert b"stopped midway" in data
    assert b"[DONE]" not in answer.body
    assert b"message_stop" not in answer.body
    if name in ("chat", "completions"):
        assert (lines, set(error)) == ([], {"error"})
        assert answer.complete
    elif name == "messages":
        assert lines == [b"event: error"]
        assert (error["type"], error["error"]["details"]["error_code"]) == ("error", "upstream_error")
        assert answer.complete
    elif name == "responses":
        assert (lines, error["type"], error["code"]) == ([b"event: error"], "error", "upstream_error")
        assert not answer.complete
    else:
        assert error["error"]["code"] == 502
        assert not answer.complete
    record = await gate.record()
    assert (record.outcome, record.status, record.error) == ("broken", 200, "connection_closed")


@pytest.mark.parametrize("name", ["chat", "messages"])
async def test_after_a_stream_that_said_so_the_connection_goes_on(gateway: OpenGate, name: str) -> None:
    """The body had its proper end, so the next request can follow."""
    gate = await gateway()
    caller = await gate.caller()
    for fault, end in (("!cut", False), ("", True)):
        caller.ask(*asked(name, fault))
        answer = await caller.answer()
        assert answer.complete
        assert (b"[DONE]" in answer.body or b"message_stop" in answer.body) is end


async def opened(
    gateway: OpenGate, upstream: Upstream, path: str = CHAT, *, stream: bool = True, **details: Any
) -> tuple[Gate, Any, Visit]:
    """A gateway, a caller that asked for a stream, and the upstream's side of it."""
    gate = await gateway(providers={"up": {"base_url": upstream.base_url}}, **details)
    caller = await gate.caller()
    caller.ask({"model": "up:m", "stream": stream}, path)
    visit = await upstream.accept()
    await visit.request()
    return gate, caller, visit


@pytest.mark.parametrize("half", [b'data: {"half', b'data: {"half":1}\n', b": half"])
async def test_half_an_event_is_only_cut(gateway: OpenGate, upstream: Upstream, half: bytes) -> None:
    """An error event behind half of another one would be read as part of it."""
    gate, caller, visit = await opened(gateway, upstream)
    visit.send(STREAM + chunk(ROLE + WORD + half))
    await caller.until(b"half")
    visit.close()
    answer = await caller.rest()
    assert b"data:" not in answer
    assert not answer.endswith(b"0\r\n\r\n")
    assert (await gate.record()).outcome == "broken"


async def test_a_blank_line_in_two_arrivals_ends_an_event(gateway: OpenGate, upstream: Upstream) -> None:
    """Where an event ends does not depend on segments."""
    _, caller, visit = await opened(gateway, upstream)
    visit.send(STREAM + chunk(ROLE + WORD + WORD[:-1]))
    await caller.until(b'"Hi"')
    visit.send(chunk(b"\n"))
    await caller.until(b"1\r\n\n\r\n")
    visit.close()
    assert b"stopped midway" in await caller.until(b"\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    "head",
    [
        b"content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n64\r\n%b\r\n" % (b"[" * 100),
        b"content-type: application/json\r\ncontent-length: 200\r\n\r\n%b" % (b"[" * 100),
        b"content-type: audio/mpeg\r\ntransfer-encoding: chunked\r\n\r\n5\r\nID3..\r\n",
    ],
)
async def test_anything_else_that_breaks_off_is_cut(gateway: OpenGate, upstream: Upstream, head: bytes) -> None:
    """There is no word for it in these bodies: the connection ends before the body does."""
    gate, caller, visit = await opened(gateway, upstream, SPEECH, stream=False)
    visit.send(b"HTTP/1.1 200 OK\r\n" + head)
    visit.close()
    answer = await caller.answer()
    assert (answer.status, answer.complete) == (200, False)
    assert b"stopped" not in answer.body
    assert (await gate.record()).outcome == "broken"


async def test_a_compressed_stream_gets_no_plain_words(gateway: OpenGate, upstream: Upstream) -> None:
    """It passes as it is, and breaks off as it is: our words in it would be garbage."""
    _, caller, visit = await opened(gateway, upstream)
    coded = gzip.compress(ROLE + WORD)[:-8] + b"\n\n"
    visit.send(STREAM.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n") + chunk(coded))
    await caller.until(coded)
    visit.close()
    assert await caller.rest() == b"\r\n"


async def test_a_compressed_stream_passes_and_is_read_on_the_side(gateway: OpenGate) -> None:
    """The bytes are the upstream's; the usage in them is found."""
    gate = await gateway()
    body, path = asked("chat", "!gzip")
    body["stream_options"] = {"include_usage": True}
    answer = await gate.ask(body, path)
    assert answer.header("content-encoding") == "gzip"
    assert gzip.decompress(answer.body).endswith(b"data: [DONE]\n\n")
    record = await gate.record()
    assert record.seen is not None
    assert record.seen.usage is not None
    assert record.seen.terminal


@pytest.mark.parametrize(("plain", "told"), [(True, True), (False, False)])
async def test_http_1_0_learns_of_it_as_well(gateway: OpenGate, upstream: Upstream, plain: bool, told: bool) -> None:
    """Its body ends with the connection: an error event where one can stand, else a reset instead of an end."""
    gate = await gateway(providers={"up": {"base_url": upstream.base_url}})
    caller = await gate.caller()
    caller.send(request({"model": "up:m", "stream": True}, token=TOKEN).replace(b"HTTP/1.1", b"HTTP/1.0"))
    visit = await upstream.accept()
    await visit.request()
    visit.send(STREAM + chunk(ROLE + WORD + (b"" if plain else b"data: {")))
    await caller.until(b'"Hi"')
    visit.close()
    if told:
        assert b"stopped midway" in await caller.rest()
    else:
        await eventually(lambda: gate.records)
        assert b"stopped" not in await caller.rest()


@pytest.mark.parametrize("name", [name for name in PATHS if name != "gemini"])
async def test_a_stream_that_begins_with_an_error_is_none(gateway: OpenGate, name: str) -> None:
    """The next candidate is asked, and the caller sees one clean stream of that one alone."""
    gate = await gateway()
    body, path = asked(name, "!error-first")
    answer = await gate.ask({**body, "models": ["up:sandbox-large"]}, path)
    assert (answer.status, answer.complete) == (200, True)
    assert answer.header("x-aigw-model") == "sandbox-large"
    assert answer.header("x-aigw-attempts") == "2"
    assert b"sandbox-small" not in answer.body
    assert b'"error":{' not in answer.body
    record = await gate.record()
    assert [(each.model, each.reason) for each in record.attempts] == [
        ("sandbox-small!error-first", "error_in_stream"),
        ("sandbox-large", ""),
    ]


@pytest.mark.parametrize("name", PATHS)
async def test_an_error_with_nobody_else_to_ask(gateway: OpenGate, name: str) -> None:
    """It becomes a proper error answer, with the upstream's words, not a stream."""
    gate = await gateway()
    body, path = asked(name, "!error-first")
    answer = await gate.ask(body, path)
    assert answer.status >= 500
    assert answer.header("content-type") == "application/json"
    assert b"error while processing" in answer.body


@pytest.mark.parametrize("stream", [True, False])
async def test_every_arrival_leaves_at_once(gateway: OpenGate, upstream: Upstream, stream: bool) -> None:
    """Nothing is collected: what an upstream flushes the caller has before the next flush."""
    _, caller, visit = await opened(gateway, upstream, CHAT if stream else SPEECH, stream=stream)
    head = STREAM if stream else STREAM.replace(b"text/event-stream", b"audio/mpeg")
    visit.send(head + chunk(WORD))
    await caller.until(WORD)
    for number in range(20):
        visit.send(chunk(b"data: %d\n\n" % number))
        await caller.until(b"data: %d\n\n" % number)
    visit.send(chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")
    await caller.until(b"0\r\n\r\n")


@pytest.mark.parametrize(
    ("answer", "status", "length", "body"),
    [
        (b"200 OK\r\ncontent-length: 2\r\n\r\n{}", 200, "2", b"{}"),
        (b"200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 200, "2", b"{}"),
        (b"200 OK\r\nconnection: close\r\n\r\n{}", 200, None, b"{}"),
        (b"200 OK\r\ncontent-length: 0\r\n\r\n", 200, "0", b""),
        (b"204 No Content\r\n\r\n", 204, None, b""),
        (b"299 Odd\r\ncontent-length: 2\r\n\r\n{}", 299, "2", b"{}"),
        (b"103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", 200, "2", b"{}"),
    ],
)
async def test_framing(
    gateway: OpenGate, upstream: Upstream, answer: bytes, status: int, length: str | None, body: bytes
) -> None:
    """A known length is told, an unknown one chunked; the caller's connection can be used again in every case."""
    gate = await gateway(providers={"up": {"base_url": upstream.base_url}})
    caller = await gate.caller()
    for _ in range(2):
        caller.ask({"model": "up:m"}, SPEECH)
        visit = await upstream.accept()
        await visit.request()
        visit.send(b"HTTP/1.1 " + answer)
        visit.close()
        heard = await caller.answer()
        assert (heard.status, heard.header("content-length"), heard.body, heard.complete) == (
            status,
            length,
            body,
            True,
        )
        assert heard.header("connection") is None


async def test_what_is_told_of_an_answer(gateway: OpenGate) -> None:
    """Provider, model, attempts, where the time went, the upstream's limits; nothing of its cookies and account."""
    gate = await gateway()
    answer = await gate.ask(HELLO)
    assert answer.header("x-aigw-provider") == "up"
    assert answer.header("x-aigw-model") == "sandbox-small"
    assert answer.header("x-aigw-attempts") == "1"
    timing = answer.header("server-timing") or ""
    assert [part.partition(";")[0].strip() for part in timing.split(",")] == [
        "auth",
        "route",
        "connect",
        "upstream",
        "gateway",
    ]
    assert answer.header("x-ratelimit-limit-requests") == "10000"
    assert answer.header("x-aigw-upstream-request-id") is not None
    names = [name for name, _ in answer.headers]
    assert len(names) == len(set(names))
    assert not {"set-cookie", "openai-organization", "server", "via", "location"} & set(names)
