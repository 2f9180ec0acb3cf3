"""Recorded traffic of real providers through the gateway: what went in comes out, byte for byte, both ways."""

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import yarl

# Above this an answer comes in pieces of five bytes instead of one: the replayer takes a loop turn for each.
BYTE_BY_BYTE = 8192
SEED = 20261123
CHUNKS = (2, 3, 7, 13, 61, 509)
_MODEL = re.compile(rb'("model"\s*:\s*)"(?:[^"\\]|\\.)*"')


def with_model(body: bytes, model: str) -> bytes:
    """The body with another model and every other byte as it was; found by its text, checked by its meaning."""
    for match in _MODEL.finditer(body):
        changed = body[: match.start()] + match[1] + json.dumps(model).encode() + body[match.end() :]
        if json.loads(changed) == {**json.loads(body), "model": model}:
            return changed
    raise AssertionError("the body names no model at its top level")


def listed(body: bytes, names: list[str]) -> bytes:
    """The body with `models` as its first member, laid out like the others."""
    opened = re.match(rb"\{(\s*)", body)
    assert opened is not None
    return opened[0] + b'"models": %b,' % json.dumps(names).encode() + opened[1] + body[opened.end() :]


async def sliced(body: bytes, rng: random.Random) -> AsyncIterator[bytes]:
    """A body that comes in pieces of random length."""
    at = 0
    while at < len(body):
        size = rng.randint(1, 700)
        yield body[at : at + size]
        at += size


def planned(case: Any, chunking: str, rng: random.Random) -> tuple[str, bytes]:
    """The model's name that a caller writes, and the body, for one way of chunking."""
    if chunking == "whole":
        name = case.name
    elif chunking == "byte":
        name = f"c1:{case.name}" if len(case.answer) <= BYTE_BY_BYTE else f"c5:{case.name}"
    elif chunking == "random":
        name = f"c{rng.choice(CHUNKS)}:{case.name}"
    else:
        name = f"{chunking}:{case.name}"
    return name, case.request if case.verb else with_model(case.request, name)


async def ask(front: Any, case: Any, chunking: str, number: int) -> list[str]:
    """Send one case and say what came back different."""
    rng = random.Random(f"{SEED}{case.name}")
    name, body = planned(case, chunking, rng)
    sent: Any = body
    if chunking == "random" and number % 2:
        sent = sliced(body, rng)
    elif chunking == "random" and not case.verb:
        sent = listed(body, [name])
    answer, came = await send(front, case, name, sent)
    found = []
    if answer.status != case.status:
        found.append(f"status {answer.status} instead of {case.status}: {came[:300]!r}")
    if answer.headers.get("content-type") != case.content_type:
        found.append(f"content-type {answer.headers.get('content-type')} instead of {case.content_type}")
    if came != case.answer:
        found.append(f"body of {len(came)} bytes instead of {len(case.answer)}: {came[:200]!r}")
    return found


async def send(front: Any, case: Any, name: str, body: Any) -> tuple[aiohttp.ClientResponse, bytes]:
    """Send a body for a case; the answer and its bytes."""
    mark = {"x-corpus-mark": case.name, "x-request-id": case.name}
    url = yarl.URL(front.gate.base_url + case.path(name), encoded=True)
    async with front.client.post(url, data=body, headers=mark) as answer:
        return answer, await answer.read()


async def ask_all(front: Any, cases: list[Any], chunking: str) -> dict[str, list[str]]:
    """Send all cases, some at a time (the client's limit); what was wrong, by case."""
    answers = await asyncio.gather(*(ask(front, case, chunking, at) for at, case in enumerate(cases)))
    return {case.name: wrong for case, wrong in zip(cases, answers, strict=True) if wrong}


def arrived_wrong(front: Any, cases: list[Any]) -> dict[str, str]:
    """What reached the upstream other than as the caller sent it, by case."""
    arrived = front.arrived()
    wrong = {}
    for case in cases:
        body = case.request if case.verb else with_model(case.request, case.name)
        path = case.path(case.name).removeprefix("/v1beta").removeprefix("/v1")
        got = arrived.get(case.name)
        if got is None or got["body"] != body.decode():
            wrong[case.name] = "nothing" if got is None else got["body"]
        elif not got["path"].endswith(path) or "authorization" in got["headers"]:
            wrong[case.name] = f"{got['path']} {got['headers']}"
    return wrong


