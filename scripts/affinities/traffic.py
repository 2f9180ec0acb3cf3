"""Conversations that go on while others do: which requests are made, in which order, with which bodies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import attrs

# Tokens of a system prompt and of what each turn adds.
SYSTEM_TOKENS = 2000
TURN_TOKENS = 400
TOOLS = [{"type": "function", "function": {"name": "search", "parameters": {"type": "object", "properties": {}}}}]


@attrs.frozen
class Traffic:
    """So many conversations of some turns each, of a few apps; some are under way at any time."""

    conversations: int = 500
    most_turns: int = 12
    apps: int = 5
    under_way: int = 100
    seed: int = 1


@attrs.frozen
class Ask:
    """One request: the parts that its prompt is made of, as far as caches tell them apart, and its body."""

    conversation: int
    turn: int
    parts: tuple[int, ...]
    body: bytes

    @property
    def tokens(self) -> int:
        """The length of the prompt."""
        return tokens(len(self.parts))


def tokens(parts: int) -> int:
    """How many tokens the first parts of a prompt have: the first one is the system prompt with the tools."""
    return SYSTEM_TOKENS + (parts - 1) * TURN_TOKENS if parts else 0


def asks(traffic: Traffic) -> Iterator[Ask]:
    """The requests in the order in which they are made."""
    random = Random(traffic.seed)
    waiting = list(range(traffic.conversations))
    turns = {number: random.randint(2, traffic.most_turns) for number in waiting}
    active: dict[int, int] = {}
    while waiting or active:
        while waiting and len(active) < traffic.under_way:
            active[waiting.pop(0)] = 0
        number = random.choice(list(active))
        active[number] += 1
        turn = active[number]
        if turn == turns[number]:
            del active[number]
        yield _ask(number, turn, number % traffic.apps)


def _ask(number: int, turn: int, app: int) -> Ask:
    messages: list[dict[str, Any]] = [{"role": "system", "content": f"You are the assistant of app {app}. Be exact."}]
    for past in range(1, turn):
        messages.append({"role": "user", "content": f"Question {past} of conversation {number}."})
        messages.append({"role": "assistant", "content": f"Answer {past}."})
    messages.append({"role": "user", "content": f"Question {turn} of conversation {number}."})
    body = {"model": "m", "messages": messages, "tools": TOOLS}
    # Parts are numbered so that two prompts share as many as they have in common.
    parts = (app, *(traffic_part(number, past) for past in range(1, turn + 1)))
    return Ask(number, turn, parts, json.dumps(body).encode())


def traffic_part(conversation: int, turn: int) -> int:
    """The number of a conversation's turn."""
    return 1_000_000 + conversation * 1000 + turn
