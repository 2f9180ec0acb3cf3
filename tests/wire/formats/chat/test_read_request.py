"""A caller's request as a whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aigw.wire.formats.chat import FORMAT
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Text, Tool

CORPUS = Path(__file__).parents[5] / "shared" / "corpus"


def test_a_request() -> None:
    """Turns, tools, settings with their places; what nobody knows is the caller's own, what the gateway has is not."""
    body = {
        "model": "openai:m",
        "models": ["a"],
        "stream": True,
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "temperature": 1,
        "provider": {"order": ["x"]},
        "prediction": {"type": "content", "content": "a"},
    }
    conversation = FORMAT.read_request(body, "m", Ledger(), stream=True)
    assert (conversation.model, conversation.stream, conversation.own_format) == ("m", True, "chat")
    assert conversation.turns[0].parts == [Text(text="Hi", at="/messages/0/content")]
    assert conversation.tools == [Tool(name="f", at="/tools/0")]
    assert conversation.places == {"temperature": "/temperature"}
    assert conversation.own == {"provider": {"order": ["x"]}, "prediction": {"type": "content", "content": "a"}}


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the recorded traffic is not here")
def test_recorded_requests() -> None:
    """Every recorded request is read, none with a loss."""
    for path in CORPUS.glob("*/openai-chat/*/request.json"):
        ledger = Ledger()
        body = json.loads(path.read_bytes())
        conversation = FORMAT.read_request(body, "m", ledger, stream=False)
        assert len(conversation.turns) == len(body["messages"]), path
        assert not ledger, path
