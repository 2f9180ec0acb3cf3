"""What the configuration declares, as resources that can be read and not changed. All of it is the default account's;
the operator's own keys are the operators'.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from aigw.control.routes import Call
from aigw.control.shapes import FILE, GENERATED
from aigw.secret import Secret
from aigw.settings import AccessKeySettings, ProviderSettings
from aigw.store.records import OPERATOR_ACCOUNT


def access_keys(call: Call) -> Iterator[tuple[AccessKeySettings, str]]:
    """Access keys of this account, each with its source: the file, or the gateway's own start."""
    if call.account == call.gateway.default:
        yield from ((each, FILE) for each in call.gateway.settings.access_keys)
        if (made := call.gateway.made_key()) is not None:
            yield made, GENERATED


def providers(call: Call) -> tuple[ProviderSettings, ...]:
    """What is said about providers of this account, built-in ones included."""
    return call.gateway.settings.providers if call.account == call.gateway.default else ()


def provider_keys(call: Call) -> Iterator[tuple[str, str, Secret]]:
    """Provider keys of this account: id, provider, value. The ids are those that requests are recorded with."""
    managed = call.account == OPERATOR_ACCOUNT
    if not managed and call.account != call.gateway.default:
        return
    for provider in call.gateway.settings.providers:
        if provider.enabled:
            first = 1 + (len(provider.keys) if managed else 0)
            for number, value in enumerate(provider.managed_keys if managed else provider.keys, first):
                yield f"aigpk_{provider.id}_{number}", provider.id, value


def uri(path: str, id: str) -> str:
    """Where such a thing is; names of access keys hold any character."""
    return f"{path}/{quote(id, safe='')}"
