"""How answers begin: types that lie, shapes that nobody asked for, errors under a status of success."""

from __future__ import annotations

import gzip
from time import monotonic

import pytest

from aigw import operations
from aigw.adapter import Operation
from aigw.errors import Helps
from aigw.relay import beginning
from aigw.relay.call import Phase
from aigw.wire.format import Trouble

from .exchanges import (
    ANSWER,
    DONE,
    ERROR,
    EVENTS,
    LAST_CHUNK,
    ROLE,
    TEXT,
    Launch,
    asked,
    candidate,
    chunk,
    json_answer,
    phase_of,
    wait,
)
from .raw import Upstream, turns, until

CHAT, EMBED, COUNT = operations.CHAT, operations.EMBEDDINGS, operations.COUNT_TOKENS
SPEECH, COMPLETIONS = operations.SPEECH, operations.COMPLETIONS
PAGE = b"<!doctype html><p>Sorry"
GOOD = ROLE + TEXT + DONE


def plain(body: bytes, kind: str = "application/json", coding: str = "") -> bytes:
    """A 200 with a body of this type."""
    lines = [f"content-type: {kind}"] if kind else []
    lines += [f"content-encoding: {coding}"] if coding else []
    head = "".join(f"{line}\r\n" for line in ["HTTP/1.1 200 OK", *lines, f"content-length: {len(body)}"])
    return head.encode() + b"\r\n" + body


@pytest.mark.parametrize(
    ("operation", "stream", "answer", "reason"),
    [
        (CHAT, False, EVENTS + chunk(GOOD) + LAST_CHUNK, "unasked_stream"),
        (CHAT, False, plain(GOOD), "unasked_stream"),
        (EMBED, False, EVENTS + chunk(GOOD) + LAST_CHUNK, "unasked_stream"),
        (CHAT, False, plain(b"ok"), "not_json"),
        (CHAT, False, plain(b"ok", "text/plain"), "not_json"),
        (CHAT, False, plain(b'"ok"'), "not_json"),
        (COUNT, False, plain(b"42"), "not_json"),
        (CHAT, False, plain(PAGE), "html"),
        (CHAT, False, plain(PAGE, ""), "html"),
        (CHAT, False, plain(gzip.compress(PAGE), coding="gzip"), "html"),
        (CHAT, False, plain(b"sorry", "text/html"), "html"),
        (CHAT, False, plain(b"", ""), "empty_answer"),
        (CHAT, False, plain(b"  \n"), "empty_answer"),
        (CHAT, False, plain(b'{"error":{"message":"no"}}', "text/plain"), "error_in_answer"),
        (CHAT, False, plain(gzip.compress(b'{"error":{"message":"no"}}'), coding="gzip"), "error_in_answer"),
        (CHAT, True, plain(ANSWER), "not_a_stream"),
        (CHAT, True, plain(b"ok", "text/plain"), "not_a_stream"),
        (CHAT, True, plain(b'{"error":{"message":"no"}}'), "error_in_answer"),
        (CHAT, True, plain(PAGE, "text/html"), "html"),
        (CHAT, True, plain(b""), "empty_answer"),
        (CHAT, True, plain(ROLE, "text/plain"), "empty_stream"),
        (CHAT, True, plain(ROLE + ERROR, "text/plain"), "error_in_stream"),
        (CHAT, True, EVENTS + chunk(ROLE + TEXT) + LAST_CHUNK, "stream_cut"),
        (CHAT, True, EVENTS + chunk(ROLE + TEXT + ERROR) + LAST_CHUNK, "error_in_stream"),
    ],
)
async def test_no_answer(
    launch: Launch, upstream: Upstream, operation: Operation, stream: bool, answer: bytes, reason: str
) -> None:
    """What is not the kind of answer that was asked for fails the attempt, whatever its status and type say."""
    _, side = launch([candidate(upstream.origin)], operation=operation, stream=stream)
    (await asked(upstream)).write(answer)
    await side.end()
    assert side.reasons == [reason]


