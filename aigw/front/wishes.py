"""What a caller wants for this one request, said in header fields of the gateway's own."""

from __future__ import annotations

from collections.abc import Mapping

from aigw.errors import BadRequest
from aigw.relay.request import Request
from aigw.settings import parse_duration
from aigw.snapshot import STRATEGIES
from aigw.wire.head import X_AIGW_HEDGE, X_AIGW_STRATEGY, X_AIGW_TIMEOUT

# By the words of the field: names of snapshot.Limits.
_TIMES = {
    "connect": "connect_timeout",
    "first-byte": "per_request_timeout",
    "idle": "stream_idle_timeout",
    "stream": "stream_total_timeout",
    "total": "total_timeout",
}
_SWITCH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
# Longer than any list of five durations.
MAX_LENGTH = 256
# Nobody's SDK tries again a million times.
_MAX_DIGITS = 6


class Wishes:
    """Time limits in seconds by their names in snapshot.Limits, hedging and strategy; None where nothing is said."""

    __slots__ = ("hedge", "strategy", "timeouts")

    def __init__(self, timeouts: Mapping[str, float] | None, hedge: bool | None, strategy: str | None) -> None:
        self.timeouts = timeouts
        self.hedge = hedge
        self.strategy = strategy

    def grant(self, request: Request) -> None:
        """Note them with the request; those who choose and time attempts bound them by what the operator allows."""
        request.timeouts = self.timeouts
        request.hedge = self.hedge
        request.strategy = self.strategy


def wishes(noted: Mapping[bytes, bytes]) -> Wishes:
    """The wishes in a head's noted fields. Raises BadRequest for what cannot be meant."""
    return Wishes(
        timeouts=_timeouts(_text(noted, X_AIGW_TIMEOUT)),
        hedge=_hedge(_text(noted, X_AIGW_HEDGE)),
        strategy=_strategy(_text(noted, X_AIGW_STRATEGY)),
    )


def retries(value: bytes) -> int:
    """How often an SDK says it sent this request before (`x-stainless-retry-count`); 0 where that makes no sense."""
    return int(value) if value.isdigit() and len(value) <= _MAX_DIGITS else 0


def _text(noted: Mapping[bytes, bytes], name: bytes) -> str | None:
    value = noted.get(name)
    return None if value is None else value.decode("latin-1").strip()


def _timeouts(text: str | None) -> Mapping[str, float] | None:
    if text is None:
        return None
    if len(text) > MAX_LENGTH:
        raise _bad(X_AIGW_TIMEOUT, "is too long")
    found: dict[str, float] = {}
    for part in text.split(","):
        word, equals, value = part.strip().rpartition("=")
        name = _TIMES.get(word.strip().lower() if equals else "total")
        if name is None or name in found:
            known = ", ".join(_TIMES)
            what = f"names {word[:40]!r}, which is none of {known}" if name is None else f"names {word!r} twice"
            raise _bad(X_AIGW_TIMEOUT, what)
        found[name] = _seconds(value.strip())
    return found


def _seconds(text: str) -> float:
    try:
        seconds = parse_duration(text)
    except ValueError as bad:
        raise _bad(X_AIGW_TIMEOUT, f"holds {text[:40]!r}: {bad}") from None
    if seconds <= 0:
        raise _bad(X_AIGW_TIMEOUT, f"holds {text[:40]!r}: it must be longer than 0s")
    return seconds


def _hedge(text: str | None) -> bool | None:
    if text is None:
        return None
    wanted = _SWITCH.get(text.lower())
    if wanted is None:
        raise _bad(X_AIGW_HEDGE, "must be true or false")
    return wanted


def _strategy(text: str | None) -> str | None:
    if text is not None and text not in STRATEGIES:
        raise _bad(X_AIGW_STRATEGY, f"must be one of {', '.join(STRATEGIES)}")
    return text


def _bad(name: bytes, what: str) -> BadRequest:
    field = name.decode("ascii")
    return BadRequest(f"The header field {field} {what}.", code="invalid_header", param=field)
