"""Any sequence of calls leaves what a dictionary would hold; things are found by what they are called."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from aigw.store.contract import Conflict, Invalid, NotFound
from aigw.store.opening import Location, opened
from aigw.store.patches import KEEP, AliasPatch, Keep
from aigw.store.resource import paged
from aigw.store.specs import AliasSpec
from aigw.store.sql import SqlStore

from .things import FOUND, ME, one_of_each, team

NAMES = st.sampled_from(["a", "A", "b", "ß", "SS", "c:d"])
TEXTS = st.sampled_from(["", "x", "'; --", "🔑"])
Runner = asyncio.Runner


@pytest.fixture
def running(location: Location) -> Iterator[tuple[Runner, SqlStore]]:
    """A store and the loop it lives on."""
    with asyncio.Runner() as runner:
        store = runner.run(opened(location))
        yield runner, store
        runner.run(store.close())


class Aliases(RuleBasedStateMachine):
    """Two accounts of a store, and what their aliases should be."""

    runner: Runner
    store: SqlStore
    numbers = itertools.count()
    ids = Bundle("ids")

    @initialize()
    def begin(self) -> None:
        """Two new accounts for each example."""
        self.accounts = [self.run(team(self.store, f"team {next(self.numbers)}")) for _ in range(2)]
        self.model: dict[tuple[str, str], AliasSpec] = {}

    def run(self, call: Coroutine[Any, Any, Any]) -> Any:
        """A call of the store, on its loop."""
        return self.runner.run(call)

    def fails(self, call: Coroutine[Any, Any, Any], error: type[Exception]) -> None:
        """A call that must fail."""
        with pytest.raises(error):
            self.run(call)

    def taken(self, account: str, alias: str, but: str = "") -> bool:
        """Whether another alias of the account has this name."""
        mine = (spec for key, spec in self.model.items() if key[0] == account and key[1] != but)
        return any(spec.alias.casefold() == alias.casefold() for spec in mine)

    @rule(target=ids, at=st.integers(0, 1), alias=NAMES, name=TEXTS)
    def create(self, at: int, alias: str, name: str) -> Any:
        """Make one, or meet the one that has its name."""
        account, spec = self.accounts[at], AliasSpec(alias=alias, target="t", name=name)
        call = self.store.aliases.create(account, spec, ME)
        if self.taken(account, alias):
            self.fails(call, Conflict)
            return multiple()
        record = self.run(call).record
        self.model[account, record.id] = spec
        return record.id

    @rule(at=st.integers(0, 1), id=ids, alias=st.just(KEEP) | NAMES, name=st.sampled_from([KEEP, None, "y"]))
    def patch(self, at: int, id: str, alias: str | Keep, name: str | Keep | None) -> None:
        """Change one, whether there is one or not."""
        key, patch = (self.accounts[at], id), AliasPatch(alias=alias, name=name)
        call = self.store.aliases.patch(*key, patch, ME)
        if key not in self.model:
            self.fails(call, NotFound)
        elif alias is not KEEP and self.taken(key[0], alias, id):
            self.fails(call, Conflict)
        else:
            self.model[key] = patch.applied(self.model[key])
            assert self.run(call).record.spec == self.model[key]

    @rule(at=st.integers(0, 1), id=ids)
    def delete(self, at: int, id: str) -> None:
        """Delete one, whether there is one or not."""
        key = (self.accounts[at], id)
        call = self.store.aliases.delete(*key, ME)
        if self.model.pop(key, None) is None:
            self.fails(call, NotFound)
        else:
            self.run(call)

    @invariant()
    def lists_are_the_model(self) -> None:
        """Each account lists its own, newest first."""
        for account in getattr(self, "accounts", ()):
            listed = self.run(self.store.aliases.list(account))
            mine = {key[1]: spec for key, spec in self.model.items() if key[0] == account}
            assert [(each.id, each.spec) for each in listed] == sorted(mine.items(), reverse=True)


def test_aliases_are_as_in_a_dictionary(running: tuple[Runner, SqlStore]) -> None:
    """Make, change, delete and list aliases in two accounts in any order: the store holds what the model holds."""

    class Here(Aliases):
        runner, store = running

    run_state_machine_as_test(Here, settings=settings(max_examples=12, stateful_step_count=15, deadline=None))


@pytest.mark.parametrize("kind", FOUND)
async def test_things_are_found_by_what_they_are_called(store: SqlStore, account: str, kind: str) -> None:
    """Exactly so, in pages, in the same account; by an index; what a kind cannot be looked up by is refused."""
    rows: Any = getattr(store, kind)
    called, id_of = FOUND[kind]
    id = id_of(await one_of_each(store, account))
    other = await team(store)
    await one_of_each(store, other)
    for where in (called, *({name: value} for name, value in called.items())):
        assert id in [each.id for each in await rows.list(account, where=where)]
        assert [each.account_id for each in await rows.list(other, where=where)] == [other] * len(
            await rows.list(account, where=where)
        )
        assert await rows.list(account, where=where, before_id="a") == []
    name = called["name"]
    for wrong in (name[:-1], name.upper(), f"{name} ", f"{name}%", ""):
        assert id not in [each.id for each in await rows.list(account, where={"name": wrong})]
    for field in ("id", "description", "account_id", "digest"):
        with pytest.raises(Invalid, match=field):
            await rows.list(account, where={field: "x"})
    with pytest.raises(Invalid, match="name"):
        await rows.list(account, where={"name": "a\0"})
    assert f"ix_{rows.table.name}_name" in await plan_of(store, rows, account, {"name": name})


async def plan_of(store: SqlStore, rows: Any, account: str, where: Any) -> str:
    """How the database would look for this."""
    wanted = [rows.table.c.account_id == account, *(rows.match(*each) for each in where.items())]
    query = paged(sa.select(rows.table).where(*wanted), rows.table, 100, None)
    written = query.compile(store.database.engine, compile_kwargs={"literal_binds": True})
    async with store.database.reading() as connection:
        words = "EXPLAIN"
        if store.database.kind == "sqlite":
            words = "EXPLAIN QUERY PLAN"
        else:
            # Of few rows all would be read.
            await connection.execute(sa.text("SET LOCAL enable_seqscan = off"))
        return str((await connection.exec_driver_sql(f"{words} {written}")).all())
