"""What a key of the configuration is: its kind, default and meaning, declared with the field it fills."""

from __future__ import annotations

from typing import Any, TypeVar, cast

import attrs

from aigw.errors import ConfigError
from aigw.settings.kinds import Kind

T = TypeVar("T")

_METADATA = "aigw.settings"


@attrs.frozen(eq=False, repr=False)
class Key:
    """One key. `default` is raw, as an operator would write it; None when there is none."""

    kind: Kind[Any]
    doc: str
    default: object = None
    required: bool = False


def key(kind: Kind[T], default: object, doc: str) -> T:
    """An attrs field for a key with a default."""
    return cast(T, _field(Key(kind, doc, default), kind.parse(default)))


def optional(kind: Kind[T], doc: str) -> T | None:
    """An attrs field for a key that may stay unset, which is None."""
    return cast(T | None, _field(Key(kind, doc), None))


def required(kind: Kind[T], doc: str) -> T:
    """An attrs field for a key that has to be given."""
    return cast(T, _field(Key(kind, doc, required=True), attrs.NOTHING))


def _field(declared: Key, default: object) -> object:
    return attrs.field(default=default, validator=_fits, metadata={_METADATA: declared})


def _fits(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    # A value fits when its kind would read it back: one set of rules, however the object was made.
    declared: Key = attribute.metadata[_METADATA]
    if value is None and declared.default is None and not declared.required:
        return
    try:
        declared.kind.parse(declared.kind.dump(value))
    except ValueError as bad:
        raise ConfigError(f"{type(instance).__name__}.{attribute.name}: {bad}") from None


def keys_of(part: type[Any]) -> dict[str, Key]:
    """The keys that fill a part of the settings, by field name, in order."""
    return {field.name: field.metadata[_METADATA] for field in attrs.fields(part) if _METADATA in field.metadata}
