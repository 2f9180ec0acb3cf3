"""Three gateways on one PostgreSQL: what one is told is in every worker of all within a second."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic

from .database import database
from .findings import Findings, Plan
from .load import OK, REFUSED, Caller, Load, under
from .stage import Node, node

WORKERS = (2, 1, 1)
# What is promised of a change that nobody waits for.
SOON = 1.0
ROUNDS = 6
# Connections to each gateway: enough to reach each of its workers.
CONNECTIONS = 6


async def run(plan: Plan, folder: Path, code: Path) -> Findings:
    """Keys are made at one gateway and asked for at all; then deleted at another one, under load."""
    found = Findings()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(database())
        gateways: list[Node] = []
        for number, workers in enumerate(WORKERS):
            operator = gateways[0].operator if gateways else ""
            made = node(folder / str(number), code, workers=workers, url=server.url, operator=operator)
            gateways.append(await stack.enter_async_context(made))
        worst = max([await _visible(gateways, number) for number in range(ROUNDS)])
        found.tell(
            f"{len(gateways)} gateways, {sum(WORKERS)} workers: a key was everywhere after {worst:.3f} s at worst"
        )
        found.expect(worst <= SOON, f"a key was everywhere only after {worst:.2f} s")
        await _revoked(plan, found, gateways)
    return found


async def _visible(gateways: list[Node], number: int) -> float:
    """Seconds from the return of the call until every connection to every gateway is let in."""
    _, told = await gateways[number % len(gateways)].call("POST", "/access-keys", {"name": "seen"})
    began = monotonic()
    callers = [Caller(each.gateway.listen) for each in gateways for _ in range(CONNECTIONS)]
    while {(await caller.ask(told["token"])).status for caller in callers} != {OK}:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    for caller in callers:
        caller.close()
    return monotonic() - began


async def _revoked(plan: Plan, found: Findings, gateways: list[Node]) -> None:
    _, kept = await gateways[0].make_key("kept")
    accepted, tried, took = 0, 0, 0.0
    async with under(Load([each.gateway.listen for each in gateways], [kept], plan.rate)) as load:
        for number in range(ROUNDS):
            id, token = await gateways[number % len(gateways)].make_key()
            load.tokens = [kept, token]
            await asyncio.sleep(0.3)
            before = monotonic()
            await gateways[(number + 1) % len(gateways)].delete_key(id)
            after = monotonic()
            await asyncio.sleep(0.3)
            load.tokens = [kept]
            late = load.of(token, since=after)
            tried, took = tried + len(late), max(took, after - before)
            accepted += sum(each.status != REFUSED for each in late)
    failed = sum(each.status != OK for each in load.of(kept))
    found.tell(f"{len(load.asked)} requests; deleted everywhere after {took:.3f} s at worst; tried again: {tried}")
    found.expect(not accepted, f"{accepted} requests with a deleted key were not refused")
    found.expect(not failed, f"{failed} requests with a key that nobody touched failed")
