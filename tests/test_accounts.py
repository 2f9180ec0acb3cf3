"""From what a store holds to what requests of each account meet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_args

import attrs
import pytest

from aigw.adapter import SURFACES
from aigw.compose import snapshot_of
from aigw.control import rules, surfaces
from aigw.errors import NotAllowed, NotFound
from aigw.records import NOTHING, UNLIMITED, KeyLimits
from aigw.settings import Limits, Settings
from aigw.snapshot import STRATEGIES
from aigw.store.records import OPERATOR_ACCOUNT
from aigw.store.specs import Access, Budget

from .support.holding import (
    DEFAULT,
    FILE_TOKEN,
    FIRST,
    PEPPER,
    SECOND,
    TOKEN,
    Holding,
    asked,
    declared,
    known,
    secrets,
    served,
)

# -- whose things ------------------------------------------------------------------------------------------------------


def test_the_file_belongs_to_the_default_account() -> None:
    """Its providers, keys and access keys are that account's, whatever id the store gives it."""
    snapshot = served(Holding(), declared("mine", keys=["sk-mine"]), declared(FIRST, keys=["sk-first"]))
    assert (snapshot.id, snapshot.epoch, snapshot.store_epoch, snapshot.pepper) == (DEFAULT, 3, 7, PEPPER)
    assert known(snapshot, FILE_TOKEN).account == DEFAULT
    assert snapshot.account(DEFAULT) is snapshot
    assert secrets(snapshot, "mine") == ["sk-mine"]


def test_without_a_store_there_is_one_account() -> None:
    """A sidecar's."""
    snapshot = snapshot_of(Settings())
    assert snapshot.account(snapshot.id) is snapshot
    assert (dict(snapshot.others), snapshot.store_epoch, snapshot.troubles) == ({}, 0, ())


def test_others_have_nothing_of_the_default_account() -> None:
    """They have the built-in providers as the operator set them up, without its keys, and none of its own."""
    holding = Holding()
    team = holding.account("team")
    snapshot = served(
        holding,
        declared("mine", keys=["sk-mine"]),
        declared(FIRST, base_url="https://proxy.example/v1", keys=["sk-first"], managed_keys=["sk-managed"]),
        declared(SECOND, enabled=False),
    )
    other = snapshot.account(team)
    assert "mine" not in other.providers
    assert SECOND not in other.providers
    assert other.providers[FIRST].base_url == "https://proxy.example/v1"
    assert secrets(other, FIRST) == ["sk-managed"]
    assert secrets(snapshot, FIRST) == ["sk-first", "sk-managed"]
    assert set(snapshot.others) == {team}


def test_keys_are_newest_first_and_the_operators_last() -> None:
    """What was made in the running gateway is asked before what it was started with."""
    holding = Holding()
    for value in ("sk-old", "sk-new"):
        holding.provider_key(DEFAULT, FIRST, value)
    holding.provider_key(OPERATOR_ACCOUNT, FIRST, "sk-operator")
    snapshot = served(holding, declared(FIRST, keys=["sk-file-1", "sk-file-2"], managed_keys=["sk-managed"]))
    assert secrets(snapshot, FIRST) == ["sk-new", "sk-old", "sk-file-1", "sk-file-2", "sk-operator", "sk-managed"]
    assert [key.source for key in snapshot.keys_of(FIRST)][-2:] == ["managed", "managed"]


def test_custom_providers_of_an_account() -> None:
    """They are that account's alone, and its connections are looked at closely; two accounts may use one id."""
    holding = Holding()
    one, two = holding.account("one"), holding.account("two")
    holding.provider(one, "box", "https://one.example/v1", models=["Llama"], parameters={"chat-completions": ("seed",)})
    holding.provider(two, "box", "https://two.example/v1")
    snapshot = served(holding)
    first, second = snapshot.account(one).providers["box"], snapshot.account(two).providers["box"]
    assert (first.base_url, first.owner, first.home, first.guarded) == (
        "https://one.example/v1",
        one,
        f"{one}/box",
        True,
    )
    assert (second.base_url, second.home) == ("https://two.example/v1", f"{two}/box")
    assert first.accepts == {"chat-completions": frozenset({"seed"})}
    assert snapshot.account(one).declared["llama"] == ("box", "Llama")
    assert "llama" not in snapshot.account(two).declared
    assert "box" not in snapshot.providers


