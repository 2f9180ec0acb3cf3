"""Bodies on the wire: byte for byte, before they are complete, over the limit, and while upstreams fail."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from typing import Any

import pytest

from ..support.caller import CHAT, HELLO, chunked, request
from ..support.gate import TOKEN, OpenGate, eventually
from ..support.upstream import OK, Upstream

MIB = 2**20
# Odd on purpose: order, white space, number formats and escapes are the caller's.
ODD = b'{ "b" :1.50e+3,"model" : "%b" , "messages":[ {"role":"user","content":"\\u00fc \\/ \xc3\xbc"} ],"b":0.10 }\n'
FIELD = b'--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nup:m\r\n'
FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n'


@pytest.mark.parametrize(
    ("model", "out"),
    [
        (b"up:m", b"m"),
        (b"up:a\\u00fcb", "aüb".encode()),
        (b"up:org/m:1b", b"org/m:1b"),
        (b"up:a\\r\\nx: y", b"a\\r\\nx: y"),
    ],
)
async def test_the_body_goes_up_byte_for_byte(gateway: OpenGate, model: bytes, out: bytes) -> None:
    """But for the model's prefix nothing changes, and nothing of a name can become a header."""
    gate = await gateway()
    answer = await gate.ask(ODD % model)
    seen = gate.sandbox.requests[0]
    assert seen.body == ODD % out
    assert seen.header("content-length") == str(len(seen.body))
    assert seen.header("x") is None
    assert answer.header("x") is None


async def test_a_bare_id_leaves_the_body_untouched(gateway: OpenGate) -> None:
    """Without a prefix to take away it is the same bytes."""
    gate = await gateway(providers={"up": {"keys": ["sk-up-0123456789"], "models": ["m"]}})
    await gate.ask(ODD % b"m")
    assert gate.sandbox.requests[0].body == ODD % b"m"


async def test_the_list_of_fallbacks_is_taken_out(gateway: OpenGate) -> None:
    """`models` is the gateway's own field; no provider sees it."""
    gate = await gateway()
    body = b'{"models":["up:n"], "model":"up:m","messages":[{"role":"user","content":"hi"}]}'
    await gate.ask(body)
    assert gate.sandbox.requests[0].body == b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'


