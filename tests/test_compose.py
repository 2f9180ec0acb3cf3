"""From settings to a snapshot: what is declared is what requests meet."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from aigw import compose
from aigw.adapter import SURFACES
from aigw.compose import SANDBOX_MODELS, sandbox_provider, snapshot_of
from aigw.records import Scope
from aigw.registry import load_builtin
from aigw.sandbox import models
from aigw.secret import Secret
from aigw.settings import AccessKeySettings, Failover, Limits, ProviderSettings, Settings

from .support.holding import DEFAULT, FILE_TOKEN, FIRST, Holding, declared, known, served

TOKEN = "app-0123456789abcdefghij"


def key(name: str, token: str, **scope: tuple[str, ...]) -> AccessKeySettings:
    """A declared access key."""
    return AccessKeySettings(name=name, key=Secret(token), **scope)


def up(**differing: object) -> ProviderSettings:
    """A custom provider."""
    known: dict[str, object] = {"base_url": "http://127.0.0.1:1/v1", "surfaces": ("chat-completions",)}
    return ProviderSettings("up", **{**known, **differing})  # type: ignore[arg-type]


def test_access_keys_are_known_by_their_digest() -> None:
    """A token finds its key, declared or made; nothing else does, and no token is in the snapshot."""
    settings = Settings(access_keys=(key("app", TOKEN),))
    snapshot = snapshot_of(settings, extra_keys=[key("generated", "made-0123456789abcdefghij")])
    found = snapshot.access_key(TOKEN.encode())
    assert found is not None
    assert (found.id, found.name) == ("aigk_app", "app")
    assert snapshot.access_key(b"made-0123456789abcdefghij") is not None
    assert snapshot.access_key(TOKEN[:-1].encode()) is None
    assert snapshot.access_key(found.digest) is None
    assert TOKEN not in repr(snapshot)


def test_digests_of_two_starts_differ() -> None:
    """Each process has a pepper of its own, so a digest that leaked is of no use elsewhere."""
    settings = Settings(access_keys=(key("app", TOKEN),))
    assert snapshot_of(settings).access_keys.keys().isdisjoint(snapshot_of(settings).access_keys.keys())


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({}, Scope(None, None)),
        ({"providers": ("openai",)}, Scope(frozenset({"openai"}), None)),
        ({"models": ()}, Scope(None, frozenset())),
        (
            {"models": ("openai/GPT-4o", "groq:openai/gpt-oss-120b", "up/a:b")},
            Scope(None, frozenset({("openai", "gpt-4o"), ("groq", "openai/gpt-oss-120b"), ("up", "a:b")})),
        ),
    ],
)
def test_scopes(scope: dict[str, tuple[str, ...]], expected: Scope) -> None:
    """The first separator, colon or slash, ends the provider's id; models compare without case; absent allows all."""
    snapshot = snapshot_of(Settings(access_keys=(key("app", TOKEN, **scope),)))
    found = snapshot.access_key(TOKEN.encode())
    assert found is not None
    assert found.scope == expected


def test_own_keys_before_managed_ones() -> None:
    """Keys are tried in the order they are written, the account's own before the operator's."""
    provider = up(keys=(Secret("one"), Secret("two")), managed_keys=(Secret("three"),))
    keys = snapshot_of(Settings(providers=(provider,))).keys_of("up")
    assert [(each.id, each.secret.reveal(), each.source) for each in keys] == [
        ("aigpk_up_1", "one", "user"),
        ("aigpk_up_2", "two", "user"),
        ("aigpk_up_3", "three", "managed"),
    ]


def test_a_provider_that_is_switched_off() -> None:
    """It is no provider, built in or not, and its keys are nobody's."""
    off = ProviderSettings("openai", enabled=False, keys=(Secret("sk-x"),))
    snapshot = snapshot_of(Settings(providers=(off,)))
    assert "openai" not in snapshot.providers
    assert snapshot.keys_of("openai") == ()


def test_limits() -> None:
    """The configured ones; a provider's own where it has one, the rest as for all."""
    limits = Limits(per_request_timeout=7.0, total_timeout=9.0, max_body_bytes=11)
    snapshot = snapshot_of(Settings(limits=limits, providers=(up(connect_timeout=1.0, stream_idle_timeout=2.0),)))
    assert (snapshot.limits.per_request_timeout, snapshot.limits.total_timeout) == (7.0, 9.0)
    own = snapshot.limits_for("up")
    assert (own.per_request_timeout, own.connect_timeout, own.stream_idle_timeout) == (7.0, 1.0, 2.0)
    assert (own.total_timeout, own.max_body_bytes) == (9.0, 11)
    assert snapshot.limits_for("openai") is snapshot.limits


