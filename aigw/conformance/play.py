"""Playing cases: the upstream learns its faults, an SDK asks, both accounts meet the judge."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence

from attrs import frozen

from aigw.conformance.callers import FORMATS, Caller, Way, caller
from aigw.conformance.faults import MODES, TOOLS, WHOLE, Fault
from aigw.conformance.judge import Kind, Verdict, judge
from aigw.conformance.outcome import Ask, Outcome
from aigw.sandbox.server import Running, Scene

# How long the upstream may still be at it after the caller has its answer.
_SETTLE_SECONDS = 2.0
# A gateway that was told of a rate limit leaves its upstream alone for a while, a second mostly.
AGAIN, PAUSE_SECONDS = 5, 1.1
# An SDK waits longer than the kit: a call that only its own timeout ends has hung.
_PATIENCE_BEYOND = 30.0


@frozen
class Case:
    """One call: in a format, to a model, in a mode, under a fault. `who` names the SDK where there are several."""

    format: str
    model: str
    mode: str
    fault: Fault
    who: str = ""


@frozen
class Played:
    """A case, its verdict, and how often the upstream was asked, on which paths."""

    case: Case
    verdict: Verdict
    paths: tuple[str, ...] = ()


Asker = Callable[[Case, Ask], Awaitable[Outcome]]


def cases(models: Iterable[tuple[str, str]], faults: Iterable[Fault], modes: Iterable[str] = MODES) -> list[Case]:
    """Every case of (format, model) pairs, faults and modes that makes sense; those that disturb others stand last."""
    wanted, listed = tuple(modes), list(faults)
    found = [
        Case(format, model, mode, fault)
        for format, model in models
        for fault in listed
        for mode in wanted
        if fault.played(mode) is not None
    ]
    return sorted(found, key=lambda case: case.fault.waits)


async def play(case: Case, sandbox: Running, ask: Asker, again: int = AGAIN) -> Played:
    """Play one case; again after a pause, so many times, where the gateway did not ask the upstream at all."""
    played = await _once(case, sandbox, ask)
    for number in range(again):
        if played.verdict.kind is not Kind.UNASKED:
            break
        await asyncio.sleep(PAUSE_SECONDS * (number + 1))
        played = await _once(case, sandbox, ask)
    return played


async def _once(case: Case, sandbox: Running, ask: Asker) -> Played:
    word = f"scene0{secrets.token_hex(5)}"
    scene = sandbox.play(word, *(case.fault.played(case.mode) or case.fault.lists))
    try:
        outcome = await ask(case, Ask(case.model, word, case.mode != WHOLE, case.mode == TOOLS))
        await _settled(scene)
    finally:
        sandbox.forget(word)
    verdict = judge(outcome, [seen.said for seen in scene.seen])
    return Played(case, verdict, tuple(seen.path.partition("?")[0] for seen in scene.seen))


async def _settled(scene: Scene) -> None:
    """Wait until the upstream is done with what it was asked."""
    waiting = [asyncio.ensure_future(seen.over.wait()) for seen in scene.seen]
    if waiting:
        _, late = await asyncio.wait(waiting, timeout=_SETTLE_SECONDS)
        for each in late:
            each.cancel()


async def play_all(wanted: Sequence[Case], sandbox: Running, ask: Asker, at_once: int) -> AsyncIterator[Played]:
    """Play cases, so many at a time, as they end."""
    gate = asyncio.Semaphore(at_once)

    async def gated(case: Case) -> Played:
        async with gate:
            return await play(case, sandbox, ask)

    async with asyncio.TaskGroup() as group:
        running = [group.create_task(gated(case)) for case in wanted]
        for done in asyncio.as_completed(running):
            yield await done


class Callers:
    """The SDKs of this process, asked within bounded time."""

    def __init__(self, ways: dict[str, Way], timeout: float) -> None:
        self._timeout = timeout
        self._open: dict[str, Caller] = {format: caller(format, way) for format, way in ways.items()}

    async def ask(self, case: Case, ask: Ask) -> Outcome:
        """How one call of a case ends for an app."""
        return await self.asked(case.format, ask)

    async def asked(self, format: str, ask: Ask) -> Outcome:
        """How one call in a format ends for an app."""
        asked = self._open[format]
        try:
            async with asyncio.timeout(self._timeout) as limit:
                came = await (asked.stream(ask) if ask.streamed else asked.whole(ask))
        except Exception as error:
            if limit.expired():
                return Outcome(hung=True)
            return Outcome(raised=f"{type(error).__name__}: {error}")
        try:
            return Outcome(heard=asked.heard(came))
        except Exception as error:
            return Outcome(unusable=f"{type(came).__name__} ({type(error).__name__}: {error})")

    async def close(self) -> None:
        """Close every client."""
        for each in self._open.values():
            await each.close()


def open_callers(url: str, key: str, timeout: float, formats: Iterable[str] = FORMATS) -> Callers:
    """Callers of these formats at one root URL. Raises MissingSdk."""
    way = Way(url.rstrip("/"), key, timeout + _PATIENCE_BEYOND)
    return Callers(dict.fromkeys(formats, way), timeout)


def bad(played: Iterable[Played]) -> list[Played]:
    """Those that left a caller with a lie, or with nothing."""
    return [each for each in played if not each.verdict.kind.good]


def misplaced(control: Played) -> str | None:
    """Why a case without any fault says that the set-up is wrong, not the gateway; None when it does not."""
    if control.verdict.kind in (Kind.RAISED, Kind.UNASKED, Kind.HUNG) or not control.paths:
        return control.verdict.why or "the upstream was not asked"
    return None
