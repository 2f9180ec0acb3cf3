"""Which candidates are ordered, and what for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import attrs
import pytest

from aigw.routing.health import Fault, Health
from aigw.routing.plan import Candidate
from aigw.routing.selection import MAX_GROUPS, Chooser
from aigw.snapshot import STRATEGIES, Failover, Policy, Snapshot

from ..support import snapshots

PREFIX = b"prefix" + bytes(10)
NOW = 1000.0
COUNTS: Mapping[str, int] = {"maker": 3, "host": 2, "local": 0}


def key_of(candidate: Candidate) -> str:
    """`maker/1`: a provider and the number of its key, 0 where it has none."""
    number = candidate.key.id.rpartition("_")[2] if candidate.key is not None else "0"
    return f"{candidate.provider.id}/{number}"


@attrs.define
class Room:
    """A chooser with providers of so many keys, and what it made of requests."""

    policies: Mapping[str, Policy] = attrs.field(factory=dict)
    epoch: int = 1
    health: Health = attrs.field(factory=lambda: Health(Failover()))
    chooser: Chooser = attrs.field(init=False)
    read: int = 0
    prefix: bytes = PREFIX

    def __attrs_post_init__(self) -> None:
        self.chooser = Chooser(self.health)

    @property
    def snapshot(self) -> Snapshot:
        """The configuration as it is now."""
        keys = {id: tuple(snapshots.key(id, number + 1) for number in range(count)) for id, count in COUNTS.items()}
        return attrs.evolve(snapshots.snapshot(keys=keys, epoch=self.epoch), policies=self.policies)

    def candidates(self, *names: str) -> tuple[Candidate, ...]:
        """All keys of each `provider:model`."""
        found: list[Candidate] = []
        snapshot = self.snapshot
        for name in names:
            provider, _, model = name.partition(":")
            for key in snapshot.keys_of(provider) or (None,):
                found.append(Candidate(snapshot.providers[provider], model, key, True))
        return tuple(found)

    def digest(self) -> bytes:
        """The prefix, and that it was read."""
        self.read += 1
        return self.prefix

    def arranged(self, candidates: Sequence[Candidate], strategy: str | None = None) -> Sequence[Candidate]:
        """One request."""
        return self.chooser.arranged(candidates, self.snapshot, strategy=strategy, prefix=self.digest, now=NOW)

    def keys(self, *names: str, strategy: str | None = None) -> list[str]:
        """One request's keys in order."""
        return [key_of(each) for each in self.arranged(self.candidates(*names), strategy)]


def policies(strategy: str, *weights: int) -> Mapping[str, Policy]:
    """This strategy for the provider of three keys."""
    return {"maker": Policy(strategy, weighing("maker", *weights))}


def weighing(provider: str, *weights: int) -> dict[str, int]:
    """The weights of a provider's keys by their ids."""
    return {snapshots.key(provider, number).id: weight for number, weight in enumerate(weights, 1)}


@pytest.mark.parametrize(
    ("given", "names", "strategy"),
    [
        ({}, ("maker:m", "host:m"), None),
        (policies("ordered"), ("maker:m", "host:m"), None),
        (policies("ordered"), ("maker:m", "host:m"), "ordered"),
        (policies("round_robin"), ("maker:m", "host:m"), "ordered"),
        (policies("round_robin"), ("host:m", "local:m"), None),
        (policies("round_robin"), ("local:m",), None),
        ({"local": Policy("cache_affinity")}, ("local:m", "local:n"), None),
        ({}, ("local:m",), "cache_affinity"),
    ],
)
def test_where_nothing_is_to_be_chosen_the_plan_stays(
    given: Mapping[str, Policy], names: tuple[str, ...], strategy: str | None
) -> None:
    """Without a policy for a provider with several keys, or where the request asks for the order, it is the plan's."""
    room = Room(given)
    candidates = room.candidates(*names)
    assert room.arranged(candidates, strategy) is candidates
    assert room.read == 0


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_policy_orders_the_keys_of_its_provider(strategy: str) -> None:
    """Models stay in the caller's order, keys of other providers in theirs; nothing is lost."""
    room = Room(policies(strategy))
    for _ in range(10):
        keys = room.keys("host:m", "maker:m", "local:m", "maker:n")
        assert keys[:2] == ["host/1", "host/2"]
        assert keys[5] == "local/0"
        assert sorted(keys[2:5]) == sorted(keys[6:]) == ["maker/1", "maker/2", "maker/3"]


@pytest.mark.parametrize("strategy", STRATEGIES[1:])
def test_a_request_orders_all_its_candidates(strategy: str) -> None:
    """Where the request names a strategy its models are equal: each is first at some time, with its keys together."""
    room = Room(policies("ordered"))
    seen = set()
    for number in range(60):
        room.prefix = bytes([number]) * 16
        keys = room.keys("maker:m", "host:m", "local:m", strategy=strategy)
        assert sorted(keys) == ["host/1", "host/2", "local/0", "maker/1", "maker/2", "maker/3"]
        owners = [key.partition("/")[0] for key in keys]
        assert len([1 for a, b in zip(owners, ["", *owners], strict=False) if a != b]) == 3
        seen.add(owners[0])
    assert seen == {"maker", "host", "local"}


def test_models_take_their_own_turns() -> None:
    """A key has its limits per model: each model of a provider has its own round."""
    room = Room(policies("round_robin"))
    firsts = [(room.keys("maker:m")[0], room.keys("maker:n")[0]) for _ in range(3)]
    assert firsts == [("maker/1", "maker/1"), ("maker/2", "maker/2"), ("maker/3", "maker/3")]