def test_failover() -> None:
    """What is configured for failover is what requests meet."""
    settings = Settings(failover=Failover(3, 2.0, 9.0, 0.25, 4, 0.0), limits=Limits(keepalive_after=0.0))
    snapshot = snapshot_of(settings)
    assert attrs.asdict(snapshot.failover) == attrs.asdict(settings.failover)
    assert snapshot.limits.keepalive_after == 0.0


@pytest.mark.parametrize(
    ("differing", "expected"),
    [
        ({}, ("ordered", {}, False)),
        ({"key_selection_strategy": "least_busy"}, ("least_busy", {}, False)),
        ({"hedge": True}, ("ordered", {}, True)),
        # A request may ask for `weighted` itself.
        (
            {"key_weights": (3, 3), "keys": (Secret("a"), Secret("b"))},
            ("ordered", {"aigpk_up_1": 3, "aigpk_up_2": 3}, False),
        ),
    ],
)
def test_policies(differing: dict[str, Any], expected: tuple[object, ...]) -> None:
    """A provider has a policy of its own only where it differs from the usual one."""
    snapshot = snapshot_of(Settings(providers=(up(**differing),)))
    policy = snapshot.policy_for("up")
    assert (policy.strategy, policy.weights, policy.hedge) == expected
    assert ("up" in snapshot.policies) is bool(differing)


def test_declared_models_have_bare_ids() -> None:
    """A model of the operator's is found without a prefix; of two providers that declare it the first has it."""
    other = ProviderSettings(
        "other", base_url="http://127.0.0.1:2", surfaces=("chat-completions",), models=("Llama-3", "own")
    )
    snapshot = snapshot_of(Settings(providers=(up(models=("llama-3",)), other)))
    assert snapshot.declared["llama-3"] == ("up", "llama-3")
    assert snapshot.declared["own"] == ("other", "own")


def test_the_sandbox() -> None:
    """It stands beside the others, needs no key, serves everything, and is there only where it runs."""
    assert compose.SANDBOX not in snapshot_of(Settings()).providers
    snapshot = snapshot_of(Settings(), sandbox_url="http://127.0.0.1:5")
    sandbox = snapshot.providers[compose.SANDBOX]
    assert snapshot.providers.keys() - {compose.SANDBOX} == load_builtin().keys()
    assert not sandbox.needs_key
    assert sandbox.surfaces == SURFACES
    assert sandbox.surface_url("chat-completions") == "http://127.0.0.1:5/v1"
    assert sandbox.surface_url("gemini") == "http://127.0.0.1:5/v1beta"
    assert snapshot.declared["sandbox-small"] == (compose.SANDBOX, "sandbox-small")


def test_the_sandbox_s_models() -> None:
    """What is declared for it is what it lists itself."""
    assert set(SANDBOX_MODELS) == {model.ident for model in models.MODELS}
    assert sandbox_provider("http://127.0.0.1:5").models == SANDBOX_MODELS


# -- with a store ------------------------------------------------------------------------------------------------------


def test_a_token_of_the_file_is_the_files() -> None:
    """An access key that the file declares is the default account's, even if the store has one of the same token."""
    holding = Holding()
    holding.access_key(holding.account("team"), FILE_TOKEN)
    assert known(served(holding), FILE_TOKEN).account == DEFAULT


def test_a_bare_model_stays_where_it_is() -> None:
    """A provider that is added takes no bare model id from one that was there before."""
    holding = Holding()
    team = holding.account("team")
    for id in ("older", "newer"):
        holding.provider(team, id, models=["llama"])
    assert served(holding).account(team).declared["llama"] == ("older", "llama")


def test_bare_models_of_the_file_stay_there() -> None:
    """A provider in the store takes none from one that the file declares."""
    holding = Holding()
    holding.provider(DEFAULT, "box", models=["Llama"])
    snapshot = served(holding, declared("mine", models=("llama",), keys=["sk-mine"]))
    assert snapshot.declared["llama"] == ("mine", "llama")


def test_an_accounts_own_models_come_first() -> None:
    """A bare model id that the operator declared for a built-in provider leads an account to its own all the same."""
    holding = Holding()
    team = holding.account("team")
    holding.provider(team, "box", models=["Llama"])
    snapshot = served(holding, declared(FIRST, models=("llama", "gemma")))
    own = snapshot.account(team).declared
    assert (own["llama"], own["gemma"]) == (("box", "Llama"), (FIRST, "gemma"))
