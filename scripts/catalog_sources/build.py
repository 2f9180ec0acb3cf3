"""How do the sources become one catalog?

genai-prices says what a model costs, models.dev and the supplement say what it is. `full` needs models.dev's
facts and decides which models there are; `repriced` needs only the catalog as it stands and brings its
prices up to date. Given the same sources and the same day both give the same prices.
"""

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from genai_prices.types import ModelInfo

from . import figures, prices
from .providers import PROVIDERS, Source
from .refusals import refusals
from .surfaces import surfaces

Entry = dict[str, Any]

KEY_ORDER = (
    "id",
    "provider",
    "name",
    "contextWindow",
    "maxInput",
    "maxOutput",
    "input",
    "output",
    "surfaces",
    "capabilities",
    "reasoning",
    "refused",
    "refusedWithReasoning",
    "releaseDate",
    "deprecated",
    "shutdownDate",
    "prices",
)

# Long gone from OpenRouter, though genai-prices keeps them fully described.
_LEFT_OUT = {"openrouter": {"x-ai/grok-4-fast", "x-ai/grok-4.1-fast:free", "x-ai/grok-code-fast-1"}}

_MAKER_OF_VENDOR = {source.id: source.id for source in PROVIDERS} | {"inception": "inceptionlabs"}

_MODELS_DEV_RATES = {
    "input": "input",
    "output": "output",
    "cache_read": "cacheRead",
    "cache_write": "cacheWrite",
    "input_audio": "inputAudio",
    "output_audio": "outputAudio",
}

Models = dict[tuple[str, str], Entry]
"""Catalog entries by provider and lower-case id."""


def full(facts: dict[str, dict[str, Entry]], day: date) -> list[Entry]:
    """Every model of the built-in providers, from models.dev facts, the supplement and genai-prices.

    `facts` are models.dev's models by provider and id, as `figures.read_facts` gives them.
    """
    models: Models = {}
    _add(models, _listed(facts))
    _add(models, figures.read_supplement())
    for source in PROVIDERS:
        if source.takes_new_ids:
            _add(models, _new_ids(source, models))
    shutdowns = figures.read_shutdowns()
    for entry in models.values():
        _complete(entry, models, shutdowns)
        entry["prices"] = prices.prices_for(*_key(entry), day, entry.get("contextWindow")) or _listed_prices(
            facts.get(entry["provider"], {}).get(entry["id"], {}), entry
        )
    _add(models, list(_snapshots(models, shutdowns, day)))
    return _finished(models.values())


def repriced(entries: Iterable[Entry], day: date) -> list[Entry]:
    """The same models at the prices of `day`; a model genai-prices does not know keeps the price it has."""
    return _finished(
        entry | {"prices": prices.prices_for(*_key(entry), day, entry.get("contextWindow")) or entry.get("prices")}
        for entry in entries
    )


def _add(models: Models, entries: Iterable[Entry]) -> None:
    """What is known already stays: earlier sources describe a model better."""
    for entry in entries:
        models.setdefault((entry["provider"], entry["id"].lower()), entry)


def _key(entry: Entry) -> tuple[str, str]:
    return entry["provider"], entry["id"]


def _listed(facts: dict[str, dict[str, Entry]]) -> Iterable[Entry]:
    for source in PROVIDERS:
        for model_id, listed in facts.get(source.id, {}).items():
            yield figures.of_models_dev(source.id, model_id, listed)


def _new_ids(source: Source, models: Models) -> list[Entry]:
    """The models only genai-prices has, at a provider whose list there is that of the provider itself.

    Taken are entries that are exact ids, not deprecated, and described (they carry a context window: entries
    kept for old bills do not). Not taken: batch-only ids, and models charged for input alone, which answer on
    endpoints of their own (deciders, extractors) rather than on a surface of the gateway.
    """
    return [
        _of_price_entry(source.id, entry, models)
        for entry in prices.entries(source.id)
        if entry.id.lower() in prices.exact_ids(entry)
        and "/" in entry.id
        and entry.context_window
        and not entry.deprecated
        and not entry.id.endswith(":batch")
        and entry.id not in _LEFT_OUT.get(source.id, ())
        and not prices.charges_input_alone(entry)
    ]


def _of_price_entry(provider: str, entry: ModelInfo, models: Models) -> Entry:
    """The entry of a model only its price is known of; its maker's own entry, if any, says what it is."""
    twin = _twin(entry.id, models) or {}
    is_vision = "-vl-" in entry.id.lower()
    return {
        "id": entry.id,
        "provider": provider,
        "name": entry.name or entry.id,
        "contextWindow": entry.context_window,
        "input": twin.get("input") or (["text", "image"] if is_vision else ["text"]),
        "output": twin.get("output") or ["text"],
        "capabilities": [name for name in twin.get("capabilities", ()) if name != "prefill"],
    } | {key: twin[key] for key in ("maxOutput", "reasoning") if key in twin}


