"""Does the loader answer exactly what a catalog says, and nothing that it does not say?"""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from aigw.catalog import Catalog, Model, Price, Rates, Tier

Entry = dict[str, Any]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """The shipped catalog as the gateway loads it."""
    return Catalog.load()


def found(catalog: Catalog, model_id: str) -> Model:
    model = catalog.find(model_id)
    assert model is not None, model_id
    return model


def written(tmp_path: Path, **changes: Any) -> Path:
    """A small catalog of two providers on disk, with parts of it changed."""
    whole = {
        "version": 1,
        "generated": "2026-11-23",
        "providers": [
            {"id": "maker", "name": "Maker", "surfaces": ["chat-completions"]},
            {"id": "host", "name": "Host", "surfaces": ["chat-completions"]},
        ],
        "models": [model("host", "Lyre-2"), model("maker", "lyre-2"), model("host", "drum")],
    }
    path = tmp_path / "catalog.json"
    path.write_text(json.dumps(whole | changes))
    return path


def model(provider: str, model_id: str, **more: Any) -> Entry:
    plain = {"name": model_id, "input": ["text"], "output": ["text"], "capabilities": []}
    return {"id": model_id, "provider": provider, "surfaces": ["chat-completions"]} | plain | more


class TestLookUp:
    """`find`, `get`, `models` and `providers`."""

    def test_find_ignores_case_and_keeps_the_provider_s_spelling(self, catalog: Catalog) -> None:
        """Model ids compare case-insensitively; what goes upstream is the provider's own spelling."""
        model = found(catalog, "QWEN/qwen3-next-80b-a3b-THINKING")
        assert (model.provider, model.id) == ("hyperbolic", "Qwen/Qwen3-Next-80B-A3B-Thinking")

    @pytest.mark.parametrize(
        ("model_id", "provider"),
        [
            ("gpt-4o", "openai"),
            ("glm-4.6", "z-ai"),
            ("openai/gpt-oss-120b", "groq"),
            ("meta-llama/llama-3.3-70b-instruct", "hyperbolic"),
            ("anthropic/claude-opus-5.5", "openrouter"),
        ],
    )
    def test_find_takes_the_first_provider(self, catalog: Catalog, model_id: str, provider: str) -> None:
        """Of several providers serving an id, makers come before hosts and hosts before resellers."""
        assert found(catalog, model_id).provider == provider

    @pytest.mark.parametrize("model_id", ["", "gpt-4o ", "openai:gpt-4o", "gpt 4o", "no-such-model"])
    def test_find_guesses_nothing(self, catalog: Catalog, model_id: str) -> None:
        """No alias, no trimming, no prefix: only an id of the catalog is found."""
        assert catalog.find(model_id) is None

    def test_get_wants_the_exact_provider(self, catalog: Catalog) -> None:
        """Provider ids compare exactly, and another provider's model is not theirs."""
        assert catalog.get("openai", "GPT-4o") is catalog.find("gpt-4o")
        assert catalog.get("OpenAI", "gpt-4o") is None
        assert catalog.get("anthropic", "gpt-4o") is None
        assert catalog.get("no-such-provider", "gpt-4o") is None

    def test_models_of_one_provider(self, catalog: Catalog) -> None:
        """A provider's models are listed in the order of the file, all of them and nobody else's."""
        listed = [model.id for model in catalog.models("deepseek")]
        assert "deepseek-v4-pro" in listed
        assert listed == [model.id for model in catalog.models() if model.provider == "deepseek"]
        assert list(catalog.models("no-such-provider")) == []

    def test_providers_say_what_they_serve(self, catalog: Catalog) -> None:
        """The catalog's providers carry their name and every surface they have."""
        providers = {provider.id: provider for provider in catalog.providers()}
        assert providers["z-ai"].name == "Z.ai"
        assert providers["anthropic"].surfaces == {"messages", "count-tokens"}

    def test_a_model_is_built_once(self, catalog: Catalog) -> None:
        """Looking a model up again costs a dictionary access, not a new object."""
        assert catalog.find("gpt-4o") is catalog.find("GPT-4O")


class TestNear:
    """Suggestions for an id nobody serves."""

    @pytest.mark.parametrize(
        ("asked", "meant"),
        [
            ("gpt4o", "gpt-4o"),
            ("claude-opus-5.5", "claude-opus-5-5"),
            ("claude-sonet-4-6", "claude-sonnet-4-6"),
            ("gemini-3.8-flsh", "gemini-3.8-flash"),
            ("llama-3.3-70b", "llama-3.3-70b-versatile"),
            ("Kimi K3", "kimi-k3"),
        ],
    )
    def test_what_was_meant_comes_first(self, catalog: Catalog, asked: str, meant: str) -> None:
        """A typing mistake, a missing suffix or other punctuation leads to the model that was meant."""
        assert catalog.near(asked)[0] == meant

    def test_every_suggestion_can_be_found(self, catalog: Catalog) -> None:
        """A suggestion that answers with the same error would be no help."""
        assert all(catalog.find(model_id) for model_id in catalog.near("claude", limit=20))

    def test_limit(self, catalog: Catalog) -> None:
        """At most as many suggestions as asked for."""
        assert len(catalog.near("gpt-5", limit=5)) == 5
        assert catalog.near("gpt-5", limit=0) == []

    @pytest.mark.parametrize("nonsense", ["", "x", "???", "xyz123", "x" * 1_000_000])
    def test_nothing_is_near_nonsense(self, catalog: Catalog, nonsense: str) -> None:
        """No suggestion is better than a random one, however long the id that was sent."""
        assert catalog.near(nonsense) == []


