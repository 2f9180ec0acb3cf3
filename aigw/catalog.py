"""Which models do the built-in providers serve, on which surfaces, within which limits and at what price?

The answers come from `catalog.json`, a file written by `scripts/update_catalog` and shipped inside the
package. It is decoded once into light rows; a `Model` and its exact decimals are built when somebody asks for
that model, so that a gateway starts quickly and pays only for the models it routes to. Nothing here does I/O
after `Catalog.load`.
"""

import heapq
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import attrs
import msgspec

FORMAT_VERSION = 1
"""The `version` of catalog.json this module reads."""

NEAR_ENOUGH = 0.4
"""The least similarity (0 to 1, Dice over letter pairs) at which an id is worth suggesting.

Below it ids share little more than a vendor's name. (difflib suggests from 0.6 on, of a stricter measure.)
"""

DEPRECATED_MALUS = 0.1
"""How much less similar a deprecated model counts: it loses against its successor, not to a stranger."""

LONGEST_ID = 200
"""Characters of an unknown id that are compared: a request may hold a megabyte where a model should stand."""


@attrs.frozen(kw_only=True)
class Rates:
    """What one request is charged, in US dollars; `None` means the rate is not known (never that it is free).

    Token rates are per million tokens. `cache_write` is the provider's shortest cache lifetime (usually five
    minutes), `cache_write_1h` the one-hour lifetime. The rates of a modality replace `input`, `output`
    or `cache_read` for tokens of that modality; reasoning tokens are output unless `output_reasoning` is
    given.
    """

    input: Decimal | None = None
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_1h: Decimal | None = None
    input_audio: Decimal | None = None
    output_audio: Decimal | None = None
    cache_read_audio: Decimal | None = None
    input_image: Decimal | None = None
    output_image: Decimal | None = None
    cache_read_image: Decimal | None = None
    input_video: Decimal | None = None
    output_video: Decimal | None = None
    output_reasoning: Decimal | None = None
    characters: Decimal | None = None
    """Per million characters of text turned into speech."""
    audio_hours: Decimal | None = None
    """Per hour of audio heard or spoken."""
    web_searches: Decimal | None = None
    """Per thousand web searches the provider makes for the model."""
    file_searches: Decimal | None = None
    """Per thousand file searches the provider makes for the model."""


@attrs.frozen
class Tier:
    """The rates of every token of a request whose context is longer than `above` tokens."""

    above: int
    rates: Rates


@attrs.frozen(kw_only=True)
class Price(Rates):
    """The rates of a model: those of a short context, and `tiers` (ascending) for longer ones."""

    tiers: tuple[Tier, ...] = ()

    def at(self, context_tokens: int) -> Rates:
        """The rates in force for a request with `context_tokens` of input, cached tokens included.

        A tier is a cliff, not a staircase: once the context is longer than `above`, all tokens of the
        request, input and output, are charged at that tier's rates.
        """
        in_force: Rates = self
        for tier in self.tiers:
            if context_tokens <= tier.above:
                break
            in_force = tier.rates
        return in_force


