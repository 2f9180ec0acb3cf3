"""Accounts of one gateway against each other: what one of them chooses is never felt by another."""

from __future__ import annotations

import json
from collections.abc import Callable

from aigw.settings import SURFACES
from aigw.store.records import Whole

from ..support.caller import CHAT, HELLO
from ..support.gate import OpenGate
from ..support.holding import FIRST, Holding

ONE, TWO = "aigw-team-one-0123456789", "aigw-team-two-0123456789"
# The sandbox refuses a key that says so, with an error of OpenAI's form.
FAILING = "sk-fail-400-0123456789abcdef"
WORDS = (
    "content-type",
    '"error":{"message":"',
    "application/json",
    "sandbox-small",
    "x-request-id:",
    "invalid_request_error",
)


def teams(*words: str) -> Callable[[str], Whole]:
    """Two teams with a provider each: the first one's upstream always refuses, the second one keeps words as keys."""

    def whole(sandbox: str) -> Whole:
        holding = Holding()
        for name, token, values in (("one", ONE, (FAILING,)), ("two", TWO, words)):
            account = holding.account(name)
            holding.provider(account, "box", f"{sandbox}/v1", surfaces=SURFACES, models=["sandbox-small"])
            holding.access_key(account, token)
            for value in values:
                holding.provider_key(account, "box" if name == "one" else FIRST, value)
        return holding.whole()

    return whole


async def test_what_one_account_keeps_as_a_key_is_not_missing_elsewhere(gateway: OpenGate) -> None:
    """Words of every answer, kept as provider keys by one account, stay in what another one is told."""
    heard = []
    for words in ((), WORDS):
        gate = await gateway(store=teams(*words))
        answer = await gate.ask({**HELLO, "model": "box:sandbox-small"}, CHAT, token=ONE)
        heard.append((answer.status, answer.header("content-type"), json.loads(answer.body)["error"].keys()))
        assert b"redacted" not in answer.body
    assert heard[0] == heard[1]
