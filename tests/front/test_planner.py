"""Plans and stored responses, remembered within bounds."""

from __future__ import annotations

import attrs
import pytest

from aigw import adapter, operations
from aigw.adapter import Operation
from aigw.errors import NoCredentials, NotFound
from aigw.front import planner as module
from aigw.front.planner import MAX_STORED, Planner
from aigw.records import MANAGED, AccessKey, Configuration, Step
from aigw.snapshot import Snapshot

from ..support.snapshots import ANYBODY, key, provider, scoped, snapshot

SNAPSHOT = snapshot()
STORING = frozenset({adapter.RESPONSES})
ACCOUNT = SNAPSHOT.id
THREE = snapshot(
    providers=[provider(id, surfaces=STORING) for id in ("a", "b", "c")]
    + [provider("d"), provider("e", surfaces=STORING)],
    keys={"a": [key("a")], "b": [key("b", 1), key("b", 2)], "c": [key("c")], "d": [key("d")]},
)


def test_a_plan_is_made_once() -> None:
    """The same question of the same key in the same epoch has the same answer, by identity."""
    planner = Planner()
    first = planner.plan(operations.CHAT, "lyre-2", ("org/drum",), ANYBODY, SNAPSHOT)
    assert planner.plan(operations.CHAT, "lyre-2", ("org/drum",), ANYBODY, SNAPSHOT) is first


@pytest.mark.parametrize(
    ("operation", "model", "models", "key"),
    [
        (operations.CHAT, "lyre-2", (), ANYBODY),
        (operations.CHAT, "org/drum", ("lyre-2",), ANYBODY),
        (operations.CHAT, "lyre-2", ("org/drum",), scoped()),
    ],
)
def test_another_question_has_another_plan(
    operation: Operation, model: str, models: tuple[str, ...], key: AccessKey
) -> None:
    """Model, fallbacks and access key are all part of the question."""
    planner = Planner()
    first = planner.plan(operations.CHAT, "lyre-2", ("org/drum",), ANYBODY, SNAPSHOT)
    assert planner.plan(operation, model, models, key, SNAPSHOT) is not first


def test_each_operation_has_its_own_plan() -> None:
    """Two of one surface differ in what they may be translated to and in which caps hold."""
    planner = Planner()
    first = planner.plan(operations.SPEECH, "speaker:x", (), ANYBODY, SNAPSHOT)
    assert planner.plan(operations.TRANSCRIPTIONS, "speaker:x", (), ANYBODY, SNAPSHOT) is not first


def test_a_new_epoch_forgets_all_plans() -> None:
    """After a change of the configuration nothing of the old one is used."""
    planner = Planner()
    old = planner.plan(operations.CHAT, "lyre-2", (), ANYBODY, SNAPSHOT)
    new = planner.plan(operations.CHAT, "lyre-2", (), ANYBODY, snapshot(keys={"maker": [key("maker", 9)]}, epoch=2))
    assert [each.key.id for each in old.candidates if each.key] == ["aigpk_maker_1", "aigpk_maker_2"]
    assert [each.key.id for each in new.candidates if each.key] == ["aigpk_maker_9"]


def test_a_request_from_before_a_change() -> None:
    """It is planned in its own epoch, and the plans of the present one stay."""
    planner = Planner()
    now = snapshot(keys={"maker": [key("maker", 9)]}, epoch=2)
    new = planner.plan(operations.CHAT, "lyre-2", (), ANYBODY, now)
    old = planner.plan(operations.CHAT, "lyre-2", (), ANYBODY, SNAPSHOT)
    assert [each.key.id for each in old.candidates if each.key] == ["aigpk_maker_1", "aigpk_maker_2"]
    assert planner.plan(operations.CHAT, "lyre-2", (), ANYBODY, now) is new


def test_keys_of_one_grant_share_their_plans() -> None:
    """A hundred thousand keys of a few configurations do not push each other's plans out; two grants share none."""
    planner = Planner()
    one, two, other = (
        attrs.evolve(ANYBODY, id=f"aigk_{id}", grant=grant) for id, grant in (("1", "g"), ("2", "g"), ("3", "h"))
    )
    first = planner.plan(operations.CHAT, "lyre-2", (), one, SNAPSHOT)
    assert planner.plan(operations.CHAT, "lyre-2", (), two, SNAPSHOT) is first
    assert planner.plan(operations.CHAT, "lyre-2", (), other, SNAPSHOT) is not first


def test_refusals_are_not_remembered() -> None:
    """A name that means nothing costs its caller the search every time, and the memory nothing."""
    planner = Planner()
    for _ in range(2):
        with pytest.raises(NotFound):
            planner.plan(operations.CHAT, "nothing-like-it", (), ANYBODY, SNAPSHOT)
    assert not planner._plans