@attrs.frozen(kw_only=True)
class Model:
    """One model as one provider serves it.

    `input` and `output` are modalities (text, image, audio, video, pdf, embeddings); `surfaces` are those of
    this model, a subset of its provider's. `capabilities` lists what is known; absence is not a refusal.
    `None` means unknown, for a limit as for `price`.
    """

    id: str
    provider: str
    name: str
    context_window: int | None = None
    max_input: int | None = None
    max_output: int | None = None
    input: frozenset[str]
    output: frozenset[str]
    surfaces: frozenset[str]
    capabilities: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    """Request parameters the model never accepts, in its provider's own dialect.

    A dot leads into an object (`thinking.budget_tokens`); `n` means values above 1.
    """
    refused_with_reasoning: frozenset[str] = frozenset()
    """Request parameters the model accepts only when its reasoning effort is `none`."""
    efforts: tuple[str, ...] = ()
    """Reasoning efforts the model is known to take, least first; empty when unknown."""
    default_effort: str | None = None
    """The reasoning effort of a request that names none."""
    release_date: str | None = None
    deprecated: bool = False
    shutdown_date: str | None = None
    """The day (`YYYY-MM-DD`) from which the provider no longer answers for this model, where announced."""
    price: Price | None = None

    def refuses(self, effort: str | None = None) -> frozenset[str]:
        """The parameters this model does not accept in a request that asks for reasoning `effort`.

        `effort` is what the request says (`None` when it says nothing: the model's own default then counts).
        """
        if (effort or self.default_effort) == "none":
            return self.refused
        return self.refused | self.refused_with_reasoning

    def is_shut_down(self, today: str) -> bool:
        """Whether the provider has stopped answering for this model by `today` (`YYYY-MM-DD`)."""
        return self.shutdown_date is not None and self.shutdown_date <= today


@attrs.frozen
class CatalogProvider:
    """A built-in provider: its id, its name for people, and every surface it serves."""

    id: str
    name: str
    surfaces: frozenset[str]


_NO_PRICES = msgspec.Raw(b"null")


class _Reasoning(msgspec.Struct, gc=False):
    efforts: tuple[str, ...] = ()
    default: str | None = None


class _Row(msgspec.Struct, rename="camel", gc=False):
    """A model as the file has it; its prices stay undecoded until somebody asks."""

    id: str
    provider: str
    name: str
    input: tuple[str, ...]
    output: tuple[str, ...]
    surfaces: tuple[str, ...]
    capabilities: tuple[str, ...]
    context_window: int | None = None
    max_input: int | None = None
    max_output: int | None = None
    reasoning: _Reasoning | None = None
    refused: tuple[str, ...] = ()
    refused_with_reasoning: tuple[str, ...] = ()
    release_date: str | None = None
    deprecated: bool = False
    shutdown_date: str | None = None
    prices: msgspec.Raw = _NO_PRICES


class _Provider(msgspec.Struct):
    id: str
    name: str
    surfaces: frozenset[str]


class _Document(msgspec.Struct):
    version: int
    generated: str
    providers: tuple[_Provider, ...]
    models: tuple[_Row, ...]


_DECODE_DOCUMENT = msgspec.json.Decoder(_Document)


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


_FIELD_OF_KEY = {_camel(field.name): field.name for field in attrs.fields(Rates)}
"""Which field of `Rates` a key of `prices` fills: `cacheWrite1h` fills `cache_write_1h`."""


def _rates(written: Mapping[str, str]) -> dict[str, Decimal]:
    return {_FIELD_OF_KEY[key]: Decimal(value) for key, value in written.items()}


def _price(raw: msgspec.Raw) -> Price | None:
    written: dict[str, Any] | None = msgspec.json.decode(raw)
    if written is None:
        return None
    tiers = written.pop("tiers", [])
    base = _rates(written)
    return Price(**base, tiers=tuple(Tier(tier.pop("above"), Rates(**base | _rates(tier))) for tier in tiers))


def _model(row: _Row) -> Model:
    reasoning = row.reasoning or _Reasoning()
    return Model(
        id=row.id,
        provider=row.provider,
        name=row.name,
        context_window=row.context_window,
        max_input=row.max_input,
        max_output=row.max_output,
        input=frozenset(row.input),
        output=frozenset(row.output),
        surfaces=frozenset(row.surfaces),
        capabilities=frozenset(row.capabilities),
        refused=frozenset(row.refused),
        refused_with_reasoning=frozenset(row.refused_with_reasoning),
        efforts=reasoning.efforts,
        default_effort=reasoning.default,
        release_date=row.release_date,
        deprecated=row.deprecated,
        shutdown_date=row.shutdown_date,
        price=_price(row.prices),
    )


def _letter_pairs(model_id: str) -> set[str]:
    letters = [character for character in model_id.lower() if character.isalnum()]
    return {first + second for first, second in pairwise(letters)}