@pytest.mark.parametrize(("keys", "needs"), [([], False), (["sk-box"], True), ([None], True)])
def test_which_custom_providers_take_no_key(keys: list[str | None], needs: bool) -> None:
    """Those for which the account has none; one that cannot be opened is one all the same."""
    holding = Holding()
    team = holding.account("team")
    holding.provider(team, "box")
    for value in keys:
        holding.provider_key(team, "box", value)
    assert served(holding).account(team).providers["box"].needs_key is needs


def test_a_preset_gives_the_dialect() -> None:
    """Whatever the provider is called."""
    holding = Holding()
    holding.provider(DEFAULT, "box", preset="azure-openai", surfaces=["chat-completions"])
    box = served(holding).providers["box"]
    assert type(box).__name__ == "AzureOpenAI"


def test_the_file_wins_over_the_store() -> None:
    """A provider of the file is not replaced from outside, which could lead the file's keys elsewhere."""
    holding = Holding()
    holding.provider(DEFAULT, "mine", "https://elsewhere.example/v1")
    snapshot = served(holding, declared("mine", keys=["sk-mine"]))
    assert snapshot.providers["mine"].base_url == "http://127.0.0.1:1/v1"
    assert ["mine" in trouble for trouble in snapshot.troubles] == [True]


def test_the_operators_keys_go_to_no_provider_of_an_account() -> None:
    """Not even when an account's provider has the id of one that is built in by now."""
    holding = Holding()
    team = holding.account("team")
    holding.provider(team, FIRST, "https://mine.example/v1")
    holding.provider_key(OPERATOR_ACCOUNT, FIRST, "sk-operator")
    holding.provider_key(OPERATOR_ACCOUNT, SECOND, "sk-second")
    snapshot = served(holding)
    own = snapshot.account(team)
    assert own.providers[FIRST].base_url == "https://mine.example/v1"
    assert (secrets(own, FIRST), secrets(own, SECOND)) == ([], ["sk-second"])
    assert secrets(snapshot, FIRST) == ["sk-operator"]


def test_the_operators_keys_for_the_files_own_providers() -> None:
    """A custom provider of the file is the default account's, and so are managed keys for it."""
    holding = Holding()
    team = holding.account("team")
    holding.provider(team, "mine", "https://team.example/v1")
    files = [declared(name, managed_keys=["sk-managed"]) for name in ("mine", "further")]
    snapshot = served(holding, *files)
    assert secrets(snapshot, "mine") == ["sk-managed"]
    assert secrets(snapshot.account(team), "mine") == []
    assert "further" not in snapshot.account(team).managed


def test_how_the_files_providers_are_asked_is_the_default_accounts() -> None:
    """An account's own provider of the same id is not hedged, nor are its keys chosen, as the file says of its own."""
    holding = Holding()
    team = holding.account("team")
    holding.provider(team, "mine", "https://team.example/v1")
    snapshot = served(holding, declared("mine", hedge=True), declared(FIRST, hedge=True))
    assert set(snapshot.policies) == {"mine", FIRST}
    assert set(snapshot.account(team).policies) == {FIRST}


# -- faults ------------------------------------------------------------------------------------------------------------


def bad_url(holding: Holding, account: str) -> None:
    """A provider without an address."""
    holding.provider(account, "box", "nowhere")


def bad_port(holding: Holding, account: str) -> None:
    """A provider with a port that is none."""
    holding.provider(account, "box", "https://box.example:99999/v1")


def no_surface(holding: Holding, account: str) -> None:
    """A provider that serves something unknown."""
    holding.provider(account, "box", surfaces=["telepathy"])


def no_preset(holding: Holding, account: str) -> None:
    """A provider of an unknown kind."""
    holding.provider(account, "box", preset="crystal-ball")


def no_secret(holding: Holding, account: str) -> None:
    """A provider key that cannot be opened."""
    holding.provider_key(account, FIRST, None)


def bad_configuration(holding: Holding, account: str) -> None:
    """A configuration that no check would have let in, and a key with it."""
    access = Access()
    object.__setattr__(access, "models", ("no-separator",))
    holding.configuration(account, access=access)


def no_configuration(holding: Holding, account: str) -> None:
    """An access key whose configuration is gone."""
    holding.access_key(account, "aigw-lost-0123456789", "aigac_gone")