@pytest.mark.parametrize("chunking", ["byte", "random", "whole"])
async def test_bytes_pass_both_ways(chunking: str, front: Any, cases: list[Any]) -> None:
    """Every recorded answer, 4xx and 5xx included, arrives as it was; a request goes up with only its model changed."""
    passing = [case for case in cases if not (case.fails_at_once or case.fails_midway)]
    assert len({case.status for case in passing}) > 6
    assert await ask_all(front, passing, chunking) == {}
    assert arrived_wrong(front, passing) == {}


@pytest.mark.parametrize("framing", ["nolen", "close"])
async def test_other_framings_change_nothing(framing: str, front: Any, cases: list[Any]) -> None:
    """A JSON body without a length, and one that only the end of the connection ends, arrive whole all the same."""
    plain = [case for case in cases if not case.stream]
    assert await ask_all(front, plain, framing) == {}


async def test_a_stream_that_begins_with_its_error_becomes_one(front: Any, cases: list[Any]) -> None:
    """A 200 whose stream fails before it says anything is an error answer, with what the upstream said about it."""
    failing = [case for case in cases if case.fails_at_once]
    assert failing
    for case in failing:
        name, body = planned(case, "random", random.Random(SEED))
        answer, came = await send(front, case, name, body)
        assert answer.status >= 400
        told = json.loads(came)["error"]["message"]
        assert told.rstrip(".").rpartition("error: ")[2].encode() in case.answer


async def test_a_stream_that_reports_an_error_midway_breaks_off(front: Any, cases: list[Any]) -> None:
    """What came passes, the provider's own error with it; where SDKs would take the end for success, there is none."""
    failing = [case for case in cases if case.fails_midway]
    assert failing
    for number, case in enumerate(failing, 1):
        name, body = planned(case, "byte", random.Random(SEED))
        try:
            answer, came = await send(front, case, name, body)
        except aiohttp.ClientPayloadError:
            assert case.surface.startswith("gemini")
        else:
            # All of it may have come at once: then nothing had gone out, and it is an error answer.
            assert (answer.status >= 400 and b'"error"' in came) or came == case.answer
            assert answer.status >= 400 or not case.surface.startswith("gemini")
        records = await front.records(number)
        assert records[case.name].outcome in ("broken", "upstream_error", "client_error")


async def test_usage_is_what_the_provider_said(front: Any, cases: list[Any]) -> None:
    """The record of each answer holds the tokens its provider reported, whatever pieces the answer came in."""
    passing = [case for case in cases if not (case.fails_at_once or case.fails_midway)]
    await ask_all(front, passing, "random")
    records = await front.records(len(passing))
    wrong = {}
    for case in passing:
        seen = records[case.name].seen
        got = (seen.usage.input_tokens, seen.usage.output_tokens) if seen is not None and seen.usage else None
        want = used(case)
        if got != want:
            wrong[case.name] = f"{got} instead of {want}: {case.expect.get('usage')}"
    assert wrong == {}


def used(case: Any) -> tuple[int | None, int | None] | None:
    """Input and output tokens, read from the provider's own usage objects by its API's documentation."""
    said: dict[str, Any] = {}
    for usage in _usages(case):
        said |= {name: value for name, value in usage.items() if value is not None}
    if not any(isinstance(value, int) for value in said.values()):
        return None
    if case.surface == "anthropic-messages":
        cached = said.get("cache_read_input_tokens", 0) + said.get("cache_creation_input_tokens", 0)
        return said["input_tokens"] + cached, said["output_tokens"]
    if case.surface.startswith("gemini"):
        read = said.get("promptTokenCount")
        # What a server-side tool found is read on top of the prompt.
        read = None if read is None else read + said.get("toolUsePromptTokenCount", 0)
        return read, said.get("candidatesTokenCount", 0) + said.get("thoughtsTokenCount", 0)
    if case.surface == "openai-responses":
        return said["input_tokens"], said["output_tokens"]
    return said["prompt_tokens"], _spoken(said)


def _usages(case: Any) -> list[Any]:
    if case.surface == "openai-embeddings" and case.status == 200:
        return [json.loads(case.answer).get("usage") or {}]
    return list(case.expect.get("usage") or ())


def _spoken(said: dict[str, Any]) -> int | None:
    """The completion of a chat; some servers leave reasoning out of it, and the total or the reasoning itself shows."""
    completion = said.get("completion_tokens")
    if completion is None:
        return None
    reasoning = (said.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
    outside = said.get("total_tokens", 0) - said["prompt_tokens"] - completion
    if reasoning > completion and outside <= 0:
        outside = reasoning
    return int(completion + max(outside, 0))