class TestPriceTiers:
    """Prices that depend on the length of the context."""

    def test_a_tier_is_a_cliff(self) -> None:
        """Beyond a threshold every token is charged at the tier's rates; at the threshold none is."""
        short, long = Rates(input=Decimal("0.1")), Rates(input=Decimal("0.5"))
        price = Price(input=short.input, tiers=(Tier(100_000, long),))
        assert price.at(0).input == short.input
        assert price.at(100_000).input == short.input
        assert price.at(100_001) is long

    def test_the_highest_tier_reached_counts(self, catalog: Catalog) -> None:
        """With several thresholds the last one passed decides."""
        price = found(catalog, "qwen/qwen3-coder-flash").price
        assert price is not None
        sizes = [1, 32_000, 32_001, 128_000, 128_001]
        assert [str(price.at(size).input) for size in sizes] == ["0.195", "0.195", "0.325", "0.325", "0.52"]

    def test_a_tier_keeps_the_rates_it_does_not_state(self, catalog: Catalog) -> None:
        """What does not depend on the context (a web search) costs the same in every tier."""
        price = found(catalog, "claude-haiku-5-5").price
        assert price is not None
        assert price.at(100_001).web_searches == price.web_searches == Decimal("10")

    def test_without_tiers_length_does_not_matter(self, catalog: Catalog) -> None:
        """A flat price is its own rate at any length."""
        price = found(catalog, "gpt-4o").price
        assert price is not None
        assert price.at(10**9) is price


class TestLoading:
    """Reading catalogs other than the shipped one."""

    def test_finds_its_file_from_anywhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The shipped catalog lies beside the module, wherever the process was started."""
        monkeypatch.chdir(tmp_path)
        assert Catalog.load().find("gpt-4o") is not None

    def test_the_order_of_providers_decides_not_that_of_models(self, tmp_path: Path) -> None:
        """The default provider follows from the list of providers alone."""
        assert found(Catalog.load(written(tmp_path)), "LYRE-2").provider == "maker"

    def test_prices_are_decoded_on_demand(self, tmp_path: Path) -> None:
        """Loading does not look into prices: a bad one harms only who asks for that model."""
        bad = model("maker", "bad", prices={"input": "a lot"})
        catalog = Catalog.load(written(tmp_path, models=[bad, model("maker", "good")]))
        assert found(catalog, "good").price is None
        with pytest.raises(ArithmeticError):
            catalog.find("bad")

    def test_decimals_never_pass_through_a_float(self, tmp_path: Path) -> None:
        """A price with more digits than a float holds arrives with all of them."""
        exact = "0.12345678901234567890123"
        path = written(tmp_path, models=[model("maker", "fine", prices={"input": exact})])
        price = found(Catalog.load(path), "fine").price
        assert price is not None
        assert str(price.input) == exact

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"version": 2}, "version 2"),
            ({"models": [{"id": "x"}]}, r"\$\.models\[0\]"),
            ({"models": [model("nobody", "x")]}, "nobody"),
        ],
    )
    def test_what_is_no_catalog_is_refused(self, tmp_path: Path, changes: Entry, said: str) -> None:
        """A wrong file stops the start and says what is wrong with it."""
        with pytest.raises(ValueError, match=said):
            Catalog.load(written(tmp_path, **changes))

    def test_a_broken_file_is_named(self, tmp_path: Path) -> None:
        """The message names the file, so that the operator knows which one."""
        path = tmp_path / "broken.json"
        path.write_text("{")
        with pytest.raises(ValueError, match=r"broken\.json"):
            Catalog.load(path)

    def test_a_missing_file_is_an_os_error(self, tmp_path: Path) -> None:
        """A file that is not there is reported as the system reports it."""
        with pytest.raises(FileNotFoundError):
            Catalog.load(tmp_path / "none.json")

    def test_shutdown_begins_on_its_day(self, tmp_path: Path) -> None:
        """A model is shut down from the announced day on, and one without a date never."""
        ending = model("maker", "old", shutdownDate="2026-12-11", deprecated=True)
        catalog = Catalog.load(written(tmp_path, models=[ending, model("maker", "new")]))
        old, new = found(catalog, "old"), found(catalog, "new")
        assert [old.is_shut_down(day) for day in ("2026-12-10", "2026-12-11")] == [False, True]
        assert not new.is_shut_down("2999-01-01")