class Catalog:
    """The built-in providers and their models, read once and never changed."""

    def __init__(self, generated: str, providers: tuple[CatalogProvider, ...], rows: tuple[_Row, ...]) -> None:
        self.generated = generated
        """The day (`YYYY-MM-DD`) whose prices the catalog holds."""
        self._providers = providers
        self._rows: dict[str, dict[str, _Row]] = {provider.id: {} for provider in providers}
        for row in rows:
            if row.provider not in self._rows:
                raise ValueError(f"model {row.id} is of {row.provider}, which is no provider of this catalog")
            self._rows[row.provider][row.id.lower()] = row
        self._default: dict[str, _Row] = {}
        for served in self._rows.values():
            for model_id, row in served.items():
                self._default.setdefault(model_id, row)
        self._built: dict[tuple[str, str], Model] = {}

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """Read the catalog at `path`, or the one shipped beside this module.

        Raises `OSError` when the file cannot be read and `ValueError`, naming the file and the place in it,
        when it is not a catalog of this version.
        """
        path = path or Path(__file__).with_name("catalog.json")
        try:
            document = _DECODE_DOCUMENT.decode(path.read_bytes())
        except msgspec.DecodeError as error:
            raise ValueError(f"{path} is not a catalog: {error}") from error
        if document.version != FORMAT_VERSION:
            raise ValueError(f"{path} is a catalog of version {document.version}, not {FORMAT_VERSION}")
        providers = tuple(CatalogProvider(p.id, p.name, p.surfaces) for p in document.providers)
        return cls(document.generated, providers, document.models)

    def find(self, model_id: str) -> Model | None:
        """The model a bare id means, compared without regard to case, at its default provider.

        Of several providers serving the id, the one that stands first in the catalog is the default: makers
        before hosts, resellers last.
        """
        return self._model(self._default.get(model_id.lower()))

    def get(self, provider: str, model_id: str) -> Model | None:
        """The model `model_id` (without regard to case) of exactly this provider."""
        return self._model(self._rows.get(provider, {}).get(model_id.lower()))

    def near(self, model_id: str, limit: int = 3) -> list[str]:
        """The ids most like `model_id`, most similar first: what a caller who mistyped may have meant.

        Every id returned is one that `find` finds. Punctuation does not count (`gpt4o` is near `gpt-4o`);
        deprecated models come later, and of equals those of the provider standing first in the catalog win.
        """
        asked = _letter_pairs(model_id[:LONGEST_ID])
        if not asked:
            return []
        best = heapq.nlargest(
            limit,
            ((self._likeness(asked, row), -place, row.id) for place, row in enumerate(self._default.values())),
        )
        return [found for score, _, found in best if score >= NEAR_ENOUGH]

    def models(self, provider: str | None = None) -> Iterator[Model]:
        """Every model, or every model of one provider, in the order of the catalog."""
        for row_provider, rows in self._rows.items():
            if provider in (None, row_provider):
                for row in rows.values():
                    yield self._build(row)

    def providers(self) -> tuple[CatalogProvider, ...]:
        """The built-in providers, in the order in which they are the default for an id."""
        return self._providers

    @staticmethod
    def _likeness(asked: set[str], row: _Row) -> float:
        pairs = _letter_pairs(row.id)
        dice = 2 * len(asked & pairs) / (len(asked) + len(pairs))
        return dice - DEPRECATED_MALUS if row.deprecated else dice

    def _model(self, row: _Row | None) -> Model | None:
        return None if row is None else self._build(row)

    def _build(self, row: _Row) -> Model:
        key = (row.provider, row.id)
        model = self._built.get(key)
        if model is None:
            model = self._built[key] = _model(row)
        return model


@cache
def shipped() -> Catalog:
    """The catalog beside this module, read once: it stays the same as long as the process lives.

    Raises as `Catalog.load`.
    """
    return Catalog.load()
