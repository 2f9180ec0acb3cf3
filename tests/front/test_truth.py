"""Streams tell the truth: whatever an upstream does, the official SDKs get all of its answer, or raise."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import Awaitable

import attrs
import pytest

from ..support.gate import Gate, OpenGate, eventually
from ..support.listening import ENDED, SDKS, Heard, begun_stream, behind
from ..support.streams import ASKED, CHUNKED, KIND, SAID, STREAMS, Stream, chunk, event
from ..support.upstream import Upstream, Visit

# -- what goes wrong ------------------------------------------------------------------------------------------------


@attrs.frozen
class Play:
    """What an upstream does: the content type, bytes that go out before and after the caller has the first of them.

    `last`: it ends its body properly; `reset`: it breaks the connection instead. `truly`: the answer is complete.
    """

    first: bytes
    then: bytes = b""
    head: bytes = KIND
    last: bool = True
    reset: bool = False
    truly: bool = False


def without(stream: Stream, *marks: bytes) -> bytes:
    """The end of a stream without the events that have one of these in them."""
    blank = b"\r\n\r\n" if b"\r\n\r\n" in stream.end else b"\n\n"
    return b"".join(each + blank for each in stream.end.split(blank)[:-1] if not any(mark in each for mark in marks))


ENDS = (b"[DONE]", b"finish_reason", b"message_stop", b"response.completed", b"finishReason")


def plays(name: str) -> dict[str, Play]:
    """All of them, for an upstream's format."""
    stream = STREAMS[name]
    begun, rest = stream.start + stream.words[0], b"".join(stream.words[1:])
    middle, cut = stream.words[1], stream.words[1].index("°".encode()) + 1
    zipped = gzip.compress(stream.true)
    blank = b"\r\n\r\n" if name == "gemini" else b"\n\n"
    plain = b"content-type: text/plain\r\n"
    found = {
        "nothing wrong": Play(begun, rest + stream.end, truly=True),
        "no end": Play(begun, rest + without(stream, *ENDS)),
        "half an event": Play(begun, middle[:30]),
        "half a letter": Play(begun, middle[:cut]),
        "half an event before a good end": Play(begun, middle[: cut - 3] + blank + stream.words[2] + stream.end),
        "half a letter before a good end": Play(begun, middle[:cut] + middle[cut + 1 :] + stream.words[2] + stream.end),
        "an error": Play(begun, stream.error),
        "an error alone": Play(begun, stream.error.partition(b"data: ")[2]),
        "an error without its name": Play(begun, b"data: " + stream.error.partition(b"data: ")[2]),
        "an error and a reset": Play(begun, stream.error, last=False, reset=True),
        "a reset": Play(begun, rest, last=False, reset=True),
        "a close": Play(begun, rest, last=False),
        "no last chunk": Play(begun, rest + stream.end, last=False, truly=True),
        "gzip cut short": Play(zipped[:-30], head=KIND + b"content-encoding: gzip\r\n"),
        "gzip": Play(zipped, head=KIND + b"content-encoding: gzip\r\n", truly=True),
        "an empty stream": Play(b""),
        "an error first": Play(stream.error),
        "a web page": Play(b"<html>sorry</html>", head=b"content-type: text/html\r\n"),
        "a text": Play(b"ok", head=plain),
        "another type": Play(begun, rest + stream.end, head=plain, truly=True),
        "no type": Play(begun, rest + stream.end, head=b"", truly=True),
        "a byte order mark": Play(b"\xef\xbb\xbf" + begun, rest + stream.end, truly=True),
    }
    if name in ("messages", "responses"):
        found["a second start"] = Play(begun, begun + rest + stream.end)
    if name == "chat":
        found["no [DONE]"] = Play(begun, rest + without(stream, b"[DONE]"), truly=True)
    if name != "gemini":
        found["an empty event"] = Play(begun, event("") + rest + stream.end)
    return found


# -- what SDKs make of it


async def perform(gate: Gate, visit: Visit, play: Play) -> None:
    """The upstream's part."""
    await visit.request()
    begun = chunk(play.first) if play.first else b""
    visit.send(b"HTTP/1.1 200 OK\r\nconnection: close\r\n" + play.head + CHUNKED + begun)
    if play.then:
        await eventually(lambda: committed(gate) or not gate.process.gateway.in_flight)
        visit.send(chunk(play.then))
    if play.reset:
        await visit.writer.drain()
        visit.reset()
        return
    if play.last:
        visit.send(b"0\r\n\r\n")
    visit.close()


def committed(gate: Gate) -> bool:
    """Whether the head of an answer has gone to the caller."""
    return any(each.turn is not None and each.turn._head_sent for each in gate.process.gateway.connections)


async def heard(asking: Awaitable[Heard], gate: Gate, upstream: Upstream, play: Play) -> Heard | BaseException:
    """What an app gets of it."""
    async with asyncio.timeout(10):
        answer, _ = await asyncio.gather(asking, perform(gate, await upstream.accept(), play), return_exceptions=True)
    return answer


