"""Go-style durations: `30s`, `2m`, `1m30s`, `250ms` ↔ seconds (https://pkg.go.dev/time#ParseDuration)."""

from __future__ import annotations

import re

# Micro may be written u, the micro sign or the Greek mu, as in Go.
_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
# Patterns are kept as strings in this package: `re` compiles each at its first use, an import compiles none.
# Twelve digits are some thirty thousand years of seconds: more is a slip, and bounded work for the parser.
_PART = r"([0-9]{1,12})(?:\.([0-9]{1,9}))?(ns|us|\u00b5s|\u03bcs|ms|s|m|h)"
_WHOLE = rf"(?:{_PART})+"
_BARE = r"[0-9]+(\.[0-9]+)?"

EXAMPLES = '"30s", "2m", "1m30s", "250ms"'


class BadDuration(ValueError):
    """A text is not a duration; the message says how one is written."""


def parse_duration(text: str) -> float:
    """Seconds of a duration such as `1m30s`. Raises BadDuration, also for a number without a unit."""
    if re.fullmatch(_BARE, text):
        raise BadDuration(f'needs a unit: "{text}s" for seconds, "{text}ms" for milliseconds, "{text}m" for minutes')
    if not re.fullmatch(_WHOLE, text):
        raise BadDuration(f"must be a duration such as {EXAMPLES} (units: h, m, s, ms, us, ns)")
    total = 0
    for whole, fraction, unit in re.findall(_PART, text):
        scale = _NANOSECONDS[unit]
        total += int(whole) * scale + (int(fraction) * scale // 10 ** len(fraction) if fraction else 0)
    return total / _NANOSECONDS["s"]


def format_duration(seconds: float) -> str:
    """The shortest usual text of a duration, to the nanosecond: 90 → `1m30s`, 0.25 → `250ms`, 0 → `0s`."""
    rest = round(seconds * _NANOSECONDS["s"])
    if 0 < rest < _NANOSECONDS["s"]:
        return f"{_decimal(rest, 'ms')}ms"
    text = ""
    for unit in ("h", "m"):
        count, rest = divmod(rest, _NANOSECONDS[unit])
        text += f"{count}{unit}" if count else ""
    return f"{text}{_decimal(rest, 's')}s" if rest or not text else text


def _decimal(nanoseconds: int, unit: str) -> str:
    scale = _NANOSECONDS[unit]
    whole, fraction = divmod(nanoseconds, scale)
    digits = str(fraction).zfill(len(str(scale)) - 1).rstrip("0") if fraction else ""
    return f"{whole}.{digits}" if digits else str(whole)
