"""What changes when the configuration is read again, and may it while the gateway runs?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from aigw.declared import load_settings
from aigw.errors import ConfigError
from aigw.first_start import KEY_NAME
from aigw.settings import AccessKeySettings, Settings
from aigw.settings.keys import keys_of
from aigw.settings.whole import ACCESS_KEYS, BUILT_IN_DEFAULTS, PROVIDERS, SECTIONS

# What every snapshot is made of; all else is built into what runs.
_SECTIONS = ("limits.", "failover.", "billing.", f"{PROVIDERS}.", f"{ACCESS_KEYS}.")
_KEYS = frozenset(
    f"server.{name}"
    for name in ("drain_timeout", "keepalive_timeout", "head_timeout", "body_idle_timeout", "body_timeout")
)
HIDDEN_CHANGE = "*** (changed)"
_ABSENT = object()


@attrs.frozen
class Difference:
    """One key whose value changed, as an operator would write it, secrets redacted; None where it is unset."""

    key: str
    before: Any
    after: Any


def read_again(settings: Settings, overrides: Mapping[str, str]) -> Settings:
    """The settings as the file, the environment and the command line say now. Raises ConfigError."""
    path = None if settings.source == BUILT_IN_DEFAULTS else Path(settings.source)
    return load_settings(path, None, overrides)


def differences(before: Settings, after: Settings) -> list[Difference]:
    """Every key that differs. Raises ConfigError when one of them cannot change while the gateway runs."""
    old, new = dict(_values(before)), dict(_values(after))
    found = []
    for key in sorted({*old, *new}):
        was, is_now = old.get(key, (_ABSENT, None)), new.get(key, (_ABSENT, None))
        if was[0] != is_now[0]:
            hidden = was[1] == is_now[1] and was[1] is not None
            found.append(Difference(key, was[1], HIDDEN_CHANGE if hidden else is_now[1]))
    fixed = [each for each in found if not each.key.startswith(_SECTIONS) and each.key not in _KEYS]
    if fixed:
        told = "\n".join(f"  {each.key} = {each.after} (was {each.before}) needs a restart" for each in fixed)
        raise ConfigError(f"nothing was changed, for some of it cannot change while the gateway runs:\n{told}")
    return found


def key_differences(before: AccessKeySettings | None, after: AccessKeySettings | None) -> list[Difference]:
    """The access key that the gateway made for itself, if it is another one now, is gone or is there again."""
    was, is_now = (None if each is None else each.key for each in (before, after))
    if was == is_now:
        return []
    return [Difference(f"{ACCESS_KEYS}.{KEY_NAME}.key", was and was.redacted, is_now and is_now.redacted)]


def told(found: list[Difference]) -> dict[str, Any]:
    """Differences as JSON values."""
    return {"changed": bool(found), "difference": [attrs.asdict(each) for each in found]}


def _values(settings: Settings) -> Iterator[tuple[str, tuple[object, object]]]:
    """Each key's path with its value and how that is shown."""
    for section in SECTIONS:
        yield from _part(section, getattr(settings, section))
    for provider in settings.providers:
        yield from _part(f"{PROVIDERS}.{provider.id}", provider)
    for access_key in settings.access_keys:
        yield from _part(f"{ACCESS_KEYS}.{access_key.name}", access_key)
    secret_key = settings.secret_key
    yield "secret_key", (secret_key, secret_key and secret_key.redacted)


def _part(path: str, part: object) -> Iterator[tuple[str, tuple[object, object]]]:
    for name, declared in keys_of(type(part)).items():
        value = getattr(part, name)
        shown = None if value is None and declared.default is None else declared.kind.shown(value)
        yield f"{path}.{name}", (value, shown)