@pytest.mark.parametrize(
    ("encoding", "coder"),
    [("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)],
)
async def test_compressed_requests_go_up_plain(gateway: OpenGate, encoding: str, coder: Any) -> None:
    """Providers take none; length and coding of what goes up are true."""
    gate = await gateway()
    fields = [("content-encoding", encoding), ("content-type", "application/json")]
    answer = await gate.ask(coder(ODD % b"up:m"), headers=fields)
    seen = gate.sandbox.requests[0]
    assert answer.status == 200
    assert (seen.body, seen.header("content-encoding")) == (ODD % b"m", None)
    assert seen.header("content-length") == str(len(seen.body))


@pytest.mark.parametrize(
    ("body", "fields", "status", "code"),
    [
        (gzip.compress(b" " * 40 * MIB, mtime=0), [("content-encoding", "gzip")], 413, "input_too_large"),
        (b"no gzip", [("content-encoding", "gzip")], 400, "invalid_body"),
        (b"{}", [("content-encoding", "compress")], 400, "invalid_body"),
        (b"", [], 400, "invalid_body"),
        (b"hello", [], 400, "invalid_body"),
        (b'{"model":5}', [], 400, "invalid_body"),
        (b'{"model":"up:m","model":"up:n"}', [], 400, "invalid_body"),
        (b'{"messages":[]}', [], 400, "invalid_body"),
        (b'{"model":"","messages":[]}', [], 404, "unknown_model"),
        (b'{"models":[]}', [], 400, "invalid_body"),
        (b'{"model":"up:m","a":' + b"[" * 50_000 + b"]" * 50_000 + b"}", [], 400, "invalid_body"),
        (b"--b--", [("content-type", "multipart/form-data; boundary=b")], 400, "invalid_body"),
    ],
)
async def test_what_cannot_be_read_is_refused(
    gateway: OpenGate, body: bytes, fields: list[tuple[str, str]], status: int, code: str
) -> None:
    """Before any upstream is called; the request never fails over."""
    gate = await gateway()
    answer = await gate.ask(body, headers=fields)
    assert (answer.status, answer.code) == (status, code)
    assert answer.json["error"]["message"]
    assert not gate.sandbox.requests
    assert (await gate.record()).attempts == []


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("limit", [1000, 600_000])
async def test_a_body_over_the_limit(gateway: OpenGate, announced: bool, limit: int) -> None:
    """Announced it is refused at its head, in chunks where it crosses the limit; what went up is never completed."""
    gate = await gateway(limits={"max_body_bytes": limit})
    body = b'{"model":"up:m","a":"' + b"x" * limit + b'"}'
    caller = await gate.caller()
    if announced:
        caller.ask(body)
    else:
        caller.send(
            request(
                chunked(*[body[at : at + 50_000] for at in range(0, len(body), 50_000)]),
                token=TOKEN,
                headers=[("transfer-encoding", "chunked")],
            )
        )
    answer = await caller.answer()
    assert (answer.status, answer.code) == (413, "input_too_large")
    assert f"{limit} bytes (limits.max_body_bytes" in answer.json["error"]["message"]
    assert not any(seen.body for seen in gate.sandbox.requests)


async def test_a_body_of_the_limit_passes(gateway: OpenGate) -> None:
    """The limit is the largest size that is taken."""
    body = ODD % b"up:m"
    gate = await gateway(limits={"max_body_bytes": len(body)})
    assert (await gate.ask(body)).status == 200


@pytest.mark.parametrize("announced", [True, False])
async def test_a_large_body_goes_up_while_it_comes(gateway: OpenGate, upstream: Upstream, announced: bool) -> None:
    """The upstream has the first bytes before the caller has sent the last, with the length it will be."""
    gate = await gateway(providers={"up": {"base_url": upstream.base_url}})
    body = b'{"model":"up:m","a":"' + b"x" * 500_000 + b'"}'
    caller = await gate.caller()
    framing = [] if announced else [("transfer-encoding", "chunked")]
    first, rest = body[:300_000], body[300_000:]
    if announced:
        caller.send(request(body, token=TOKEN)[: -len(rest)])
    else:
        caller.send(request(chunked(first)[:-5], token=TOKEN, headers=framing))
    visit = await upstream.accept()
    head = await visit.head()
    assert (b"content-length: %d\r\n" % (len(body) - 3) in head) is announced
    assert (b"transfer-encoding: chunked\r\n" in head) is not announced
    await visit.until(b"xxxx")
    caller.send(rest if announced else chunked(rest))
    came = await visit.until(b'x"}')
    assert came.count(b"x") == 500_000 - 4
    visit.send(OK)
    assert (await caller.answer()).status == 200


async def test_late_fallbacks_take_over_during_the_upload(gateway: OpenGate, upstream: Upstream) -> None:
    """The first upstream is gone before the caller has named the second: the whole body still reaches that one."""
    gate = await gateway(
        providers={"gone": {"base_url": "http://127.0.0.1:9/v1"}, "up": {"base_url": upstream.base_url}}
    )
    body = b'{"model":"gone:m","a":"' + b"x" * 500_000 + b'","models":["up:n"]}'
    caller = await gate.caller()
    caller.send(request(body, token=TOKEN)[:-200_000])
    await eventually(
        lambda: any(
            turn and turn.record.attempts and turn.record.attempts[0].ended
            for turn in [each.turn for each in gate.process.gateway.connections]
        )
    )
    caller.send(body[-200_000:])
    visit = await upstream.accept()
    _, came = await visit.request()
    assert json.loads(came) == {"model": "n", "a": "x" * 500_000}
    visit.send(OK)
    answer = await caller.answer()
    assert (answer.status, answer.header("x-aigw-provider"), answer.header("x-aigw-attempts")) == (200, "up", "2")


async def test_an_unknown_model_waits_for_late_fallbacks(gateway: OpenGate, upstream: Upstream) -> None:
    """A large body is refused for its model only when it cannot list another one any more."""
    gate = await gateway(providers={"up": {"base_url": upstream.base_url}})
    caller = await gate.caller()
    for fallbacks, status in ((b',"models":["up:n"]}', 200), (b"}", 404)):
        caller.send(request(b'{"model":"nothing-like-it","a":"' + b"x" * 500_000 + b'"' + fallbacks, token=TOKEN))
        if status == 200:
            visit = await upstream.accept()
            assert json.loads((await visit.request())[1])["model"] == "n"
            visit.send(OK)
        assert (await caller.answer()).status == status


async def test_a_failing_upstream_during_the_upload(gateway: OpenGate, upstream: Upstream) -> None:
    """It answers 503 and leaves before it has everything: the next one gets the body from its first byte."""
    async with Upstream() as second:
        gate = await gateway(providers={"a": {"base_url": upstream.base_url}, "b": {"base_url": second.base_url}})
        body = b'{"model":"a:m","models":["b:n"],"a":"' + b"x" * 500_000 + b'"}'
        caller = await gate.caller()
        caller.send(request(body, token=TOKEN)[:-200_000])
        visit = await upstream.accept()
        await visit.until(b"xxxx")
        visit.send(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        visit.close()
        visit = await second.accept()
        await visit.head()
        caller.send(body[-200_000:])
        came = await visit.until(b'x"}')
        assert json.loads(came) == {"model": "n", "a": "x" * 500_000}
        visit.send(OK)
        assert (await caller.answer()).status == 200


async def test_a_slow_upstream_slows_the_caller_down(gateway: OpenGate, upstream: Upstream) -> None:
    """An upload that the upstream does not take is not collected here."""
    gate = await gateway(providers={"up": {"base_url": upstream.base_url}}, limits={"max_body_bytes": 64 * MIB})
    size = 32 * MIB
    caller = await gate.caller()
    form = FIELD + FILE
    fields = [("content-type", "multipart/form-data; boundary=b")]
    end = b"\r\n--b--\r\n"
    caller.send(
        request(form, "/v1/audio/transcriptions", token=TOKEN, headers=fields, length=len(form) + size + len(end))
    )
    visit = await upstream.accept()
    visit.writer.transport.pause_reading()  # type: ignore[attr-defined]
    block = b"\0" * MIB
    sent = 0
    while sent < size and caller.writer.transport.get_write_buffer_size() < 4 * MIB:
        caller.send(block)
        sent += MIB
        await asyncio.sleep(0.005)
    assert sent < size
    (turn,) = [connection.turn for connection in gate.process.gateway.connections]
    assert turn is not None
    assert turn.record.bytes_in < 16 * MIB
    visit.writer.transport.resume_reading()  # type: ignore[attr-defined]
    caller.send(b"\0" * (size - sent) + end)
    head = await visit.head()
    assert b"content-length: %d\r\n" % (len(form) + size + len(end) - 3) in head
    assert (await visit.body(len(form) + size + len(end) - 3)).endswith(end)
    visit.send(OK)
    assert (await caller.answer()).status == 200


@pytest.mark.parametrize("last", [False, True])
async def test_a_form_with_a_file(gateway: OpenGate, last: bool) -> None:
    """The model may stand before the file or behind it; the file's bytes pass as they are."""
    gate = await gateway()
    file = FILE + b"RIFF\0\xff\r\n--x\r\n"
    model = FIELD.replace(b"up:m", b"up:sandbox-audio")
    form = (file + model if last else model + file) + b"--b--\r\n"
    answer = await gate.ask(
        form, "/v1/audio/transcriptions", headers=[("content-type", 'multipart/form-data; boundary="b"')]
    )
    assert answer.status == 200
    assert gate.sandbox.requests[0].body == form.replace(b"up:", b"")


@pytest.mark.parametrize("path", ["/v1/audio/transcriptions", "/v1/audio/translations", "/v1/images/edits"])
async def test_json_is_no_form(gateway: OpenGate, path: str) -> None:
    """Each path takes one kind of body, and says which."""
    gate = await gateway()
    answer = await gate.ask(HELLO, path)
    assert (answer.status, answer.code) == (400, "invalid_body")
    assert "multipart/form-data" in answer.json["error"]["message"]


async def test_a_slow_form_is_cut_off_where_it_is_wrong(gateway: OpenGate, upstream: Upstream) -> None:
    """A second model behind a streamed file: the upstream never gets a complete request."""
    gate = await gateway(providers={"up": {"base_url": upstream.base_url}})
    form = FIELD + FILE + b"x" * 1000
    caller = await gate.caller()
    caller.send(
        request(
            form,
            "/v1/images/edits",
            token=TOKEN,
            headers=[("content-type", "multipart/form-data; boundary=b")],
            length=10_000,
        )
    )
    visit = await upstream.accept()
    await visit.until(b"xxxx")
    caller.send(b"\r\n" + FIELD + b"--b")
    answer = await caller.answer()
    assert (answer.status, answer.code) == (400, "invalid_body")
    assert b'name="model"' not in await visit.gone()


async def test_a_get_with_a_body(gateway: OpenGate) -> None:
    """A body where none belongs is not forwarded, and does not disturb what follows."""
    gate = await gateway()
    caller = await gate.caller()
    caller.send(request(b"x" * 100, "/v1/responses/resp_1", method="GET", token=TOKEN) + request(HELLO, token=TOKEN))
    assert [(await caller.answer()).status for _ in range(2)] == [404, 200]
    assert gate.sandbox.requests[0].body == b""
    assert CHAT.endswith(gate.sandbox.requests[1].path.removeprefix("/v1"))
