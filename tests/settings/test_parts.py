"""Parts of the settings, made directly."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest

from aigw import adapter, snapshot
from aigw.errors import ConfigError
from aigw.secret import Secret
from aigw.settings import (
    STRATEGIES,
    SURFACES,
    AccessKeySettings,
    Failover,
    Limits,
    Log,
    ProviderSettings,
    Server,
    Settings,
    Store,
    Tcp,
    Unix,
    Upstream,
)
from aigw.settings.keys import keys_of
from aigw.settings.whole import SECTIONS

TOKEN = Secret("0123456789-0123456789")


def test_defaults_are_those_of_the_specification() -> None:
    """A gateway without any configuration listens on loopback, with the documented limits."""
    settings = Settings()
    assert settings.server == Server(
        listen=Tcp("127.0.0.1", 8080),
        control=Tcp("127.0.0.1", 8081),
        workers=1,
        data_dir=Path("aigw-data"),
        drain_timeout=30,
        keepalive_timeout=75,
        head_timeout=15,
        body_idle_timeout=30,
        body_timeout=600,
        max_connections=0,
        max_connections_per_client=0,
        max_requests=0,
        max_queue=0,
        queue_timeout=1,
        max_lag=1,
        backlog=1024,
    )
    assert settings.limits == Limits(60, 120, 5, 60, 900, 15, 32 << 20, 64 << 10, None, None)
    assert settings.failover == Failover(5, 5, 60, 0.1, 10, 0.05)
    assert settings.store == Store("sqlite")
    assert settings.log == Log("json", "info")
    assert not settings.billing.enabled
    assert settings.providers == ()
    assert settings.access_keys == ()


@pytest.mark.parametrize("part", [*SECTIONS.values(), ProviderSettings])
def test_every_default_fits_its_own_kind(part: type[Any]) -> None:
    """A default is a value an operator could have written: its kind reads what it dumps."""
    for name, declared in keys_of(part).items():
        value = attrs.fields_dict(part)[name].default
        if value is not None or declared.default is not None:
            assert declared.kind.parse(declared.kind.dump(value)) == value, name


@pytest.mark.parametrize(
    "make",
    [
        lambda: Server(workers=0),
        lambda: Server(workers=True),
        lambda: Server(listen="127.0.0.1:80"),  # type: ignore[arg-type]
        lambda: Server(listen=None),  # type: ignore[arg-type]
        lambda: Server(drain_timeout=-1),
        lambda: Server(data_dir="x"),  # type: ignore[arg-type]
        lambda: Limits(total_timeout=90_000),
        lambda: Limits(max_head_bytes=8191),
        lambda: Limits(max_head_bytes=(1 << 20) + 1),
        lambda: Limits(max_input_tokens=0),
        lambda: Limits(keepalive_after=-1),
        lambda: Failover(retry_budget=1.5),
        lambda: Failover(retry_budget=True),
        lambda: Failover(hedge_share=float("nan")),
        lambda: Failover(breaker_open=0),
        lambda: Failover(retry_burst=-1),
        lambda: Log(level="loud"),
        lambda: Store("mysql://h/db"),
        lambda: Upstream(no_proxy=["a"]),  # type: ignore[arg-type]
        lambda: ProviderSettings("Upper"),
        lambda: ProviderSettings("x" * 64),
        lambda: ProviderSettings("-x"),
        lambda: ProviderSettings("x", base_url="ftp://h"),
        lambda: ProviderSettings("x", surfaces=("chat",)),
        lambda: ProviderSettings("x", keys=("plain",)),  # type: ignore[arg-type]
        lambda: ProviderSettings("x", keys=(TOKEN, TOKEN)),
        lambda: ProviderSettings("x", key_selection_strategy="random"),
        lambda: ProviderSettings("x", key_weights=(1, -1)),
        lambda: ProviderSettings("x", key_weights=(1001,)),
        lambda: ProviderSettings("x", key_weights=(0.5,)),  # type: ignore[arg-type]
        lambda: ProviderSettings("x", hedge=1),  # type: ignore[arg-type]
        lambda: ProviderSettings("x", headers=(("authorization", TOKEN),)),
        lambda: ProviderSettings("x", headers=(("x-a", "plain"),)),  # type: ignore[arg-type]
        lambda: AccessKeySettings("a", Secret("short")),
        lambda: AccessKeySettings("a", Secret("with spaces 0123456789")),
        lambda: AccessKeySettings("", TOKEN),
        lambda: AccessKeySettings("a", TOKEN, models=("bare-model",)),
    ],
)
def test_parts_are_checked_where_they_are_made(make: Any) -> None:
    """No part can hold a value outside its bounds or of another type, however it was made."""
    with pytest.raises(ConfigError):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Settings(Server(control=Tcp("127.0.0.1", 8080))), "server.control: may not be the address"),
        (lambda: Settings(Server(Unix("/s"), Unix("/s"))), "server.control: may not be the address"),
        (
            lambda: Settings(failover=Failover(breaker_open=9, breaker_max_open=8)),
            "failover.breaker_max_open: may not be shorter than failover.breaker_open",
        ),
        (
            lambda: Settings(providers=(ProviderSettings("a", keys=(TOKEN,), key_weights=(1, 1)),)),
            "providers.a.key_weights: has 2 weights, but there are 1 keys",
        ),
        (
            lambda: Settings(providers=(ProviderSettings("a", managed_keys=(TOKEN,), key_weights=(0,)),)),
            "providers.a.key_weights: leaves no key",
        ),
        (
            lambda: Settings(providers=(ProviderSettings("a"), ProviderSettings("a"))),
            "providers.a: is declared twice",
        ),
        (
            lambda: Settings(providers=(ProviderSettings("a", base_url="http://h.example"),)),
            "providers.a.base_url",
        ),
        (
            lambda: Settings(providers=(ProviderSettings("a", surface_urls=(("messages", "http://h.example"),)),)),
            "providers.a.surface_urls.messages",
        ),
        (
            lambda: Settings(access_keys=(AccessKeySettings("a", TOKEN), AccessKeySettings("b", TOKEN))),
            r"access_keys\[1\].key: is the same token as that of 'a'",
        ),
        (
            lambda: Settings(access_keys=(AccessKeySettings("a", TOKEN), AccessKeySettings("a", Secret("x" * 20)))),
            r"access_keys\[1\].name: another access key is named 'a'",
        ),
    ],
)
def test_parts_may_not_contradict_each_other(make: Any, message: str) -> None:
    """Listeners on one address, doubles and unprotected base URLs are found between the parts."""
    with pytest.raises(ConfigError, match=message):
        make()


def test_two_listeners_may_both_leave_the_port_to_the_system() -> None:
    """Port 0 twice is two different ports."""
    assert Settings(Server(Tcp("127.0.0.1", 0), Tcp("127.0.0.1", 0))).server.control == Tcp("127.0.0.1", 0)


def test_the_password_of_a_store_stays_out_of_repr() -> None:
    """A store's URL shows without its credentials, alone and inside the settings."""
    settings = Settings(store=Store("postgresql://aigw:hunter2@db/aigw"))
    assert "hunter2" not in repr(settings)
    assert settings.store.url == "postgresql://aigw:hunter2@db/aigw"


