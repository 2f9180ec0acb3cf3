"""Every scenario at the same time: upstreams of its own for each, and a steady load like that of SDKs."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import monotonic

import attrs
from trials.code import Code
from trials.process import Gateway, gateway
from trials.sdk import Sdk

from .scenario import BURST, Call, Outcome, Scenario, Shape
from .upstream import Upstream, Way

KEY = "aigw-outage-0123456789abcdef"
# Seconds between the beginnings of two scenarios.
STAGGER = 0.06
# Attempts that ended are in the metrics at once; those that hang, when their time is over.
CONFIG = """
[server]
listen = "127.0.0.1:0"
control = "127.0.0.1:0"
data_dir = "{folder}/data"
max_lag = "0s"
[limits]
per_request_timeout = "1s"
total_timeout = "5s"
[failover]
breaker_failures = {failures}
breaker_open = "500ms"
breaker_max_open = "1s"
retry_budget = 0.1
retry_burst = {burst}
[[access_keys]]
name = "outage"
key = "{key}"
"""
_PROVIDER = """
[providers.{id}]
base_url = "http://127.0.0.1:{port}/v1"
surfaces = ["chat-completions"]
keys = [{keys}]
"""


@attrs.frozen
class Plan:
    """Seconds before, during and after the outage, and calls a second of each scenario."""

    before: float = 2.0
    during: float = 4.0
    after: float = 5.0
    rate: float = 10.0


def scenarios(shapes: Sequence[Shape] = tuple(Shape), ways: Sequence[Way] = tuple(Way)) -> list[Scenario]:
    """Every shape with every way to fail; and with the retry budget alone, where an outage is total."""
    pairs = [(shape, way, True) for shape in shapes for way in ways]
    pairs += [(shape, way, False) for shape, way, _ in pairs if shape is not Shape.ONE_OF_TWO]
    return [Scenario(number, *pair) for number, pair in enumerate(pairs)]


async def run(plan: Plan, wanted: Sequence[Scenario], folder: Path, code: Code) -> list[Outcome]:
    """Try them all at once. Raises TrialError."""
    async with AsyncExitStack() as stack:
        tasks = []
        for breaker in (True, False):
            chosen = [each for each in wanted if each.breaker is breaker]
            if chosen:
                staged = _staged(folder / f"breaker-{breaker}", code, chosen)
                running, upstreams = await stack.enter_async_context(staged)
                tasks += [_Trial(plan, each, running, upstreams[each.number]).run() for each in chosen]
        return list(await asyncio.gather(*tasks))


@asynccontextmanager
async def _staged(
    folder: Path, code: Code, chosen: Sequence[Scenario]
) -> AsyncIterator[tuple[Gateway, dict[int, list[Upstream]]]]:
    """A gateway, and the upstreams of these scenarios by their number."""
    await asyncio.to_thread(folder.mkdir)
    upstreams: dict[int, list[Upstream]] = {}
    config = CONFIG.format(folder=folder, key=KEY, burst=BURST, failures=5 if chosen[0].breaker else 0)
    try:
        for scenario in chosen:
            upstreams[scenario.number] = [Upstream() for _ in scenario.ids]
            for id, upstream in zip(scenario.ids, upstreams[scenario.number], strict=True):
                await upstream.start()
                keys = ", ".join(f'"sk-{id}-0123456789-{key}"' for key in range(scenario.shape.keys))
                config += _PROVIDER.format(id=id, port=upstream.port, keys=keys)
        async with gateway(folder, code.folder, config, lambda line: None) as running:
            yield running, upstreams
    finally:
        for upstream in (each for several in upstreams.values() for each in several):
            upstream.stop()


class _Trial:
    """One scenario under way."""

    def __init__(self, plan: Plan, scenario: Scenario, running: Gateway, upstreams: Sequence[Upstream]) -> None:
        self.plan = plan
        self.scenario = scenario
        self.gateway = running
        self.upstreams = upstreams
        self.outcome = Outcome(scenario)
        self._sdk = Sdk(running.listen, KEY, scenario.number)

    async def run(self) -> Outcome:
        """Well, failing, well again; with the same load all the time."""
        failing = self.upstreams[: self.scenario.shape.failing]
        plan, outcome = self.plan, self.outcome
        # Not all at the same moment: they share a machine.
        await asyncio.sleep(STAGGER * self.scenario.number)
        load = asyncio.create_task(self._load(plan.before + plan.during + plan.after))
        await asyncio.sleep(plan.before)
        before = await self._attempts()
        outcome.failing = monotonic()
        for upstream in failing:
            await upstream.fail(self.scenario.way)
        await asyncio.sleep(plan.during)
        after = await self._attempts()
        outcome.attempts = max(now - then for now, then in zip(after, before, strict=True))
        outcome.earlier = max(before)
        for upstream in failing:
            await upstream.heal()
        outcome.healed = monotonic()
        await load
        return outcome

    async def _attempts(self) -> tuple[int, int]:
        """Attempts as the gateway counts them (once they have ended), and as the upstreams do (unless they refuse)."""
        numbers = await self.gateway.numbers()
        counted = sum(numbers.total("aigw_attempts_total", provider=id) for id in self.scenario.ids)
        return int(counted), sum(each.asked for each in self.upstreams)

    async def _load(self, seconds: float) -> None:
        """Calls at a steady rate, however long each takes."""
        rng = random.Random(self.scenario.number)
        until = monotonic() + seconds
        async with asyncio.TaskGroup() as calls:
            while monotonic() < until:
                calls.create_task(self._call())
                # Not all scenarios in step.
                await asyncio.sleep(rng.uniform(0.8, 1.2) / self.plan.rate)

    async def _call(self) -> None:
        began = monotonic()
        tries = await self._sdk.ask(*(f"{id}:model" for id in self.scenario.ids))
        self.outcome.calls.append(Call(began, tries))
