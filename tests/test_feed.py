"""Who holds the store: it is opened when it is needed, and every change is given on."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from aigw import feed as feeding
from aigw.errors import ConfigError
from aigw.feed import Feed
from aigw.first_start import OPERATOR_FILE, make_operator_key, operator_key
from aigw.roster import Used
from aigw.settings import Server, Settings
from aigw.store.contract import OPERATOR_ACCOUNT, NotFound, Store, StoreUnavailable
from aigw.store.records import SYSTEM, Whole
from aigw.store.specs import AccessKeySpec

from .support.gate import eventually


class Holder:
    """A feed, and what it gave."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(server=Server(data_dir=folder / "data"))
        self.given: list[Whole] = []
        self.uses: list[Used] = []
        self.feed = Feed(self.settings, self._take, lambda: self.uses)

    async def _take(self, whole: Whole) -> None:
        self.given.append(whole)

    async def make_key(self) -> tuple[str, str, int]:
        """A new access key: its account, its id, its epoch."""
        store = await self.feed.store()
        account = (await store.accounts.named("default")).id
        change = await store.access_keys.create(account, AccessKeySpec(name="app"), SYSTEM)
        return account, change.record.id, change.epoch


@pytest.fixture
async def holder(tmp_path: Path) -> AsyncIterator[Holder]:
    """A feed of a data_dir that is not there yet."""
    made = Holder(tmp_path)
    yield made
    await made.feed.close()


async def test_nothing_is_there_before_it_is_needed(holder: Holder) -> None:
    """No directory, no file; what is opened when it is asked for is followed from then on."""
    feed = holder.feed
    assert not feed.expected()
    assert [feed.opened, await feed.whole()] == [False, None]
    assert not holder.settings.server.data_dir.exists()
    store = await feed.store()
    assert await feed.store() is store
    assert feed.opened
    assert feed.up
    assert feed.expected()
    await eventually(lambda: holder.given)


async def test_strangers_open_nothing(holder: Holder) -> None:
    """Where nobody can have an API key, nobody's call makes a store; the operator's key is there before it."""
    with pytest.raises(ConfigError, match="operator-key"):
        await holder.feed.asked()
    assert not holder.settings.server.data_dir.exists()
    make_operator_key(holder.settings)
    assert await holder.feed.asked() is await holder.feed.store()
    assert await holder.feed.asked() is await holder.feed.store()


async def test_a_change_is_given_on(holder: Holder) -> None:
    """What the store holds at the beginning, and after each change."""
    whole = await holder.feed.begin()
    holder.feed.follow()
    _, id, epoch = await holder.make_key()
    await eventually(lambda: holder.feed.epoch == epoch)
    assert whole.epoch < epoch == holder.given[-1].epoch
    assert [each.id for each in holder.given[-1].access_keys] == [id]


