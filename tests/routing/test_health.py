"""The health of upstreams: which failure of an attempt keeps whom from being asked, and for how long."""

from __future__ import annotations

import pytest

from aigw.routing.health import BACKOFF, LONGEST_BACKOFF, MOST_PACES, MOST_RESTS, MOST_TARGETS, Fault, Health, Target
from aigw.routing.pace import FEWEST
from aigw.snapshot import Failover

KEY, BUSY, UPSTREAM, REQUEST = Fault.KEY, Fault.BUSY, Fault.UPSTREAM, Fault.REQUEST
POLICY = Failover(breaker_failures=3, breaker_open=5.0, breaker_max_open=20.0)


def healthy(policy: Failover = POLICY) -> Health:
    """The health of nothing yet, without jitter."""
    return Health(policy, lambda: 0.5)


def failing(target: Target, now: float, fault: Fault = UPSTREAM, times: int = 3) -> None:
    """So many attempts in a row that begin and fail now."""
    for _ in range(times):
        probe = target.begin(now)
        target.failed(now, fault, None, probe, now)
        target.left(probe)


@pytest.fixture
def health() -> Health:
    """Circuits open after three failures for 5 seconds."""
    return healthy()


# What three failures in a row of one key do: to the key, to another key of the same provider, to another provider.
FAULTS = {
    KEY: (5.0, 0.0),
    UPSTREAM: (5.0, 5.0),
    REQUEST: (0.0, 0.0),
    BUSY: (BACKOFF, 0.0),
}


@pytest.mark.parametrize(("fault", "waits"), FAULTS.items())
def test_whose_fault(health: Health, fault: Fault, waits: tuple[float, float]) -> None:
    """A key's failure leaves other keys alone, an upstream's concerns all of its keys, a request's nobody."""
    one, two, elsewhere = health.target("a", "1"), health.target("a", "2"), health.target("b", "1")
    failing(one, 10.0, fault)
    assert (one.wait(10.0), two.wait(10.0), elsewhere.wait(10.0)) == (*waits, 0.0)


def test_one_bad_key_of_two(health: Health) -> None:
    """However often one key is refused or limited, its provider is asked with the other one."""
    bad, good = health.target("a", "bad"), health.target("a", "good")
    for number in range(200):
        failing(bad, number, (KEY, BUSY)[number % 2], times=1)
        assert good.wait(number) == 0.0


@pytest.mark.parametrize("fault", [KEY, UPSTREAM])
def test_why_of_a_circuit(health: Health, fault: Fault) -> None:
    """Somebody who waits for a circuit learns what opened it."""
    target = health.target("a", "1")
    failing(target, 10.0, fault)
    assert target.why(11.0) is fault


def test_why_of_the_longer_wait(health: Health) -> None:
    """A key that cools and is broken waits for the longer of the two."""
    target = health.target("a", "1")
    failing(target, 10.0)
    target.failed(10.0, BUSY, 2.0, model="m")
    assert (target.wait(10.0, "m"), target.why(10.0, "m")) == (5.0, UPSTREAM)
    target.failed(10.0, BUSY, 30.0, model="m")
    assert (target.wait(10.0, "m"), target.why(10.0, "m")) == (30.0, BUSY)


def test_backoff_doubles_until_a_success(health: Health) -> None:
    """A key that is refused for now waits one second, then two, up to a minute; a success begins anew."""
    target, now, waits = health.target("a", "1"), 10.0, []
    for _ in range(8):
        target.failed(now, BUSY, None, 0, now, "m")
        waits.append(target.wait(now, "m"))
        now += waits[-1]
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, LONGEST_BACKOFF]
    target.served(now + 0.5, 0.25, 0, "m")
    target.failed(now + 1, BUSY, None, 0, now + 1, "m")
    assert target.wait(now + 1, "m") == BACKOFF


def test_one_rush_is_one_refusal(health: Health) -> None:
    """Fifty attempts that are refused together do not make fifty times the wait, whenever their answers come."""
    target = health.target("a", "1")
    for late in range(50):
        target.failed(10.0 + late / 10, BUSY, None, 0, 9.9, "m")
    assert target.wait(15.0, "m") <= BACKOFF


# Words of an upstream in the order they come, as (second, seconds to wait), and what is waited at second 20.
WORDS = {
    "as told": ([(20.0, 7.0)], 7.0),
    "a longer one extends": ([(19.0, 7.0), (20.0, 30.0)], 30.0),
    "a shorter one never shortens": ([(19.0, 30.0), (20.0, 1.0)], 29.0),
    "its own time before nothing said": ([(19.0, 30.0), (20.0, None)], 29.0),
    "at once is no word": ([(20.0, 0.0)], BACKOFF),
    "no more than an hour": ([(20.0, 1e9)], 3600.0),
}


