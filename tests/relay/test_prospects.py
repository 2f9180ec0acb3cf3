"""Which candidate is next: a table of healths, and who is taken and who rests because of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
import pytest

from aigw.adapter import Origin
from aigw.relay.prospects import UNTIL_BUDGET, Prospects
from aigw.routing.health import Fault, Health
from aigw.routing.plan import Candidate
from aigw.snapshot import Failover

from .exchanges import candidate

NOWHERE = Origin("http", "127.0.0.1", 1)
NOW = 1000.0
OPEN_SECONDS = 5.0
Ailing = Callable[[Health], None]

# Two keys of one provider for the models m and n, and another provider: a:m, a:n, b:m, b:n, c:m.
NAMES = (("cloud", "a", "m"), ("cloud", "b", "m"), ("cloud", "a", "n"), ("cloud", "b", "n"), ("other", "c", "m"))


def everybody() -> list[Candidate]:
    """One candidate for each name."""
    return [candidate(NOWHERE, model, f"sk-{key}", provider) for provider, key, model in NAMES]


def name(of: Candidate) -> str:
    """Key and model."""
    assert of.key is not None
    return f"{of.key.id[-1]}:{of.model}"


def limited(key: str, model: str, seconds: float = 30.0, provider: str = "cloud") -> Ailing:
    """The key is rate limited for this model."""

    def ail(health: Health) -> None:
        health.target(provider, f"aigpk_sk-{key}").failed(NOW, Fault.BUSY, seconds, model=model)

    return ail


def refused(key: str) -> Ailing:
    """The key's own circuit is open."""

    def ail(health: Health) -> None:
        health.target("cloud", f"aigpk_sk-{key}").failed(NOW, Fault.KEY, None)

    return ail


def down(health: Health) -> None:
    """The provider's circuit is open."""
    health.target("cloud", "aigpk_sk-a").failed(NOW, Fault.UPSTREAM, None)


def spent(health: Health) -> None:
    """No retry budget is left at the first provider."""
    budget = health.target("cloud", "aigpk_sk-a").budget
    while budget.allows():
        budget.spend()


def taken(prospects: Prospects, now: float = NOW, *, again: bool = False) -> list[str]:
    """All that can be taken, one after the other."""
    found: list[str] = []
    while (each := prospects.take(now, again=again)) is not None:
        found.append(name(each))
    return found


def rested(prospects: Prospects) -> dict[str, Fault | None]:
    """Who could not be asked, and why."""
    return {name(each.candidate): each.fault for each in prospects.resting}


@pytest.fixture
def health() -> Health:
    """One failure opens a circuit, two retries are allowed."""
    policy = Failover(breaker_failures=1, breaker_open=OPEN_SECONDS, retry_burst=2)
    return Health(policy, chance=lambda: 0.5)


@attrs.frozen
class Case:
    """What ails the upstreams, whether it costs budget, who is taken, and who rests."""

    ailing: Sequence[Ailing] = ()
    again: bool = False
    taken: str = "a:m b:m a:n b:n c:m"
    resting: dict[str, Fault | None] = attrs.field(factory=dict)


