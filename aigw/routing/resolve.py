"""From the name a caller wrote to a provider and its model id: aliases first, then a prefix, then the catalog."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import chain, islice

import attrs

from aigw.adapter import Provider
from aigw.errors import NotFound
from aigw.snapshot import Account

# Names longer than this are no model ids; they are cut before they are shown or compared.
MAX_NAME = 256
# A name that is none is compared with so many of an account's own, and so many providers are told: an account may have
# a hundred thousand models, and all requests wait while one is looked for. 40 µs each at worst.
MOST_COMPARED = 200
MOST_TOLD = 100


@attrs.frozen
class Target:
    """A provider and the model id as that provider knows it; `known` says the catalog or the operator lists it."""

    provider: Provider
    model: str
    known: bool


def resolve(name: str, account: Account, *, aliases: bool = True) -> Target:
    """The target of one name. Raises NotFound with what to write instead.

    An alias of the account stands for another name, which is not looked up among aliases again. The first colon splits
    only if a provider stands before it (`llama3.2:1b` is a model). Provider ids compare exactly, model ids without
    case. A bare id declared for a custom provider wins over the catalog.
    """
    name = name.strip()
    if aliases and account.aliases:
        name = account.aliases.get(name.casefold(), name)
    prefix, colon, rest = name.partition(":")
    if colon and prefix in account.providers:
        return _of_provider(account.providers[prefix], rest.strip(), account)
    declared = account.declared.get(name.casefold())
    if declared is not None:
        return Target(account.providers[declared[0]], declared[1], True)
    entry = account.catalog.find(name)
    if entry is not None and entry.provider in account.providers:
        return Target(account.providers[entry.provider], entry.id, True)
    raise _unknown(name[:MAX_NAME], prefix[:MAX_NAME], rest[:MAX_NAME], account)


def _of_provider(provider: Provider, model: str, account: Account) -> Target:
    """Under a prefix any model goes through; the listed spelling is used where there is one."""
    if not model:
        raise NotFound(
            f"`{provider.id}:` names no model; write `{provider.id}:model`. Providers: {_ids(account)}.",
            code="unknown_model",
            param="model",
        )
    entry = account.catalog.get(provider.id, model)
    if entry is not None:
        return Target(provider, entry.id, True)
    # Another provider may have declared the same id first, so the provider itself is asked.
    declared = next((each for each in provider.models if each.casefold() == model.casefold()), None)
    return Target(provider, declared or model, declared is not None)


def _unknown(name: str, prefix: str, rest: str, account: Account) -> NotFound:
    ids = sorted(account.providers)
    guess = _near(prefix.casefold(), ids, 1, 0.75) if rest and "/" not in prefix else []
    # `foo:bar` where foo could have been meant as a provider; `llama3.2:1b` is just an unknown model.
    if guess or (rest and _is_listed(rest, account)):
        meant = f"; did you mean `{guess[0]}:`?" if guess else "."
        return NotFound(
            f"No provider is called `{prefix}`{meant} Providers: {_ids(account)}.",
            code="unknown_provider",
            param="model",
        )
    own = chain(account.aliases, (model for _, model in account.declared.values()))
    near = account.catalog.near(name) + _near(name, own, 2)
    meant = f" Did you mean {_listed(near)}?" if near else ""
    return NotFound(
        f"The model `{name}` is not in the catalog.{meant} A model that is not listed is reached as"
        f" `provider:model`, for example `{ids[0] if ids else 'openai'}:{name}`. Providers: {_ids(account)}.",
        code="unknown_model",
        param="model",
    )


def _is_listed(model: str, account: Account) -> bool:
    return model.casefold() in account.declared or account.catalog.find(model) is not None


def _near(name: str, known: Iterable[str], most: int, cutoff: float = 0.6) -> list[str]:
    compared = [each for each in islice(known, MOST_COMPARED) if len(each) <= MAX_NAME]
    return difflib.get_close_matches(name, compared, most, cutoff)


def _ids(account: Account) -> str:
    ids = sorted(account.providers)
    told = ", ".join(ids[:MOST_TOLD])
    return told if len(ids) <= MOST_TOLD else f"{told} and {len(ids) - MOST_TOLD} more"


def _listed(names: list[str]) -> str:
    return " or ".join(f"`{name}`" for name in dict.fromkeys(names))
