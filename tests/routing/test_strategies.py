"""Orders of keys: what each strategy promises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.records import ORDERED
from aigw.routing.health import Health, Target
from aigw.routing.strategies import STALE_AFTER, Entry, Turns, ordered, seed
from aigw.snapshot import STRATEGIES, Failover

from ..support.keyring import Keyring

CHOOSING = [name for name in STRATEGIES if name != ORDERED]


@pytest.mark.parametrize("strategy", CHOOSING)
@given(
    count=st.integers(1, 12), waiting=st.sets(st.integers(0, 11)), prefix=st.sampled_from([b"", b"p" * 16, bytes(16)])
)
def test_every_key_once_and_waiting_ones_behind(strategy: str, count: int, waiting: set[int], prefix: bytes) -> None:
    """Each strategy gives every key exactly once, and none that has to wait before one that may be asked."""
    keys = Keyring(count)
    for number in waiting:
        if number < count:
            keys.limit(number)
    order = keys.order(strategy, prefix)
    assert sorted(order) == list(range(count))
    waits = [number in waiting for number in order]
    assert waits == sorted(waits)


@given(st.integers(2, 9), st.integers(1, 40), st.integers(0, 20))
def test_round_robin_is_exact_over_any_window(count: int, requests: int, skip: int) -> None:
    """Wherever a window of n requests begins, it meets each of n keys once; fallbacks continue the round."""
    keys = Keyring(count)
    firsts = [keys.order("round_robin") for _ in range(skip + requests)][skip:]
    for begin in range(len(firsts) - count + 1):
        assert sorted(order[0] for order in firsts[begin : begin + count]) == list(range(count))
    assert all((b - a) % count == 1 for order in firsts for a, b in pairwise(order))


def test_round_robin_leaves_out_who_waits() -> None:
    """The turns of a key that cools down are shared by all others, not taken by the next one."""
    keys = Keyring(4)
    keys.limit(1)
    assert Counter(keys.firsts("round_robin", 30)) == {0: 10, 2: 10, 3: 10}


@given(st.lists(st.integers(0, 7), min_size=1, max_size=7))
def test_weights_are_exact_over_a_cycle(weights: list[int]) -> None:
    """In as many requests as the weights' sum each key is first as often as it weighs; a key of weight 0 never."""
    keys = Keyring(len(weights), weights=weights)
    cycle = sum(weights)
    for _ in range(3):
        counts = Counter(keys.firsts("weighted", cycle))
        assert [counts[number] for number in range(len(weights))] == weights


def test_heavy_keys_are_not_asked_in_bursts() -> None:
    """The example of nginx: 5, 1, 1 gives a a b a c a a."""
    assert Keyring(3, weights=[5, 1, 1]).firsts("weighted", 7) == [0, 0, 1, 0, 2, 0, 0]


def test_weight_nothing_is_the_last_resort() -> None:
    """A key of weight 0 stands behind all that have a weight, and is first when those wait."""
    keys = Keyring(3, weights=[0, 2, 1])
    assert all(order[-1] == 0 for order in (keys.order("weighted") for _ in range(9)))
    for number in (1, 2):
        keys.limit(number)
    assert keys.order("weighted")[0] == 0
    assert Keyring(2, weights=[0, 0]).order("weighted") == [0, 1]


def test_the_least_busy_is_first() -> None:
    """Fewest attempts under way, then the next, and so on."""
    keys = Keyring(4)
    for number, attempts in enumerate((3, 1, 0, 2)):
        keys.begin(number, attempts)
    assert keys.order("least_busy") == [2, 1, 3, 0]


def test_equally_busy_ones_take_turns() -> None:
    """Of keys with as many attempts under way each is first as often, also when another one is busy all the time."""
    keys = Keyring(3)
    keys.begin(0)
    assert Counter(keys.firsts("least_busy", 20)) == {1: 10, 2: 10}
    assert Counter(Keyring(5).firsts("least_busy", 50)) == dict.fromkeys(range(5), 10)


def test_the_quickest_is_first() -> None:
    """By time to the first byte; one with an attempt under way counts as if it took twice as long."""
    keys = Keyring(3, latencies=[0.3, 0.1, 0.2])
    assert keys.order("lowest_latency") == [1, 2, 0]
    keys.begin(1, 3)
    assert keys.order("lowest_latency") == [2, 0, 1]


def test_an_unknown_one_is_tried_first_and_once() -> None:
    """Who never answered is asked once; as long as it says nothing it counts as slower than all others."""
    keys = Keyring(3, latencies=[0.1, 0.0, 0.0])
    assert keys.firsts("lowest_latency", 20) == [1, 2, *[0] * 18]
    hanging = Keyring(2, latencies=[0.1, 0.0])
    hanging.begin(1)
    assert hanging.firsts("lowest_latency", 20) == [0] * 20