@pytest.mark.parametrize(("words", "wait"), WORDS.values(), ids=WORDS)
def test_words(health: Health, words: list[tuple[float, float | None]], wait: float) -> None:
    """A key cools for what its upstream said."""
    target = health.target("a", "1")
    for now, cool in words:
        target.failed(now, BUSY, cool, 0, now, "m")
    assert target.wait(20.0, "m") == pytest.approx(wait)
    assert target.why(20.0, "m") is BUSY
    assert target.wait(20.0 + wait, "m") == 0.0


def test_a_late_success_does_not_end_a_rest(health: Health) -> None:
    """An answer to what was asked before the refusal says nothing of the limit."""
    target = health.target("a", "1")
    target.failed(10.0, BUSY, None, 0, 10.0, "m")
    target.served(10.5, 3.0, 0, "m")
    assert target.wait(10.5, "m") == 0.5
    target.failed(12.0, BUSY, None, 0, 12.0, "m")
    assert target.wait(12.0, "m") == 2 * BACKOFF


def test_a_broken_upstream_that_says_when(health: Health) -> None:
    """A 503 with a word of how long cools the key for it, and counts in the circuits."""
    target = health.target("a", "1")
    target.failed(10.0, UPSTREAM, 9.0, model="m")
    assert (target.wait(10.0, "m"), target.why(10.0, "m")) == (9.0, UPSTREAM)
    failing(target, 10.0, times=2)
    assert target.wait(10.0) == 5.0


def test_limits_are_each_models_own(health: Health) -> None:
    """A key that is limited for one model is asked for another; it is not a well one, though."""
    target = health.target("a", "1")
    target.failed(10.0, BUSY, 30.0, model="large")
    assert target.wait(10.0, "large") == 30.0
    assert target.wait(10.0, "small") == 0.0
    assert target.cools(39.0)
    assert not target.cools(40.0)


def test_models_that_rest_are_bounded(health: Health) -> None:
    """Callers that invent models do not fill the memory; what is over soonest is forgotten."""
    target = health.target("a", "1")
    for number in range(3 * MOST_RESTS):
        target.failed(10.0, BUSY, 10.0 + number, model=f"m{number}")
    assert len(target._rests) == MOST_RESTS
    assert target.wait(10.0, f"m{3 * MOST_RESTS - 1}") > 0.0
    assert target.wait(10.0, "m0") == 0.0


@pytest.mark.parametrize("fault", [KEY, BUSY, UPSTREAM, REQUEST, None])
def test_one_probe_of_a_provider(health: Health, fault: Fault | None) -> None:
    """Of a half-open provider one key is asked once; the others wait until that has told what it met, or left."""
    one, two = health.target("a", "1"), health.target("a", "2")
    failing(one, 10.0)
    assert one.probes(15.0)
    assert two.probes(15.0)
    probe = two.begin(15.0)
    assert probe
    assert not one.probes(15.5)
    assert one.wait(15.5) > 0.0
    if fault is not None:
        two.failed(16.0, fault, None, probe, 15.0, "m")
    two.left(probe)
    # Failed: for twice as long. An answer, if a refusal of the request: closed. Else nothing is known, the next one.
    assert two.wait(16.0) == (10.0 if fault is UPSTREAM else 0.0)
    assert one.probes(16.0) == (fault is not UPSTREAM)


def test_a_probe_that_is_well(health: Health) -> None:
    """A success closes the key's circuit and its provider's."""
    one, two = health.target("a", "1"), health.target("a", "2")
    failing(one, 10.0)
    probe = one.begin(15.0)
    one.served(15.5, 0.5, probe)
    assert one.wait(15.5) == two.wait(15.5) == 0.0
    assert not one.begin(15.5)
    assert not two.begin(15.5)


def test_two_keys_probe_at_the_same_time(health: Health) -> None:
    """Keys that are refused are probed each for itself: their provider is well."""
    one, two = health.target("a", "1"), health.target("a", "2")
    failing(one, 10.0, KEY)
    failing(two, 10.0, KEY)
    first, second = one.begin(15.0), two.begin(15.0)
    assert first
    assert second
    one.failed(16.0, KEY, None, first, 15.0)
    two.served(16.0, 1.0, second)
    assert (one.wait(16.0), two.wait(16.0)) == (10.0, 0.0)


def test_the_place_of_another_probe(health: Health) -> None:
    """A probe whose outcome is known may leave late: it does not free the place of the next one."""
    target = health.target("a", "1")
    failing(target, 10.0)
    first = target.begin(15.0)
    target.served(15.5, 0.5, first)
    failing(target, 20.0)
    second = target.begin(25.0)
    target.failed(25.5, UPSTREAM, None, first, 15.0)
    target.left(first)
    assert target.wait(26.0) > 0.0
    target.left(second)
    assert target.probes(26.0)


def test_in_flight(health: Health) -> None:
    """Attempts under way are counted, and never less than none."""
    target = health.target("a", "1")
    assert [target.begin(1.0), target.begin(1.0)] == [0, 0]
    assert target.in_flight == 2
    for _ in range(3):
        target.left(0)
    assert target.in_flight == 0


