"""A caller's request, as a conversation."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.errors import InvalidBody
from aigw.wire.formats.responses import FORMAT
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Conversation, Settings, Text, Tool, Turn


def read(body: dict[str, Any], *, stream: bool = False) -> Conversation:
    """The conversation of a body."""
    ledger = Ledger()
    conversation = FORMAT.read_request(body, "m", ledger, stream=stream)
    assert not ledger.entries
    return conversation


def test_a_request() -> None:
    """Instructions come first, the gateway's own members are none of the format's, what is not known stays."""
    conversation = read(
        {
            "model": "openai:m",
            "models": ["n"],
            "stream": True,
            "instructions": "Be brief.",
            "input": "hi",
            "temperature": 0,
            "tools": [{"type": "function", "name": "f", "parameters": {}, "strict": False}],
            "truncation": "auto",
            "conversation": None,
        },
        stream=True,
    )
    assert conversation == Conversation(
        model="m",
        turns=[
            Turn(role="system", parts=[Text(text="Be brief.", at="/instructions")], at="/instructions"),
            Turn(role="user", parts=[Text(text="hi", at="/input")], at="/input"),
        ],
        settings=Settings(temperature=0),
        tools=[Tool(name="f", parameters={}, strict=False, at="/tools/0")],
        stream=True,
        places={"temperature": "/temperature"},
        own={"truncation": "auto"},
        own_format="responses",
    )


@pytest.mark.parametrize(
    "body", [{"previous_response_id": "resp_1"}, {"conversation": "conv_1"}, {"prompt": {"id": "pmpt_1"}}]
)
def test_what_is_continued(body: dict[str, Any]) -> None:
    """Whoever goes on from something that is stored need not say more."""
    assert read(body).turns == []


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "input"),
        ({"input": None}, "input"),
        ({"input": "", "instructions": ["x"]}, "instructions"),
        ({"input": "", "tools": {}}, "tools"),
    ],
)
def test_what_is_no_request(body: dict[str, Any], param: str) -> None:
    """What lacks its input or has the wrong shape is refused by its place."""
    with pytest.raises(InvalidBody) as caught:
        read(body)
    assert caught.value.param == param
