"""Small snapshots: a catalog of a few models, providers that are only names, and one access key."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from aigw import adapter
from aigw.adapter import Provider
from aigw.catalog import Catalog
from aigw.records import AccessKey, ProviderKey, Scope
from aigw.secret import Secret
from aigw.snapshot import Snapshot, digest

PEPPER = b"pepper" * 5
TOKEN = b"aigw-snapshot-token-0123456789"
ANYBODY = AccessKey("aigk_any", "any", digest(TOKEN, PEPPER))
# Provider and model, as a catalog lists them: the first provider of a bare id is its default.
MODELS = (("maker", "Lyre-2"), ("maker", "lyre-2-mini"), ("host", "org/drum"), ("gone", "flute"))


@cache
def catalog(models: tuple[tuple[str, str], ...] = MODELS) -> Catalog:
    """A catalog of these models, all with the chat surface."""
    plain = {"input": ["text"], "output": ["text"], "capabilities": [], "surfaces": [adapter.CHAT_COMPLETIONS]}
    providers = dict.fromkeys(provider for provider, _ in models)
    document = {
        "version": 1,
        "generated": "2026-11-23",
        "providers": [{"id": id, "name": id.title(), "surfaces": [adapter.CHAT_COMPLETIONS]} for id in providers],
        "models": [{"id": model, "name": model, "provider": provider, **plain} for provider, model in models],
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "catalog.json")
        path.write_text(json.dumps(document))
        return Catalog.load(path)


def provider(
    id: str,
    *,
    surfaces: frozenset[str] = frozenset({adapter.CHAT_COMPLETIONS}),
    models: tuple[str, ...] = (),
    needs_key: bool = True,
) -> Provider:
    """A provider of that name."""
    return Provider(
        id=id,
        name=id.title(),
        base_url=f"https://{id}.example/v1",
        surfaces=surfaces,
        models=models,
        needs_key=needs_key,
        key_variables=(f"{id.upper()}_API_KEY",),
    )


def key(provider: str, number: int = 1) -> ProviderKey:
    """A provider key."""
    return ProviderKey(f"aigpk_{provider}_{number}", provider, Secret(f"sk-{provider}-{number}-0123456789abcdef"))


PROVIDERS = (
    provider("maker"),
    provider("host"),
    provider("local", models=("Llama3.2:1b", "lyre-2-mini"), needs_key=False),
    provider("other", models=("Lyre-2-mini",), needs_key=False),
    provider("talker", surfaces=frozenset({adapter.MESSAGES, adapter.RESPONSES})),
    provider("keyless"),
    provider("speaker", surfaces=frozenset({adapter.AUDIO}), needs_key=False),
)
KEYS: Mapping[str, Sequence[ProviderKey]] = {
    "maker": (key("maker", 1), key("maker", 2)),
    "host": (key("host"),),
    "talker": (key("talker"),),
}


def snapshot(
    providers: Sequence[Provider] = PROVIDERS,
    keys: Mapping[str, Sequence[ProviderKey]] = KEYS,
    *,
    epoch: int = 1,
    access_key: AccessKey = ANYBODY,
) -> Snapshot:
    """A snapshot of these."""
    declared: dict[str, tuple[str, str]] = {}
    for each in providers:
        for model in each.models:
            declared.setdefault(model.casefold(), (each.id, model))
    return Snapshot(
        epoch=epoch,
        catalog=catalog(),
        providers={each.id: each for each in providers},
        provider_keys={id: tuple(values) for id, values in keys.items()},
        access_keys={access_key.digest: access_key},
        pepper=PEPPER,
        declared=declared,
    )


def scoped(providers: set[str] | None = None, models: set[tuple[str, str]] | None = None) -> AccessKey:
    """An access key that may call these alone."""
    scope = Scope(None if providers is None else frozenset(providers), None if models is None else frozenset(models))
    return AccessKey("aigk_scoped", "scoped", digest(TOKEN, PEPPER), scope)