def test_latency(health: Health) -> None:
    """The time to the first byte is averaged, the newest counting a quarter."""
    target = health.target("a", "1")
    assert (target.latency, target.heard) == (0.0, 0.0)
    target.served(10.0, 0.4)
    assert target.latency == pytest.approx(0.4)
    target.served(20.0, 0.8)
    assert target.latency == pytest.approx(0.5)
    assert target.heard == 20.0


def test_switched_off() -> None:
    """Without circuits rate limits are kept still; switching them off closes those that are open."""
    health = healthy()
    target = health.target("a", "1")
    failing(target, 10.0, times=3)
    health.adopt(Failover(breaker_failures=0))
    assert target.wait(10.0) == 0.0
    failing(target, 10.0, times=100)
    assert target.wait(10.0) == 0.0
    target.failed(10.0, BUSY, 4.0, model="m")
    assert target.wait(10.0, "m") == 4.0


def test_another_policy(health: Health) -> None:
    """New settings hold for what is known already."""
    target, hedges = health.target("a", "1"), health.hedges("a")
    health.adopt(Failover(breaker_failures=1, breaker_open=2.0, retry_burst=0, hedge_share=1.0))
    failing(target, 10.0, times=1)
    assert target.wait(10.0) == 2.0
    assert not target.budget.allows()
    hedges.asked()
    assert hedges.allowed()


def test_the_same_each_time(health: Health) -> None:
    """Keys share their provider's budget and hedges; other providers have their own."""
    one, two = health.target("a", "1"), health.target("a", "2")
    assert health.target("a", "1") is one
    assert one.budget is two.budget
    assert one.budget is not health.target("b", "1").budget
    assert health.hedges("a") is health.hedges("a")
    assert health.pace("a", "m") is health.pace("a", "m")
    assert health.pace("a", "m") is not health.pace("b", "m")


def test_what_metrics_are_told(health: Health) -> None:
    """Open circuits, cooling keys and attempts are counted by provider, with zeros for those that are well."""
    failing(health.target("a", "1"), 10.0)
    health.target("b", "1").failed(10.0, BUSY, 30.0, model="m")
    health.target("b", "2").failed(10.0, BUSY, 5.0, model="m")
    assert health.open_circuits(10.0) == {"a": 2, "b": 0}
    assert health.cooling(10.0) == {"a": 0, "b": 2}
    assert health.open_circuits(30.0) == {"a": 2, "b": 0}
    assert health.cooling(20.0) == {"a": 0, "b": 1}
    probe = health.target("b", "1").begin(10.0)
    health.target("b", "2").begin(10.0)
    assert health.in_flight() == {"a": 0, "b": 2}
    health.target("b", "1").left(probe)
    assert health.in_flight() == {"a": 0, "b": 1}
    health.refused_retries["a"] += 1
    health.hedged["a", "won"] += 1
    assert (health.refused_retries, health.hedged) == ({"a": 1}, {("a", "won"): 1})


def test_keys_that_are_gone(health: Health) -> None:
    """What is no more configured is forgotten, unless it is in use."""
    gone, used, kept = health.target("a", "1"), health.target("b", "1"), health.target("c", "1")
    failing(gone, 10.0)
    used.begin(10.0)
    health.retain({("c", "1")})
    assert health.open_circuits(10.0) == {"b": 0, "c": 0}
    assert health.target("b", "1") is used
    assert health.target("c", "1") is kept
    assert health.target("a", "1").wait(10.0) == 0.0


def test_a_provider_without_a_key_stays(health: Health) -> None:
    """A change of somebody's keys does not make a failing provider well that needs none."""
    failing(health.target("local", ""), 10.0)
    health.retain({("c", "1")})
    assert health.target("local", "").wait(10.0) > 0.0


def test_keys_that_are_rotated(health: Health) -> None:
    """They begin anew, also those in use; one that was never asked is none of them."""
    health.target("a", "1").failed(10.0, Fault.KEY, 60.0)
    assert health.target("a", "1").wait(10.0) > 0.0
    used = health.target("b", "1")
    used.begin(10.0)
    health.forget([("a", "1"), ("b", "1"), ("c", "1")])
    assert health.target("a", "1").wait(10.0) == 0.0
    assert health.target("b", "1") is not used


def test_targets_are_bounded(health: Health) -> None:
    """Of too many keys those go that were not asked for longest; those in use stay."""
    used = health.target("a", "used")
    used.begin(0.0)
    for number in range(MOST_TARGETS + 100):
        target = health.target("a", f"{number}")
        target.left(target.begin(float(number + 1)))
    assert len(health._targets) <= MOST_TARGETS
    assert health.target("a", "used") is used
    assert ("a", f"{MOST_TARGETS + 99}") in health._targets
    assert ("a", "0") not in health._targets


def test_paces_are_bounded(health: Health) -> None:
    """Models that callers invent do not push out those that are in use."""
    for _ in range(FEWEST):
        health.pace("a", "real").add(0.5)
    for number in range(3 * MOST_PACES):
        health.pace("a", f"invented-{number}").add(0.1)
    assert len(health._paces) <= MOST_PACES
    assert health.pace("a", "real").samples == FEWEST
