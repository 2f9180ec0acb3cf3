"""Keys that are deleted under load: whoever begins a request after the call returned is refused, by every worker."""

from __future__ import annotations

import asyncio
from pathlib import Path
from time import monotonic

from .findings import Findings, Plan
from .load import OK, REFUSED, Load, under
from .stage import node

WORKERS = 4
# How long a key is used before it is deleted and after that.
USED = 0.3


async def run(plan: Plan, folder: Path, code: Path) -> Findings:
    """One key after another is made, used, deleted and tried again, beside one that stays."""
    found, made, deleted, accepted, lost = Findings(), [], [], 0, 0
    async with node(folder / "one", code, workers=WORKERS) as gateway:
        _, kept = await gateway.make_key("kept")
        async with under(Load([gateway.gateway.listen], [kept], plan.rate)) as load:
            end = monotonic() + plan.seconds
            while monotonic() < end:
                began = monotonic()
                id, token = await gateway.make_key()
                created = monotonic()
                load.tokens = [kept, token]
                await asyncio.sleep(USED)
                before = monotonic()
                status = await gateway.delete_key(id)
                after = monotonic()
                found.expect(status == 204, f"a deletion was answered {status}")
                await asyncio.sleep(USED)
                load.tokens = [kept]
                made.append(created - began)
                deleted.append(after - before)
                accepted += sum(each.status != REFUSED for each in load.of(token, since=after))
                lost += sum(each.status != OK and each.ended < before for each in load.of(token))
        failed = sum(each.status != OK for each in load.of(kept))
        tried = sum(each.status == REFUSED for each in load.asked)
    found.tell(f"{len(load.asked)} requests, {len(made)} keys; refused as they should be: {tried}")
    found.tell(f"a key was everywhere after {max(made):.3f} s at worst, gone everywhere after {max(deleted):.3f} s")
    found.expect(not accepted, f"{accepted} requests with a deleted key were not refused")
    found.expect(not lost, f"{lost} requests with a new key were not served")
    found.expect(not failed, f"{failed} requests with a key that nobody touched failed")
    found.expect(tried > 0, "no request was made with a deleted key")
    return found