@pytest.mark.parametrize(
    "fault", [bad_url, bad_port, no_surface, no_preset, no_secret, bad_configuration, no_configuration]
)
def test_a_fault_is_one_accounts_trouble(fault: Callable[[Holding, str], None]) -> None:
    """It is told, with the account, and everybody and everything else is served."""
    holding = Holding()
    team = holding.account("team")
    holding.provider_key(team, SECOND, "sk-second")
    holding.provider(team, "other")
    fault(holding, team)
    snapshot = served(holding, declared(FIRST, keys=["sk-first"]))
    (trouble,) = snapshot.troubles
    assert team in trouble
    assert secrets(snapshot, FIRST) == ["sk-first"]
    own = snapshot.account(team)
    assert secrets(own, SECOND) == ["sk-second"]
    assert "other" in own.providers
    assert "box" not in own.providers


def test_a_missing_configuration_allows_nothing() -> None:
    """Whatever has become of it, its keys may never call more than it allowed."""
    holding = Holding()
    holding.provider_key(DEFAULT, FIRST, "sk-first")
    foreign = holding.configuration(holding.account("team"))
    for number, configuration in enumerate(("aigac_gone", foreign)):
        holding.access_key(DEFAULT, f"{TOKEN}{number}", configuration)
    snapshot = served(holding)
    for number in range(2):
        assert known(snapshot, f"{TOKEN}{number}").scope == NOTHING
        with pytest.raises(NotAllowed):
            asked(snapshot, f"{FIRST}:m", token=f"{TOKEN}{number}")


def test_keys_of_unknown_accounts_are_no_keys() -> None:
    """The operator's account calls nothing."""
    holding = Holding()
    holding.access_key(OPERATOR_ACCOUNT, TOKEN)
    holding.access_key("acct_gone", f"{TOKEN}2")
    snapshot = served(holding)
    assert snapshot.access_key(TOKEN.encode()) is None
    assert snapshot.access_key(f"{TOKEN}2".encode()) is None


# -- access keys and settings ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "limits", "expires"),
    [
        ({}, UNLIMITED, 0.0),
        ({"requests_per_minute": 5}, KeyLimits(5), 0.0),
        ({"max_parallel": 2, "tokens_per_minute": 9}, KeyLimits(None, 9, 2), 0.0),
        ({"budget": Budget(Decimal("1.5"), "day")}, KeyLimits(budget=Decimal("1.5"), period="day"), 0.0),
        ({"expires_at": datetime(2027, 1, 1, tzinfo=UTC)}, UNLIMITED, 1798761600.0),
    ],
)
def test_what_an_access_key_is(spec: dict[str, Any], limits: KeyLimits, expires: float) -> None:
    """Its limits and its end are those of the store."""
    holding = Holding()
    id = holding.access_key(DEFAULT, TOKEN, **spec)
    key = known(served(holding))
    assert (key.id, key.account, key.limits, key.expires_at) == (id, DEFAULT, limits, expires)


def test_keys_of_one_configuration_are_of_one_grant() -> None:
    """They share what a plan hangs on; those of other accounts and other configurations do not."""
    holding = Holding()
    team = holding.account("team")
    one, two = holding.configuration(DEFAULT), holding.configuration(DEFAULT)
    for number, (account, configuration) in enumerate(
        [(DEFAULT, one), (DEFAULT, one), (DEFAULT, two), (DEFAULT, None), (team, None), (team, None)]
    ):
        holding.access_key(account, f"{TOKEN}{number}", configuration)
    snapshot = served(holding)
    grants = [known(snapshot, f"{TOKEN}{number}").grant for number in range(6)]
    assert [grants.index(grant) for grant in grants] == [0, 0, 2, 3, 4, 4]
    assert known(snapshot, f"{TOKEN}0").configuration is known(snapshot, f"{TOKEN}1").configuration


