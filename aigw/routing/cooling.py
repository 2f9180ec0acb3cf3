"""When does an upstream that refused want to be asked again? Whatever header or body it says it in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from aigw.wire.complaint import delay

# A longer word is not believed: a wrong clock or unit over there must not take a key out of use for a day.
LONGEST = 3600.0

_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,15})?")
# Go's durations (`6m0s`, `120ms`), as OpenAI and those after it write them.
_DURATION = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ns|us|µs|μs|ms|s|m|h|d)){1,6}")
_PART = re.compile(r"([0-9.]+)([a-zµμ]+)")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
# A number above these is no waiting time but a time, in seconds or in milliseconds since the epoch (2001 in both).
_EPOCH, _EPOCH_MS = 1e9, 1e12

# No header that is known is longer: how long it takes to read them is not the upstream's choice.
_LONGEST_NAME, _LONGEST_VALUE = 64, 512
# RateLimit of draft-ietf-httpapi-ratelimit-headers: `"day";r=0;t=50` since revision 8, `remaining=0, reset=50` before.
_LEFT = re.compile(r"(?:^|[;,\s])(?:r|remaining)\s*=\s*([0-9]{1,15})")
_AGAIN = re.compile(r"(?:^|[;,\s])(?:t|reset)\s*=\s*([0-9]{1,15})")

# What the standard library's readers of dates are known to raise for what is none.
_NO_DATE = (ValueError, OverflowError, TypeError, IndexError, AttributeError, OSError)


def cooldown(headers: Mapping[str, str], body: bytes, wall: float, *, limited: bool = True) -> float | None:
    """Seconds from `wall` (seconds since the epoch) until an upstream that refused may be asked again.

    Its own word (`retry-after-ms`, `Retry-After`: RFC 9110, 10.2.3), else that of the error's body, else when the
    limits that are used up begin anew. Where the upstream refused for another reason than a limit (`limited` is False),
    a limit is used up only if the headers say so. From 0 to 3600; None when nothing is said that makes sense.
    """
    named = {name.lower(): value.strip() for name, value in reversed(list(headers.items()))}
    for found in (_milliseconds(named), _seconds(named.get("retry-after", ""), wall), delay(body)):
        if found is not None:
            return _bounded(found)
    return max(map(_bounded, _resets(named, wall, limited)), default=None)


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST)


def _milliseconds(named: Mapping[str, str]) -> float | None:
    told = named.get("retry-after-ms", "")
    return float(told) / 1e3 if _NUMBER.fullmatch(told) else None


def _resets(named: Mapping[str, str], wall: float, limited: bool) -> Iterator[float]:
    """When each limit begins anew of which nothing is left, as far as is said.

    `x-ratelimit-reset-tokens` belongs to `x-ratelimit-remaining-tokens`, and so on: names differ, the pattern does not.
    """
    for name, value in named.items():
        if len(name) > _LONGEST_NAME or len(value) > _LONGEST_VALUE:
            continue
        if name == "ratelimit":
            yield from _policies(value, limited)
        elif "reset" in name and ("ratelimit" in name or "rate-limit" in name):
            again = _seconds(value, wall)
            if again is not None and _used_up(named.get(name.replace("reset", "remaining")), limited):
                yield again


def _used_up(remaining: str | None, limited: bool) -> bool:
    """Whether nothing is left; `limited` answers where that is not said."""
    if remaining is None:
        return limited
    return _NUMBER.fullmatch(remaining) is not None and float(remaining) == 0.0


def _policies(value: str, limited: bool) -> Iterator[float]:
    for policy in [value] if "reset" in value else value.split(","):
        left, again = _LEFT.search(policy), _AGAIN.search(policy)
        if again is not None and _used_up(left and left[1], limited):
            yield float(again[1])


def _seconds(value: str, wall: float) -> float | None:
    """A waiting time in seconds from a number, a duration, a time since the epoch, or a date of either spelling."""
    if not value or len(value) > 64:
        return None
    if _NUMBER.fullmatch(value):
        number = float(value)
        if number >= _EPOCH_MS:
            return number / 1e3 - wall
        return number - wall if number >= _EPOCH else number
    if _DURATION.fullmatch(value):
        return _duration(value)
    return _date(value, wall)


def _duration(value: str) -> float | None:
    try:
        return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(value))
    except (ValueError, KeyError):
        return None


def _date(value: str, wall: float) -> float | None:
    """RFC 3339 (Anthropic's resets) or an HTTP date (RFC 9110, 5.6.7); one without a zone is UTC."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            when = read(value)
            return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - wall
        except _NO_DATE:
            continue
    return None
