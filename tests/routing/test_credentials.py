"""Which providers, models and keys an access key's configuration gives, in which order."""

from __future__ import annotations

import pytest

from aigw import operations
from aigw.errors import NoCredentials, NotAllowed
from aigw.routing.plan import plan
from aigw.snapshot import Snapshot
from aigw.store.records import OPERATOR_ACCOUNT
from aigw.store.specs import Access, Rule, Step

from ..support.holding import DEFAULT, FIRST, MANAGED, SECOND, TOKEN, Holding, asked, known, served, user

A, B = "aigpk_0002", "aigpk_0003"  # keys of the first provider, the second one is the newer


def team_with(*rules: Rule, access: Access | None = None, configured: bool = True) -> Snapshot:
    """An account with two keys for one provider, one for another, and the operator's for both."""
    holding = Holding()
    team = holding.account("team")
    for provider, value in ((FIRST, "a"), (FIRST, "b"), (SECOND, "c")):
        holding.provider_key(team, provider, value)
    for provider in (FIRST, SECOND):
        holding.provider_key(OPERATOR_ACCOUNT, provider, "op")
    foreign = holding.provider_key(DEFAULT, FIRST, "foreign")
    assert foreign == "aigpk_0007"
    holding.provider(team, "box")
    configuration = holding.configuration(team, *rules, access=access) if configured else None
    holding.access_key(team, TOKEN, configuration)
    return served(holding)


def rule(*steps: Step, provider: str | None = None, model: str | None = None) -> Rule:
    """A rule of these steps."""
    return Rule(provider, model, steps)


@pytest.mark.parametrize(
    ("rules", "first", "second"),
    [
        # Without a rule: the account's own, newest first, then the operator's.
        ([], "b a op", "c op"),
        # A provider's rule is for all its models, and no other provider's.
        ([rule(user(A), provider=FIRST)], "a", "c op"),
        ([rule(user(A, B), provider=FIRST)], "a b", "c op"),
        ([rule(user(B), user(A), provider=FIRST)], "b a", "c op"),
        ([rule(MANAGED, user(A), provider=FIRST)], "op a", "c op"),
        ([rule(MANAGED, provider=FIRST)], "op", "c op"),
        # A step that names no keys means all of the account's.
        ([rule(user(), provider=FIRST)], "b a", "c op"),
        # No key twice.
        ([rule(user(A), user(), MANAGED, provider=FIRST)], "a b op", "c op"),
        # A model's rule wins over the provider's, however it is written, and wherever it stands.
        ([rule(user(A), provider=FIRST), rule(user(B), provider=FIRST, model="M")], "b", "c op"),
        ([rule(user(A), provider=FIRST), rule(user(B), model=f"{FIRST}:m")], "b", "c op"),
        ([rule(user(A), provider=FIRST), rule(user(B), model=f"{FIRST}/m")], "b", "c op"),
        ([rule(user(A), provider=FIRST), rule(user(B), provider=FIRST, model=f"{FIRST}:m")], "b", "c op"),
        ([rule(user(A), provider=FIRST), rule(user(B), provider=FIRST, model="n")], "a", "c op"),
        # A model's rule without a provider is for every provider of it; each gets its own keys alone.
        ([rule(user(A, "aigpk_0004"), model="m")], "a", "c"),
        # Keys that are not there, or another account's, are passed over.
        ([rule(user("aigpk_gone", "aigpk_0007", A), provider=FIRST)], "a", "c op"),
    ],
)
def test_rules(rules: list[Rule], first: str, second: str) -> None:
    """Which credentials a configuration gives, in order."""
    snapshot = team_with(*rules)
    for provider, expected in ((FIRST, first), (SECOND, second)):
        assert asked(snapshot, f"{provider}:m") == [f"{provider}:m {secret}" for secret in expected.split()]


