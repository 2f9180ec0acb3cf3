"""What a gateway tells its store: who is there, who has left, and which keys were used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from aigw import roster as rosters
from aigw.roster import Roster
from aigw.store.contract import StoreUnavailable
from aigw.store.records import Use


class Told:
    """A store that notes what it is told, and may be down."""

    def __init__(self) -> None:
        self.workers: dict[str, int] = {}
        self.uses: list[Use] = []
        self.down = False
        self.epochs = self

    async def confirm(self, worker: str, epoch: int) -> None:
        """A worker serves this epoch."""
        self._ask()
        self.workers[worker.rpartition("/")[2]] = epoch

    async def leave(self, worker: str) -> None:
        """A worker ends."""
        self._ask()
        del self.workers[worker.rpartition("/")[2]]

    async def touch(self, uses: Sequence[Use]) -> None:
        """Note when keys were used."""
        self._ask()
        self.uses += uses

    def _ask(self) -> None:
        if self.down:
            raise StoreUnavailable("it does not answer")


@pytest.fixture
def store() -> Any:
    """A store that is up."""
    return Told()


async def test_who_is_there(store: Any) -> None:
    """One that is expected serves nothing yet; what a worker says that is not expected, or has left, does not count."""
    roster = Roster()
    roster.expect("1")
    roster.serving("2", 7)
    await roster.confirm(store)
    assert store.workers == {"1": 0}
    roster.serving("1", 7)
    roster.expect("1")
    roster.expect("3")
    await roster.confirm(store)
    assert store.workers == {"1": 7, "3": 0}
    roster.gone("1")
    roster.serving("1", 8)
    # It is told once that a worker has left.
    for _ in range(2):
        await roster.confirm(store)
        assert store.workers == {"3": 0}


async def test_a_store_that_is_down(store: Any) -> None:
    """Who left meanwhile is told to have left later, and no use is lost."""
    roster = Roster(lambda: [("acct_1", "aigk_1", 30.0)])
    roster.expect("1")
    await roster.confirm(store)
    roster.gone("1")
    roster.used([("acct_1", "aigk_1", 50.0), ("acct_1", "aigk_2", 20.0), ("acct_1", "aigk_1", 40.0)])
    store.down = True
    for tell in (roster.confirm, roster.touch):
        with pytest.raises(StoreUnavailable):
            await tell(store)
    store.down = False
    await roster.leave(store)
    assert store.workers == {}
    assert {use.id: use.at.timestamp() for use in store.uses} == {"aigk_1": 50.0, "aigk_2": 20.0}


async def test_the_end(store: Any) -> None:
    """Nobody is there any more."""
    roster = Roster()
    roster.expect("1")
    roster.serving("1", 3)
    await roster.confirm(store)
    await roster.leave(store)
    assert store.workers == {}


async def test_uses_are_bounded(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the store is down they do not grow for ever."""
    monkeypatch.setattr(rosters, "MOST_USES", 2)
    roster = Roster()
    roster.used(("acct_1", f"aigk_{number}", 1.0) for number in range(5))
    roster.used([("acct_1", "aigk_0", 9.0)])
    await roster.touch(store)
    assert {use.id: use.at.timestamp() for use in store.uses} == {"aigk_0": 9.0, "aigk_1": 1.0}
