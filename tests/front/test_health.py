"""What failures of upstreams mean for the requests after them, through real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pytest

from ..support.caller import CHAT, HELLO, Answer, Caller
from ..support.gate import Gate, OpenGate, eventually

ONE, TWO = "sk-number-1-0123456789abcdef", "sk-number-2-0123456789abcdef"
WRONG = "sk-number-8-bad-key-0123456789"
WORD = "scenehealth00000"
# Nothing but what a test is about: no circuits, and as many retries as one likes.
CALM = {"breaker_failures": 0, "retry_burst": 1000}
NO_RETRIES = {"breaker_failures": 0, "retry_burst": 0, "retry_budget": 0}
# A circuit that opens soon, and long enough to be seen open.
SOON = {"breaker_failures": 3, "breaker_open": 60.0, "breaker_max_open": 60.0, "retry_burst": 1000}


def up(*keys: str, **more: Any) -> dict[str, dict[str, Any]]:
    """One provider with these keys."""
    return {"up": {"keys": list(keys), **more}}


def faulty(faults: str) -> dict[str, Any]:
    """A request that the sandbox answers with these faults."""
    return {**HELLO, "model": f"up:sandbox-small!{faults}"}


def played() -> dict[str, Any]:
    """A request for which a scene was set."""
    return {**HELLO, "messages": [{"role": "user", "content": f"hello {WORD}"}]}


async def repeated(gate: Gate, body: Mapping[str, Any], count: int) -> list[Answer]:
    """The same request so many times, one after the other."""
    return [await gate.ask(body) for _ in range(count)]


def refused(answer: Answer) -> tuple[int, str | None, str | None]:
    """Status, and what the answer says of asking again: `retry-after` in seconds, `x-should-retry`."""
    assert answer.code == "all_candidates_cooling"
    return answer.status, answer.header("retry-after"), answer.header("x-should-retry")


# -- cooling down -----------------------------------------------------------------------------------------------


async def test_when_all_keys_are_limited_nobody_is_asked(gateway: OpenGate) -> None:
    """Each key is asked once; from then on callers get 429 with the soonest recovery, and the upstream nothing."""
    gate = await gateway(providers=up(ONE, TWO), failover=CALM)
    gate.sandbox.play(WORD, "status=429,retry-after=50", "status=429,retry-after=20", "")
    first = await gate.ask(played())
    assert first.status == 429
    assert len(gate.sandbox.requests) == 2
    for answer in await repeated(gate, played(), 5):
        status, after, again = refused(answer)
        assert (status, again) == (429, "true")
        assert 15 <= int(after or "0") <= 20
    assert len(gate.sandbox.requests) == 2


@pytest.mark.parametrize(
    ("field", "least", "most", "again"),
    [
        ("retry-after=30", 25, 30, "true"),
        ("retry-after-ms=30000", 25, 30, "true"),
        ("retry-after=3000", 120, 120, "false"),
        # Without a word of how long: a second, then longer each time.
        ("should-retry=true", 1, 1, "true"),
    ],
)
async def test_what_the_upstream_says_is_passed_on(
    gateway: OpenGate, field: str, least: int, most: int, again: str
) -> None:
    """`retry-after` is between 1 and 120 s; where nobody may be asked by then, the SDK is told not to try."""
    gate = await gateway(providers=up(ONE), failover=CALM)
    gate.sandbox.play(WORD, f"status=429,{field}")
    assert (await gate.ask(played())).status == 429
    status, after, told = refused(await gate.ask(played()))
    assert (status, told) == (429, again)
    assert least <= int(after or "0") <= most


@pytest.mark.parametrize("status", [401, 402, 403])
async def test_the_only_key_is_asked_though_it_is_refused(gateway: OpenGate, status: int) -> None:
    """A key that is alone goes on being asked, however often it is refused: the caller hears why, and it serves in
    the very moment in which it is good again."""
    gate = await gateway(providers=up(ONE), failover=SOON)
    gate.sandbox.play(WORD, *[f"status={status}"] * 6, "")
    answers = await repeated(gate, played(), 8)
    assert [answer.status for answer in answers] == [status] * 6 + [200] * 2
    assert {answer.code for answer in answers[:6]} != {"all_candidates_cooling"}
    assert len(gate.sandbox.requests) == 8


async def test_a_key_recovers_when_it_was_said_to(gateway: OpenGate) -> None:
    """After the time that the upstream named, the key is asked again, without a probe of its own."""
    gate = await gateway(providers=up(ONE), failover=CALM)
    gate.sandbox.play(WORD, "status=429,retry-after-ms=50", "")
    assert (await gate.ask(played())).status == 429
    answers = await until_served(gate, played())
    assert {refused(each)[0] for each in answers[:-1]} <= {429}
    assert len(gate.sandbox.requests) == 2


async def test_a_limited_key_does_not_stop_the_others(gateway: OpenGate) -> None:
    """It is left out, silently: one attempt per request, by the other key."""
    gate = await gateway(providers=up("sk-number-9-fail-429-0123456789", ONE), failover=CALM)
    answers = await repeated(gate, HELLO, 4)
    assert [each.status for each in answers] == [200] * 4
    assert [each.header("x-aigw-attempts") for each in answers] == ["2", "1", "1", "1"]


async def test_another_provider_takes_over(gateway: OpenGate) -> None:
    """A fallback in `models` is asked at once while the first provider cools down."""
    gate = await gateway(providers={**up(ONE), "other": {"keys": [TWO]}}, failover=CALM)
    gate.sandbox.play(WORD, "status=429,retry-after=30", "")
    assert (await gate.ask(played())).status == 429
    answer = await gate.ask({**played(), "models": ["other:sandbox-small"]})
    assert (answer.status, answer.header("x-aigw-provider"), answer.header("x-aigw-attempts")) == (200, "other", "1")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (CHAT, "error"),
        ("/v1/responses", "error"),
        ("/v1/messages", "type"),
        ("/v1beta/models/up:m:generateContent", ""),
    ],
)
async def test_every_format_hears_of_it(gateway: OpenGate, path: str, kind: str) -> None:
    """The refusal is in the caller's own format, with what its SDK looks at."""
    gate = await gateway(providers=up(ONE), failover=CALM)
    gate.sandbox.play(WORD, "status=429,retry-after=30")
    await gate.ask({**played(), "model": "up:m"})
    turn = {"role": "user", "content": "hello"}
    body = {"model": "up:m", "messages": [turn], "input": [turn], "contents": [{"parts": [{"text": "hello"}]}]}
    answer = await gate.ask(body | {"max_tokens": 9}, path)
    assert refused(answer)[0] == 429
    error = answer.json["error"]
    assert "not asked for" in error["message"]
    if kind == "type":
        assert (answer.json["type"], error["type"]) == ("error", "rate_limit_error")
    elif not kind:
        assert (error["code"], error["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert ONE not in answer.body.decode()


# -- circuits ---------------------------------------------------------------------------------------------------


async def until_served(gate: Gate, body: dict[str, Any]) -> list[Answer]:
    """Ask until an answer is 200; all answers."""
    answers: list[Answer] = []
    while not answers or answers[-1].status != 200:
        answers.append(await gate.ask(body))
        assert len(answers) < 1000
        await asyncio.sleep(0.005)
    return answers


@pytest.mark.parametrize("fault", ["status=500", "status=529", "close-before-head", "error-first", "html", "empty"])
async def test_a_circuit_opens_after_failures_in_a_row(gateway: OpenGate, fault: str) -> None:
    """After three failures, of whatever kind, callers are refused with 503 and the upstream is left alone."""
    gate = await gateway(providers=up(ONE), failover=SOON)
    for answer in await repeated(gate, faulty(fault), 3):
        assert answer.status >= 500
    asked = len(gate.sandbox.requests)
    for answer in await repeated(gate, HELLO, 5):
        status, after, again = refused(answer)
        assert (status, again) == (503, "true")
        assert 1 <= int(after or "0") <= 66
    assert len(gate.sandbox.requests) == asked


async def test_a_circuit_closes_after_one_probe(gateway: OpenGate) -> None:
    """One real request is let through when the time is over; it goes well, and all pass again."""
    gate = await gateway(providers=up(ONE), failover=SOON | {"breaker_open": 0.1})
    gate.sandbox.play(WORD, *["status=500"] * 3, "")
    await repeated(gate, played(), 3)
    await until_served(gate, played())
    assert len(gate.sandbox.requests) == 4
    assert [each.status for each in await repeated(gate, played(), 5)] == [200] * 5
    assert len(gate.sandbox.requests) == 9


async def test_a_probe_that_fails_opens_it_again(gateway: OpenGate) -> None:
    """The caller of the probe gets its error; nobody else is let through until the next one, twice as long after."""
    gate = await gateway(providers=up(ONE), failover=SOON | {"breaker_open": 0.05})
    gate.sandbox.play(WORD, *["status=500"] * 5, "")
    await repeated(gate, played(), 3)
    answers = await until_served(gate, played())
    assert [each.status for each in answers if each.code != "all_candidates_cooling"] == [500, 500, 200]
    assert len(gate.sandbox.requests) == 6


async def stalled_probe(gate: Gate) -> Caller:
    """A caller whose request was let through, and waits."""
    while True:
        asked, ended = len(gate.sandbox.requests), len(gate.records)
        caller = await gate.caller()
        caller.ask(faulty("stall-head"))
        await eventually(partial(_moved_on, gate, asked, ended))
        if len(gate.sandbox.requests) > asked:
            return caller
        caller.leave()


def _moved_on(gate: Gate, asked: int, ended: int) -> bool:
    return len(gate.sandbox.requests) > asked or len(gate.records) > ended


async def test_one_probe_at_a_time(gateway: OpenGate) -> None:
    """While the probe waits for its answer, others are refused; a probe whose caller leaves gives its place away."""
    gate = await gateway(providers=up(ONE), failover=SOON | {"breaker_open": 0.05})
    await repeated(gate, faulty("status=500"), 3)
    await gate.record(3)
    probe = await stalled_probe(gate)
    assert {refused(each)[0] for each in await repeated(gate, HELLO, 3)} == {503}
    assert len(gate.sandbox.requests) == 4
    probe.leave()
    await eventually(lambda: gate.idle)
    assert (await gate.ask(HELLO)).status == 200


@pytest.mark.parametrize("status", [400, 404, 413, 422])
async def test_a_bad_request_is_no_failure_of_the_upstream(gateway: OpenGate, status: int) -> None:
    """However many requests are wrong in themselves, the upstream is alive."""
    gate = await gateway(providers=up(ONE), failover=SOON)
    for answer in await repeated(gate, faulty(f"status={status}"), 8):
        assert answer.status == status
    assert len(gate.sandbox.requests) == 8
    assert (await gate.ask(HELLO)).status == 200


async def test_a_caller_that_leaves_is_no_failure_of_the_upstream(gateway: OpenGate) -> None:
    """Nor are those that did not wait, however many."""
    gate = await gateway(providers=up(ONE), failover=SOON)
    for number in range(5):
        caller = await gate.caller()
        caller.ask(faulty("stall-head"))
        await gate.sandbox.arrival()
        caller.leave()
        await gate.record(number + 1)
    assert (await gate.ask(HELLO)).status == 200


async def test_a_wrong_key_is_left_alone(gateway: OpenGate) -> None:
    """A key that is refused in a row opens its own circuit, not its provider's: the other key goes on serving."""
    gate = await gateway(providers=up(WRONG, ONE), failover=SOON)
    answers = await repeated(gate, HELLO, 6)
    assert [each.status for each in answers] == [200] * 6
    assert [each.header("x-aigw-attempts") for each in answers] == ["2", "2", "2", "1", "1", "1"]


async def test_streams_that_break_open_a_circuit(gateway: OpenGate) -> None:
    """Answers that begin well and all stop midway: the circuit opens when half of the outcomes are failures."""
    gate = await gateway(providers=up(ONE), failover=SOON)
    broken = 0
    while (answer := await gate.ask({**faulty("cut=2c"), "stream": True})).status == 200:
        broken += 1
        assert broken <= 20
    assert refused(answer)[0] == 503
    assert len(gate.sandbox.requests) == broken >= 3


async def test_a_limit_is_a_model_s(gateway: OpenGate) -> None:
    """A key that is rate limited for one model is asked for another one."""
    gate = await gateway(providers=up(ONE), failover=CALM)
    gate.sandbox.play(WORD, "status=429,retry-after=30", "")
    assert (await gate.ask(played())).status == 429
    assert refused(await gate.ask(played()))[0] == 429
    assert (await gate.ask({**played(), "model": "up:sandbox-large"})).status == 200


# -- the retry budget -------------------------------------------------------------------------------------------


async def test_retries_of_an_sdk_cost_budget(gateway: OpenGate) -> None:
    """With an empty budget a request that its SDK sends again is refused, and the SDK is told to stop."""
    gate = await gateway(providers=up(ONE), failover=NO_RETRIES)
    assert (await gate.ask(faulty("status=500"))).status == 500
    answer = await gate.ask(HELLO, headers=[("x-stainless-retry-count", "1")])
    status, _, again = refused(answer)
    assert (status, again) == (503, "false")
    assert len(gate.sandbox.requests) == 1
    assert (await gate.ask(HELLO, headers=[("x-stainless-retry-count", "0")])).status == 200


@pytest.mark.parametrize("keys", [(ONE, TWO), (ONE, TWO, "sk-number-3-0123456789")])
async def test_in_an_outage_attempts_are_bounded(gateway: OpenGate, keys: Sequence[str]) -> None:
    """When all fails, attempts are the requests and the burst, however many keys could be tried."""
    gate = await gateway(providers=up(*keys), failover=CALM | {"retry_burst": 4})
    answers = await repeated(gate, faulty("status=500"), 20)
    assert {each.status for each in answers} <= {500, 503}
    assert len(gate.sandbox.requests) == 20 + 4


async def test_success_pays_for_retries(gateway: OpenGate) -> None:
    """Each request that is served at once adds its share: after ten, at a tenth, one more may be retried."""
    gate = await gateway(providers=up(ONE, TWO), failover=CALM | {"retry_burst": 1, "retry_budget": 0.1})
    for spent in (1, 0, 0):
        before = len(gate.sandbox.requests)
        await gate.ask(faulty("status=500"))
        assert len(gate.sandbox.requests) - before == 1 + spent
    await repeated(gate, HELLO, 11)
    before = len(gate.sandbox.requests)
    await gate.ask(faulty("status=500"))
    assert len(gate.sandbox.requests) - before == 2


async def test_a_retry_that_succeeds_is_free(gateway: OpenGate) -> None:
    """Where the second key serves, what it cost comes back: one broken key never empties the budget."""
    gate = await gateway(providers=up("sk-number-9-fail-500-0123456789", ONE), failover=CALM | {"retry_burst": 1})
    answers = await repeated(gate, HELLO, 12)
    assert [each.status for each in answers] == [200] * 12


async def test_a_wrong_key_costs_no_budget(gateway: OpenGate) -> None:
    """A key that is refused is no sign of an outage: the next one is asked without paying."""
    gate = await gateway(providers=up(WRONG, ONE), failover=NO_RETRIES)
    assert (await gate.ask(HELLO)).status == 200
