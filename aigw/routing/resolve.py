"""From the name a caller wrote to a provider and its model id: prefix first, then the catalog."""

from __future__ import annotations

import difflib

import attrs

from aigw.adapter import Provider
from aigw.errors import NotFound
from aigw.snapshot import Snapshot

# Names longer than this are no model ids; they are cut before they are shown or compared.
MAX_NAME = 256


@attrs.frozen
class Target:
    """A provider and the model id as that provider knows it; `known` says the catalog or the operator lists it."""

    provider: Provider
    model: str
    known: bool


def resolve(name: str, snapshot: Snapshot) -> Target:
    """The target of one name. Raises NotFound with what to write instead.

    The first colon splits only if a provider stands before it (`llama3.2:1b` is a model). Provider ids compare
    exactly, model ids without case. A bare id declared by the operator for a custom provider wins over the catalog.
    """
    name = name.strip()
    prefix, colon, rest = name.partition(":")
    if colon and prefix in snapshot.providers and rest:
        return _of_provider(snapshot.providers[prefix], rest, snapshot)
    declared = snapshot.declared.get(name.casefold())
    if declared is not None:
        return Target(snapshot.providers[declared[0]], declared[1], True)
    entry = snapshot.catalog.find(name)
    if entry is not None and entry.provider in snapshot.providers:
        return Target(snapshot.providers[entry.provider], entry.id, True)
    raise _unknown(name[:MAX_NAME], prefix, bool(colon), snapshot)


def _of_provider(provider: Provider, model: str, snapshot: Snapshot) -> Target:
    """Under a prefix any model goes through; the listed spelling is used where there is one."""
    entry = snapshot.catalog.get(provider.id, model)
    if entry is not None:
        return Target(provider, entry.id, True)
    declared = snapshot.declared.get(model.casefold())
    if declared is not None and declared[0] == provider.id:
        return Target(provider, declared[1], True)
    return Target(provider, model, False)


def _unknown(name: str, prefix: str, has_prefix: bool, snapshot: Snapshot) -> NotFound:
    ids = sorted(snapshot.providers)
    near = snapshot.catalog.near(name) + difflib.get_close_matches(name, [m for _, m in snapshot.declared.values()], 2)
    meant = f" Did you mean {_listed(near)}?" if near else ""
    # `foo:bar` where foo could have been meant as a provider; `llama3.2:1b` is just an unknown model.
    if has_prefix and "/" not in prefix and (guess := difflib.get_close_matches(prefix, ids, 1, 0.75)):
        return NotFound(
            f"No provider is called `{prefix}`; did you mean `{guess[0]}:`? Providers: {', '.join(ids)}.",
            code="unknown_provider",
            param="model",
        )
    return NotFound(
        f"The model `{name}` is not in the catalog.{meant} A model that is not listed is reached as"
        f" `provider:model`, for example `{ids[0] if ids else 'openai'}:{name}`. Providers: {', '.join(ids)}.",
        code="unknown_model",
        param="model",
    )


def _listed(names: list[str]) -> str:
    return " or ".join(f"`{name}`" for name in dict.fromkeys(names))
