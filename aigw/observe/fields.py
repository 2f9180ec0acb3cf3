"""What does the log say of a request? Allow-listed fields of its record; never a header, a body or a message.

Values that others chose (names, models, ids from upstreams) are scrubbed of secrets, cut to a length and
written with their control characters escaped, so that no value can begin a line of its own or steer a
terminal.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aigw.observe.record import Attempt, Record
from aigw.observe.scrub import Scrubber

if TYPE_CHECKING:
    from aigw.wire.losses import Loss
    from aigw.wire.usage import Seen, Usage

# Every key a request line may have; `docs/reference/log.md` explains each.
FIELDS = (
    "time",
    "level",
    "event",
    "request_id",
    "account_id",
    "access_key_id",
    "access_key_name",
    "surface",
    "requested_model",
    "provider",
    "model",
    "stream",
    "status",
    "outcome",
    "error",
    "attempts",
    "duration_ms",
    "first_byte_ms",
    "gateway_ms",
    "bytes_in",
    "bytes_out",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "stop_reason",
    "upstream_error",
    "response_id",
    "losses",
    "tried",
)
# Every key an entry of `tried` may have.
TRIED_FIELDS = (
    "provider",
    "model",
    "key",
    "status",
    "reason",
    "reused",
    "hedge",
    "connect_ms",
    "first_byte_ms",
    "duration_ms",
)

# The longest identifiers in use (model ids of hosted adapters) have some 120 characters.
LONGEST = 256
# Beyond this a request says that something is wrong, not what: failover lists and losses have a handful of
# entries.
MOST_LISTED = 32
# Distinct names kept with their printable form; callers can invent names, so the number is bounded.
MOST_NAMES = 2048


def printable(text: str, longest: int = LONGEST) -> str:
    """The text on one line, inert on a terminal: what does not print becomes an escape (`\\x1b`)."""
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


class Names(dict[str, str]):
    """Names as others wrote them → as the log shows them. Bounded: it starts anew when full."""

    def __init__(self, scrubber: Scrubber) -> None:
        super().__init__()
        self._scrubber = scrubber

    def __missing__(self, text: str) -> str:
        shown = self.once(text)
        if len(text) <= LONGEST:
            if len(self) >= MOST_NAMES:
                self.clear()
            self[text] = shown
        return shown

    def once(self, text: str) -> str:
        """The same for a text that will hardly come again. Cut first: what is cut cannot be shown either."""
        return printable(self._scrubber.scrub(text[: 4 * LONGEST]))

    def new(self, text: str) -> str:
        """The same for an id, new with each answer: only configured secrets are looked for, being quick."""
        return printable(self._scrubber.conceal(text))


class Clock:
    """Wall time as RFC 3339 in UTC. Under load many lines share a millisecond: its text is kept."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._second = self._millisecond = -1
        self._head = self._text = ""

    def stamp(self) -> str:
        """For example `2026-11-23T02:13:00.123Z`."""
        millisecond = int(self._now() * 1e3)
        if millisecond != self._millisecond:
            second, rest = divmod(millisecond, 1000)
            if second != self._second:
                self._head = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
                self._second = second
            self._text = f"{self._head}.{rest:03d}Z"
            self._millisecond = millisecond
        return self._text


def request_fields(record: Record, level: str, stamp: str, names: Names) -> dict[str, Any]:
    """One finished request as the log shows it, in the order of `FIELDS`; what does not apply is left out.

    Times are cut to the microsecond by `// 1`: this runs for every request, and `round` takes seven times as long.
    """
    attempts = record.attempts
    request_id = record.request_id
    fields: dict[str, Any] = {
        "time": stamp,
        "level": level,
        "event": "request",
        # Made by the gateway, or a caller's that passed as a safe token: nothing to clean, as a rule.
        "request_id": request_id if request_id.isprintable() else names.once(request_id),
        "account_id": record.account_id,
        "access_key_id": record.access_key_id,
        "access_key_name": names[record.access_key_name],
        "surface": record.surface,
        "requested_model": names[record.requested_model],
        "provider": names[record.provider],
        "model": names[record.model],
        "stream": record.stream,
        "status": record.status,
        "outcome": record.outcome,
    }
    if record.error:
        fields["error"] = names[record.error]
    fields["attempts"] = len(attempts)
    if record.ended is not None:
        fields["duration_ms"] = (record.ended - record.started) * 1e6 // 1 / 1e3
    if record.first_byte is not None:
        fields["first_byte_ms"] = (record.first_byte - record.started) * 1e6 // 1 / 1e3
    fields["gateway_ms"] = record.gateway_ms * 1e3 // 1 / 1e3
    fields["bytes_in"], fields["bytes_out"] = record.bytes_in, record.bytes_out
    if record.seen is not None:
        _add_seen(fields, record.seen, names)
    if record.losses:
        fields["losses"] = [_loss(loss, names) for loss in record.losses[:MOST_LISTED]]
    if len(attempts) > 1 or (attempts and attempts[0].reason):
        fields["tried"] = [_tried(attempt, names) for attempt in attempts[:MOST_LISTED]]
    return fields


def _loss(loss: Loss, names: Names) -> dict[str, str]:
    """Pointers may hold names of the caller's own members."""
    return {"pointer": names.once(loss.pointer), "action": loss.action, "reason": names.once(loss.reason)}


def _add_seen(fields: dict[str, Any], seen: Seen, names: Names) -> None:
    if seen.usage is not None:
        _add_usage(fields, seen.usage)
    if seen.stop_reason:
        fields["stop_reason"] = names[seen.stop_reason]
    if seen.error:
        fields["upstream_error"] = names[seen.error]
    if seen.response_id:
        fields["response_id"] = names.new(seen.response_id)


def _add_usage(fields: dict[str, Any], usage: Usage) -> None:
    # What the provider did not say is left out: it is not zero.
    if usage.input_tokens is not None:
        fields["input_tokens"] = usage.input_tokens
    if usage.output_tokens is not None:
        fields["output_tokens"] = usage.output_tokens
    if usage.cache_read_tokens is not None:
        fields["cache_read_tokens"] = usage.cache_read_tokens
    if usage.cache_write_tokens is not None:
        fields["cache_write_tokens"] = usage.cache_write_tokens
    if usage.reasoning_tokens is not None:
        fields["reasoning_tokens"] = usage.reasoning_tokens


def _tried(attempt: Attempt, names: Names) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "provider": names[attempt.provider],
        "model": names[attempt.model],
        # Already redacted: scrubbing would take the ends that tell keys apart.
        "key": printable(attempt.key_redacted),
        "status": attempt.status,
        "reason": names[attempt.reason],
        "reused": attempt.reused,
    }
    if attempt.hedge:
        fields["hedge"] = True
    if attempt.connect_ms is not None:
        fields["connect_ms"] = attempt.connect_ms * 1e3 // 1 / 1e3
    if attempt.first_byte_ms is not None:
        fields["first_byte_ms"] = attempt.first_byte_ms * 1e3 // 1 / 1e3
    if attempt.ended is not None:
        fields["duration_ms"] = (attempt.ended - attempt.started) * 1e6 // 1 / 1e3
    return fields
