"""A store that goes under load, and comes back: no request notices, the operator does, and changes go on after it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import monotonic

from .database import database
from .findings import Findings, Plan
from .load import OK, Load, under
from .stage import Node, node

UNAVAILABLE = 503
Act = Callable[[], Awaitable[None]]


async def run(plan: Plan, folder: Path, code: Path) -> Findings:
    """A PostgreSQL that is killed; the file of SQLite moved away; the file locked by somebody."""
    found = Findings()
    async with database() as server, node(folder / "server", code, workers=2, url=server.url) as gateway:
        await _tried("PostgreSQL stopped", plan, found, gateway, (server.stop, server.start))
    async with node(folder / "file", code, workers=2) as gateway:
        path = gateway.folder / "data" / "store.sqlite"
        away = path.with_suffix(".away")

        async def move() -> None:
            path.rename(away)

        async def back() -> None:
            away.rename(path)

        await gateway.make_key("first")
        await _tried("SQLite's file moved away", plan, found, gateway, (move, back))
        lock = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

        async def take() -> None:
            await asyncio.to_thread(lock.execute, "BEGIN IMMEDIATE")

        async def leave() -> None:
            lock.execute("ROLLBACK")

        await _tried("SQLite locked by another process", plan, found, gateway, (take, leave), reads=True)
        lock.close()
    return found


async def _tried(
    words: str, plan: Plan, found: Findings, gateway: Node, acts: tuple[Act, Act], *, reads: bool = False
) -> None:
    go, come = acts
    _, token = await gateway.make_key()
    async with under(Load([gateway.gateway.listen], [token], plan.rate)) as load:
        await asyncio.sleep(1.0)
        went = monotonic()
        await go()
        await gateway.until(up=False)
        noticed = monotonic() - went
        note = (await gateway.ready()).splitlines()
        status, _ = await gateway.call("POST", "/access-keys", {"name": "meanwhile"})
        listed, _ = await gateway.call("GET", "/access-keys")
        await asyncio.sleep(max(plan.seconds / 4 - noticed, 0.0))
        back = monotonic()
        await come()
        await gateway.until(up=True)
        again = monotonic() - back
        id, other = await gateway.make_key("after")
        load.tokens = [token, other]
        await asyncio.sleep(0.5)
        deleted = await gateway.delete_key(id)
        load.tokens = [token]
    failed = [each for each in load.asked if each.status != OK and each.token == token]
    failed += [each for each in load.of(other) if each.status != OK and each.ended < monotonic() - 0.5]
    found.tell(
        f"{words}: {len(load.asked)} requests, {len(failed)} failed; noticed after {noticed:.1f} s,"
        f" back after {again:.1f} s; a change meanwhile: {status}"
    )
    found.expect(not failed, f"{words}: {len(failed)} requests failed: {failed[:1]}")
    found.expect(status == UNAVAILABLE, f"{words}: a change meanwhile was answered {status}")
    found.expect(listed == (OK if reads else UNAVAILABLE), f"{words}: a list meanwhile was answered {listed}")
    found.expect(note[0] == "ok" and note[1].startswith("store: down since"), f"{words}: readiness said {note}")
    found.expect(deleted == 204, f"{words}: a deletion afterwards was answered {deleted}")