def test_an_accounts_own_settings() -> None:
    """They replace the file's for that account; a provider's own in the file stay for that provider."""
    holding = Holding()
    team = holding.account("team")
    holding.gateway_config(team, total_timeout=3.0, connect_timeout=0.5, max_output_tokens=100)
    slow = declared(FIRST, per_request_timeout=77.0, connect_timeout=7.0)
    snapshot = served(holding, slow, limits=Limits(total_timeout=9.0, max_input_tokens=50))
    own = snapshot.account(team).limits
    assert (own.total_timeout, own.connect_timeout, own.max_output_tokens, own.max_input_tokens) == (3.0, 0.5, 100, 50)
    assert own.max_body_bytes == snapshot.limits.max_body_bytes
    assert (snapshot.limits.total_timeout, snapshot.limits.max_output_tokens) == (9.0, None)
    first = snapshot.account(team).limits_for(FIRST)
    assert (first.per_request_timeout, first.total_timeout, first.connect_timeout) == (77.0, 3.0, 7.0)
    assert snapshot.account(team).limits_for(SECOND) is own


def test_what_the_operator_gives() -> None:
    """An account that allows little time does not put providers in a bad light where others meet them, too."""
    holding = Holding()
    team, calm = holding.account("team"), holding.account("calm")
    holding.provider(team, "box")
    for account in (DEFAULT, team):
        holding.gateway_config(account, total_timeout=1.0, per_request_timeout=0.5)
    snapshot = served(holding, declared(FIRST, per_request_timeout=77.0), limits=Limits(total_timeout=99.0))

    def given(account: str, provider: str) -> tuple[float, float]:
        limits = snapshot.account(account).given_limits_for(provider)
        return limits.per_request_timeout, limits.total_timeout

    assert given(team, FIRST) == given(calm, FIRST) == (77.0, 99.0)
    assert given(team, SECOND) == given(calm, SECOND) == (60.0, 99.0)
    # Its own provider, and the operator's own account: nobody else is concerned.
    assert given(team, "box") == (0.5, 1.0)
    assert (given(DEFAULT, FIRST), given(DEFAULT, SECOND)) == ((77.0, 1.0), (0.5, 1.0))


def test_aliases_are_one_step_and_the_accounts_own() -> None:
    """Whatever the case; an alias of an alias is a name like any other."""
    holding = Holding()
    team = holding.account("team")
    for account, secret in ((DEFAULT, "sk-default"), (team, "sk-team")):
        holding.provider_key(account, FIRST, secret)
    holding.alias(DEFAULT, "Fast", f"{FIRST}:quick")
    holding.alias(DEFAULT, "faster", "fast")
    holding.access_key(DEFAULT, TOKEN)
    holding.access_key(team, f"{TOKEN}2")
    snapshot = served(holding)
    assert asked(snapshot, "fAST") == [f"{FIRST}:quick sk-default"]
    for model, token in (("faster", TOKEN), ("fast", f"{TOKEN}2")):
        with pytest.raises(NotFound):
            asked(snapshot, model, token=token)


def test_targets() -> None:
    """All secrets in force, by the names under which health knows them."""
    holding = Holding()
    team = holding.account("team")
    holding.provider(team, "box")
    box, own = holding.provider_key(team, "box", "sk-box"), holding.provider_key(team, FIRST, "sk-own")
    snapshot = served(holding, declared(FIRST, keys=["sk-file"], managed_keys=["sk-managed"]))
    told = {name: secret.reveal() for name, secret in snapshot.targets().items()}
    assert told == {
        (FIRST, f"aigpk_{FIRST}_1"): "sk-file",
        (FIRST, f"aigpk_{FIRST}_2"): "sk-managed",
        (FIRST, own): "sk-own",
        (f"{team}/box", box): "sk-box",
    }


def test_strategies_and_surfaces_are_those_of_the_api() -> None:
    """What can be named over the control API is what requests know."""
    assert get_args(rules.Strategy) == STRATEGIES
    assert set(surfaces.ORDER) == SURFACES


class _Counted(tuple[Any, ...]):
    """Counts how often it is gone through."""

    passes = 0

    def __iter__(self) -> Iterator[Any]:
        type(self).passes += 1
        return super().__iter__()


def test_all_accounts_are_gone_through_a_few_times() -> None:
    """Not once more for each of them: ten thousand would take seconds at every change."""
    passes = []
    for number in (3, 30):
        holding = Holding()
        for each in range(number):
            holding.account(f"team-{each}")
        whole = holding.whole()
        _Counted.passes = 0
        assert (
            len(snapshot_of(Settings(), whole=attrs.evolve(whole, accounts=_Counted(whole.accounts))).others) == number
        )
        passes.append(_Counted.passes)
    assert passes[0] == passes[1] > 0
