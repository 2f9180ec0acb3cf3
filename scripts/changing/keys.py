"""Very many access keys: what the gateway weighs, and what a change costs the requests that are under way."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from time import monotonic

from .findings import Findings, Plan
from .load import OK, Load, p99, under
from .stage import Node, node

# What a swap may add to the p99 of requests, in seconds, and how often it is tried.
MOST_ADDED = 0.02
SWAPS = 3
# Until what came of a change has settled.
PAUSE = 3.0


async def run(plan: Plan, folder: Path, code: Path) -> Findings:
    """The same load with few keys and with many, without changes and while one follows another."""
    found = Findings()
    async with node(folder / "one", code, workers=2) as gateway:
        _, token = await gateway.make_key("kept")
        few, _ = await _loaded(plan, gateway, token, changes=0)
        light = gateway.gateway.memories()
        began = monotonic()
        await asyncio.to_thread(fill, folder / "one" / "data" / "store.sqlite", plan.keys)
        filled = monotonic()
        await gateway.make_key("last")
        everywhere = monotonic() - filled
        await asyncio.sleep(PAUSE)
        many, _ = await _loaded(plan, gateway, token, changes=0)
        swapped, took = await _loaded(plan, gateway, token, changes=SWAPS)
        heavy = gateway.gateway.memories()
        complaints = gateway.complaints
    found.tell(f"{plan.keys} keys, written in {filled - began:.1f} s; everywhere {everywhere:.2f} s after that")
    found.tell(f"memory of the parent and its workers in MiB: {light}, with the keys {heavy}")
    for words, load in (("few keys", few), ("many keys", many), ("while they change", swapped)):
        worst = max(each.ended - each.began for each in load.asked)
        found.tell(f"{words}: p99 {p99(load.asked) * 1000:.1f} ms, worst {worst * 1000:.0f} ms of {len(load.asked)}")
        failed = sum(each.status != OK for each in load.asked)
        found.expect(not failed, f"{words}: {failed} requests failed")
    found.tell(f"a change was everywhere after {max(took):.2f} s at worst")
    found.expect(p99(swapped.asked) - p99(many.asked) <= MOST_ADDED, "a change is felt by too many requests")
    found.expect(not complaints, f"the log complains: {complaints[:1]}")
    return found


async def _loaded(plan: Plan, gateway: Node, token: str, *, changes: int) -> tuple[Load, list[float]]:
    took = []
    async with under(Load([gateway.gateway.listen], [token], plan.rate)) as load:
        end = monotonic() + plan.seconds / 2
        for _ in range(changes):
            began = monotonic()
            await gateway.make_key()
            took.append(monotonic() - began)
        await asyncio.sleep(max(end - monotonic(), 0.0))
    return load, took


def fill(path: Path, number: int) -> None:
    """Copy a row of access keys so often, each with a digest of its own, as another process would write them."""
    with sqlite3.connect(path, timeout=30) as store:
        cursor = store.execute("SELECT * FROM access_keys LIMIT 1")
        columns = [column for column, *_ in cursor.description]
        row = dict(zip(columns, cursor.fetchone(), strict=True))
        places = ", ".join("?" for _ in columns)
        store.executemany(
            f"INSERT INTO access_keys ({', '.join(columns)}) VALUES ({places})",
            (tuple({**row, **_another(each)}.values()) for each in range(number)),
        )
        store.execute("UPDATE epochs SET epoch = epoch + 1")
    store.close()


def _another(number: int) -> dict[str, object]:
    return {"id": f"aigk_{number:026d}", "name": f"key {number}", "digest": b"%016d" % number}
