"""A spec that cannot be kept cannot be made; the error names the field."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from aigw.secret import Secret
from aigw.store.errors import Invalid
from aigw.store.specs import (
    Access,
    AccessKeySpec,
    AccountSpec,
    AliasSpec,
    Budget,
    ConfigurationSpec,
    GatewayConfigSpec,
    Model,
    NewKey,
    ProviderKeySpec,
    ProviderSpec,
    Rule,
    Spec,
    Step,
    Surface,
)

NEW = NewKey("n", Secret("x"))
BAD: list[tuple[str, Callable[[], Any]]] = [
    ("name", lambda: Spec(name="x" * 256)),
    ("description", lambda: Spec(description="x" * 256)),
    ("metadata", lambda: Spec(metadata="x" * 4097)),
    ("metadata", lambda: Spec(metadata="nul\0")),
    ("name", lambda: Spec(name="\ud800")),
    ("name", lambda: Spec(name=7)),  # type: ignore[arg-type]
    ("name", lambda: AccountSpec(name=" ")),
    ("requests_per_minute", lambda: AccessKeySpec(requests_per_minute=0)),
    ("tokens_per_minute", lambda: AccessKeySpec(tokens_per_minute=2**53)),
    ("max_parallel", lambda: AccessKeySpec(max_parallel=True)),
    ("expires_at", lambda: AccessKeySpec(expires_at=datetime(2030, 1, 1))),
    ("budget.amount", lambda: Budget(Decimal(0), "day")),
    ("budget.amount", lambda: Budget(Decimal("NaN"), "day")),
    ("budget.amount", lambda: Budget(Decimal("Infinity"), "day")),
    ("budget.amount", lambda: Budget(Decimal("1e13"), "day")),
    ("budget.amount", lambda: Budget(Decimal("1e-13"), "day")),
    ("budget.amount", lambda: Budget(1.5, "day")),  # type: ignore[arg-type]
    ("budget.period", lambda: Budget(Decimal(1), "hour")),
    ("provider_id", lambda: ProviderKeySpec(provider_id="Open AI")),
    ("access.providers[1]", lambda: Access(providers=("ok", "not ok"))),
    ("access.models[0]", lambda: Access(models=("bare",))),
    ("type", lambda: Step(type="other")),
    ("strategy", lambda: Step(strategy="random")),
    ("keys", lambda: Step(keys=("a", "a"))),
    ("keys", lambda: Step(keys=tuple(map(str, range(10_001))))),
    ("keys", lambda: Step(type="managed", keys=("a",))),
    ("keys", lambda: Step(type="managed", new=(NEW,))),
    ("rule", lambda: Rule()),
    ("model", lambda: Rule(model="a b")),
    ("rules", lambda: ConfigurationSpec(rules=(Rule(model="a"), Rule(model="A")))),
    ("base_url", lambda: ProviderSpec(provider_id="a", base_url="")),
    ("models", lambda: ProviderSpec(provider_id="a", base_url="x", models=(Model("m"), Model("M")))),
    ("models.model_id", lambda: Model("a\tb")),
    ("surfaces.surface", lambda: Surface("chat", "")),
    ("surfaces.parameters", lambda: Surface("chat", "chat-completions", ("",))),
    ("target", lambda: AliasSpec(alias="a", target="A")),
    ("alias", lambda: AliasSpec(alias="", target="a")),
    ("total_timeout", lambda: GatewayConfigSpec(total_timeout=0)),
    ("connect_timeout", lambda: GatewayConfigSpec(connect_timeout=86401)),
    ("stream_idle_timeout", lambda: GatewayConfigSpec(stream_idle_timeout=float("nan"))),
    ("max_input_tokens", lambda: GatewayConfigSpec(max_input_tokens=-1)),
]


@pytest.mark.parametrize(("field", "make"), BAD, ids=[f"{field}-{at}" for at, (field, _) in enumerate(BAD)])
def test_what_cannot_be_kept(field: str, make: Callable[[], Any]) -> None:
    """Lengths, characters, amounts, words and references that contradict each other."""
    with pytest.raises(Invalid) as caught:
        make()
    assert caught.value.field == field


def test_what_can_be_kept() -> None:
    """The limits themselves are allowed."""
    Spec(name="x" * 255, description="x" * 255, metadata="x" * 4096)
    Budget(Decimal(10) ** 12, "total")
    AccessKeySpec(requests_per_minute=1, tokens_per_minute=2**53 - 1)
    GatewayConfigSpec(total_timeout=86400)
    Access(providers=(), models=("openai/gpt-4o", "openrouter:anthropic/claude"))
    ConfigurationSpec(rules=(Rule(provider="openai"), Rule(provider="openai", model="gpt-4o"), Rule(model="gpt-4o")))
