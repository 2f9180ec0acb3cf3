"""Rules of the health of upstreams that hold whatever happens in whichever order."""

from __future__ import annotations

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from aigw.routing.circuit import JITTER, PROBE_WAIT, SHORTEST_LEASE
from aigw.routing.health import LONGEST_BACKOFF, Fault, Health, Target
from aigw.snapshot import Failover

PROVIDERS, KEYS, MODELS = ("a", "b"), ("1", "2", "3"), ("large", "small")
POLICY = Failover(breaker_failures=3, breaker_open=2.0, breaker_max_open=9.0)
LONGEST_COOL = 90.0
# How long a probe that tells nothing keeps others from probing.
LEASE = max(POLICY.breaker_open, SHORTEST_LEASE)


@attrs.define(eq=False)
class Ask:
    """One attempt under way."""

    target: Target
    model: str
    began: float
    probe: int
    told: bool = False


class Upstreams(RuleBasedStateMachine):
    """Attempts at two providers with three keys each, that end in whatever way and order."""

    under_way = Bundle("under_way")

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.health = Health(POLICY, lambda: 1.0)
        self.targets = [self.health.target(provider, key) for provider in PROVIDERS for key in KEYS]
        self.asks: list[Ask] = []
        # How often each key, each provider, and each model of a key has failed.
        self.failures: dict[tuple[str, ...], int] = {}
        # The probe that has the place of a key, or of a provider, and nothing told yet.
        self.probing: dict[tuple[str, ...], Ask] = {}

    def leased(self, name: tuple[str, ...]) -> bool:
        """Whether a probe of this key or provider is still waited for."""
        return name in self.probing and self.now < self.probing[name].began + LEASE

    def blame(self, *whom: str) -> None:
        """Note one more failure."""
        self.failures[whom] = self.failures.get(whom, 0) + 1

    @rule(seconds=st.sampled_from([0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0, 300.0]))
    def passes(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds

    @rule(target=under_way, which=st.integers(0, 5), model=st.sampled_from(MODELS), times=st.integers(1, 4))
    def begins(self, which: int, model: str, times: int) -> object:
        """Attempts begin, as far as they may."""
        begun = []
        for _ in range(times):
            target = self.targets[which]
            if target.wait(self.now, model) > 0.0:
                break
            key, provider = (target.provider, target.key), (target.provider,)
            held = [each for each, opened in ((key, target.circuit.opened), (provider, target.shared.opened)) if opened]
            ask = Ask(target, model, self.now, target.begin(self.now))
            assert bool(ask.probe) == bool(held)
            for each in held:
                assert not self.leased(each), "two probes"
                self.probing[each] = ask
            self.asks.append(ask)
            begun.append(ask)
        return multiple(*begun)

    @rule(ask=under_way)
    def serves(self, ask: Ask) -> None:
        """An attempt is answered."""
        if not ask.told:
            ask.told = True
            ask.target.served(self.now, self.now - ask.began, ask.probe, ask.model)
            self.lives(ask.target)

    @rule(ask=under_way, fault=st.sampled_from(Fault), cool=st.none() | st.floats(0.0, LONGEST_COOL))
    def fails(self, ask: Ask, fault: Fault, cool: float | None) -> None:
        """An attempt fails, also after it was answered."""
        ask.told = True
        ask.target.failed(self.now, fault, cool, ask.probe, ask.began, ask.model)
        self.frees(ask)
        name = ask.target.provider, ask.target.key
        if fault is Fault.REQUEST:
            self.lives(ask.target)
            return
        if fault is Fault.BUSY or cool:
            self.blame(*name, ask.model)
        if fault is not Fault.BUSY:
            self.blame(*name)
        if fault is Fault.UPSTREAM:
            self.blame(ask.target.provider)

    @rule(ask=consumes(under_way))
    def leaves(self, ask: Ask) -> None:
        """An attempt is over, whatever it told."""
        ask.target.left(ask.probe)
        self.asks.remove(ask)
        self.frees(ask)

    def lives(self, target: Target) -> None:
        """An answer may close circuits: who probed them is one of many."""
        self.probing.pop((target.provider, target.key), None)
        self.probing.pop((target.provider,), None)

    def frees(self, ask: Ask) -> None:
        """An attempt is no probe any more."""
        self.probing = {name: each for name, each in self.probing.items() if each is not ask}

    @invariant()
    def in_flight_is_what_is_under_way(self) -> None:
        """As many attempts are counted as there are."""
        for target in self.targets:
            assert target.in_flight == sum(ask.target is target for ask in self.asks)

    @invariant()
    def who_is_well_is_asked(self) -> None:
        """Nobody waits who has failed less often than opens a circuit, and was not told to wait."""
        for target in self.targets:
            name = target.provider, target.key
            if max(self.failures.get(name, 0), self.failures.get(name[:1], 0)) >= POLICY.breaker_failures:
                continue
            assert target.wait(self.now) == 0.0
            for model in MODELS:
                assert target.wait(self.now, model) == 0.0 or (*name, model) in self.failures

    @invariant()
    def waits_are_bounded(self) -> None:
        """Nobody waits longer than the longest time open, or what was said."""
        for target in self.targets:
            assert target.wait(self.now) <= max(POLICY.breaker_max_open * (1 + JITTER) + 1e-6, PROBE_WAIT)
            for model in MODELS:
                assert target.wait(self.now, model) <= max(LONGEST_COOL, LONGEST_BACKOFF)

    @invariant()
    def others_wait_for_a_probe(self) -> None:
        """While a probe has told nothing and its lease lasts, nobody else passes."""
        for name in filter(self.leased, self.probing):
            for target in self.targets:
                if (target.provider, target.key)[: len(name)] == name:
                    assert target.wait(self.now) > 0.0

    @invariant()
    def who_waits_is_asked_again(self) -> None:
        """After its wait a target may be asked, unless somebody else probes it by then."""
        for target in self.targets:
            if not (target.circuit.prober or target.shared.prober):
                for model in MODELS:
                    assert target.wait(self.now + target.wait(self.now, model) + 1e-6, model) == 0.0


Upstreams.TestCase.settings = settings(max_examples=40, stateful_step_count=60)
TestUpstreams = Upstreams.TestCase


@given(
    providers=st.integers(1, 3),
    keys=st.integers(1, 4),
    successes=st.integers(0, 300),
    pauses=st.lists(st.sampled_from([0.0, 0.1, 0.5, 1.0, 5.0]), max_size=300),
    fault=st.sampled_from([Fault.UPSTREAM, Fault.BUSY, Fault.KEY]),
)
def test_an_outage_is_not_made_a_storm(
    providers: int, keys: int, successes: int, pauses: list[float], fault: Fault
) -> None:
    """Where nothing works, further attempts are at most what the budgets had, and what circuits let pass as probes."""
    policy = attrs.evolve(POLICY, retry_budget=0.1, retry_burst=5)
    health = Health(policy, lambda: 0.5)
    now, paid, probes = 1000.0, 0, 0
    targets = [health.target(f"p{number % providers}", f"{number}") for number in range(providers * keys)]
    for _ in range(successes):
        targets[0].budget.deposit()
    for pause in pauses:
        now += pause
        again = False
        for target in targets:
            if target.wait(now, "m") > 0.0 or (again and not (target.budget.allows() or target.probes(now))):
                continue
            probe = target.begin(now)
            if again and not probe:
                target.budget.spend()
                paid += 1
            probes += bool(probe)
            target.failed(now, fault, None, probe, now, "m")
            target.left(probe)
            again = True
    assert paid <= policy.retry_burst * providers + policy.retry_budget * successes + 1e-6
    assert probes <= len(targets) * (1 + sum(pauses) / policy.breaker_open)


@given(st.lists(st.integers(0, 3), max_size=60), st.lists(st.floats(0.0, 20.0), max_size=60))
def test_recovery_takes_one_probe(failed: list[int], pauses: list[float]) -> None:
    """After an outage of whatever course each key passes again after its wait, and for good with its first success."""
    health = Health(POLICY, lambda: 0.5)
    now = 1000.0
    targets = [health.target("a", f"{number}") for number in range(4)]
    for which, pause in zip(failed, pauses, strict=False):
        now += pause
        if targets[which].wait(now) == 0.0:
            probe = targets[which].begin(now)
            targets[which].failed(now, Fault.UPSTREAM, None, probe, now)
            targets[which].left(probe)
    for target in targets:
        wait = target.wait(now)
        assert wait <= POLICY.breaker_max_open
        now += wait + 1e-6
        probe = target.begin(now)
        target.served(now, 0.1, probe)
        target.left(probe)
        assert target.wait(now) == 0.0
    assert [target.wait(now) for target in targets] == [0.0] * len(targets)
    assert set(health.open_circuits(now).values()) == {0}
