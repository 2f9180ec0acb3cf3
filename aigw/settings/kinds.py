"""What sorts of values a configuration holds: how each is written, checked and shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Generic, TypeVar

import attrs

from aigw.secret import HIDDEN, Secret
from aigw.settings.addresses import Tcp, Unix, parse_address
from aigw.settings.durations import EXAMPLES, format_duration, parse_duration
from aigw.settings.problems import near
from aigw.settings.proxies import Proxy, parse_proxy, proxy_url
from aigw.settings.urls import mask_url

T = TypeVar("T")

# Keys are sent in a header: no space, nothing invisible, and far below any server's limit for a head.
MAX_SECRET = 8192
MAX_TEXT = 255

_WHOLE_NUMBER = r"[+-]?[0-9]{1,18}"
_NUMBER = r"[+-]?[0-9]{1,9}(\.[0-9]{1,9})?"
_BOOLEANS = {
    "true": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}
_VISIBLE = r"[!-~]+"
_TYPES = {
    bool: "a boolean",
    int: "an integer",
    float: "a float",
    str: "a string",
    list: "an array",
    dict: "a table",
}


class Unfit(ValueError):
    """A value is not what its key allows. The message says what is and never quotes a secret."""


def _same(text: str) -> object:
    return text


@attrs.frozen(eq=False, repr=False)
class Kind(Generic[T]):
    """One sort of value.

    `name` is its word in the reference page. `parse` makes the value of raw TOML and raises ValueError;
    `dump` gives raw TOML that `parse` reads as an equal value, and raises Unfit for another type. `read`
    makes raw TOML of text from the environment. `show` is `dump` for everybody's eyes. `mask` makes a raw
    text fit to be quoted in an error; a secret kind without it is not quoted at all.
    """

    name: str
    parse: Callable[[object], T]
    dump: Callable[[T], object]
    read: Callable[[str], object] = _same
    show: Callable[[T], object] | None = None
    mask: Callable[[str], str] | None = None
    secret: bool = False
    one_line: bool = True

    def shown(self, value: T) -> object:
        """The value as `aigw check` prints it."""
        return (self.show or self.dump)(value)

    def quoted(self, raw: object) -> str | None:
        """A raw value as an error message quotes it; None when it may not be seen."""
        if self.mask is not None:
            return _shortened(self.mask(raw) if isinstance(raw, str) else HIDDEN)
        return None if self.secret else _shortened(raw)


def _shortened(raw: object) -> str:
    text = str(raw).lower() if isinstance(raw, bool) else repr(raw)
    return text if len(text) <= 100 else f"{text[:97]}..."


def _instance(value: T, *types: type) -> T:
    if not isinstance(value, types):
        raise Unfit(f"must be made of {' or '.join(kind.__name__ for kind in types)}")
    return value


def string(raw: object) -> str:
    """A raw value that must be a string with something in it."""
    if not isinstance(raw, str):
        raise Unfit(f"must be a string, not {_TYPES.get(type(raw), 'a date or time')}")
    if not raw.strip():
        raise Unfit("must not be empty")
    return raw


def of_text(name: str, parse: Callable[[str], T], dump: Callable[[T], object], *types: type) -> Kind[T]:
    """A kind written as a string, whose values are of the given types."""
    return Kind(name, lambda raw: parse(string(raw)), lambda value: dump(_instance(value, *types)))


def plain(name: str, check: Callable[[str], str]) -> Kind[str]:
    """A string that `check` returns, normalised if need be, or refuses with ValueError."""
    return of_text(name, check, str, str)


def duration(low: float, high: float) -> Kind[float]:
    """Seconds, written as a Go-style duration, between two bounds in seconds."""

    def parse(raw: object) -> float:
        if isinstance(raw, int | float) and not isinstance(raw, bool):
            raise Unfit(f'needs a unit, in quotes: "{raw}s" ({EXAMPLES})')
        seconds = parse_duration(string(raw))
        if not low <= seconds <= high:
            raise Unfit(f"must be from {format_duration(low)} to {format_duration(high)}")
        return seconds

    def dump(value: float) -> str:
        _instance(value, int, float)
        return format_duration(value) if value >= 0 else f"-{format_duration(-value)}"

    return Kind(f"duration, {format_duration(low)} to {format_duration(high)}", parse, dump)


def integer(low: int, high: int) -> Kind[int]:
    """A whole number between two bounds."""

    def read(text: str) -> object:
        digits = text.replace("_", "")
        return int(digits) if re.fullmatch(_WHOLE_NUMBER, digits) else text

    def parse(raw: object) -> int:
        if not isinstance(raw, int) or isinstance(raw, bool) or not low <= raw <= high:
            raise Unfit(f"must be a whole number from {low} to {high}")
        return raw

    return Kind(f"integer, {low} to {high}", parse, _as_is, read)


def _as_is(value: T) -> T:
    return value


def share(low: float, high: float) -> Kind[float]:
    """A number between two bounds, such as the share of one thing in another; a whole number will do."""

    def read(text: str) -> object:
        return float(text) if re.fullmatch(_NUMBER, text) else text

    def parse(raw: object) -> float:
        if not isinstance(raw, int | float) or isinstance(raw, bool) or not low <= raw <= high:
            raise Unfit(f"must be a number from {low:g} to {high:g}")
        return float(raw)

    return Kind(f"number, {low:g} to {high:g}", parse, _as_is, read)


def _boolean(raw: object) -> bool:
    if not isinstance(raw, bool):
        raise Unfit("must be true or false")
    return raw


BOOLEAN: Kind[bool] = Kind("boolean", _boolean, _as_is, lambda text: _BOOLEANS.get(text.lower(), text))


def choice(*options: str) -> Kind[str]:
    """One of a few words."""

    def check(text: str) -> str:
        if text not in options:
            raise Unfit(f"must be one of {', '.join(options)}{near(text, options)}")
        return text

    return plain("choice", check)


def _check_text(text: str) -> str:
    if len(text) > MAX_TEXT or not text.isprintable():
        raise Unfit(f"must be at most {MAX_TEXT} printable characters")
    return text


TEXT = plain("string", _check_text)


def _check_path(text: str) -> Path:
    if text.startswith("~"):
        raise Unfit('may not start with "~", which only a shell expands: write "${HOME}/…"')
    if "\0" in text:
        raise Unfit("may not hold a NUL character")
    return Path(text)


PATH: Kind[Path] = of_text("path", _check_path, str, Path)
ADDRESS: Kind[Tcp | Unix] = of_text("address", parse_address, str, Tcp, Unix)


def or_off(kind: Kind[T]) -> Kind[T | None]:
    """The same kind, or the word `off` for None."""
    return Kind(
        f"{kind.name} or off",
        lambda raw: None if raw == "off" else kind.parse(raw),
        lambda value: "off" if value is None else kind.dump(value),
        kind.read,
        show=lambda value: "off" if value is None else kind.shown(value),
        mask=kind.mask,
        secret=kind.secret,
    )


PROXY: Kind[Proxy] = Kind(
    "proxy URL",
    lambda raw: parse_proxy(string(raw)),
    lambda value: proxy_url(_instance(value, Proxy)),
    show=str,
    mask=mask_url,
    secret=True,
)


def secret(least: int = 1) -> Kind[Secret]:
    """A secret of visible ASCII characters without spaces, of at least so many."""

    def parse(raw: object) -> Secret:
        text = string(raw)
        if not re.fullmatch(_VISIBLE, text) or not least <= len(text) <= MAX_SECRET:
            length = f", {least} to {MAX_SECRET} of them" if least > 1 else f", at most {MAX_SECRET}"
            raise Unfit(f"must be visible ASCII characters without spaces{length}")
        if HIDDEN in text:
            raise Unfit(f'holds "{HIDDEN}": it is the redacted form of a secret, not the secret')
        return Secret(text)

    return hidden("secret", parse)


def hidden(name: str, parse: Callable[[object], Secret]) -> Kind[Secret]:
    """A kind whose values are secrets: never quoted, shown redacted, its files not readable by everybody."""
    return Kind(
        name,
        parse,
        lambda value: _instance(value, Secret).reveal(),
        show=lambda value: value.redacted,
        secret=True,
    )


def list_of(kind: Kind[T], *, repeats: bool = False) -> Kind[tuple[T, ...]]:
    """A list of another kind, without repetitions unless allowed; as text with commas between, or a line each."""

    def parse(raw: object) -> tuple[T, ...]:
        if not isinstance(raw, list):
            raise Unfit(f"must be an array, in brackets, of {kind.name} values")
        values: list[T] = []
        for number, item in enumerate(raw, 1):
            try:
                value = kind.parse(item)
            except ValueError as bad:
                raise Unfit(f"item {number} {bad}") from None
            if value in values and not repeats:
                raise Unfit(f"item {number} repeats item {values.index(value) + 1}")
            values.append(value)
        return tuple(values)

    def dump(values: tuple[T, ...]) -> object:
        _instance(values, tuple)
        return [kind.dump(value) for value in values]

    return Kind(
        f"list of {kind.name}",
        parse,
        dump,
        lambda text: [kind.read(part.strip()) for part in re.split(r"[,\n]", text) if part.strip()],
        lambda values: [kind.shown(value) for value in values],
        secret=kind.secret,
    )


Pairs = tuple[tuple[str, T], ...]


def table_of(name: str, check_key: Callable[[str], str], kind: Kind[T]) -> Kind[Pairs[T]]:
    """A TOML table of one kind, kept as pairs in the order written; it has no form in the environment."""

    def parse(raw: object) -> Pairs[T]:
        if not isinstance(raw, Mapping):
            raise Unfit(f"must be a table of {kind.name} values, and can only be set in the file")
        pairs: dict[str, T] = {}
        for key, item in raw.items():
            try:
                checked, value = check_key(key), kind.parse(item)
            except ValueError as bad:
                raise Unfit(f"entry {key!r} {bad}") from None
            if checked in pairs:
                raise Unfit(f"entry {key!r} repeats another in different case")
            pairs[checked] = value
        return tuple(pairs.items())

    def dump(pairs: Pairs[T]) -> object:
        _instance(pairs, tuple)
        return {key: kind.dump(value) for key, value in pairs}

    return Kind(
        name,
        parse,
        dump,
        show=lambda pairs: {key: kind.shown(value) for key, value in pairs},
        mask=kind.mask,
        secret=kind.secret,
        one_line=False,
    )