def test_weights_belong_to_the_provider_s_keys_in_order() -> None:
    """A missing weight is 1; a key that a plan leaves out takes its weight along."""
    room = Room(policies("weighted", 4, 2))
    assert Counter(room.keys("maker:m")[0] for _ in range(7)) == {"maker/1": 4, "maker/2": 2, "maker/3": 1}
    rest = room.candidates("maker:n")[1:]
    assert Counter(key_of(room.arranged(rest)[0]) for _ in range(6)) == {"maker/2": 4, "maker/3": 2}


def test_models_weigh_as_much_as_their_keys() -> None:
    """A request that names `weighted` is spread over its models by the weight of their keys together."""
    room = Room({"host": Policy("ordered", weighing("host", 5, 1))})
    firsts = [room.keys("maker:m", "host:m", "local:m", strategy="weighted")[0] for _ in range(10)]
    assert Counter(key.partition("/")[0] for key in firsts) == {"maker": 3, "host": 6, "local": 1}
    assert Counter(firsts)["host/1"] == 5


def test_keys_take_turns_when_their_model_is_first() -> None:
    """A key's turn passes only when it was its model's turn: no key is left out because the two go in step."""
    room = Room()
    firsts = Counter(room.keys("maker:m", "host:m", "host:n", "maker:n", strategy="round_robin")[0] for _ in range(24))
    assert firsts == {"maker/1": 4, "maker/2": 4, "maker/3": 4, "host/1": 6, "host/2": 6}


def test_a_new_configuration_brings_new_weights() -> None:
    """From its first request on."""
    room = Room(policies("weighted", 1, 0, 0))
    assert [room.keys("maker:m")[0] for _ in range(3)] == ["maker/1"] * 3
    room.policies, room.epoch = policies("weighted", 0, 1, 0), 2
    assert [room.keys("maker:m")[0] for _ in range(3)] == ["maker/2"] * 3


def test_who_cools_down_stands_behind() -> None:
    """Among the keys of a model, and among the models of a request."""
    room = Room(policies("round_robin"))
    room.health.target("maker", snapshots.key("maker", 1).id).failed(NOW, Fault.BUSY, 30.0, model="m")
    assert {room.keys("maker:m")[-1] for _ in range(4)} == {"maker/1"}
    room.health.target("local", "").failed(NOW, Fault.BUSY, 30.0, model="m")
    assert {room.keys("local:m", "host:m", strategy="round_robin")[-1] for _ in range(4)} == {"local/0"}


def test_a_limit_is_a_model_s() -> None:
    """A key that is rate limited for one model is chosen for another."""
    room = Room(policies("round_robin"))
    key = snapshots.key("maker", 1).id
    room.health.target("maker", key).failed(NOW, Fault.BUSY, 30.0, model="m")
    assert {room.keys("maker:m")[0] for _ in range(4)} == {"maker/2", "maker/3"}
    assert {room.keys("maker:n")[0] for _ in range(4)} == {"maker/1", "maker/2", "maker/3"}


def test_the_prefix_is_read_once() -> None:
    """However many groups are ordered by it; and never without affinity."""
    room = Room({"maker": Policy("cache_affinity"), "host": Policy("cache_affinity")})
    room.keys("maker:m", "host:m", "maker:n")
    assert room.read == 1
    room.keys("maker:m", "host:m", strategy="cache_affinity")
    assert room.read == 2
    room.keys("local:m", "maker:m", "host:m", strategy="least_busy")
    assert room.read == 2


@pytest.mark.parametrize(
    ("given", "names", "strategy", "reads"),
    [
        ({}, ("maker:m",), None, False),
        ({}, ("maker:m",), "cache_affinity", True),
        ({}, ("local:m",), "cache_affinity", False),
        (policies("cache_affinity"), ("maker:m",), None, True),
        (policies("cache_affinity"), ("maker:m",), "round_robin", False),
        (policies("cache_affinity"), ("host:m", "maker:m"), None, True),
        (policies("cache_affinity"), ("host:m", "local:m"), None, False),
        (policies("round_robin"), ("maker:m",), None, False),
    ],
)
def test_when_the_body_has_to_be_there(
    given: Mapping[str, Policy], names: tuple[str, ...], strategy: str | None, reads: bool
) -> None:
    """`reads_body` says beforehand whether the order hangs on what the request says."""
    room = Room(given)
    candidates = room.candidates(*names)
    assert room.chooser.reads_body(candidates, room.snapshot, strategy) is reads
    room.arranged(candidates, strategy)
    assert room.read == reads


def test_all_processes_agree_on_a_prefix() -> None:
    """A conversation has the same key in every worker, and after a restart."""
    orders = {tuple(Room(policies("cache_affinity")).keys("maker:m")) for _ in range(5)}
    assert orders == {("maker/2", "maker/3", "maker/1")}


def test_models_that_callers_invent_do_not_fill_the_memory() -> None:
    """What groups remember is bounded."""
    room = Room(policies("round_robin"))
    snapshot = room.snapshot
    provider, keys = snapshot.providers["maker"], snapshot.keys_of("maker")
    for number in range(MAX_GROUPS + 10):
        group = [Candidate(provider, f"m{number}", key, False) for key in keys[:2]]
        room.chooser.arranged(group, snapshot, strategy=None, prefix=room.digest, now=NOW)
    assert len(room.chooser._turns) <= MAX_GROUPS