def test_plans_are_kept_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller who varies the model in every request does not fill the memory."""
    monkeypatch.setattr(module, "MAX_PLANS", 10)
    planner = Planner()
    for number in range(35):
        planner.plan(operations.CHAT, f"maker:m{number}", (), ANYBODY, SNAPSHOT)
        assert len(planner._plans) <= 10


def asked(planner: Planner, id: str, access_key: AccessKey = ANYBODY) -> list[str]:
    """Who is asked for a stored response, in order."""
    return [
        f"{each.provider.id}/{each.key.id if each.key else '-'}"
        for each in planner.stored(id, access_key, THREE).candidates
    ]


def test_a_stored_response_is_asked_of_its_maker_first() -> None:
    """Then of every other provider with the surface and a key: who does not have it answers 404."""
    planner = Planner()
    assert asked(planner, "resp_1") == ["a/aigpk_a_1", "b/aigpk_b_1", "b/aigpk_b_2", "c/aigpk_c_1"]
    planner.remember(ACCOUNT, "resp_1", "c")
    assert asked(planner, "resp_1") == ["c/aigpk_c_1", "a/aigpk_a_1", "b/aigpk_b_1", "b/aigpk_b_2"]


@pytest.mark.parametrize(
    ("access_key", "providers"),
    [
        (scoped(providers={"b"}), {"b"}),
        (scoped(models={("c", "m"), ("d", "m")}), {"c"}),
        (scoped(providers={"a", "b"}, models={("b", "m")}), {"b"}),
    ],
)
def test_a_scope_bounds_who_is_asked(access_key: AccessKey, providers: set[str]) -> None:
    """A key that may call one provider, or models of one provider alone, learns nothing of the others."""
    assert {each.partition("/")[0] for each in asked(Planner(), "resp_1", access_key)} == providers


@pytest.mark.parametrize("access_key", [scoped(providers={"d", "e"}), scoped(providers=set()), scoped(models=set())])
def test_without_anybody_to_ask(access_key: AccessKey) -> None:
    """No provider with the surface and a key: refused before anything is called."""
    with pytest.raises(NoCredentials):
        Planner().stored("resp_1", access_key, THREE)


def operated(apart: bool) -> Snapshot:
    """An account with keys of its own and the operator's, which other accounts use, too, or do not."""
    managed = {"b": (attrs.evolve(key("b", 7), source=MANAGED),), "c": (attrs.evolve(key("c", 8), source=MANAGED),)}
    return attrs.evolve(THREE, provider_keys={"a": (key("a"),)}, managed=managed, apart=apart)


@pytest.mark.parametrize(
    ("apart", "maker", "expected"),
    [
        (False, None, ["aigpk_a_1", "aigpk_b_7", "aigpk_c_8"]),
        (True, None, ["aigpk_a_1"]),
        (True, "c", ["aigpk_c_8", "aigpk_a_1"]),
        (False, "c", ["aigpk_c_8", "aigpk_a_1", "aigpk_b_7"]),
    ],
)
def test_what_the_operators_keys_hold(apart: bool, maker: str | None, expected: list[str]) -> None:
    """Where they serve several accounts, an account reaches those responses alone that are known to be its own."""
    planner, account = Planner(), operated(apart)
    if maker is not None:
        planner.remember(ACCOUNT, "resp_1", maker)
    planner.remember("acct_other", "resp_1", "b")
    found = planner.stored("resp_1", ANYBODY, account).candidates
    assert [each.key.id for each in found if each.key] == expected


def test_keys_of_models_may_hold_responses() -> None:
    """Which model made a response is not known: keys that a rule gives to one model are asked, too; others are not."""
    rules = {("b", "m"): (Step(keys=("aigpk_b_2",)),), ("b", ""): (Step(keys=("aigpk_b_1",)),), ("c", ""): ()}
    access_key = attrs.evolve(ANYBODY, configuration=Configuration("aigac_1", rules=rules))
    assert asked(Planner(), "resp_1", access_key) == ["a/aigpk_a_1", "b/aigpk_b_1", "b/aigpk_b_2"]


def test_makers_are_remembered_within_a_bound() -> None:
    """The oldest is forgotten first."""
    planner = Planner()
    for number in range(MAX_STORED + 5):
        planner.remember(ACCOUNT, f"resp_{number}", "c")
    assert len(planner._stored) == MAX_STORED
    assert asked(planner, "resp_0")[0] == "a/aigpk_a_1"
    assert asked(planner, f"resp_{MAX_STORED}")[0] == "c/aigpk_c_1"


def test_remembering_one_again_costs_no_other() -> None:
    """An id that is known already takes no second place."""
    planner = Planner()
    for number in range(MAX_STORED):
        planner.remember(ACCOUNT, f"resp_{number}", "c")
    planner.remember(ACCOUNT, "resp_5", "b")
    assert asked(planner, "resp_0")[0] == "c/aigpk_c_1"