def test_settings_are_equal_when_they_do_the_same() -> None:
    """Where a value came from makes no difference: a reload that changes nothing is seen as that."""
    assert Settings(source="a.toml", origins={"server.listen": "a.toml"}) == Settings()


def test_a_provider_is_found_by_its_id() -> None:
    """What is said about a provider is found by its exact id."""
    settings = Settings(providers=(ProviderSettings("my-vllm"),))
    assert settings.provider("my-vllm") == ProviderSettings("my-vllm")
    assert settings.provider("My-vllm") is None


def test_importing_settings_stays_light() -> None:
    """Every command reads settings first, so importing them loads no event loop, HTTP or TLS."""
    heavy = {"asyncio", "aiohttp", "ssl", "_hashlib", "tomllib", "difflib", "json", "aigw.adapter"}
    code = "import sys, attrs; old = set(sys.modules); import aigw.settings; print(*set(sys.modules) - old)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert heavy.isdisjoint(done.stdout.split())


def test_strategies_are_those_of_the_snapshot() -> None:
    """What an operator can choose is what keys are chosen by, and no other."""
    assert STRATEGIES == snapshot.STRATEGIES
    assert attrs.asdict(Failover()) == attrs.asdict(snapshot.Failover())


def test_weights_may_repeat_and_be_fewer_than_the_keys() -> None:
    """Two keys of the same weight are usual; a key without a weight has 1; one key may rest."""
    provider = ProviderSettings("a", keys=(TOKEN, Secret("b"), Secret("c")), key_weights=(0, 0))
    assert Settings(providers=(provider,)).providers == (provider,)


def test_surfaces_are_those_of_the_adapter_contract() -> None:
    """A surface that a provider can serve can be configured, and no other."""
    assert frozenset(SURFACES) == adapter.SURFACES
