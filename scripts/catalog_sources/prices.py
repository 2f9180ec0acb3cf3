"""What does genai-prices charge for a model on a given day, in the words of catalog.json?

genai-prices is a list of match rules per provider, so an id is put through them rather than looked up. Prices
that depend on the date are those in force on the day asked for. Prices that depend on the time of day are the
standard ones: a daily peak or discount window is not carried (the catalog has no clock).
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from importlib.metadata import version
from typing import Any

from genai_prices.data import providers
from genai_prices.types import (
    ClauseEquals,
    ClauseOr,
    ModelInfo,
    ModelPrice,
    StartDateConstraint,
    TieredPrices,
)

from .providers import PROVIDERS

Prices = dict[str, Any]

GENAI_PRICES = version("genai-prices")

_KEYS = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cacheRead",
    "cache_write_mtok": "cacheWrite",
    "cache_write_1h_mtok": "cacheWrite1h",
    "input_audio_mtok": "inputAudio",
    "output_audio_mtok": "outputAudio",
    "cache_audio_read_mtok": "cacheReadAudio",
    "input_image_mtok": "inputImage",
    "output_image_mtok": "outputImage",
    "cache_image_read_mtok": "cacheReadImage",
    "input_video_mtok": "inputVideo",
    "output_video_mtok": "outputVideo",
    "output_reasoning_mtok": "outputReasoning",
    "input_mchars": "characters",
    "audio_hours": "audioHours",
    "web_searches_kcount": "webSearches",
    "storage_searches_kcount": "fileSearches",
}
_SAME_AS = {"input_audio_hours": "audio_hours"}
"""Units genai-prices states twice for whoever counts them under the other name."""

# An alias whose own entry tells of the models that had this name before.
# https://api-docs.deepseek.com/quick_start/pricing: both names are served by V4 Flash.
_PRICED_LIKE = {
    ("deepseek", "deepseek-chat"): "deepseek-v4-flash",
    ("deepseek", "deepseek-reasoner"): "deepseek-v4-flash",
}

# An entry without any price says «free» where the provider really asks nothing, and nothing at all elsewhere.
_FREE = re.compile(r"^openrouter:.*:free$|^google:gemma-|^openai:.*moderation")

_FREE_OF_CHARGE: Prices = {"input": "0", "output": "0"}
_BY_PRICE_ID = {provider.id: provider for provider in providers}
_LISTED: dict[str, list[ModelInfo]] = {
    source.id: _BY_PRICE_ID[source.priced_as].models if source.priced_as else [] for source in PROVIDERS
}


def entries(provider: str) -> Iterator[ModelInfo]:
    """The match rules genai-prices has for a built-in provider, in the order in which they are tried."""
    yield from _LISTED[provider]


def entry_for(provider: str, model_id: str) -> ModelInfo | None:
    """The first match rule that takes this id."""
    wanted = _PRICED_LIKE.get((provider, model_id), model_id)
    return next((entry for entry in entries(provider) if entry.is_match(wanted)), None)


def exact_ids(entry: ModelInfo) -> list[str]:
    """The ids a match rule names in full (in lower case there), as opposed to those it takes by pattern."""
    clauses = entry.match.or_ if isinstance(entry.match, ClauseOr) else [entry.match]
    return [clause.equals for clause in clauses if isinstance(clause, ClauseEquals)]


def prices_for(provider: str, model_id: str, day: date, context_window: int | None = None) -> Prices | None:
    """The `prices` of a model on a day, or None when genai-prices does not know them.

    Tiers that begin at or above `context_window` are left out: no request reaches them.
    """
    entry = entry_for(provider, model_id)
    if entry is None:
        return None
    written = {key: value for key, value in _in_force(entry, day).__dict__.items() if value is not None}
    if not written:
        return dict(_FREE_OF_CHARGE) if _FREE.search(f"{provider}:{model_id}") else None
    return _written(provider, model_id, written, context_window)


def charges_input_alone(entry: ModelInfo) -> bool:
    """Whether a match rule has a rate for input and none for output (on any day)."""
    listed = [entry.prices] if isinstance(entry.prices, ModelPrice) else [c.prices for c in entry.prices]
    return any(p.input_mtok is not None for p in listed) and all(p.output_mtok is None for p in listed)


def announced(provider: str, model_id: str, day: date) -> date | None:
    """The next day after `day` on which the price of a model is known to change."""
    entry = entry_for(provider, model_id)
    conditions = entry.prices if entry is not None and isinstance(entry.prices, list) else []
    starts = [c.constraint.start_date for c in conditions if isinstance(c.constraint, StartDateConstraint)]
    return min((start for start in starts if start > day), default=None)


def decimal_string(value: Decimal) -> str:
    """A price exactly as the source has it, without exponent and trailing zeros."""
    return format(value.normalize(), "f")


def _in_force(entry: ModelInfo, day: date) -> ModelPrice:
    if isinstance(entry.prices, ModelPrice):
        return entry.prices
    noon = datetime.combine(day, time(12), UTC)
    in_force = entry.prices[0].prices
    for condition in entry.prices:
        starts = condition.constraint
        if starts is None or (isinstance(starts, StartDateConstraint) and starts.active(noon)):
            in_force = condition.prices
    return in_force


def _written(provider: str, model_id: str, written: dict[str, Any], context_window: int | None) -> Prices:
    unknown = written.keys() - _KEYS.keys() - _SAME_AS.keys()
    if unknown:
        raise LookupError(f"no key in the catalog for {sorted(unknown)} of {provider}:{model_id}")
    prices: Prices = {}
    tiers: dict[int, Prices] = {}
    for unit, key in _KEYS.items():
        rate = written.get(unit)
        if isinstance(rate, TieredPrices):
            prices[key] = decimal_string(rate.base)
            for tier in rate.tiers:
                tiers.setdefault(tier.start, {})[key] = decimal_string(tier.price)
        elif rate is not None:
            prices[key] = decimal_string(rate)
    reached = {above: rates for above, rates in tiers.items() if context_window is None or above < context_window}
    if reached:
        prices["tiers"] = _cumulative(reached)
    return prices


def _cumulative(tiers: dict[int, Prices]) -> list[Prices]:
    """Each tier with every rate that differs from the base up to there, so that one tier says it all."""
    said: Prices = {}
    stated = []
    for above in sorted(tiers):
        said = said | tiers[above]
        stated.append({"above": above} | {key: said[key] for key in _KEYS.values() if key in said})
    return stated
