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
    if colon and prefix in snapshot.providers:
        return _of_provider(snapshot.providers[prefix], rest.strip(), snapshot)
    declared = snapshot.declared.get(name.casefold())
    if declared is not None:
        return Target(snapshot.providers[declared[0]], declared[1], True)
    entry = snapshot.catalog.find(name)
    if entry is not None and entry.provider in snapshot.providers:
        return Target(snapshot.providers[entry.provider], entry.id, True)
    raise _unknown(name[:MAX_NAME], prefix[:MAX_NAME], rest[:MAX_NAME], snapshot)


def _of_provider(provider: Provider, model: str, snapshot: Snapshot) -> Target:
    """Under a prefix any model goes through; the listed spelling is used where there is one."""
    if not model:
        raise NotFound(
            f"`{provider.id}:` names no model; write `{provider.id}:model`. Providers: {_ids(snapshot)}.",
            code="unknown_model",
            param="model",
        )
    entry = snapshot.catalog.get(provider.id, model)
    if entry is not None:
        return Target(provider, entry.id, True)
    # Another provider may have declared the same id first, so the provider itself is asked.
    declared = next((each for each in provider.models if each.casefold() == model.casefold()), None)
    return Target(provider, declared or model, declared is not None)


def _unknown(name: str, prefix: str, rest: str, snapshot: Snapshot) -> NotFound:
    ids = sorted(snapshot.providers)
    guess = difflib.get_close_matches(prefix.casefold(), ids, 1, 0.75) if rest and "/" not in prefix else []
    # `foo:bar` where foo could have been meant as a provider; `llama3.2:1b` is just an unknown model.
    if guess or (rest and _is_listed(rest, snapshot)):
        meant = f"; did you mean `{guess[0]}:`?" if guess else "."
        return NotFound(
            f"No provider is called `{prefix}`{meant} Providers: {_ids(snapshot)}.",
            code="unknown_provider",
            param="model",
        )
    near = snapshot.catalog.near(name) + difflib.get_close_matches(name, [m for _, m in snapshot.declared.values()], 2)
    meant = f" Did you mean {_listed(near)}?" if near else ""
    return NotFound(
        f"The model `{name}` is not in the catalog.{meant} A model that is not listed is reached as"
        f" `provider:model`, for example `{ids[0] if ids else 'openai'}:{name}`. Providers: {_ids(snapshot)}.",
        code="unknown_model",
        param="model",
    )


def _is_listed(model: str, snapshot: Snapshot) -> bool:
    return model.casefold() in snapshot.declared or snapshot.catalog.find(model) is not None


def _ids(snapshot: Snapshot) -> str:
    return ", ".join(sorted(snapshot.providers))


def _listed(names: list[str]) -> str:
    return " or ".join(f"`{name}`" for name in dict.fromkeys(names))