@pytest.mark.parametrize("ours", STREAMS)
@pytest.mark.parametrize("theirs", STREAMS)
async def test_sdks_get_it_all_or_raise(gateway: OpenGate, upstream: Upstream, ours: str, theirs: str) -> None:
    """Through each format and from each: a complete answer with the upstream's own end, or an exception."""
    gate = await behind(gateway, upstream, theirs)
    opened, ask = SDKS[ours]
    wrong: dict[str, object] = {}
    async with opened(gate.base_url) as client:
        for number, (name, play) in enumerate(plays(theirs).items(), 1):
            answer = await heard(asyncio.ensure_future(ask(client)), gate, upstream, play)
            record = await gate.record(number)
            if isinstance(answer, Heard):
                right = answer == Heard(SAID, ENDED[ours])
            else:
                right = not play.truly and not isinstance(answer, TimeoutError)
            if not right or (record.outcome != "ok" and play.truly):
                wrong[name] = answer, record.outcome, record.error
    assert wrong == {}


@pytest.mark.parametrize("theirs", ["responses", "chat"])
async def test_an_error_event_has_the_next_number(gateway: OpenGate, upstream: Upstream, theirs: str) -> None:
    """Events of Responses are numbered, the gateway's own one as well."""
    gate = await behind(gateway, upstream, theirs)
    stream = STREAMS[theirs]
    begun = b"HTTP/1.1 200 OK\r\n" + KIND + CHUNKED + chunk(stream.start + stream.words[0])
    caller, visit = await begun_stream(gate, upstream, "responses", begun)
    first = await caller.until(b"It is ")
    visit.close()
    came = first + await caller.rest()
    assert b"event: error" in came
    numbers = re.findall(rb'"sequence_number": ?(\d+)', came)
    assert list(map(int, numbers)) == list(range(len(numbers)))


@pytest.mark.parametrize("name", ["chat", "messages"])
async def test_an_upstreams_own_error_ends_the_body_properly(gateway: OpenGate, upstream: Upstream, name: str) -> None:
    """The SDK has heard it: nothing is added, and the connection serves the next request."""
    gate = await behind(gateway, upstream, name)
    stream = STREAMS[name]
    begun = b"HTTP/1.1 200 OK\r\n" + KIND + CHUNKED + chunk(stream.start + stream.words[0])
    caller, visit = await begun_stream(gate, upstream, name, begun)
    await caller.until(chunk(stream.start + stream.words[0]))
    visit.send(chunk(stream.error) + b"0\r\n\r\n")
    assert await caller.until(b"0\r\n\r\n") == chunk(stream.error) + b"0\r\n\r\n"
    record = await gate.record()
    assert (record.outcome, record.error, record.attempts[0].reason) == ("broken", *["error_in_stream"] * 2)
    caller.ask({"model": "nobody:m"})
    assert (await caller.answer()).status == 404


async def test_a_stream_with_a_length_can_break_off_as_well(gateway: OpenGate, upstream: Upstream) -> None:
    """Its length is not passed on: an answer of that length could not be told from a good one."""
    gate = await behind(gateway, upstream, "chat")
    stream = STREAMS["chat"]
    begun, rest = stream.start + stream.words[0], stream.words[1]
    head = b"HTTP/1.1 200 OK\r\n" + KIND + b"content-length: %d\r\n\r\n" % len(begun + rest)
    caller, visit = await begun_stream(gate, upstream, "chat", head + begun)
    assert (await caller.head()).header("content-length") is None
    visit.send(rest)
    assert b"stopped midway" in await caller.until(b"0\r\n\r\n")
    assert (await gate.record()).error == "stream_cut"


@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", ""])
@pytest.mark.parametrize("name", STREAMS)
async def test_sdks_read_an_answer_of_another_type(gateway: OpenGate, upstream: Upstream, name: str, kind: str) -> None:
    """A JSON answer is called JSON: OpenAI's SDK would give the app a text instead of an answer."""
    gate = await behind(gateway, upstream, name)
    path, body = ASKED[name]
    path = path.replace("streamGenerateContent?alt=sse", "generateContent")
    caller = await gate.caller()
    caller.ask({key: value for key, value in body.items() if key != "stream"}, path)
    visit = await upstream.accept()
    await visit.request()
    whole = STREAMS[name].whole
    fields = f"content-type: {kind}\r\n" if kind else ""
    visit.send(f"HTTP/1.1 200 OK\r\n{fields}content-length: {len(whole)}\r\n\r\n".encode() + whole)
    answer = await caller.answer()
    assert (answer.status, answer.body, answer.header("content-type")) == (200, whole, "application/json")
    assert answer.header("content-length") == str(len(whole))


@pytest.mark.parametrize("name", STREAMS)
async def test_an_error_under_200_has_the_status_that_it_says(gateway: OpenGate, upstream: Upstream, name: str) -> None:
    """An overload is one to the caller, whose SDK tries again; with the upstream's words."""
    gate = await behind(gateway, upstream, name)
    path, body = ASKED[name]
    caller = await gate.caller()
    caller.ask(body, path)
    visit = await upstream.accept()
    await visit.request()
    said = {"code": 429, "type": "rate_limit_error", "status": "RESOURCE_EXHAUSTED", "message": "slow down"}
    error = b"event: error\ndata: " + json.dumps({"type": "error", "error": said}).encode() + b"\n\n"
    visit.send(b"HTTP/1.1 200 OK\r\n" + KIND + CHUNKED + chunk(error) + b"0\r\n\r\n")
    answer = await caller.answer()
    assert answer.status == 429
    assert b"slow down" in answer.body
    assert (await gate.record()).attempts[0].reason == "error_in_stream"
