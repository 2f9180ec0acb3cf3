"""Does update_catalog turn its sources into the same sound catalog every time, and say what changed?"""

import importlib
import json
import subprocess
import sys
from datetime import UTC, date, time
from decimal import Decimal
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("genai_prices")
pytest.importorskip("jsonschema")

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "update_catalog"
DAY = date(2026, 11, 23)

Entry = dict[str, Any]
Sources = SimpleNamespace
Lists = dict[str, list[Any]]


def shipped() -> Entry:
    read: Entry = json.loads((ROOT / "catalog.json").read_text(encoding="utf-8"))
    return read


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> Sources:
    """The modules of the script, and genai-prices' types to write price lists with."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    names = ("build", "cli", "document", "figures", "prices", "report")
    modules = {name: importlib.import_module(f"catalog_sources.{name}") for name in names}
    return Sources(genai=importlib.import_module("genai_prices.types"), **modules)


@pytest.fixture
def price_lists(sources: Sources, monkeypatch: pytest.MonkeyPatch) -> Lists:
    """genai-prices with nothing in it, to be filled by the test: match rules by provider."""
    lists: Lists = {provider: [] for provider in sources.prices._LISTED}
    monkeypatch.setattr(sources.prices, "_LISTED", lists)
    monkeypatch.setattr(sources.figures, "read_supplement", list)
    monkeypatch.setattr(sources.figures, "read_shutdowns", dict)
    return lists


def rule(sources: Sources, model_id: str, charged: Any, *also: str, **more: Any) -> Any:
    """A match rule for an id (and further exact ids), with prices as a dict of units or as conditions."""
    clauses = [sources.genai.ClauseEquals(equals=name.lower()) for name in (model_id, *also)]
    prices = charged if isinstance(charged, list) else price(sources, **charged)
    match = sources.genai.ClauseOr(or_=clauses)
    return sources.genai.ModelInfo(id=model_id, match=match, prices=prices, **more)


def price(sources: Sources, **units: str | Any) -> Any:
    exact = {unit: Decimal(rate) if isinstance(rate, str) else rate for unit, rate in units.items()}
    return sources.genai.ModelPrice(**exact)


def listed(**more: Any) -> Entry:
    """A model as models.dev describes it."""
    plain = {"name": "A model", "modalities": {"input": ["text"], "output": ["text"]}, "temperature": True}
    return plain | {"limit": {"context": 1000, "output": 100}} | more


def built(sources: Sources, provider: str, **models: Entry) -> dict[str, Entry]:
    """The catalog made of some models.dev models of one provider, by id (`_` stands for `-`)."""
    facts = {provider: {model_id.replace("_", "-"): entry for model_id, entry in models.items()}}
    return {entry["id"]: entry for entry in sources.build.full(facts, DAY)}


class TestShippedCatalog:
    """The committed file against the sources that are installed."""

    @pytest.mark.parametrize("options", [["--check"], ["--check", "--prices-only"]])
    def test_is_what_the_sources_give(self, options: list[str]) -> None:
        """Regenerating the committed catalog changes no byte of it, with the facts or without."""
        if metadata.version("genai-prices") != shipped()["sources"]["genai-prices"]["version"]:
            pytest.skip("another genai-prices is installed than the catalog was made with")
        run = subprocess.run([sys.executable, SCRIPT, *options], capture_output=True, text=True, check=False)
        assert (run.returncode, run.stdout) == (0, "catalog.json is up to date\n"), run.stderr

    def test_is_written_in_the_form_of_the_script(self, sources: Sources) -> None:
        """One model per line, in order: the file is exactly what the writer makes of its content."""
        catalog = shipped()
        again = sources.document.document(reversed(catalog["models"]), catalog["generated"], "")
        text = sources.document.render(again | {"sources": catalog["sources"]})
        assert text == (ROOT / "catalog.json").read_text(encoding="utf-8")


class TestPrices:
    """From genai-prices' rules to the prices of a model on a day."""

    def test_the_price_in_force_on_the_day(self, sources: Sources, price_lists: Lists) -> None:
        """Of prices that start on a date, the latest already begun is taken; the next one is announced."""
        genai = sources.genai
        conditions = [
            genai.ConditionalPrice(prices=price(sources, input_mtok="1")),
            genai.ConditionalPrice(genai.StartDateConstraint(date(2026, 12, 1)), prices=price(sources, input_mtok="2")),
        ]
        price_lists["google"] = [rule(sources, "lyre", conditions)]
        days = [date(2026, 11, 30), date(2026, 12, 1)]
        assert [sources.prices.prices_for("google", "lyre", day) for day in days] == [
            {"input": "1"},
            {"input": "2"},
        ]
        assert [sources.prices.announced("google", "lyre", day) for day in days] == [date(2026, 12, 1), None]

    def test_hours_of_the_day_do_not_count(self, sources: Sources, price_lists: Lists) -> None:
        """A daily peak is left out: the catalog holds the standard price."""
        genai = sources.genai
        peak = genai.TimeOfDateConstraint(time(0, tzinfo=UTC), time(23, 59, tzinfo=UTC))
        conditions = [
            genai.ConditionalPrice(prices=price(sources, input_mtok="1")),
            genai.ConditionalPrice(peak, prices=price(sources, input_mtok="2")),
        ]
        price_lists["deepseek"] = [rule(sources, "lyre", conditions)]
        assert sources.prices.prices_for("deepseek", "lyre", DAY) == {"input": "1"}

    def test_tiers_of_each_unit_become_tiers_of_the_model(self, sources: Sources, price_lists: Lists) -> None:
        """Every tier states all rates that changed up to there; tiers beyond the window are left out."""
        genai = sources.genai

        def tiered(base: str, *tiers: tuple[int, str]) -> Any:
            return genai.TieredPrices(Decimal(base), [genai.Tier(start, Decimal(p)) for start, p in tiers])

        charged = {
            "input_mtok": tiered("1", (100, "2"), (300, "3")),
            "output_mtok": tiered("4", (100, "8")),
            "cache_read_mtok": "0.10",
        }
        price_lists["openai"] = [rule(sources, "lyre", charged)]
        wide, narrow = (sources.prices.prices_for("openai", "lyre", DAY, window) for window in (1000, 300))
        assert wide == {
            "input": "1",
            "output": "4",
            "cacheRead": "0.1",
            "tiers": [
                {"above": 100, "input": "2", "output": "8"},
                {"above": 300, "input": "3", "output": "8"},
            ],
        }
        assert [tier["above"] for tier in narrow["tiers"]] == [100]

    @pytest.mark.parametrize(
        ("provider", "model_id", "known"),
        [
            ("openrouter", "vendor/lyre:free", {"input": "0", "output": "0"}),
            ("openrouter", "vendor/lyre", None),
            ("google", "gemma-9", {"input": "0", "output": "0"}),
            ("google", "gemini-9", None),
        ],
    )
    def test_an_empty_price_is_free_only_where_it_says_so(
        self,
        sources: Sources,
        price_lists: Lists,
        provider: str,
        model_id: str,
        known: Entry | None,
    ) -> None:
        """No rate at all means free for models known to be given away, and unknown for all others."""
        price_lists[provider] = [rule(sources, model_id, {})]
        assert sources.prices.prices_for(provider, model_id, DAY) == known

    def test_a_unit_without_a_key_stops_the_update(self, sources: Sources, price_lists: Lists) -> None:
        """A new way of charging is not dropped in silence."""
        price_lists["openai"] = [rule(sources, "lyre", {"requests_kcount": "1"})]
        with pytest.raises(LookupError, match="requests_kcount"):
            sources.prices.prices_for("openai", "lyre", DAY)

    @pytest.mark.parametrize(
        ("value", "exact"), [("1E+2", "100"), ("0.50", "0.5"), ("1E-7", "0.0000001"), ("0.00", "0")]
    )
    def test_decimals_are_written_in_full(self, sources: Sources, value: str, exact: str) -> None:
        """Neither exponents nor trailing zeros: one price has one spelling."""
        assert sources.prices.decimal_string(Decimal(value)) == exact


