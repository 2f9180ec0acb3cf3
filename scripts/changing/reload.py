"""A configuration that is read again under load: all workers or none, and no request notices."""

from __future__ import annotations

import asyncio
from pathlib import Path
from time import monotonic

from .findings import Findings, Plan
from .load import OK, Load, under
from .stage import node

WORKERS = 4


async def run(plan: Plan, folder: Path, code: Path) -> Findings:
    """Limits that go up and down; every third file is wrong."""
    found, took = Findings(), []
    async with node(folder / "one", code, workers=WORKERS) as gateway:
        _, token = await gateway.make_key()
        path = gateway.folder / "aigw.toml"
        text = await asyncio.to_thread(path.read_text)
        async with under(Load([gateway.gateway.listen], [token], plan.rate)) as load:
            end, number = monotonic() + plan.seconds / 2, 0
            while monotonic() < end:
                number += 1
                wrong = not number % 3
                limit = "max_body_bytes = none" if wrong else f"max_body_bytes = {1_000_000 + number}"
                await asyncio.to_thread(path.write_text, f"{text}[limits]\n{limit}\n")
                began = monotonic()
                status, told = await gateway.call("POST", "/reload")
                took.append(monotonic() - began)
                found.expect(status == (422 if wrong else OK), f"a reload was answered {status} {told}")
                found.expect(wrong or told["changed"], f"a reload changed nothing: {told}")
    failed = [each for each in load.asked if each.status != OK]
    found.tell(f"{len(load.asked)} requests, {len(failed)} failed; {len(took)} reloads, {max(took):.2f} s at worst")
    found.expect(not failed, f"{len(failed)} requests failed: {failed[:1]}")
    return found
