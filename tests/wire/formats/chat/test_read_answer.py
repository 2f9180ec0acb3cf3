"""Whole answers of providers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aigw.wire.dialect import PLAIN
from aigw.wire.formats.chat import FORMAT
from aigw.wire.neutral import Answer, Candidate, Refusal, Stop, Text, Thinking, ToolCall
from aigw.wire.shapes import Usage
from aigw.wire.structured import STRUCTURED_TOOL

CORPUS = Path(__file__).parents[5] / "shared" / "corpus"


def test_an_answer() -> None:
    """Head, parts in order, stop and usage."""
    body = {
        "id": "x",
        "object": "chat.completion",
        "created": 7,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "a",
                    "reasoning_content": "hm",
                    "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
                },
                "logprobs": None,
                "finish_reason": "tool_calls",
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
        "system_fingerprint": "fp",
    }
    parts = [Thinking(text="hm"), Text(text="a"), ToolCall(id="c", name="f", arguments="{}")]
    assert FORMAT.read_answer(json.dumps(body).encode(), PLAIN) == Answer(
        candidates=[Candidate(parts=list(parts), stop=Stop(reason="tools", word="tool_calls"))],
        id="x",
        model="m",
        created=7,
        usage=Usage(3, 4),
        own={"system_fingerprint": "fp"},
        own_format="chat",
    )


def test_a_message_beside_an_empty_delta() -> None:
    """Perplexity's whole answers have both."""
    body = b'{"choices":[{"message":{"content":"a"},"delta":{"content":""},"finish_reason":"stop"}]}'
    assert FORMAT.read_answer(body, PLAIN).candidates[0].parts == [Text(text="a")]


def test_a_forced_tool_is_the_answer() -> None:
    """What the reserved tool was called with is text, and the model is done."""
    call = {"id": "c", "function": {"name": STRUCTURED_TOOL, "arguments": '{"a":1}'}}
    choice = {"message": {"content": None, "tool_calls": [call]}, "finish_reason": "tool_calls"}
    candidate = FORMAT.read_answer(json.dumps({"choices": [choice]}).encode(), PLAIN).candidates[0]
    assert candidate.parts == [Text(text='{"a":1}')]
    assert candidate.stop == Stop(reason="end", word="tool_calls")


@pytest.mark.parametrize(
    "data",
    [b"", b"oops", b"[]", b"{}", b'{"choices":[]}', b'{"choices":null}', b'{"error":{"message":"No."}}', b"[DONE]",
     b'{"choices":[{"error":{"message":"No."},"message":{"content":""}}]}'],
)  # fmt: skip
def test_what_is_none(data: bytes) -> None:
    """ValueError, and nothing else, for what is no answer."""
    with pytest.raises(ValueError, match="not a chat completion"):
        FORMAT.read_answer(data, PLAIN)


def cases() -> list[Path]:
    """The folders of recorded whole answers."""
    return [
        path.parent
        for path in sorted(CORPUS.glob("*/openai-chat/*/response.json"))
        if not json.loads((path.parent / "expect.json").read_bytes()).get("error")
    ]


def _joined(said: Any) -> str:
    return "".join(said) if isinstance(said, list) else said or ""


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the recorded traffic is not here")
@pytest.mark.parametrize("case", cases(), ids=lambda path: "/".join(path.parts[-3::2]))
def test_recorded_answers(case: Path) -> None:
    """Text, thoughts, refusals, calls, reasons and the fact of usage are what the case expects."""
    expect: dict[str, Any] = json.loads((case / "expect.json").read_bytes())
    answer = FORMAT.read_answer((case / "response.json").read_bytes(), PLAIN)
    parts = [part for candidate in answer.candidates for part in candidate.parts]
    assert "".join(part.text for part in parts if isinstance(part, Text)) == _joined(expect.get("text"))
    if "reasoning" in expect:
        assert "".join(part.text for part in parts if isinstance(part, Thinking)) == expect["reasoning"]
    assert "".join(part.text for part in parts if isinstance(part, Refusal)) == _joined(expect.get("refusal"))
    calls = [(part.name, json.loads(part.arguments or "{}")) for part in parts if isinstance(part, ToolCall)]
    if "tool_calls" in expect:
        assert calls == [(call["name"], call["arguments"]) for call in expect["tool_calls"]]
    assert [candidate.stop.word for candidate in answer.candidates if candidate.stop] == expect.get("finish", [""])
    assert bool(answer.usage) == bool(expect.get("usage"))
    assert answer.id == expect.get("id")