def _twin(model_id: str, models: Models) -> Entry | None:
    """The maker's own entry of a `vendor/model`, tried without its variant (`:free`, `-fast`) too."""
    vendor, _, slug = model_id.lower().partition("/")
    maker = _MAKER_OF_VENDOR.get(vendor.lstrip("~"))
    plain = re.sub(r"(:\w+|-fast)$", "", slug)
    names = (slug, slug.replace(".", "-"), plain, plain.replace(".", "-"))
    return next((models[maker, name] for name in names if maker and (maker, name) in models), None)


def _complete(entry: Entry, models: Models, shutdowns: dict[tuple[str, str], str]) -> None:
    """Fill in what follows from the rest of an entry, and drop what cannot be."""
    twin = _twin(entry["id"], models) if "/" in entry["id"] else None
    if re.search(r"(^|/)(text-|gemini-)?embedding|-embedding-", entry["id"]):
        entry["output"] = ["embeddings"]
        entry.pop("maxOutput", None)  # models.dev has the dimensions of the vector there
    entry["output"] = entry["output"] or (twin or {}).get("output") or ["text"]
    if "contextWindow" not in entry:
        priced = prices.entry_for(*_key(entry))
        window = (priced.context_window if priced else None) or (twin or {}).get("contextWindow")
        entry.update({"contextWindow": window} if window else {})
    _drop_impossible_limit(entry)
    entry["surfaces"] = surfaces(*_key(entry), entry["output"])
    entry["refused"], entry["refusedWithReasoning"] = refusals(entry)
    _set_life_cycle(entry, shutdowns)


def _drop_impossible_limit(entry: Entry) -> None:
    """Drop an output limit above the window, except for speech models, whose window counts only the text."""
    window = entry.get("contextWindow")
    if window and entry.get("maxOutput", 0) > window and "audio" not in entry["output"]:
        del entry["maxOutput"]


def _set_life_cycle(entry: Entry, shutdowns: dict[tuple[str, str], str]) -> None:
    shutdown = shutdowns.get(_key(entry))
    priced = prices.entry_for(*_key(entry))
    if shutdown or (priced is not None and priced.deprecated):
        entry["deprecated"] = True
    if shutdown:
        entry["shutdownDate"] = shutdown


def _listed_prices(listed: Entry, entry: Entry) -> Entry | None:
    """models.dev's prices, for models genai-prices has no entry for at all.

    A zero beside a price means «not stated» there (cache writes at Z.ai, the output of embeddings), so it is
    left out; all zeros mean free.
    """
    cost = listed.get("cost")
    if not cost or prices.entry_for(*_key(entry)) is not None:
        return None
    rates = {key: Decimal(cost[name]) for name, key in _MODELS_DEV_RATES.items() if name in cost}
    if not any(rates.values()):
        return {"input": "0", "output": "0"}
    return {key: prices.decimal_string(rate) for key, rate in rates.items() if rate}


def _snapshots(models: Models, shutdowns: dict[tuple[str, str], str], day: date) -> Iterable[Entry]:
    """The dated names (`gpt-5.4-2026-03-05`) genai-prices gives for a model; they are what the model is."""
    for base in list(models.values()):
        priced = prices.entry_for(*_key(base))
        dated = re.compile(re.escape(base["id"].lower()) + r"-(\d{4}-\d{2}-\d{2})")
        for model_id in prices.exact_ids(priced) if priced and "/" not in base["id"] else ():
            match = dated.fullmatch(model_id)
            shutdown = shutdowns.get((base["provider"], model_id))
            if match and not (shutdown and shutdown <= day.isoformat()):
                snapshot = base | {
                    "id": model_id,
                    "name": f"{base['name']} ({match[1]})",
                    "releaseDate": match[1],
                }
                yield snapshot | ({"shutdownDate": shutdown, "deprecated": True} if shutdown else {})


def _finished(entries: Iterable[Entry]) -> list[Entry]:
    """The entries as they are written, without prices that cannot be right.

    OpenRouter's moving aliases (`~vendor/…-latest`) are priced only at the rates of a model of that vendor:
    what genai-prices has for some of them is the rate of no model at all (input below a tenth of a cent,
    output in dollars).
    """
    entries = list(entries)
    of_models = {_vendor_and_rates(entry) for entry in entries if not _is_alias(entry)}
    for entry in entries:
        if _is_alias(entry) and _vendor_and_rates(entry) not in of_models:
            entry.pop("prices", None)
    return [_tidy(entry) for entry in entries]


def _is_alias(entry: Entry) -> bool:
    return bool(entry["id"].startswith("~"))


def _vendor_and_rates(entry: Entry) -> tuple[str, str, str | None, str | None]:
    rates = entry.get("prices") or {}
    return entry["provider"], entry["id"].lstrip("~").split("/")[0], rates.get("input"), rates.get("output")


def _tidy(entry: Entry) -> Entry:
    """Keys in one order; what is unknown or empty left out, except the lists every model has."""
    kept = {"input", "output", "surfaces", "capabilities"}
    return {key: entry[key] for key in KEY_ORDER if entry.get(key) not in (None, [], {}, False) or key in kept}
