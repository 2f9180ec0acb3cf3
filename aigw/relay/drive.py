"""Run a coroutine up to its first wait without a task: most `adapt` coroutines never wait.

What it does before that wait runs outside of any task, so `asyncio.timeout` and clients that use it fail there; a
provider that has to fetch something does it in a task of its own, and awaits that.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Unfinished(Generic[T]):
    """A coroutine that has begun and waits for a future; awaiting this goes on where it stopped."""

    __slots__ = ("_coroutine", "_future")

    def __init__(self, coroutine: Coroutine[Any, Any, T], future: Any) -> None:
        self._coroutine = coroutine
        self._future = future

    def __await__(self) -> Generator[Any, Any, T]:
        waiting = self._future
        while True:
            raised: BaseException | None = None
            value = None
            try:
                value = yield waiting
            except BaseException as exc:  # a cancellation, or what the future raised: the coroutine's to handle
                raised = exc
            try:
                waiting = self._coroutine.send(value) if raised is None else self._coroutine.throw(raised)
            except StopIteration as stop:
                result: T = stop.value
                return result


def run(coroutine: Coroutine[Any, Any, T]) -> T | Unfinished[T]:
    """The result, if the coroutine did not have to wait, or what is left of it."""
    try:
        future = coroutine.send(None)
    except StopIteration as stop:
        value: T = stop.value
        return value
    return Unfinished(coroutine, future)
