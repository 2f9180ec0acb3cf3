"""How the configuration in effect is shown: every value with where it came from, secrets redacted."""

from __future__ import annotations

from typing import Any

from aigw.settings.keys import keys_of
from aigw.settings.whole import ACCESS_KEYS, DEFAULT, PROVIDERS, SECTIONS, Settings


def describe(settings: Settings) -> dict[str, Any]:
    """The whole configuration as JSON values.

    Every key becomes `{"value": …, "origin": …}` in the form an operator would write it; a key that is unset
    has the value None. `providers` is an object by id, `access_keys` an array. A secret shows as
    `first10***last4`.
    """
    secret_key = settings.secret_key
    shown: dict[str, Any] = {"source": settings.source}
    shown |= {section: _part(settings, section, getattr(settings, section)) for section in SECTIONS}
    shown[PROVIDERS] = {
        provider.id: _part(settings, f"{PROVIDERS}.{provider.id}", provider) for provider in settings.providers
    }
    shown[ACCESS_KEYS] = [
        _part(settings, f"{ACCESS_KEYS}[{number}]", access_key)
        for number, access_key in enumerate(settings.access_keys)
    ]
    shown["secret_key"] = _value(settings, "secret_key", secret_key.redacted if secret_key else None)
    return shown


def _part(settings: Settings, path: str, part: object) -> dict[str, Any]:
    return {
        name: _value(settings, f"{path}.{name}", _shown(declared.kind, getattr(part, name), declared.default))
        for name, declared in keys_of(type(part)).items()
    }


def _shown(kind: Any, value: object, default: object) -> object:
    # A key without a default is None when unset; a kind such as "address or off" has a word for None.
    return None if value is None and default is None else kind.shown(value)


def _value(settings: Settings, path: str, value: object) -> dict[str, object]:
    return {"value": value, "origin": settings.origins.get(path, DEFAULT)}
