"""A hundred thousand access keys are read for a snapshot in about a second, and the loop goes on meanwhile."""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa

from aigw.store import ids, schema
from aigw.store.sql import SqlStore

KEYS = {"sqlite": 100_000, "postgresql": 20_000}


async def fill(store: SqlStore, account: str, keys: int) -> None:
    """Many access keys at once."""
    now = datetime.now(UTC)
    stamps = {"created_at": now, "updated_at": now, "created_by": "x", "last_updated_by": "x", "revision": 1}
    same = {"account_id": account, "description": "", "metadata": "", "redacted": "aigw-abcde***wxyz", **stamps}
    same |= {"requests_per_minute": 60, "budget_amount": Decimal("10.00"), "budget_period": "month", "expires_at": now}
    async with store.database.writing(120) as connection:
        for at in range(0, keys, 10_000):
            rows = [
                {**same, "id": ids.mint(ids.ACCESS_KEY), "name": f"key {at + n}", "digest": os.urandom(16)}
                for n in range(10_000)
            ]
            await connection.execute(sa.insert(schema.access_keys), rows)


@pytest.mark.slow
async def test_many_keys(store: SqlStore, account: str, engine: str, capsys: pytest.CaptureFixture[str]) -> None:
    """All keys are there with all they have; how long it took is printed, not judged: machines differ."""
    keys = KEYS[engine]
    await fill(store, account, keys)
    longest = 0.0

    async def beat() -> None:
        nonlocal longest
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.01)
            longest = max(longest, time.perf_counter() - before - 0.01)

    beating = asyncio.create_task(beat())
    started, worked = time.perf_counter(), time.process_time()
    whole = await store.whole()
    took, work = time.perf_counter() - started, time.process_time() - worked
    beating.cancel()
    assert len({each.digest for each in whole.access_keys}) == keys
    assert whole.access_keys[0].spec.budget
    told = f"{keys:,} keys read in {took:.2f} s ({work:.2f} s of CPU), loop held {longest * 1000:.0f} ms at most"
    with capsys.disabled():
        print(f"\n{engine}: {told}")