def test_where_nothing_is_known_all_are_tried() -> None:
    """The first requests go to one key each."""
    assert sorted(Keyring(5).firsts("lowest_latency", 5)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("slower", [2, 5, 20])
def test_a_slow_one_is_tried_again_by_traffic(slower: int) -> None:
    """A measurement loses its weight with the requests that pass; what trying again costs is bounded, however slow."""
    quick = 0.1
    keys = Keyring(2, latencies=[quick, quick * slower])
    requests = 20_000
    counts = Counter(keys.firsts("lowest_latency", requests))
    every = STALE_AFTER * 2 * (slower - 1)
    assert requests / every * 0.8 <= counts[1] <= requests / every * 1.25
    cost = counts[1] * quick * (slower - 1) / (requests * quick)
    assert cost <= 1.25 / (STALE_AFTER * 2)


def test_one_that_became_quick_is_found() -> None:
    """After it was tried again a key that is quick now is first."""
    keys = Keyring(2, latencies=[0.1, 1.0])
    while keys.order("lowest_latency")[0] == 0:
        pass
    for _ in range(30):
        keys[1].served(keys.now, 0.01)
    assert keys.firsts("lowest_latency", 10) == [1] * 10


PREFIXES = [bytes([number % 256, number // 256]) * 8 for number in range(4000)]


def firsts(keys: Sequence[int], count: int) -> list[int]:
    """For each prefix, which of these keys is first by affinity."""
    ring = Keyring(count)
    gone = set(range(count)) - set(keys)
    for number in gone:
        ring.limit(number)
    return [ring.order("cache_affinity", prefix)[0] for prefix in PREFIXES]


def test_a_prefix_keeps_its_key() -> None:
    """The same prefix gives the same order, whatever was asked in between, and in another process too."""
    one, other = Keyring(8), Keyring(8)
    orders = [one.order("cache_affinity", prefix) for prefix in PREFIXES[:200]]
    assert orders == [other.order("cache_affinity", prefix) for prefix in PREFIXES[:200]]
    assert orders == [one.order("cache_affinity", prefix) for prefix in PREFIXES[:200]]


def test_prefixes_are_spread_evenly() -> None:
    """Each of n keys is first for an n-th of the prefixes, also when these differ in a few bits."""
    for count in (2, 3, 8, 13):
        counts = Counter(firsts(range(count), count))
        mean = len(PREFIXES) / count
        assert all(abs(counts[number] - mean) < 5 * mean**0.5 for number in range(count)), counts


def test_a_key_that_is_gone_moves_its_share_alone() -> None:
    """Without one key its own prefixes move, evenly to all others, and no other prefix does."""
    before, after = firsts(range(8), 8), firsts([0, 1, 2, 4, 5, 6, 7], 8)
    moved = [new for old, new in zip(before, after, strict=True) if old != new]
    assert all(old == new for old, new in zip(before, after, strict=True) if old != 3)
    assert len(moved) == before.count(3)
    assert max(Counter(moved).values()) < 2 * len(moved) / 7


def test_where_it_moves_to_is_the_second_choice() -> None:
    """Fallbacks are in the key's own order for the prefix: the next request goes where the fallback was."""
    keys = Keyring(8)
    for prefix in PREFIXES[:50]:
        first, second, *_ = keys.order("cache_affinity", prefix)
        keys.limit(first)
        assert keys.order("cache_affinity", prefix)[0] == second
        keys.now += 31.0


def test_without_a_prefix_keys_take_turns() -> None:
    """What belongs to no conversation is spread evenly, instead of going to one key all of it."""
    keys = Keyring(3)
    assert [keys.order("cache_affinity", b"") for _ in range(4)] == [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 1, 2]]


def test_the_prefix_is_read_only_where_it_decides() -> None:
    """With one key that may be asked there is nothing to decide."""

    def never() -> bytes:
        raise AssertionError

    target = Health(Failover()).target("maker", "key")
    one = [Entry(0, "key", target, "m", 1, seed("key"))]
    assert ordered(one, "cache_affinity", Turns(), never, 0.0) == one
    for strategy in ("round_robin", "weighted", "least_busy", "lowest_latency"):
        assert len(ordered(one * 3, strategy, Turns(), never, 0.0)) == 3


def test_a_new_configuration_keeps_the_turn() -> None:
    """Whose turn it is goes on; weights and what was measured by passing requests begin anew."""
    turns = Turns()
    turns.turn, turns.picked, turns.current = 7, {"a": 7}, {"a": -2}
    turns.adopt(2, {"a": 3})
    assert (turns.turn, turns.epoch, turns.weights, turns.picked, turns.current) == (7, 2, {"a": 3}, {}, {})


def test_a_strategy_nobody_knows_changes_nothing() -> None:
    """The order given is kept."""
    assert Keyring(4).order("other") == [0, 1, 2, 3]


def test_targets_are_those_of_health() -> None:
    """An entry looks at the health that attempts write."""
    health = Health(Failover())
    target: Target = health.target("maker", "key")
    target.begin(0.0)
    assert Entry(0, "key", health.target("maker", "key"), "m", 1, 0).target.in_flight == 1
