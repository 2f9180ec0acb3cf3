"""What do flags, files and standard input say? Texts become values of JSON; secrets come from anywhere but flags."""

from __future__ import annotations

import json
import re
import stat
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from aigw.errors import AigwError, ConfigError
from aigw.secret import Secret

STDIN = "-"
PERIODS = ("day", "week", "month", "total")
# A key is some hundred characters, a service account's file a few thousand; a document of rules may be long.
MAX_SECRET_BYTES = 64 << 10
MAX_DOCUMENT_BYTES = 1 << 20
_SPAN = r"([0-9]{1,6})(m|h|d)"
_SECONDS = {"m": 60, "h": 3600, "d": 86400}


class Misused(AigwError):
    """A command was not written as it has to be: exit code 2."""


def count(text: str) -> int:
    """A whole number above zero. Raises ValueError."""
    if not text.isascii() or not text.isdigit() or not int(text):
        raise ValueError("must be a whole number above 0")
    return int(text)


def budget(text: str) -> dict[str, str]:
    """`50/month` → amount and period; the amount stays an exact decimal. Raises ValueError."""
    amount, slash, period = text.partition("/")
    try:
        exact = Decimal(amount.removeprefix("$"))
    except InvalidOperation:
        exact = Decimal(0)
    if not slash or period not in PERIODS or not exact.is_finite() or exact <= 0:
        raise ValueError(f"must be US dollars per {', '.join(PERIODS)}, as in 50/month")
    return {"amount": format(exact, "f"), "period": period}


def moment(text: str, now: datetime | None = None) -> str:
    """A time with its zone, or a span from now on (`30m`, `12h`, `30d`), as ISO 8601 in UTC. Raises ValueError."""
    span = re.fullmatch(_SPAN, text)
    try:
        if span is not None:
            at = (now or datetime.now(UTC)) + timedelta(seconds=int(span[1]) * _SECONDS[span[2]])
        else:
            at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ValueError("must be a time such as 2027-01-31T12:00Z, or a span such as 12h or 30d") from None
    if at.tzinfo is None:
        raise ValueError("needs a time of day and a zone, as in 2027-01-31T12:00Z")
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


READERS: Mapping[str, Callable[[str], Any]] = {
    "text": str,
    "count": count,
    "budget": budget,
    "moment": moment,
    "model": lambda text: {"modelId": text},
}


def read_secret(source: str, what: str) -> Secret:
    """A secret from a file, or from standard input (`-`): its one line. Raises ConfigError."""
    raw = _octets(source, MAX_SECRET_BYTES)
    if source != STDIN and stat.S_IMODE(Path(source).stat().st_mode) & stat.S_IROTH:
        print(f"aigw: {source}: everybody on this machine can read it (chmod 600)", file=sys.stderr)
    return _secret(_decoded(raw, source), f"{'standard input' if source == STDIN else source}: {what}")


def ask_secret(what: str) -> Secret:
    """A secret typed at a terminal, unseen. Raises Misused without a terminal, ConfigError for nothing."""
    if not sys.stdin.isatty():
        raise Misused(f"{what}: give --value-file FILE, or --value-file - to read it from standard input")
    import getpass

    try:
        return _secret(getpass.getpass(f"{what[0].upper()}{what[1:]} (not shown): "), what)
    except EOFError:
        raise ConfigError(f"{what}: nothing was typed") from None


def _secret(text: str, what: str) -> Secret:
    text = text.strip()
    if not text:
        raise ConfigError(f"{what} is empty")
    if not text.isprintable() or len(text.splitlines()) > 1:
        raise ConfigError(f"{what} must be one line that can be printed")
    return Secret(text)


def read_document(source: str) -> dict[str, Any]:
    """An object from a file of JSON or TOML, or from standard input (`-`). Raises ConfigError."""
    text = _decoded(_octets(source, MAX_DOCUMENT_BYTES), source)
    as_json = source.endswith(".json") or (not source.endswith(".toml") and text.lstrip().startswith("{"))
    try:
        if as_json:
            found = json.loads(text)
        else:
            import tomllib

            found = tomllib.loads(text)
    except ValueError as error:
        raise ConfigError(f"{source}: not valid {'JSON' if as_json else 'TOML'}: {error}") from None
    if not isinstance(found, dict):
        raise ConfigError(f"{source}: must be an object of fields")
    return found


def _octets(source: str, most: int) -> bytes:
    try:
        if source == STDIN:
            raw = sys.stdin.buffer.read(most + 1)
        else:
            with Path(source).open("rb") as file:
                raw = file.read(most + 1)
    except OSError as error:
        raise ConfigError(f"{source}: cannot be read: {error.strerror}") from None
    if len(raw) > most:
        raise ConfigError(f"{source}: over {most} bytes")
    return raw


def _decoded(raw: bytes, source: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{source}: not UTF-8 text") from None
