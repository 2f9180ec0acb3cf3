"""Recorded traffic, where it is at hand: what a faithful reading must find."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aigw.wire.dialect import Dialect
from aigw.wire.fold import folded, unfolded
from aigw.wire.formats.gemini import FORMAT
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Answer, Candidate, Conversation, Part, Text, Thinking, ToolCall
from aigw.wire.sequence import Sequencer
from aigw.wire.sse import Splitter

CORPUS = Path(__file__).parents[5] / "shared" / "corpus"
CASES = sorted(CORPUS.glob("google*/gemini-generateContent/*/expect.json"))
GOOGLE = Dialect(maker="google", schema="gemini")
ASKED = Conversation(model="m", turns=[])

pytestmark = pytest.mark.skipif(not CASES, reason="no recorded traffic here")


def streamed(data: bytes) -> Answer:
    reader, splitter = FORMAT.stream_reader(GOOGLE), Splitter()
    events = [event for event in (*splitter.feed(data), *splitter.finish()) if event.kind == "event"]
    deltas = [delta for event in events for delta in reader.read(event)]
    return folded(Sequencer().put([*deltas, *reader.finish()]))


def answer_of(case: Path) -> Answer | None:
    whole, stream = case.with_name("response.json"), case.with_name("response.sse")
    if stream.exists():
        return streamed(stream.read_bytes())
    return FORMAT.read_answer(whole.read_bytes(), GOOGLE) if whole.exists() else None


def texts(candidate: Candidate, kind: type[Part]) -> str:
    return "".join(part.text for part in candidate.parts if type(part) is kind)  # type: ignore[attr-defined]


def calls(answer: Answer) -> list[tuple[str, Any]]:
    found = [part for one in answer.candidates for part in one.parts if isinstance(part, ToolCall)]
    return [(call.name, json.loads(call.arguments)) for call in found]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.parent.name)
def test_a_recorded_answer(case: Path) -> None:
    """Text, thoughts, calls, reasons and usage are what was recorded, and survive being written as a stream."""
    expect = json.loads(case.read_text())
    if expect.get("error"):
        with pytest.raises(ValueError, match=r"answer|stream|upstream"):
            answer_of(case)
        return
    answer = answer_of(case)
    assert answer is not None
    wanted = {name: [said] if isinstance(said, str) else said for name, said in expect.items()}
    assert [texts(one, Text) for one in answer.candidates] == wanted.get("text", [""])
    assert [texts(one, Thinking) for one in answer.candidates] == wanted.get("reasoning", [""] * len(answer.candidates))
    assert calls(answer) == [(call["name"], call["arguments"]) for call in expect.get("tool_calls", ())]
    words = [one.stop.word for one in answer.candidates if one.stop]
    assert words == [word.removeprefix("block:") for word in expect.get("finish", ())]
    assert (answer.usage is not None) == any("TokenCount" in " ".join(usage) for usage in expect.get("usage", ()))
    again = streamed(FORMAT.stream_writer(ASKED, Ledger()).write(unfolded(answer)))
    assert (list(map(texts_of, again.candidates)), calls(again)) == (
        list(map(texts_of, answer.candidates)),
        calls(answer),
    )


def texts_of(candidate: Candidate) -> tuple[str, str]:
    return texts(candidate, Text), texts(candidate, Thinking)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.parent.name)
def test_a_recorded_request(case: Path) -> None:
    """It is read, and written so that it is read the same."""
    body = json.loads(case.with_name("request.json").read_text())
    conversation = FORMAT.read_request(body, "m", Ledger(), stream=False)
    ledger = Ledger()
    written = json.loads(FORMAT.write_request(conversation, Dialect(maker="google"), ledger))
    again = FORMAT.read_request(written, "m", Ledger(), stream=False)
    assert [[type(part) for part in turn.parts] for turn in again.turns] == [
        [type(part) for part in turn.parts] for turn in conversation.turns
    ]
    assert again.settings == conversation.settings
    assert len(again.tools) == len(conversation.tools)
