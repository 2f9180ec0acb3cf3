"""Does cache affinity keep the providers' caches warm? Simulated traffic over keys that have a cache each."""

from __future__ import annotations

import importlib
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

KEYS = 8
CONVERSATIONS = 500


@pytest.fixture
def affinities(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The modules of scripts/affinity."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "scripts"))
    names = ("simulation", "traffic", "cli")
    return SimpleNamespace(**{name: importlib.import_module(f"affinities.{name}") for name in names})


def test_affinity_is_as_good_as_a_single_key(affinities: SimpleNamespace) -> None:
    """Over 8 keys at least 95 % of what one key with an endless cache would give, and by turns far less; evenly."""
    traffic = affinities.traffic.Traffic(CONVERSATIONS)
    simulation = affinities.simulation
    best = simulation.ideal(traffic)
    affinity = simulation.simulate(traffic, simulation.Keys(range(KEYS), "cache_affinity"))
    turns = simulation.simulate(traffic, simulation.Keys(range(KEYS), "round_robin"))
    figures = (
        f"warm turns: ideal {best.warm_turns:.1%}, affinity {affinity.warm_turns:.1%}, by turns {turns.warm_turns:.1%};"
        f" cached tokens: {best.cached_tokens:.1%}, {affinity.cached_tokens:.1%}, {turns.cached_tokens:.1%};"
        f" busiest key / mean: {affinity.unevenness:.2f}"
    )
    assert affinity.warm_turns >= 0.95 * best.warm_turns, figures
    assert affinity.cached_tokens >= 0.95 * best.cached_tokens, figures
    assert turns.warm_turns <= 0.5 * affinity.warm_turns, figures
    assert affinity.unevenness < 1.6, figures


def test_a_key_less_or_more_moves_its_share_alone(affinities: SimpleNamespace) -> None:
    """Without a key its conversations move and no others; with a new one about an n-th of all move, to it."""
    bodies = [ask.body for ask in affinities.traffic.asks(affinities.traffic.Traffic(CONVERSATIONS)) if ask.turn == 1]
    assert len(bodies) == CONVERSATIONS

    def spread(names: range | list[int]) -> list[int]:
        found: list[int] = affinities.simulation.Keys(names, "cache_affinity").spread(bodies)
        return found

    before, less, more = spread(range(KEYS)), spread([0, 1, 2, 4, 5, 6, 7]), spread(range(KEYS + 1))
    counts = Counter(before)
    assert max(counts.values()) < 1.6 * CONVERSATIONS / KEYS, counts
    strays = [old for old, new in zip(before, less, strict=True) if old not in (new, 3)]
    assert strays == [], f"{len(strays)} conversations moved that were not on the key that went"
    moved = [new for old, new in zip(before, more, strict=True) if old != new]
    assert set(moved) == {KEYS}
    share = len(moved) / CONVERSATIONS
    assert 0.5 / (KEYS + 1) < share < 1.6 / (KEYS + 1), f"{share:.1%} moved to the new key"


def test_each_turn_has_the_key_of_the_first(affinities: SimpleNamespace) -> None:
    """In peace a conversation stays where it began, to its last turn."""
    keys = affinities.simulation.Keys(range(KEYS), "cache_affinity")
    homes: dict[int, set[int]] = {}
    for ask in affinities.traffic.asks(affinities.traffic.Traffic(100)):
        homes.setdefault(ask.conversation, set()).update(keys.spread([ask.body]))
    assert {len(each) for each in homes.values()} == {1}


def test_the_table_names_every_strategy(affinities: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    """What the script prints, for a little traffic: a line per strategy, and 0 when affinity does its work."""
    assert affinities.cli.main(["--conversations", "40", "--keys", "3", "--under-way", "10"]) == 0
    printed = capsys.readouterr().out
    for name in ("one key, ideal", "ordered", "round_robin", "least_busy", "lowest_latency", "cache_affinity"):
        assert f"\n{name} " in printed
