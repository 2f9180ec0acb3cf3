"""How provider tests ask: one attempt in, the outgoing request out."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Protocol

import pytest

from aigw.adapter import Ask, Operation, Outgoing, Provider
from aigw.records import ProviderKey
from aigw.secret import Secret

SECRET = "sk-test-0123456789"


class Send(Protocol):
    """`send(provider, operation, …)`: what goes out; `secret` None asks without a key."""

    def __call__(
        self,
        provider: Provider,
        operation: Operation,
        model: str = "m",
        *,
        secret: str | None = SECRET,
        headers: Mapping[str, str] | None = None,
        id: str = "",
        query: str = "",
    ) -> Outgoing: ...


def run(adapted: Coroutine[object, None, Outgoing]) -> Outgoing:
    """Drives a coroutine that may not wait: the providers here are run without a task."""
    try:
        adapted.send(None)
    except StopIteration as done:
        value = done.value
        assert isinstance(value, Outgoing)
        return value
    adapted.close()
    raise AssertionError("adapt waited for something")


@pytest.fixture
def send() -> Send:
    keys: dict[str, ProviderKey] = {}

    def send(
        provider: Provider,
        operation: Operation,
        model: str = "m",
        *,
        secret: str | None = SECRET,
        headers: Mapping[str, str] | None = None,
        id: str = "",
        query: str = "",
    ) -> Outgoing:
        key = None
        if secret is not None:
            key = keys.setdefault(secret, ProviderKey("aigpk_1", provider.id, Secret(secret)))
        return run(provider.adapt(Ask(operation, model, key, headers or {}, id, query)))

    return send


@pytest.fixture
def head() -> Callable[..., bytes]:
    """Writes the head a provider should send, from its lines."""

    def head(*lines: str) -> bytes:
        return "".join(f"{line}\r\n" for line in lines).encode()

    return head
