"""Is every entry of the shipped catalog sound, and does it know what matters of the models people ask for?"""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest

from aigw.catalog import Catalog, Rates

ROOT = Path(__file__).parents[1]

Entry = dict[str, Any]

# Answers on edit and fill-in-the-middle endpoints only, which are no surface of the gateway.
ON_NO_SURFACE = {"inceptionlabs:mercury-edit-2"}

# Free of charge at their provider, as opposed to ids that say so themselves (`…:free`).
FREE = {
    "google:gemma-4-26b-a4b-it",
    "google:gemma-4-31b-it",
    "openai:omni-moderation-2024-09-26",
    "openai:omni-moderation-latest",
    "openrouter:openrouter/free",
    "z-ai:glm-4.5-flash",
    "z-ai:glm-4.7-flash",
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The shipped catalog as plain JSON."""
    read: dict[str, Any] = json.loads((ROOT / "catalog.json").read_text(encoding="utf-8"))
    return read


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """The shipped catalog as the gateway loads it."""
    return Catalog.load()


def key(entry: Entry) -> str:
    return f"{entry['provider']}:{entry['id']}"


def offenders(document: dict[str, Any], is_sound: Callable[[Entry], bool]) -> list[str]:
    return [key(entry) for entry in document["models"] if not is_sound(entry)]


class TestShippedFile:
    """Every entry of catalog.json."""

    def test_follows_its_schema(self, document: dict[str, Any]) -> None:
        """The file says nothing the published schema does not describe."""
        jsonschema = pytest.importorskip("jsonschema")
        schema = json.loads((ROOT / "aigw" / "catalog.schema.json").read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        faults = [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(document)]
        assert faults == []

    def test_is_the_one_in_the_package(self) -> None:
        """The package's catalog is a relative link to the one at the top, so that there is only one."""
        link = ROOT / "aigw" / "catalog.json"
        assert link.is_symlink()
        assert link.readlink() == Path("../catalog.json")

    def test_has_all_built_in_providers_makers_first(self, document: dict[str, Any]) -> None:
        """The order of providers decides the default of an id: makers, then hosts, the reseller last."""
        assert [provider["id"] for provider in document["providers"]] == [
            "openai",
            "anthropic",
            "google",
            "deepseek",
            "moonshotai",
            "z-ai",
            "inceptionlabs",
            "groq",
            "hyperbolic",
            "inference-net",
            "openrouter",
        ]

    def test_every_provider_has_models(self, document: dict[str, Any]) -> None:
        """A built-in provider without a model could only be reached by prefix."""
        assert {entry["provider"] for entry in document["models"]} == {p["id"] for p in document["providers"]}

    def test_ids_are_unique_without_regard_to_case(self, document: dict[str, Any]) -> None:
        """Model ids compare case-insensitively, so two spellings of one id would hide a model."""
        keys = [key(entry).lower() for entry in document["models"]]
        assert sorted(set(keys)) == sorted(keys)

    def test_is_ordered_by_provider_and_id(self, document: dict[str, Any]) -> None:
        """One order, so that a change of one model is a change of one line."""
        place = {provider["id"]: place for place, provider in enumerate(document["providers"])}
        keys = [(place[entry["provider"]], entry["id"].lower()) for entry in document["models"]]
        assert keys == sorted(keys)

    def test_surfaces_are_those_of_the_provider(self, document: dict[str, Any]) -> None:
        """A model cannot be called on a surface its provider does not have."""
        served = {provider["id"]: set(provider["surfaces"]) for provider in document["providers"]}
        assert offenders(document, lambda entry: set(entry["surfaces"]) <= served[entry["provider"]]) == []

    def test_every_model_can_be_called(self, document: dict[str, Any]) -> None:
        """A model on no surface is an exception that is written down."""
        assert set(offenders(document, lambda entry: bool(entry["surfaces"]))) == ON_NO_SURFACE

    def test_output_fits_the_context_window(self, document: dict[str, Any]) -> None:
        """A model cannot write more than its window holds; the window of a speech model counts text alone."""

        def fits(entry: Entry) -> bool:
            known = "contextWindow" in entry and "maxOutput" in entry and "audio" not in entry["output"]
            return not known or entry["maxOutput"] <= entry["contextWindow"]

        assert offenders(document, fits) == []

    def test_input_fits_the_context_window(self, document: dict[str, Any]) -> None:
        """A limit on input is within the window it is part of."""
        assert offenders(document, lambda e: "maxInput" not in e or e["maxInput"] <= e["contextWindow"]) == []

    def test_embedding_models_make_embeddings_only(self, document: dict[str, Any]) -> None:
        """A model on the embeddings surface answers with vectors, and one that does is on no chat surface."""

        def apart(entry: Entry) -> bool:
            makes_vectors = entry["output"] == ["embeddings"]
            return makes_vectors == ("embeddings" in entry["surfaces"]) and not (
                makes_vectors and {"chat-completions", "responses", "messages"} & set(entry["surfaces"])
            )

        assert offenders(document, apart) == []

    def test_refusals_do_not_contradict_capabilities(self, document: dict[str, Any]) -> None:
        """A model that takes a temperature does not refuse it."""

        def agrees(entry: Entry) -> bool:
            refused = {*entry.get("refused", ()), *entry.get("refusedWithReasoning", ())}
            return not ("temperature" in refused and "temperature" in entry["capabilities"])

        assert offenders(document, agrees) == []

    def test_a_shutdown_date_means_deprecated(self, document: dict[str, Any]) -> None:
        """A model whose end is announced is deprecated."""
        assert offenders(document, lambda e: "shutdownDate" not in e or e.get("deprecated", False)) == []

    def test_a_default_effort_is_an_accepted_one(self, document: dict[str, Any]) -> None:
        """What a request gets that names no effort is among the efforts of the model."""

        def accepted(entry: Entry) -> bool:
            reasoning = entry.get("reasoning", {})
            return "default" not in reasoning or reasoning["default"] in reasoning["efforts"]

        assert offenders(document, accepted) == []


class TestShippedPrices:
    """Every price of catalog.json."""

    def test_only_what_is_free_costs_nothing(self, document: dict[str, Any]) -> None:
        """An unknown price is left out: zero is written only for models their provider gives away."""
        free = {key(entry) for entry in document["models"] if entry.get("prices", {}).get("input") == "0"}
        assert {model_key for model_key in free if not model_key.endswith(":free")} == FREE

    def test_a_model_with_a_price_is_charged_for_something(self, document: dict[str, Any]) -> None:
        """A zero beside other rates would be a gap in the source, not a gift."""

        def no_gap(entry: Entry) -> bool:
            rates = [v for k, v in entry.get("prices", {}).items() if k != "tiers"]
            return "0" not in rates or set(rates) == {"0"}

        assert offenders(document, no_gap) == []

    @pytest.mark.parametrize("kind", ["", "Audio", "Image"])
    def test_a_cached_token_costs_no_more_than_a_fresh_one(self, document: dict[str, Any], kind: str) -> None:
        """Reading from a cache is never dearer than not having one, at the base and in every tier."""

        def cheaper(entry: Entry) -> bool:
            base = entry.get("prices", {})
            return all(
                Decimal(rates[f"cacheRead{kind}"]) <= Decimal(rates[f"input{kind}"])
                for rates in [base, *(base | tier for tier in base.get("tiers", []))]
                if f"cacheRead{kind}" in rates and f"input{kind}" in rates
            )

        assert offenders(document, cheaper) == []

    def test_tiers_ascend_and_can_be_reached(self, document: dict[str, Any]) -> None:
        """Tiers begin at rising context sizes below the window, and none is cheaper than the one before."""

        def ascends(entry: Entry) -> bool:
            tiers = entry.get("prices", {}).get("tiers", [])
            starts = [tier["above"] for tier in tiers]
            inputs = [Decimal(rates["input"]) for rates in [entry["prices"], *tiers]] if tiers else []
            reached = not tiers or starts[-1] < entry.get("contextWindow", starts[-1] + 1)
            return reached and starts == sorted(set(starts)) and inputs == sorted(inputs)

        assert offenders(document, ascends) == []

    def test_a_tier_says_only_what_the_base_says(self, document: dict[str, Any]) -> None:
        """A rate that exists only beyond a threshold would be a base rate that got lost."""

        def covered(entry: Entry) -> bool:
            base = entry.get("prices", {})
            return all(tier.keys() - {"above"} <= base.keys() for tier in base.get("tiers", []))

        assert offenders(document, covered) == []

    def test_are_read_exactly(self, document: dict[str, Any], catalog: Catalog) -> None:
        """Every decimal the loader hands out is, digit for digit, the one that was written."""
        for entry in document["models"]:
            model = catalog.get(entry["provider"], entry["id"])
            assert model is not None
            written = entry.get("prices", {})
            base = {rate: value for rate, value in written.items() if rate != "tiers"}
            assert rates(model.price) == base, key(entry)
            tiers = model.price.tiers if model.price else ()
            assert [{"above": tier.above} | rates(tier.rates) for tier in tiers] == [
                {"above": tier["above"]} | base | tier for tier in written.get("tiers", [])
            ], key(entry)


def rates(held: Rates | None) -> dict[str, str]:
    """The known rates under the names they have in the file (`cache_write_1h` is `cacheWrite1h` there)."""
    fields = attrs.asdict(held, recurse=False) if held else {}
    return {
        re.sub(r"_(\w)", lambda match: match[1].upper(), name): str(value)
        for name, value in fields.items()
        if isinstance(value, Decimal)
    }


SURFACES = [
    ("openai", "gpt-4o", {"chat-completions", "responses"}),
    ("openai", "o1-pro", {"responses"}),
    ("openai", "o3-pro", {"responses"}),
    ("openai", "o4-mini-deep-research", {"responses"}),
    ("openai", "gpt-5.1-codex", {"responses"}),
    ("openai", "gpt-5.4-pro", {"responses"}),
    ("openai", "gpt-audio", {"chat-completions"}),
    ("openai", "gpt-realtime", {"realtime"}),
    ("openai", "gpt-realtime-whisper", {"realtime"}),
    ("openai", "whisper-1", {"audio"}),
    ("openai", "gpt-4o-mini-transcribe", {"audio"}),
    ("openai", "gpt-4o-mini-tts", {"audio"}),
    ("openai", "tts-1", {"audio"}),
    ("openai", "gpt-image-2", {"images"}),
    ("openai", "omni-moderation-latest", {"moderations"}),
    ("openai", "text-embedding-3-small", {"embeddings"}),
    ("openai", "gpt-3.5-turbo-instruct", {"completions"}),
    ("anthropic", "claude-opus-5-5", {"messages", "count-tokens"}),
    ("google", "gemini-2.5-pro", {"gemini", "chat-completions"}),
    ("google", "gemini-2.5-flash-image", {"gemini"}),
    ("google", "gemini-embedding-001", {"gemini", "embeddings"}),
    ("groq", "openai/gpt-oss-120b", {"chat-completions", "responses"}),
    ("groq", "whisper-large-v3", {"audio"}),
    ("deepseek", "deepseek-v4-pro", {"chat-completions", "completions", "messages"}),
    ("inference-net", "qwen/qwen3-embedding-4b", {"embeddings"}),
    ("openrouter", "anthropic/claude-opus-5.5", {"chat-completions", "responses", "messages", "completions"}),
    ("openrouter", "google/gemini-2.5-flash-image", {"chat-completions"}),
]

SAMPLING = {"temperature", "top_p", "presence_penalty", "frequency_penalty"}
LOG_PROBABILITIES = {"logprobs", "top_logprobs", "logit_bias"}

REFUSALS: list[tuple[str, str, str | None, set[str]]] = [
    ("openai", "gpt-4o", None, set()),
    ("openai", "o3", None, SAMPLING | LOG_PROBABILITIES | {"stop"}),
    ("openai", "gpt-5", None, SAMPLING | LOG_PROBABILITIES | {"stop"}),
    ("openai", "gpt-5.4", None, set()),
    ("openai", "gpt-5.4", "none", set()),
    ("openai", "gpt-5.4", "high", SAMPLING | LOG_PROBABILITIES),
    ("openai", "gpt-5.5", None, SAMPLING | LOG_PROBABILITIES),
    ("openai", "gpt-5.5", "none", set()),
    ("openai", "gpt-6.2-sol", None, SAMPLING | LOG_PROBABILITIES),
    ("anthropic", "claude-sonnet-4-6", None, set()),
    ("anthropic", "claude-opus-4-7", None, {"temperature", "top_p", "top_k", "thinking.budget_tokens"}),
    ("anthropic", "claude-haiku-5-5", None, {"temperature", "top_p", "top_k", "thinking.budget_tokens"}),
    ("groq", "llama-3.3-70b-versatile", None, LOG_PROBABILITIES | {"n"}),
    ("groq", "whisper-large-v3", None, set()),
    ("moonshotai", "kimi-k2.5", None, SAMPLING | {"n"}),
    ("openrouter", "openai/o3", None, set()),
]


def price_of(catalog: Catalog, model_id: str) -> Rates:
    model = catalog.find(model_id)
    assert model is not None
    assert model.price is not None
    return model.price


class TestKnownModels:
    """What the catalog must know of models people ask for by name."""

    @pytest.mark.parametrize(("provider", "model_id", "surfaces"), SURFACES)
    def test_surfaces(self, catalog: Catalog, provider: str, model_id: str, surfaces: set[str]) -> None:
        """A model is listed on the surfaces its provider answers for it on, and on no other."""
        model = catalog.get(provider, model_id)
        assert model is not None
        assert model.surfaces == surfaces

    @pytest.mark.parametrize(("provider", "model_id", "effort", "refused"), REFUSALS)
    def test_refusals(
        self, catalog: Catalog, provider: str, model_id: str, effort: str | None, refused: set[str]
    ) -> None:
        """What a model refuses depends on whether the request makes it reason."""
        model = catalog.get(provider, model_id)
        assert model is not None
        assert model.refuses(effort) == refused

    def test_embeddings_have_no_output_price(self, catalog: Catalog) -> None:
        """Vectors are not charged for by the token: the rate is absent, not zero."""
        price = price_of(catalog, "text-embedding-3-small")
        assert (price.input, price.output) == (Decimal("0.02"), None)

    def test_speech_is_priced_in_its_own_units(self, catalog: Catalog) -> None:
        """Models heard or spoken by the hour or the character have no token rate that could be mistaken."""
        heard, spoken = price_of(catalog, "whisper-1"), price_of(catalog, "tts-1")
        assert (heard.audio_hours, heard.input) == (Decimal("0.36"), None)
        assert (spoken.characters, spoken.input) == (Decimal("15"), None)

    def test_an_unknown_price_is_none(self, catalog: Catalog) -> None:
        """A model nobody publishes a price for has none, so that its cost is reported as unknown."""
        model = catalog.find("openrouter/auto")
        assert model is not None
        assert model.price is None
