"""The soak itself: load, looks from outside, and what has to be back to nothing at the end."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import attrs
from trials.code import Code
from trials.numbers import Numbers
from trials.process import Gateway, gateway

from .asks import Asking
from .caller import Caller, leaving
from .judge import judge
from .ledger import Ledger
from .report import MOST_GROWTH, Sample, Tally, listed, memory, slope
from .stage import KEY, Shaky, config, steady

# Idle connections that the gateway may keep beside one per caller: some were replaced while in use.
SPARE_CONNECTIONS = 16
SETTLE_LOOKS, SETTLE_PAUSE = 150, 0.1
LOOKS, LONGEST_LOOK = 200, 1.0
# How often it is said how it goes, in looks.
TOLD_EVERY = 10
# These have to be nothing once nobody asks any more.
GAUGES = ("aigw_requests_in_flight", "aigw_attempts_in_flight")


@attrs.frozen
class Plan:
    """How long (seconds), how many requests at most, how many callers, how many processes, and the seed of chance."""

    seconds: float
    requests: int
    connections: int
    workers: int
    seed: int


@attrs.define
class Soak:
    """One run."""

    plan: Plan
    code: Code
    asking: Asking = attrs.field(init=False)
    tally: Tally = attrs.field(factory=Tally)
    ledger: Ledger = attrs.field(factory=Ledger)
    began: float = attrs.field(factory=time.monotonic)
    counted: int = 0
    untold: list[str] = attrs.field(factory=list)

    @asking.default
    def _asking(self) -> Asking:
        return Asking(KEY, self.plan.seed)

    @property
    def over(self) -> bool:
        """Whether no more is to be asked."""
        return self.asking.made >= self.plan.requests or time.monotonic() - self.began >= self.plan.seconds

    async def run(self, folder: Path) -> list[str]:
        """Load a gateway; what was wrong. Raises TrialError."""
        plan, shaky = self.plan, Shaky(folder, self.code.folder, self.plan.seed)
        async with steady(folder, self.code.folder) as always, shaky.running():
            text = config(folder, plan.workers, always, shaky.address)
            async with gateway(folder, self.code.folder, text, self.ledger.take) as running:
                self.began = time.monotonic()
                looking = asyncio.create_task(self._look(running))
                await asyncio.gather(*(self._load(running, number) for number in range(plan.connections)))
                seconds = time.monotonic() - self.began
                await looking
                numbers = await self._settled(running)
                self._judge(numbers, running)
        self._stderr(folder)
        self.tally.wrong += self.ledger.odd
        self._report(seconds, shaky.kills)
        return self.tally.wrong

    async def _load(self, running: Gateway, number: int) -> None:
        """One caller: asks, leaves every other time, and judges what it got."""
        rng = random.Random(f"{self.plan.seed}/{number}")
        caller = Caller(*running.listen)
        while not self.over:
            leaves = rng.random() < 0.5
            ask = self.asking.next(leisurely=leaves)
            leave = leaving(ask, rng) if leaves else None
            answer = await caller.ask(ask, leave, 0.05 if rng.random() < 0.01 else 0.0)
            self.tally.count(ask, leave, answer)
            self.ledger.asked(ask, leave, answer)
            found = judge(ask, answer)
            if found is not None:
                kind = f"{ask.kind.name} streamed={ask.streamed} by {ask.provider} fault={ask.fault!r}"
                self.tally.wrong.append(f"{ask.canary.decode()} {kind}: {found}")
        caller.close()

    async def _look(self, running: Gateway) -> None:
        """Look from outside now and then, and say how it goes."""
        every = min(LONGEST_LOOK, max(0.1, self.plan.seconds / LOOKS))
        while not self.over:
            await asyncio.sleep(every)
            now, tally = time.monotonic() - self.began, self.tally
            tally.samples.append(sample := Sample(now, self.asking.made, running.memory()))
            if len(tally.samples) % TOLD_EVERY == 0:
                print(
                    f"{now:6.0f} s  {sample.requests:9,} requests  {sample.requests / now:6.0f} /s"
                    f"  {sample.memory / 1024:7.1f} MiB  {len(tally.wrong)} wrong",
                    flush=True,
                )

    async def _settled(self, running: Gateway) -> Numbers:
        """The numbers once nothing is under way any more, or after some patience."""
        for _ in range(SETTLE_LOOKS):
            numbers = await running.numbers()
            if not any(numbers.total(name) for name in GAUGES):
                break
            await asyncio.sleep(SETTLE_PAUSE)
        return numbers

    def _judge(self, numbers: Numbers, running: Gateway) -> None:
        """Once all callers have left, nothing may be under way, and no more kept than was in use."""
        wrong, total = self.tally.wrong, numbers.total
        wrong += [f"{name} is still {total(name):.0f}" for name in GAUGES if total(name)]
        self.untold = [name for name in GAUGES if not numbers.has(name)]
        if total("aigw_upstream_connections", state="active"):
            wrong.append("upstream connections are in use without a request")
        kept = total("aigw_upstream_connections")
        if kept > self.plan.connections * self.plan.workers + SPARE_CONNECTIONS:
            wrong.append(f"{kept:.0f} upstream connections are open")
        if total("aigw_log_dropped_total"):
            wrong.append(f"{total('aigw_log_dropped_total'):.0f} log lines were lost")
        growth = slope(self.tally.samples)
        if growth is not None and growth > MOST_GROWTH:
            wrong.append(f"memory grew by {growth:.2f} MiB per 100,000 requests")
        self.counted = int(total("aigw_requests_total"))
        left = {"requests in flight": total(GAUGES[0]), "upstream connections open": kept}
        print("\nafterwards: " + "; ".join(f"{count:.0f} {name}" for name, count in left.items()), end="; ")
        print(f"{running.descriptors()} descriptors")

    def _stderr(self, folder: Path) -> None:
        for path in sorted(folder.glob("*.stderr")):
            said = path.read_text(errors="replace").strip()
            if said:
                self.tally.wrong.append(f"stderr of aigw {path.stem}: {said[-2000:]}")
        self.tally.wrong += self.ledger.wrong()
        if self.counted != self.ledger.lines:
            self.tally.wrong.append(f"{self.counted:,} requests were counted, {self.ledger.lines:,} are in the log")

    def _report(self, seconds: float, kills: int) -> None:
        """The numbers."""
        tally, made = self.tally, self.asking.made
        print(f"{made:,} requests in {seconds:.0f} s, {made / seconds:.0f} a second; {self.code.words}")
        print(f"          {tally.translated:,} of them to be translated; an upstream was killed {kills} times")
        print(f"ends:     {listed(tally.ends)}")
        print(f"left:     {listed(tally.points)}")
        print(f"statuses: {listed(tally.statuses)}")
        print(f"log:      {listed(self.ledger.outcomes)}")
        print(f"memory:   {memory(tally.samples)}")
        if self.untold:
            print(f"untold:   {', '.join(self.untold)} is no metric of this gateway")