BUSY, KEY, UPSTREAM = Fault.BUSY, Fault.KEY, Fault.UPSTREAM
CASES = {
    "all well": Case(),
    "a limited model rests, the key's other model is asked last": Case(
        [limited("a", "m")], taken="b:m b:n c:m a:n", resting={"a:m": BUSY}
    ),
    "those that are asked last keep their order": Case(
        [limited("a", "x"), limited("b", "x")], taken="c:m a:m b:m a:n b:n"
    ),
    "the last one has nobody to stand back for": Case(
        [limited("c", "x", provider="other")], taken="a:m b:m a:n b:n c:m"
    ),
    "a refused key rests for all its models": Case(
        [refused("a")], taken="b:m b:n c:m", resting={"a:m": KEY, "a:n": KEY}
    ),
    "a provider that is down rests with all its keys": Case(
        [down], taken="c:m", resting=dict.fromkeys(("a:m", "b:m", "a:n", "b:n"), UPSTREAM)
    ),
    "all rest": Case(
        [down, limited("c", "m", provider="other")],
        taken="",
        resting={**dict.fromkeys(("a:m", "b:m", "a:n", "b:n"), UPSTREAM), "c:m": BUSY},
    ),
    "an empty budget does not matter to first attempts": Case([spent]),
    "later ones it keeps from the provider": Case(
        [spent], again=True, taken="c:m", resting=dict.fromkeys(("a:m", "b:m", "a:n", "b:n"))
    ),
    "there is enough": Case(again=True),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_who_is_taken(health: Health, case: Case) -> None:
    """In order, once each, those that may be asked; the others are remembered with what keeps them."""
    for ail in case.ailing:
        ail(health)
    prospects = Prospects(health, everybody())
    assert taken(prospects, again=case.again) == case.taken.split()
    assert rested(prospects) == case.resting
    assert prospects.exhausted
    assert prospects.next is None


def test_how_long_they_rest(health: Health) -> None:
    """As long as the upstream said, as the circuit is open, or until a budget may have grown."""
    limited("a", "m", 30.0)(health)
    refused("b")(health)
    spent(health)
    prospects = Prospects(health, everybody())
    taken(prospects, NOW + 1.0, again=True)
    assert [each.seconds for each in prospects.resting] == [29.0, OPEN_SECONDS - 1.0, UNTIL_BUDGET, OPEN_SECONDS - 1.0]


def test_a_probe_needs_no_budget(health: Health) -> None:
    """Whoever may probe a circuit is asked however empty the budget is: the circuit paces it."""
    down(health)
    spent(health)
    prospects = Prospects(health, everybody()[:1])
    assert taken(prospects, NOW + OPEN_SECONDS, again=True) == ["a:m"]
    assert not health.refused_retries


def test_what_the_budget_refuses_is_counted(health: Health) -> None:
    """Once for each candidate that was not asked again, when the request is over."""
    spent(health)
    prospects = Prospects(health, everybody())
    taken(prospects, again=True)
    assert not health.refused_retries
    prospects.count_refused()
    assert health.refused_retries == {"cloud": 4}


def test_another_key_of_the_model_would_not_help(health: Health) -> None:
    """Once a model is passed over, so are all its keys: also the one put back, those asked last, and a second one."""
    prospects = Prospects(health, everybody())
    first = prospects.take(NOW, again=False)
    assert first is not None
    prospects.put_back(first)
    limited("b", "x")(health)
    prospects.pass_over(first)
    assert taken(prospects) == ["a:n", "c:m", "b:n"]
    assert rested(prospects) == {}


def test_put_back(health: Health) -> None:
    """The one put back is the next, wherever it came from, and is judged anew."""
    limited("a", "x")(health)
    prospects = Prospects(health, everybody()[:2])
    second = prospects.take(NOW, again=False)
    assert second is not None
    assert name(second) == "b:m"
    prospects.put_back(second)
    assert prospects.next is second
    assert not prospects.exhausted
    assert prospects.take(NOW, again=False) is second
    first = prospects.take(NOW, again=False)
    assert first is not None
    assert name(first) == "a:m"
    prospects.put_back(first)
    limited("a", "m")(health)
    assert taken(prospects) == []
    assert rested(prospects) == {"a:m": BUSY}


def test_more_candidates(health: Health) -> None:
    """Those that the request names later come behind, none twice."""
    prospects = Prospects(health, everybody()[:2])
    assert taken(prospects) == ["a:m", "b:m"]
    prospects.extend(everybody())
    assert taken(prospects) == ["a:n", "b:n", "c:m"]


@pytest.mark.parametrize(
    ("ailing", "joins"),
    [
        ((), "b:m"),
        ((limited("b", "m"),), "a:n"),
        ((limited("b", "x"),), "a:n"),
        ((refused("b"),), "a:n"),
        ((spent,), "c:m"),
        ((down,), "c:m"),
        ((down, limited("c", "m", provider="other")), None),
    ],
)
def test_who_is_asked_beside_another(health: Health, ailing: Sequence[Ailing], joins: str | None) -> None:
    """The first that is well and has budget; the others keep their turn, also those that rest just now."""
    prospects = Prospects(health, everybody())
    assert name(prospects.take(NOW, again=False)) == "a:m"  # type: ignore[arg-type]
    for ail in ailing:
        ail(health)
    joined = prospects.join(NOW)
    assert (None if joined is None else name(joined)) == joins
    assert prospects.resting == []
    assert taken(prospects, NOW + 60.0) == [each for each in ("b:m", "a:n", "b:n", "c:m") if each != joins]


def test_a_model_that_was_passed_over_joins_nobody(health: Health) -> None:
    """Nor is it a second one."""
    prospects = Prospects(health, everybody()[:2])
    first = prospects.take(NOW, again=False)
    assert first is not None
    prospects.pass_over(first)
    assert prospects.join(NOW) is None


# -- credits ----------------------------------------------------------------------------------------------------


def turned_away(health: Health, candidates: Sequence[Candidate]) -> None:
    """A request that could ask nobody."""
    prospects = Prospects(health, candidates)
    assert taken(prospects) == []
    prospects.owe(NOW)


def test_who_waited_as_told_may_ask_once(health: Health) -> None:
    """A refused request leaves a credit, and the try after it is asked with an empty budget, once."""
    spent(health)
    limited("a", "m", 10.0)(health)
    turned_away(health, everybody()[:1])
    later = Prospects(health, everybody()[:2])
    later.owed = True
    first = later.take(NOW + 20.0, again=True)
    assert first is not None
    target = later.target(first)
    assert later.paid(target, NOW + 20.0)
    assert not later.paid(target, NOW + 20.0)
    assert taken(later, NOW + 20.0, again=True) == []
    assert health.target("cloud", "aigpk_sk-a").budget.credits == 0


def test_credits_are_for_those_that_come_back(health: Health) -> None:
    """A fallback of a first try takes none."""
    spent(health)
    limited("a", "m", 10.0)(health)
    turned_away(health, everybody()[:1])
    assert taken(Prospects(health, everybody()[:1]), NOW + 20.0, again=True) == []


def test_the_credit_is_where_the_caller_is_sent(health: Health) -> None:
    """It is the provider's that is back soonest; an empty budget sends nobody anywhere."""
    limited("a", "m", 30.0)(health)
    limited("c", "m", 10.0, "other")(health)
    turned_away(health, [everybody()[0], everybody()[4]])
    assert health.target("cloud", "aigpk_sk-a").budget.credits == 0
    assert health.target("other", "aigpk_sk-c").budget.credits == 1
    spent(health)
    broke = Prospects(health, everybody()[1:2])
    taken(broke, again=True)
    broke.owe(NOW)
    assert health.target("cloud", "aigpk_sk-b").budget.credits == 0


def test_a_budget_that_may_soon_have_more(health: Health) -> None:
    """It is worth waiting for while attempts that it pays for are under way; then those have their turn once more."""
    budget = health.target("cloud", "aigpk_sk-a").budget
    limited("b", "n")(health)
    prospects = Prospects(health, everybody())
    spent(health)
    assert taken(prospects, again=True) == ["c:m"]
    assert prospects.awaited() is None
    budget.begin()
    assert prospects.awaited() is budget
    budget.refund()
    budget.refund()
    prospects.put_awaited_back()
    prospects.extend(everybody())  # the same names come once more with each piece of a body
    assert rested(prospects) == {"b:n": Fault.BUSY}
    assert taken(prospects, again=True) == ["a:m", "a:n", "b:m"]


@pytest.mark.parametrize("ails", [limited("a", "n"), down])
def test_the_end(ails: Ailing) -> None:
    """Where nobody may be sent the request, nobody else is taken or waited for, in whatever state they are."""
    health = Health(Failover(breaker_failures=1, breaker_open=OPEN_SECONDS))
    ails(health)
    prospects = Prospects(health, everybody())
    assert prospects.take(NOW, again=False) is not None
    prospects.end()
    assert prospects.take(NOW, again=False) is None
    assert (prospects.exhausted, prospects.resting) == (True, [])
