"""The body for a provider: its members, their order, and what of the settings cannot be said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aigw.errors import InvalidBody
from aigw.wire.dialect import PLAIN, Dialect
from aigw.wire.formats.messages import FORMAT
from aigw.wire.formats.messages.sent import BOTH
from aigw.wire.losses import Ledger
from aigw.wire.neutral import CacheMark, Conversation, Media, Reasoning, Settings, Source, Text, Tool, ToolChoice, Turn

HI = Turn(role="user", parts=[Text(text="Hi", at="/messages/0/content")], at="/messages/0")
THINKS = Reasoning(enabled=True, budget=2048)


def conversation(own_format: str = "chat", turns: list[Turn] | None = None, **settings: Any) -> Conversation:
    """A question with these settings, each at a place by its name."""
    return Conversation(
        model="m",
        turns=[HI] if turns is None else turns,
        settings=Settings(**settings),
        places={name: f"/{name}" for name in settings},
        own_format=own_format,
    )


def sent(asked: Conversation, dialect: Dialect = PLAIN) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The body, and the ledger's pointers and actions."""
    ledger = Ledger()
    body = json.loads(FORMAT.write_request(asked, dialect, ledger))
    return body, [(entry.pointer, entry.action) for entry in ledger.entries]


def test_the_least() -> None:
    """A model, a limit of tokens (which must be there) and messages, in this order."""
    body = FORMAT.write_request(conversation(), PLAIN, Ledger())
    assert body == (
        b'{"model":"m","max_tokens":4096,"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]}'
    )


def test_order() -> None:
    """What grows stands last: the messages behind everything else, the prompt behind the settings."""
    asked = conversation(temperature=0.5, cache=CacheMark(), tool_choice=None)
    asked.turns = [Turn(role="system", parts=[Text(text="s")]), HI]
    asked.tools = [Tool(name="f")]
    asked.stream = True
    body, losses = sent(asked)
    assert list(body) == [
        "model", "max_tokens", "stream", "temperature", "cache_control", "tools", "system", "messages",
    ]  # fmt: skip
    assert losses == []


@pytest.mark.parametrize(
    ("settings", "dialect", "members", "losses"),
    [
        ({"max_tokens": 7}, PLAIN, {"max_tokens": 7}, []),
        ({"max_tokens": 9000}, Dialect(max_output=800), {"max_tokens": 800}, [("/max_tokens", "approximated")]),
        ({}, Dialect(max_output=800), {"max_tokens": 800}, []),
        ({"temperature": 1.5}, PLAIN, {"temperature": 1}, [("/temperature", "approximated")]),
        ({"temperature": 0.5, "top_p": 1}, PLAIN, {"temperature": 0.5}, []),
        (
            {"temperature": 0.5, "top_p": 0.9},
            Dialect(refused=frozenset({BOTH})),
            {"temperature": 0.5},
            [("/top_p", "dropped")],
        ),
        ({"temperature": 0.5}, Dialect(refused=frozenset({"temperature"})), {}, [("/temperature", "dropped")]),
        ({"top_k": 3}, PLAIN, {"top_k": 3}, []),
        ({"stop": ["a", " "]}, PLAIN, {"stop_sequences": ["a"]}, [("/stop", "dropped")]),
        ({"stop": []}, PLAIN, {}, []),
        ({"user": "u"}, PLAIN, {"metadata": {"user_id": "u"}}, []),
        ({"safety_identifier": "s"}, PLAIN, {"metadata": {"user_id": "s"}}, []),
        (
            {"user": "u", "safety_identifier": "s"},
            PLAIN,
            {"metadata": {"user_id": "u"}},
            [("/safety_identifier", "dropped")],
        ),
        ({"tier": "default"}, PLAIN, {"service_tier": "standard_only"}, []),
        ({"tier": "priority"}, PLAIN, {"service_tier": "auto"}, [("/tier", "approximated")]),
        ({"tier": "flex"}, PLAIN, {}, [("/tier", "dropped")]),
        ({"cache": CacheMark("1h")}, PLAIN, {"cache_control": {"type": "ephemeral", "ttl": "1h"}}, []),
        ({"n": 1, "logprobs": False, "store": False, "include_usage": True}, PLAIN, {}, []),
        ({"n": 2}, PLAIN, {}, [("/n", "dropped")]),
        ({"seed": 1, "logit_bias": {"1": 1}}, PLAIN, {}, [("/logit_bias", "dropped"), ("/seed", "dropped")]),
        (
            {"temperature": 0.5, "top_p": 0.9, "top_k": 3, "reasoning": THINKS, "max_tokens": 9000},
            PLAIN,
            {"max_tokens": 9000, "thinking": {"type": "enabled", "budget_tokens": 2048}},
            [("/temperature", "dropped"), ("/top_p", "dropped"), ("/top_k", "dropped")],
        ),
        (
            {"temperature": 1, "top_p": 0.97, "reasoning": THINKS, "max_tokens": 9000},
            PLAIN,
            {
                "max_tokens": 9000,
                "temperature": 1,
                "top_p": 0.97,
                "thinking": {"type": "enabled", "budget_tokens": 2048},
            },
            [],
        ),
    ],
)
def test_settings(
    settings: dict[str, Any], dialect: Dialect, members: dict[str, Any], losses: list[tuple[str, str]]
) -> None:
    """Each setting is said, or its place is in the ledger."""
    body, noted = sent(conversation(**settings), dialect)
    rest = {name: value for name, value in body.items() if name not in ("model", "messages")}
    assert rest == {"max_tokens": 4096, **members}
    assert noted == losses


def test_own_members() -> None:
    """What only this format has goes back into the objects it came from; nothing of another format's does."""
    asked = conversation("messages", user="u", max_tokens=9)
    asked.own = {"metadata": {"x": 1}, "container": "c", "thinking": {"of": "nothing"}, "tool_choice": {"y": 2}}
    body, losses = sent(asked)
    assert (body["metadata"], body["container"], losses) == ({"user_id": "u", "x": 1}, "c", [])
    assert "thinking" not in body
    assert "tool_choice" not in body
    asked.tools, asked.settings.tool_choice = [Tool(name="f")], ToolChoice(mode="auto")
    assert sent(asked)[0]["tool_choice"] == {"type": "auto", "y": 2}
    asked.own_format = "chat"
    assert "container" not in sent(asked)[0]


def test_nothing_to_send() -> None:
    """A request of which nothing could be sent is refused."""
    sound = Turn(role="user", parts=[Media(kind="audio", source=Source(data="AAAA"))])
    with pytest.raises(InvalidBody):
        sent(conversation(turns=[sound]))


def test_amended() -> None:
    """A provider has a last look at the body."""
    body, _ = sent(conversation(), Dialect(amend=lambda body: body.update(extra=1)))
    assert body["extra"] == 1


def test_counting() -> None:
    """To count tokens, only the prompt and what shapes it is sent."""
    asked = conversation(temperature=0.5, user="u", reasoning=THINKS, max_tokens=9000)
    asked.tools = [Tool(name="f")]
    asked.stream = True
    body = json.loads(FORMAT.count_request(asked, PLAIN, Ledger()))
    assert list(body) == ["model", "thinking", "tools", "messages"]
    assert FORMAT.read_count(FORMAT.write_count(17)) == 17


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"input_tokens":"1"}', b'{"input_tokens":-1}', b"\xff"])
def test_no_count(data: bytes) -> None:
    """An answer without a number is none."""
    with pytest.raises(ValueError, match="count"):
        FORMAT.read_count(data)
