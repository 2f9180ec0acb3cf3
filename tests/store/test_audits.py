"""The audit is read by pages, by thing, and gets shorter only when asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aigw.store.contract import Invalid
from aigw.store.sql import SqlStore

from .things import one_of_each


async def test_pages_and_things(store: SqlStore, account: str) -> None:
    """Pages are newest first; what was done to one thing can be asked for."""
    made = await one_of_each(store, account)
    rows = await store.audit.list(account)
    first = await store.audit.list(account, limit=3)
    assert list(rows) == [*first, *await store.audit.list(account, before_id=first[-1].id)]
    assert [each.resource_id for each in await store.audit.list(account, resource_id=made.alias)] == [made.alias]
    with pytest.raises(Invalid):
        await store.audit.everywhere(limit=1000)


async def test_pruning(store: SqlStore, account: str) -> None:
    """Rows older than a time are dropped, younger ones stay."""
    await one_of_each(store, account)
    now = datetime.now(UTC)
    assert await store.audit.prune(now - timedelta(days=1)) == 0
    assert await store.audit.prune(now + timedelta(days=1)) > 0
    assert await store.audit.everywhere() == []