@pytest.mark.parametrize(
    "rules",
    [
        [rule(provider=FIRST)],
        [rule(user("aigpk_0007"), provider=FIRST)],
        [rule(user("aigpk_0004"), provider=FIRST)],
    ],
)
def test_a_rule_that_gives_nothing(rules: list[Rule]) -> None:
    """It does not fall back to other keys: refused, as without any; a provider that takes none is called without."""
    with pytest.raises(NoCredentials):
        asked(team_with(*rules), f"{FIRST}:m")
    assert asked(team_with(*rules, rule(user(A), provider="box")), "box:m") == ["box:m -"]


def test_what_to_do_without_a_key() -> None:
    """The default account is told of the configuration, which is its own; another one of the store alone."""
    holding = Holding()
    holding.access_key(DEFAULT, "of-default-0123456789")
    holding.access_key(holding.account("team"), TOKEN)
    said = {}
    for token in ("of-default-0123456789", TOKEN):
        with pytest.raises(NoCredentials) as caught:
            asked(served(holding), f"{FIRST}:m", token=token)
        said[token] = caught.value.message
        assert f"`aigw provider-keys create --provider {FIRST}`" in said[token]
    assert [f"[providers.{FIRST}]" in message for message in said.values()] == [True, False]


def test_every_step_has_its_own_strategy() -> None:
    """Keys of one step are a group, ordered among themselves as the step says."""
    snapshot = team_with(rule(user(A, B, strategy="round_robin"), MANAGED, provider=FIRST))
    key = known(snapshot)
    found = plan(operations.CHAT, f"{FIRST}:m", (), key, snapshot.account(key.account)).candidates
    assert [each.strategy for each in found] == ["round_robin", "round_robin", "ordered"]
    assert found[0].group == found[1].group != found[2].group
    assert snapshot.account(key.account).chooses
    assert not snapshot.chooses


@pytest.mark.parametrize("rules", [[], [rule(user(), MANAGED, provider=FIRST)]])
def test_own_and_managed_keys_are_never_mixed(rules: list[Rule]) -> None:
    """They are two groups, with a rule and without one: what the operator pays for is asked when the own ones fail."""
    snapshot = team_with(*rules)
    key = known(snapshot)
    found = plan(operations.CHAT, f"{FIRST}:m", (), key, snapshot.account(key.account)).candidates
    groups = [each.group for each in found]
    assert groups[0] == groups[1] != groups[2]


def test_a_managed_step_gives_managed_keys_alone() -> None:
    """Where the operator has none the account's own do not stand in."""
    holding = Holding()
    team = holding.account("team")
    holding.provider_key(team, FIRST, "a")
    holding.access_key(team, TOKEN, holding.configuration(team, rule(MANAGED, provider=FIRST)))
    with pytest.raises(NoCredentials):
        asked(served(holding), f"{FIRST}:m")


@pytest.mark.parametrize(
    ("access", "left"),
    [
        (Access(), f"{FIRST} {SECOND} box"),
        (Access(providers=(FIRST,)), FIRST),
        (Access(models=(f"{SECOND}:M", "box/other")), SECOND),
        (Access(providers=(FIRST, "box"), models=(f"{SECOND}:m", "box/m")), "box"),
        (Access(providers=()), ""),
        (Access(models=()), ""),
    ],
)
def test_a_scope_is_for_every_candidate(access: Access, left: str) -> None:
    """What is not allowed is dropped, fallbacks as well; where nothing is left the request is refused."""
    snapshot = team_with(rule(user(A), provider=FIRST), rule(user(), provider=SECOND), access=access)
    models = [f"{provider}:m" for provider in (FIRST, SECOND, "box")]
    if not left:
        with pytest.raises(NotAllowed):
            asked(snapshot, *models)
    else:
        assert [each.partition(":")[0] for each in asked(snapshot, *models)] == left.split()


def test_a_scope_is_for_what_an_alias_means() -> None:
    """A name of the account's own opens nothing."""
    holding = Holding()
    holding.provider_key(DEFAULT, FIRST, "sk-first")
    holding.alias(DEFAULT, "fast", f"{FIRST}:m")
    holding.access_key(DEFAULT, TOKEN, holding.configuration(DEFAULT, access=Access(models=(f"{FIRST}:n",))))
    with pytest.raises(NotAllowed):
        asked(served(holding), "fast")