@pytest.mark.parametrize(
    ("operation", "stream", "answer", "body", "kind"),
    [
        (CHAT, False, json_answer(ANSWER), ANSWER, "application/json"),
        (CHAT, False, plain(ANSWER, "text/plain"), ANSWER, "application/json"),
        (CHAT, False, plain(ANSWER, ""), ANSWER, "application/json"),
        (CHAT, False, plain(b"\n\n " * 40 + ANSWER), b"\n\n " * 40 + ANSWER, "application/json"),
        (CHAT, False, plain(ANSWER, "application/problem+json"), ANSWER, "application/problem+json"),
        (CHAT, False, plain(b"?" * 99, coding="lz9"), b"?" * 99, "application/json"),
        (CHAT, True, plain(GOOD, "text/plain"), GOOD, "text/event-stream"),
        (CHAT, True, plain(b": hi\n\n" + GOOD, ""), b": hi\n\n" + GOOD, "text/event-stream"),
        (CHAT, True, EVENTS + chunk(b"\xef\xbb\xbf" + GOOD) + LAST_CHUNK, GOOD, "text/event-stream"),
        (SPEECH, False, plain(b"ok", "text/plain"), b"ok", "text/plain"),
        (SPEECH, False, plain(b"", ""), b"", ""),
        (SPEECH, False, EVENTS + chunk(b"data: x\n\n") + LAST_CHUNK, b"data: x\n\n", "text/event-stream"),
        (COMPLETIONS, True, EVENTS + chunk(GOOD) + LAST_CHUNK, GOOD, "text/event-stream"),
    ],
)
async def test_answers(
    launch: Launch, upstream: Upstream, operation: Operation, stream: bool, answer: bytes, body: bytes, kind: str
) -> None:
    """Everything else passes as it is, under the name of what it is."""
    _, side = launch([candidate(upstream.origin)], operation=operation, stream=stream)
    (await asked(upstream)).write(answer)
    await side.end()
    assert (side.data, side.complete) == (body, True)
    assert side.attempt is not None
    assert side.attempt.kind == kind


async def test_another_type_is_a_stream_from_its_first_bytes(launch: Launch, upstream: Upstream) -> None:
    """It is held until it has content, and then goes on as it arrives."""
    exchange, side = launch([candidate(upstream.origin)], stream=True)
    peer = await asked(upstream)
    peer.write(EVENTS.replace(b"text/event-stream", b"text/plain") + chunk(ROLE))
    await until(lambda: exchange.attempt is not None and exchange.attempt.phase is Phase.HOLDING)
    peer.write(chunk(TEXT))
    await side.committed()
    assert side.data == ROLE + TEXT
    peer.write(chunk(DONE) + LAST_CHUNK)
    await side.end()
    assert side.complete


async def test_blanks_are_no_answer_yet(launch: Launch, upstream: Upstream) -> None:
    """Some servers send blanks while they think: an error behind them still fails the attempt."""
    exchange, side = launch([candidate(upstream.origin)])
    peer = await asked(upstream)
    head = EVENTS.replace(b"text/event-stream", b"application/json")
    peer.write(head + chunk(b"\n" * 100))
    await turns(50)
    assert phase_of(exchange) is Phase.WAITING
    peer.write(chunk(b'{"error":{"message":"no","code":429}}') + LAST_CHUNK)
    await side.end()
    assert side.reasons == ["error_in_answer"]


async def test_blanks_for_long_are_signs_of_life(launch: Launch, upstream: Upstream) -> None:
    """After some seconds they go to the caller, whose patience they are meant for."""
    exchange, side = launch([candidate(upstream.origin)])
    peer = await asked(upstream)
    attempt = exchange.attempt
    assert attempt is not None
    peer.write(EVENTS.replace(b"text/event-stream", b"application/json") + chunk(b"\n" * 100))
    await until(lambda: attempt.record.first_byte_ms is not None)
    assert attempt.due <= monotonic() + beginning.MAX_HOLD
    wait(exchange, beginning.MAX_HOLD)
    assert side.data == b"\n" * 100
    peer.write(chunk(ANSWER) + LAST_CHUNK)
    await side.end()
    assert (side.data, side.complete) == (b"\n" * 100 + ANSWER, True)


@pytest.mark.parametrize(
    ("error", "status", "helps"),
    [
        ({"code": 503}, 503, Helps.NEXT_KEY),
        ({"type": "rate_limit_error"}, 429, Helps.NEXT_KEY),
        ({"code": "insufficient_quota"}, 429, Helps.NEXT_KEY),
        ({"type": "invalid_request_error"}, 400, Helps.NEXT_MODEL),
        ({"type": "overloaded_error"}, 529, Helps.NEXT_KEY),
        ({"code": "whatever"}, 502, Helps.NEXT_KEY),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_what_an_error_under_200_says(
    launch: Launch, upstream: Upstream, error: dict[str, object], status: int, helps: Helps, stream: bool
) -> None:
    """It counts as the status that it would have had, for the caller and for whom to ask next."""
    body = b'{"error":' + str({"message": "it broke", **error}).replace("'", '"').encode() + b"}"
    _, side = launch([candidate(upstream.origin)], stream=stream)
    sent = EVENTS + chunk(b"data: " + body + b"\n\n") + LAST_CHUNK if stream else json_answer(body)
    (await asked(upstream)).write(sent)
    await side.end()
    assert side.failed is not None
    failed = side.failed[0].error
    assert failed is not None
    assert isinstance(failed.trouble, Trouble)
    assert (failed.trouble.status, failed.trouble.message, failed.helps) == (status, "it broke", helps)