async def test_nothing_is_given_on_while_it_is_changed(holder: Holder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever holds `changing` puts in force what it read: nothing older or newer comes in between."""
    await holder.feed.begin()
    store: Any = await holder.feed.store()
    whole, taken = store.whole, holder.feed._taken
    begun, read = asyncio.Event(), asyncio.Event()

    async def noted() -> Whole:
        read.set()
        return await whole()  # type: ignore[no-any-return]

    async def begins(of: Any) -> bool:
        begun.set()
        return await taken(of)

    monkeypatch.setattr(holder.feed, "_taken", begins)
    store.whole = noted
    async with holder.feed.changing:
        holder.feed.follow()
        _, _, epoch = await holder.make_key()
        await begun.wait()
        for _ in range(10):
            await asyncio.sleep(0)
        assert not read.is_set()
    await eventually(lambda: holder.feed.epoch == epoch)


async def test_the_operator_can_get_in(holder: Holder) -> None:
    """The first opening makes the operator's API key, keeps its token for the owner alone, and the next one none."""
    store = await holder.feed.store()
    token = operator_key(holder.settings)
    assert token is not None
    assert token == holder.feed.operator_key
    assert (await store.api_keys.authenticate(token.reveal())).account_id == OPERATOR_ACCOUNT
    path = holder.settings.server.data_dir / OPERATOR_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = Feed(holder.settings, holder._take)
    await again.store()
    assert again.operator_key is None
    assert operator_key(holder.settings) == token
    await again.close()


async def test_two_who_open_at_once(holder: Holder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody else has made the operator's key meanwhile, the token that is kept stays kept."""
    await holder.feed.store()
    token = operator_key(holder.settings)

    async def none_yet(_: object) -> bool:
        return False

    monkeypatch.setattr(feeding, "_has_operator", none_yet)
    again = Feed(holder.settings, holder._take)
    await again.store()
    assert (again.operator_key, operator_key(holder.settings)) == (None, token)
    await again.close()


async def test_a_token_that_was_told_before(holder: Holder) -> None:
    """What a first start has printed is the key that the store gets."""
    token = make_operator_key(holder.settings)
    store = await holder.feed.store()
    assert (await store.api_keys.authenticate(token.reveal())).role == "operator"
    assert holder.feed.operator_key is None


async def test_a_file_that_others_can_read(holder: Holder) -> None:
    """It is refused, as whoever read it administers the gateway."""
    make_operator_key(holder.settings)
    (holder.settings.server.data_dir / OPERATOR_FILE).chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        await holder.feed.store()


async def test_a_lost_token_is_no_reason_for_another(holder: Holder) -> None:
    """Where the store has an operator's key, none is made because a file is gone."""
    store = await holder.feed.store()
    (holder.settings.server.data_dir / OPERATOR_FILE).unlink()
    again = Feed(holder.settings, holder._take)
    await again.store()
    assert operator_key(holder.settings) is None
    assert len(await store.api_keys.list(OPERATOR_ACCOUNT)) == 1
    await again.close()


async def test_who_serves_what(holder: Holder) -> None:
    """A change is confirmed once all workers serve it; one that is gone, or not yet begun, is told apart."""
    feed, roster = holder.feed, holder.feed.roster
    await feed.expect("1.10")
    # There is a worker, and whoever makes the first change waits for it.
    store = await feed.store()
    _, _, epoch = await holder.make_key()
    late = await store.epochs.confirmed(epoch, 0.05)
    assert [name.endswith("/1.10") for name in late] == [True]
    roster.serving("1.10", epoch)
    await feed.expect("2.11")
    assert feed.epoch == epoch
    _, _, epoch = await holder.make_key()
    assert len(await store.epochs.confirmed(epoch, 0.05)) == 2
    roster.serving("1.10", epoch)
    roster.gone("2.11")
    roster.serving("2.11", 1)
    roster.gone("3.12")
    assert await store.epochs.confirmed(epoch, 10.0) == []


async def test_a_worker_begins_with_nothing_old(holder: Holder) -> None:
    """Whoever begins after a change was confirmed has it: it is given on before the worker is let go."""
    await holder.feed.begin()
    holder.feed.follow()
    _, _, epoch = await holder.make_key()
    await holder.feed.expect("1.1")
    assert holder.feed.epoch == epoch


async def test_a_worker_begins_without_the_store(holder: Holder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the store is down it is not waited for: somebody has to serve."""
    monkeypatch.setattr(feeding, "EXPECT_SECONDS", 0.05)
    store: Any = await holder.feed.store()

    async def unavailable(*_: object) -> Any:
        raise StoreUnavailable("it does not answer")

    monkeypatch.setattr(store.epochs, "current", unavailable)
    with structlog.testing.capture_logs() as logs:
        await holder.feed.expect("1.1")

        async def newer() -> int:
            return 1000

        monkeypatch.setattr(store.epochs, "current", newer)
        await holder.feed.expect("2.1")
    assert [line["worker"] for line in logs if line["event"] == "store_late"] == ["1.1", "2.1"]


async def test_what_cannot_be_given_on(holder: Holder, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is logged once, tried again and again, and the next change is heard of all the same."""
    monkeypatch.setattr(feeding, "AGAIN", 0.01)
    store: Any = await holder.feed.store()
    whole, tries = store.whole, []

    async def broken() -> Any:
        tries.append(1)
        raise RuntimeError("broken")

    confirmed, telling = [], holder.feed.roster.confirm

    async def confirm(store: Store) -> None:
        await telling(store)
        confirmed.append(store)

    with structlog.testing.capture_logs() as logs:
        store.whole = broken
        _, _, epoch = await holder.make_key()
        await eventually(lambda: len(tries) > 3)
        monkeypatch.setattr(holder.feed.roster, "confirm", confirm)
        holder.feed.roster.expect("1.1")
        await eventually(lambda: len(confirmed) > 1)
        # What is told goes on being told, and is no sign that all is well.
        assert not holder.feed.up
        assert holder.feed.note().startswith("store: down since")
        store.whole = whole
        await eventually(lambda: holder.feed.epoch == epoch)
    assert len([line for line in logs if line["event"] == "store_unreadable"]) == 1
    assert holder.feed.up


async def test_uses_are_noted_together(holder: Holder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of this process and those that workers told, the latest of each, without an epoch of their own."""
    monkeypatch.setattr(feeding, "TOUCH", 0.0)
    account, id, epoch = await holder.make_key()
    holder.uses = [(account, id, 1000.0), (account, "aigk_unknown", 1.0)]
    holder.feed.roster.used([(account, id, 2000.0), (account, id, 1500.0)])
    await holder.feed.expect("1.1")
    store = await holder.feed.store()

    async def used() -> float:
        last = (await store.access_keys.get(account, id)).last_used
        return last.timestamp() if last else 0.0

    async with asyncio.timeout(10):
        while await used() != 2000.0:  # noqa: ASYNC110 - the store tells nobody
            await asyncio.sleep(0.01)
    assert await store.epochs.current() == epoch


async def test_down_and_back(holder: Holder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that does not answer is told once, with since when; it is read as soon as it is back."""
    monkeypatch.setattr(feeding, "AGAIN", 0.01)
    monkeypatch.setattr(feeding, "HEARTBEAT", 0.02)
    feed = holder.feed
    _, _, first = await holder.make_key()
    await eventually(lambda: feed.epoch == first)
    store: Any = await feed.store()
    whole, confirm = store.whole, store.epochs.confirm

    async def unavailable(*_: object) -> Any:
        raise StoreUnavailable("it does not answer")

    await feed.expect("1.1")
    with structlog.testing.capture_logs() as logs:
        store.whole = store.epochs.confirm = unavailable
        _, _, second = await holder.make_key()
        await eventually(lambda: not feed.up)
        assert feed.note().startswith("store: down since 20")
        assert feed.note().endswith(f"serving epoch {first}")
        store.whole, store.epochs.confirm = whole, confirm
        await eventually(lambda: feed.up and feed.epoch == second)
    assert feed.note() == ""
    assert [line["event"] for line in logs if line["event"].startswith("store_")][:1] == ["store_down"]
    assert "store_back" in [line["event"] for line in logs]


async def test_down_without_a_change(holder: Holder, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noticed by what workers say, too, when nobody changes anything."""
    monkeypatch.setattr(feeding, "HEARTBEAT", 0.02)
    monkeypatch.setattr(feeding, "AGAIN", 0.01)
    store: Any = await holder.feed.store()
    confirm = store.epochs.confirm

    async def unavailable(*_: object) -> Any:
        raise StoreUnavailable("it does not answer")

    await holder.feed.expect("1.1")
    assert holder.feed.up
    store.epochs.confirm = unavailable
    await eventually(lambda: not holder.feed.up)
    store.epochs.confirm = confirm
    await eventually(lambda: holder.feed.up)


async def test_a_store_that_cannot_be_opened(holder: Holder) -> None:
    """It is an error of whoever asked, and asked for again it is tried again."""
    data = holder.settings.server.data_dir
    data.write_text("a file")
    with pytest.raises((StoreUnavailable, ConfigError)):
        await holder.feed.store()
    assert not holder.feed.opened
    data.unlink()
    await holder.feed.store()
    with pytest.raises(NotFound):
        await (await holder.feed.store()).api_keys.get(OPERATOR_ACCOUNT, "aiak_none")


async def test_old_rows_of_the_audit_go(holder: Holder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are older than the operator wants to keep them, now and then."""
    monkeypatch.setattr(feeding, "PRUNE", 0.0)
    store: Any = await holder.feed.store()
    asked: list[datetime] = []

    async def prune(before: datetime) -> int:
        asked.append(before)
        return 3

    monkeypatch.setattr(store.audit, "prune", prune)
    with structlog.testing.capture_logs() as logs:
        await holder.feed.expect("1.1")
        await eventually(lambda: [line for line in logs if line["event"] == "audit_pruned"])
    assert timedelta(days=364) < datetime.now(UTC) - asked[0] < timedelta(days=366)
