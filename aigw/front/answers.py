"""The heads of the answers that go to callers, and the gateway's own answers as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from aigw.errors import Refusal
from aigw.observe.record import Attempt as Tried
from aigw.observe.record import Record
from aigw.wire.format import Format, Trouble
from aigw.wire.headers import label, labels
from aigw.wire.losses import Loss, shown

JSON_TYPE = b"content-type: application/json\r\n"

_OF_A_BODY = (b"content-type", b"content-encoding", b"etag", b"content-disposition")

_REASONS = {status.value: status.phrase for status in HTTPStatus}
_STATUS_LINES: dict[int, bytes] = {
    code: f"HTTP/1.1 {code} {phrase}\r\n".encode("ascii") for code, phrase in _REASONS.items()
}


def status_line(code: int) -> bytes:
    """The status line; statuses without a registered phrase (529) get a general one."""
    known = _STATUS_LINES.get(code)
    return known if known is not None else b"HTTP/1.1 %d Status\r\n" % code


def passed_fields(fields: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
    """An upstream's header lines that go to the caller, in pieces to be joined."""
    lines: list[bytes] = []
    for name, value in fields:
        told = labels.get(name)
        if told is None:
            told = label(name)
        if told:
            lines += (told, value, b"\r\n")
    return lines


def replaced_fields(fields: Sequence[tuple[bytes, bytes]], kind: str) -> list[bytes]:
    """The header lines of an answer whose body is the gateway's own writing, of another type and without a coding."""
    type_line = JSON_TYPE if kind == "application/json" else b"content-type: %b\r\n" % kind.encode("ascii")
    return [type_line, *passed_fields([pair for pair in fields if pair[0].lower() not in _OF_A_BODY])]


def relabelled_fields(fields: Sequence[tuple[bytes, bytes]], kind: str) -> list[bytes]:
    """The header lines of an answer whose body passes as it is, though it is of another type than its upstream says."""
    lines = passed_fields([pair for pair in fields if pair[0].lower() != b"content-type"])
    return [b"content-type: %b\r\n" % kind.encode("ascii"), *lines]


def loss_field(losses: Sequence[Loss]) -> bytes:
    """The header line that tells what a translation could not carry; nothing where it lost nothing."""
    return b"x-aigw-loss: %b\r\n" % shown(losses) if losses else b""


def error_fields(fields: Sequence[tuple[bytes, bytes]], *, replaced: bool) -> list[bytes]:
    """The header lines of an upstream's error; a `replaced` body has its own type and no coding."""
    if not replaced:
        return passed_fields(fields)
    return replaced_fields(fields, "application/json")


def ids(request_id: str) -> bytes:
    """The request's id under both names that SDKs read."""
    return b"x-request-id: %b\r\nrequest-id: %b\r\n" % ((request_id.encode("ascii"),) * 2)


def told(record: Record, attempt: Tried, shown: bytes, auth_ms: float, route_ms: float, now: float) -> bytes:
    """What the gateway says of a relayed answer: ids, provider and model (`shown`), attempts, server-timing.

    The last (W3C Server Timing) is where the time went up to the first byte, in milliseconds.
    """
    connect = attempt.connect_ms or 0.0
    upstream = (attempt.first_byte_ms or 0.0) - connect
    request_id = record.request_id.encode("ascii")
    return _TOLD % (
        request_id,
        request_id,
        shown,
        len(record.attempts),
        auth_ms,
        route_ms,
        connect,
        upstream,
        record.own_ms(now),
    )


_TOLD = (
    b"x-request-id: %b\r\nrequest-id: %b\r\n%bx-aigw-attempts: %d\r\nserver-timing: auth;dur=%.3f, route;dur=%.3f,"
    b" connect;dur=%.3f, upstream;dur=%.3f, gateway;dur=%.3f\r\n"
)


def body_answer(status: int, lines: Sequence[bytes], body: bytes, *, close: bool, head_only: bool = False) -> bytes:
    """A complete answer with a known body."""
    return b"".join(
        (
            status_line(status),
            *lines,
            b"content-length: %d\r\n" % len(body),
            b"connection: close\r\n\r\n" if close else b"\r\n",
            b"" if head_only else body,
        )
    )


def refusal_parts(refusal: Refusal, format: Format, request_id: str) -> tuple[list[bytes], bytes]:
    """Header lines and body of a refusal in the caller's format."""
    trouble = Trouble(refusal.http_status, refusal.error_code, refusal.message, refusal.param, request_id)
    lines = [JSON_TYPE, ids(request_id), b"x-aigw-error: %b\r\n" % refusal.error_code.encode("ascii")]
    if refusal.retry_after is not None:
        lines.append(b"retry-after: %d\r\n" % refusal.retry_after)
    lines += [f"{name}: {value}\r\n".encode("latin-1") for name, value in refusal.headers]
    return lines, format.error(trouble)
