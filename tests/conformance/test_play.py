"""Cases as they are played, by callers that are made up and by the SDKs themselves, straight at the sandbox."""

from __future__ import annotations

import asyncio
import builtins
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from aigw.conformance.callers import FORMATS, MissingSdk
from aigw.conformance.faults import BY_NAME
from aigw.conformance.judge import Kind, Verdict
from aigw.conformance.outcome import Ask, Heard, Outcome
from aigw.conformance.play import Callers, Case, Played, bad, cases, misplaced, open_callers, play, play_all
from aigw.sandbox.server import Running, start

# google-genai makes a class of aiohttp's session, which aiohttp does not like.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")

MODES = ("stream", "slow", "whole", "tools")


@pytest.fixture
async def sandbox() -> AsyncIterator[Running]:
    """A sandbox on a free port."""
    async with await start() as running:
        yield running


@pytest.fixture
async def callers(sandbox: Running) -> AsyncIterator[Callers]:
    """The SDKs, without a gateway between."""
    opened = open_callers(sandbox.base_url, "sk-none", 5.0)
    yield opened
    await opened.close()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("format", FORMATS)
async def test_an_sdk_understands_the_sandbox(format: str, mode: str, sandbox: Running, callers: Callers) -> None:
    """Every caller hears what was said to its end: text, calls, reason, usage."""
    played = await play(Case(format, "sandbox-small", mode, BY_NAME["none"]), sandbox, callers.ask)
    assert played.verdict == Verdict(Kind.TRUE)
    assert len(played.paths) == 1


# What the SDKs do when nobody stands between: this is why gateways have to.
STRAIGHT = [
    ("chat", "no-terminal", "stream", Kind.LIE),
    ("chat", "html", "whole", Kind.LIE),
    ("chat", "error-mid", "slow", Kind.RAISED),
    ("chat", "cut", "slow", Kind.RAISED),
    ("responses", "no-terminal", "stream", Kind.LIE),
    ("responses", "error-mid", "stream", Kind.TOLD),
    ("responses", "double-start", "stream", Kind.LIE),
    ("messages", "half", "tools", Kind.LIE),
    ("messages", "bare-error", "stream", Kind.LIE),
    ("messages", "error-mid", "stream", Kind.RAISED),
    ("gemini", "no-terminal", "stream", Kind.LIE),
    ("gemini", "half", "stream", Kind.RAISED),
]


@pytest.mark.parametrize(("format", "fault", "mode", "kind"), STRAIGHT)
async def test_what_sdks_do_by_themselves(
    format: str, fault: str, mode: str, kind: Kind, sandbox: Running, callers: Callers
) -> None:
    """The verdicts on an upstream without a gateway are those that were measured by hand."""
    played = await play(Case(format, "sandbox-small", mode, BY_NAME[fault]), sandbox, callers.ask)
    assert played.verdict.kind is kind, played


async def test_patience_ends(sandbox: Running) -> None:
    """A call that comes to no end has hung; an SDK's own timeout is later."""
    callers = open_callers(sandbox.base_url, "sk-none", 0.2, ["chat"])
    played = await play(Case("chat", "m", "stream", BY_NAME["stall"]), sandbox, callers.ask)
    await callers.close()
    assert played.verdict.kind is Kind.HUNG


async def test_all_are_played(sandbox: Running) -> None:
    """Every case comes back once, whoever is done first, no more at a time than may be."""
    wanted = cases([("chat", "m")], [BY_NAME["none"], BY_NAME["cut"]], ["stream", "whole"])
    at_once = most = 0

    async def ask(case: Case, question: Ask) -> Outcome:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0)
        at_once -= 1
        return Outcome(heard=Heard(text=question.text))

    played = [each async for each in play_all(wanted, sandbox, ask, 2)]
    assert {id(each.case) for each in played} == {id(case) for case in wanted}
    assert most == 2
    assert bad(played) == played


@pytest.mark.parametrize(("refusals", "kind"), [(0, Kind.LIE), (2, Kind.LIE), (99, Kind.UNASKED)])
async def test_a_gateway_that_waits_is_asked_again(
    refusals: int, kind: Kind, sandbox: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who refuses because its upstream failed just now has another chance, but not for ever."""
    monkeypatch.setattr("aigw.conformance.play.PAUSE_SECONDS", 0)
    left = refusals

    async def ask(case: Case, question: Ask) -> Outcome:
        nonlocal left
        left -= 1
        return Outcome(raised="RateLimitError: not now") if left >= 0 else Outcome(heard=Heard())

    assert (await play(Case("chat", "m", "stream", BY_NAME["cut"]), sandbox, ask)).verdict.kind is kind


def test_cases_that_make_sense() -> None:
    """A fault of streams has no plain answer, one of plain answers no stream; what makes gateways wait comes last."""
    found = cases([("chat", "a"), ("gemini", "b")], [BY_NAME["status-429"], BY_NAME["streamed"], BY_NAME["crlf"]])
    assert {case.fault.name for case in found[-6:]} == {"status-429"}
    assert [(case.format, case.model, case.fault.name, case.mode) for case in found[:-6]] == [
        ("chat", "a", "streamed", "whole"),
        ("chat", "a", "crlf", "stream"),
        ("chat", "a", "crlf", "slow"),
        ("gemini", "b", "streamed", "whole"),
        ("gemini", "b", "crlf", "stream"),
        ("gemini", "b", "crlf", "slow"),
    ]


@pytest.mark.parametrize(
    ("kind", "paths", "wrong"),
    [
        (Kind.TRUE, ("/v1/messages",), False),
        (Kind.LIE, ("/v1/messages",), False),
        (Kind.RAISED, ("/v1/messages",), True),
        (Kind.UNASKED, (), True),
        (Kind.TRUE, (), True),
    ],
)
def test_a_control_that_fails_is_the_setup(kind: Kind, paths: tuple[str, ...], wrong: bool) -> None:
    """Without a fault everything is to go well; what goes well and is not true is the gateway's own."""
    control = Played(Case("chat", "m", "stream", BY_NAME["none"]), Verdict(kind), paths)
    assert (misplaced(control) is not None) == wrong


def test_a_missing_sdk_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who lacks an SDK is told which, and how to get it."""
    real = builtins.__import__

    def without(name: str, *more: Any, **named: Any) -> Any:
        if name == "anthropic":
            raise ImportError("No module named 'anthropic'")
        return real(name, *more, **named)

    monkeypatch.delitem(sys.modules, "aigw.conformance.callers.messages", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingSdk, match=r"aigw\[conformance\].*anthropic"):
        open_callers("http://127.0.0.1:1", "k", 1.0, ["messages"])