@pytest.mark.usefixtures("price_lists")
class TestModels:
    """From models.dev and genai-prices to catalog entries."""

    def test_a_known_model_is_described_in_the_words_of_the_catalog(self, sources: Sources, price_lists: Lists) -> None:
        """Name, limits, modalities, capabilities, efforts and refusals come together in one entry."""
        price_lists["openai"] = [rule(sources, "o9", {"input_mtok": "1", "output_mtok": "2"})]
        entry = listed(
            name="o9  preview",
            modalities={"input": ["pdf", "text"], "output": ["text"]},
            limit={"context": 200, "input": 150, "output": 0},
            temperature=False,
            reasoning=True,
            tool_call=True,
            reasoning_options=[{"type": "effort", "values": ["low", "high"]}],
            release_date="2026-11-01",
            status="deprecated",
        )
        made = built(sources, "openai", o9=entry)["o9"]
        assert {"temperature", "top_p", "logprobs"} <= set(made.pop("refused"))
        assert made == {
            "id": "o9",
            "provider": "openai",
            "name": "o9 preview",
            "contextWindow": 200,
            "maxInput": 150,
            "input": ["text", "pdf"],
            "output": ["text"],
            "surfaces": ["chat-completions", "responses"],
            "capabilities": ["attachments", "reasoning", "tools"],
            "reasoning": {"efforts": ["low", "high"]},
            "releaseDate": "2026-11-01",
            "deprecated": True,
            "prices": {"input": "1", "output": "2"},
        }

    @pytest.mark.parametrize(
        ("cost", "known"),
        [
            ({"input": Decimal("0.10"), "output": Decimal("0.4")}, {"input": "0.1", "output": "0.4"}),
            ({"input": Decimal("0.1"), "output": 0, "cache_write": 0}, {"input": "0.1"}),
            ({"input": 0, "output": 0, "cache_read": 0}, {"input": "0", "output": "0"}),
            (None, None),
        ],
    )
    def test_models_dev_prices_fill_in(self, sources: Sources, cost: Entry | None, known: Entry | None) -> None:
        """Where genai-prices has no rule, models.dev's cost counts; its zeros beside a price are gaps."""
        assert built(sources, "z-ai", lyre=listed(cost=cost))["lyre"].get("prices") == known

    def test_facts_come_in_two_forms(self, sources: Sources, tmp_path: Path) -> None:
        """models.dev's own api.json gives the models of a facts file, under models.dev's provider ids."""
        facts, api = tmp_path / "models.json", tmp_path / "api.json"
        parts: Entry = {"z-ai": {"models_dev": {"lyre": {}}}}
        facts.write_text(json.dumps({"sources": {"models.dev": {"commit": "abc"}}, "providers": parts}))
        api.write_text(json.dumps({"zai": {"models": {"lyre": {}}}}))
        commit, models = sources.figures.read_facts(api)
        assert sources.figures.read_facts(facts) == ("abc", {"z-ai": models["z-ai"]})
        assert commit.startswith("sha256:")

    def test_genai_prices_wins(self, sources: Sources, price_lists: Lists) -> None:
        """A price of genai-prices replaces models.dev's, and its silence does too."""
        price_lists["z-ai"] = [rule(sources, "lyre", {"input_mtok": "2"}), rule(sources, "drum", {})]
        cost = {"input": Decimal(1), "output": Decimal(1)}
        models = built(sources, "z-ai", lyre=listed(cost=cost), drum=listed(cost=cost))
        assert (models["lyre"].get("prices"), models["drum"].get("prices")) == ({"input": "2"}, None)

    def test_vectors_are_not_tokens(self, sources: Sources) -> None:
        """models.dev gives an embedding model's dimensions as its output limit: that is no limit."""
        entry = listed(limit={"context": 8191, "output": 3072})
        made = built(sources, "openai", text_embedding_9=entry)["text-embedding-9"]
        assert (made["output"], made["surfaces"], "maxOutput" in made) == (
            ["embeddings"],
            ["embeddings"],
            False,
        )

    def test_an_output_limit_above_the_window_is_dropped(self, sources: Sources) -> None:
        """Of two limits that contradict each other the output limit is the doubtful one."""
        made = built(sources, "z-ai", lyre=listed(limit={"context": 100, "output": 200}))["lyre"]
        assert (made["contextWindow"], "maxOutput" in made) == (100, False)

    def test_dated_names_are_snapshots(self, sources: Sources, price_lists: Lists) -> None:
        """A dated exact id of a model's rule is that model; other names of the rule are not taken."""
        price_lists["openai"] = [rule(sources, "gpt-9", {"input_mtok": "1"}, "gpt-9-2026-11-01", "gpt-9-x")]
        models = built(sources, "openai", gpt_9=listed(name="GPT-9"))
        assert sorted(models) == ["gpt-9", "gpt-9-2026-11-01"]
        snapshot = models["gpt-9-2026-11-01"]
        assert (snapshot["name"], snapshot["releaseDate"]) == ("GPT-9 (2026-11-01)", "2026-11-01")
        assert snapshot["prices"] == models["gpt-9"]["prices"]

    def test_a_snapshot_already_shut_down_is_left_out(
        self, sources: Sources, price_lists: Lists, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A dated name whose announced day has come is not listed any more."""
        dates = {("openai", "gpt-9-2026-01-01"): "2026-11-23", ("openai", "gpt-9"): "2027-01-01"}
        monkeypatch.setattr(sources.figures, "read_shutdowns", lambda: dates)
        price_lists["openai"] = [rule(sources, "gpt-9", {"input_mtok": "1"}, "gpt-9-2026-01-01")]
        models = built(sources, "openai", gpt_9=listed())
        assert list(models) == ["gpt-9"]
        assert (models["gpt-9"]["deprecated"], models["gpt-9"]["shutdownDate"]) == (True, "2027-01-01")

    def test_a_reseller_s_new_models(self, sources: Sources, price_lists: Lists) -> None:
        """Described exact ids are listed with what their maker's entry says; batch ids and relics are not."""
        both = {"input_mtok": "1", "output_mtok": "2"}
        price_lists["openrouter"] = [
            rule(sources, "z-ai/lyre-2:free", {}, context_window=500),
            rule(sources, "z-ai/lyre-2:batch", both, context_window=500),
            rule(sources, "vendor/decider", {"input_mtok": "1"}, context_window=500),
            rule(sources, "vendor/relic", both),
            rule(sources, "bare", both, context_window=500),
        ]
        sees = {"input": ["text", "image"], "output": ["text"]}
        models = built(sources, "z-ai", lyre_2=listed(modalities=sees, tool_call=True))
        assert sorted(models) == ["lyre-2", "z-ai/lyre-2:free"]
        resold = models["z-ai/lyre-2:free"]
        assert (resold["contextWindow"], resold["input"]) == (500, ["text", "image"])
        assert "tools" in resold["capabilities"]

    def test_an_alias_is_priced_as_one_of_its_models(self, sources: Sources, price_lists: Lists) -> None:
        """A moving alias at a rate none of the vendor's models has is without a price rather than wrong."""
        rates = {"input_mtok": "1", "output_mtok": "2"}
        price_lists["openrouter"] = [
            rule(sources, "vendor/lyre", rates, context_window=500),
            rule(sources, "~vendor/lyre-latest", rates, context_window=500),
            rule(sources, "~vendor/odd-latest", rates | {"input_mtok": "0.01"}, context_window=500),
        ]
        models = built(sources, "openrouter")
        assert "prices" in models["~vendor/lyre-latest"]
        assert "prices" not in models["~vendor/odd-latest"]

    def test_without_facts_only_prices_change(self, sources: Sources, price_lists: Lists) -> None:
        """Models genai-prices knows get its price, the others keep theirs, and none comes or goes."""
        before = list(built(sources, "z-ai", lyre=listed(), drum=listed(cost={"input": Decimal(3)})).values())
        price_lists["z-ai"] = [rule(sources, "lyre", {"input_mtok": "2"}), rule(sources, "new", {})]
        after = {entry["id"]: entry for entry in sources.build.repriced(before, DAY)}
        assert sorted(after) == ["drum", "lyre"]
        assert (after["lyre"]["prices"], after["drum"]["prices"]) == ({"input": "2"}, {"input": "3"})


class TestCommand:
    """The command line."""

    @pytest.fixture
    def catalog(self, sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A catalog of the shipped models in a place where it may be changed."""
        path = tmp_path / "catalog.json"
        path.write_text((ROOT / "catalog.json").read_text(encoding="utf-8"), encoding="utf-8")
        monkeypatch.setattr(sources.document, "CATALOG", path)
        monkeypatch.setattr(sources.document.read, "__defaults__", (path,))
        return path

    @staticmethod
    def change(path: Path, changed_key: str, **changes: Any) -> None:
        catalog = json.loads(path.read_text(encoding="utf-8"))
        for entry in catalog["models"]:
            if f"{entry['provider']}:{entry['id']}" == changed_key:
                entry.update(changes)
        path.write_text(json.dumps(catalog), encoding="utf-8")

    def test_check_reports_and_changes_nothing(
        self, sources: Sources, catalog: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """`--check` names the model whose price is out of date, exits with 1 and leaves the file alone."""
        self.change(catalog, "openai:gpt-4o", prices={"input": "99"})
        before = catalog.read_bytes()
        assert sources.cli.main(["--check", "--prices-only"]) == 1
        assert "re-priced openai:gpt-4o" in capsys.readouterr().out
        assert catalog.read_bytes() == before

    def test_an_update_repairs_and_then_has_nothing_to_do(
        self, sources: Sources, catalog: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """An update writes the file once; the day alone is no reason to write it again."""
        self.change(catalog, "openai:gpt-4o", prices={"input": "99"})
        arguments = ["--prices-only", "--date", shipped()["generated"]]
        assert sources.cli.main(arguments) == 0
        assert "re-priced openai:gpt-4o" in capsys.readouterr().out
        older = catalog.read_text(encoding="utf-8").replace(arguments[-1], "2026-01-01", 1)
        catalog.write_text(older, encoding="utf-8")
        assert sources.cli.main(arguments) == 0
        assert capsys.readouterr().out == "nothing to change\n"

    def test_an_unsound_catalog_is_not_written(self, sources: Sources, catalog: Path) -> None:
        """What the schema forbids stops the update, and the message names the model and the key."""
        self.change(catalog, "openai:gpt-4o", contextWindow=-1)
        before = catalog.read_bytes()
        with pytest.raises(SystemExit, match="openai:gpt-4o/contextWindow"):
            sources.cli.main(["--prices-only"])
        assert catalog.read_bytes() == before

    def test_the_summary_tells_what_happened(self, sources: Sources) -> None:
        """Every model that came, went, changed or costs something else is named once."""
        names = ["same", "gone", "other", "dearer"]
        before = {n: {"provider": "z-ai", "id": n, "name": n, "prices": {"input": "1"}} for n in names}
        after = {**before, "new": before["same"] | {"id": "new"}}
        del after["gone"]
        after["other"] = before["other"] | {"name": "renamed"}
        after["dearer"] = before["dearer"] | {"prices": {"input": "2"}}
        catalogs = (
            {"models": list(models.values()), "providers": [{}], "generated": "2026-11-23"}
            for models in (before, after)
        )
        assert [" ".join(line.split()) for line in sources.report.summary(*catalogs)] == [
            "re-priced z-ai:dearer",
            "removed z-ai:gone",
            "added z-ai:new",
            "changed z-ai:other",
            "4 models of 1 providers, 0 without a known price",
        ]
