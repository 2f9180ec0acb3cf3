"""A whole answer, as the response that a caller gets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aigw.wire.formats.responses import FORMAT
from aigw.wire.losses import Ledger
from aigw.wire.neutral import (
    Answer,
    Candidate,
    Citation,
    Conversation,
    Foreign,
    Logprob,
    Media,
    Part,
    Refusal,
    SearchHit,
    ServerToolCall,
    ServerToolResult,
    Source,
    Stop,
    StopReason,
    Text,
    Thinking,
    ToolCall,
)
from aigw.wire.shapes import Usage
from aigw.wire.signatures import seal

from ....support import specs

ASKED = Conversation(model="m", turns=[], own_format="responses")
URL = "https://example.org/"


def write(answer: Answer) -> tuple[dict[str, Any], list[str]]:
    """The response, and the places of what was lost; it is one by the SDK's own types."""
    ledger = Ledger()
    response = json.loads(FORMAT.write_answer(answer, ASKED, ledger))
    assert specs.answer_checker("responses").faults(response) == []
    return response, [entry.pointer for entry in ledger.entries]


def output(*parts: Part, reason: StopReason = "end", own_format: str = "chat") -> tuple[list[Any], list[str]]:
    """The output items of an answer of these parts."""
    candidate = Candidate(parts=list(parts), stop=Stop(reason=reason))
    response, lost = write(Answer(candidates=[candidate], id="resp_a", own_format=own_format))
    return response["output"], lost


def text(words: str, annotations: list[Any] | None = None) -> dict[str, Any]:
    """A text within a message."""
    return {"type": "output_text", "annotations": annotations or [], "logprobs": [], "text": words}


def message(place: int, *content: dict[str, Any], status: str = "completed") -> dict[str, Any]:
    """A message at a place of the output."""
    head = {"id": f"msg_aigw-a-{place}", "type": "message", "status": status, "role": "assistant"}
    return {**head, "content": list(content)}


def test_texts_that_follow_one_another() -> None:
    """They stand in one message; what is no text ends it."""
    written, lost = output(
        Text(text="a"), Refusal(text="b"), ToolCall(id="c", name="f", arguments="{}"), Text(text="d")
    )
    assert written == [
        message(0, text("a"), {"type": "refusal", "refusal": "b"}),
        {"id": "fc_aigw-a-1", "type": "function_call", "status": "completed", "call_id": "c", "name": "f",
         "arguments": "{}"},
        message(2, text("d")),
    ]  # fmt: skip
    assert lost == []


THINKING = Thinking(text="hm", signature="s", maker="anthropic")
BOUND = Thinking(signature="s", maker="google", bound=True)


@pytest.mark.parametrize(
    ("part", "item"),
    [
        (THINKING, {"id": "rs_aigw-a-0", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}],
                    "encrypted_content": seal(THINKING)}),
        (BOUND, {"id": "rs_aigw-a-0", "type": "reasoning", "summary": [], "encrypted_content": seal(BOUND)}),
        (ToolCall(id="c", name="f", arguments="x", custom=True),
         {"id": "ctc_aigw-a-0", "type": "custom_tool_call", "status": "completed", "call_id": "c", "name": "f",
          "input": "x"}),
        (Media(kind="image", source=Source(data="AAAA", media_type="image/png")),
         {"id": "ig_aigw-a-0", "type": "image_generation_call", "status": "completed", "result": "AAAA",
          "output_format": "png"}),
        (ServerToolCall(id="", name="web_search", arguments='{"query":"q"}'),
         {"id": "ws_aigw-a-0", "type": "web_search_call", "status": "completed",
          "action": {"type": "search", "query": "q"}}),
        (Text(text="ab", citations=[Citation(kind="url", url=URL)]),
         message(0, text("ab", [{"type": "url_citation", "start_index": 0, "end_index": 2, "url": URL,
                                 "title": ""}]))),
    ],
    ids=["reasoning", "a bound signature", "custom", "picture", "search", "cited"],
)  # fmt: skip
def test_parts(part: Part, item: dict[str, Any]) -> None:
    """Each part is an item; reasoning is sealed, whoever's it is."""
    assert output(part) == ([item], [])


def test_a_reasoning_item_keeps_its_name() -> None:
    """A maker's id of the kind that callers expect stays."""
    written, _ = output(Thinking(text="t", maker="openai", id="rs_1"))
    assert written[0]["id"] == "rs_1"


def test_what_a_search_found() -> None:
    """Addresses stand with the search; what else is known of the pages is not told."""
    written, lost = output(
        ServerToolCall(id="s", name="web_search", arguments="{}"),
        ServerToolResult(call_id="s", name="web_search", hits=[SearchHit(url=URL, title="t")]),
    )
    assert written[0]["action"]["sources"] == [{"type": "url", "url": URL}]
    assert lost == ["answer:/candidates/0/parts/1/hits"]


def test_what_was_fetched() -> None:
    """Of a page that was fetched the address stands with the call; the page itself is not told."""
    written, lost = output(
        ServerToolCall(id="s", name="web_fetch", arguments=f'{{"url":"{URL}"}}'),
        ServerToolResult(call_id="s", name="web_fetch", own={"content": {"type": "web_fetch_result"}}),
    )
    assert written[0]["action"] == {"type": "open_page", "url": URL}
    assert lost == ["answer:/candidates/0/parts/1"]


def test_the_words_of_a_sound() -> None:
    """There is no sound in a response: its words are told where they are known."""
    sound = Media(kind="audio", source=Source(data="AAAA"), transcript="Hello.")
    assert output(sound) == ([message(0, text("Hello."))], ["answer:/candidates/0/parts/0"])


def test_usage_that_is_split_further() -> None:
    """Figures that a response has no place for are reported; those that are none are not."""
    usage = Usage(30, 20, cache_write_tokens=6, cache_write_1h_tokens=4, input_audio_tokens=5, output_audio_tokens=0)
    _, lost = write(Answer(candidates=[Candidate(stop=Stop(reason="end"))], usage=usage))
    assert lost == ["answer:/usage/cache_write_1h_tokens", "answer:/usage/input_audio_tokens"]


@pytest.mark.parametrize(
    ("part", "count", "lost"),
    [
        (Media(kind="audio", source=Source(data="AAAA")), 0, ""),
        (Media(kind="image", source=Source(url=URL)), 0, ""),
        (ServerToolCall(id="s", name="code_execution", arguments="{}"), 0, ""),
        (ServerToolResult(call_id="s", name="code_execution"), 0, ""),
        (Foreign(format="gemini", value={}, own={"thought": True}), 0, ""),
        (Refusal(text="no", logprobs=[Logprob(token="no", logprob=0.0)]), 1, "/logprobs"),
        (Text(text="a", own={"partMetadata": 1}), 1, "/partMetadata"),
        (ServerToolResult(call_id="s", name="web_search"), 0, ""),
        (Text(text="a", citations=[Citation(kind="document")]), 1, "/citations"),
        (Text(text="a", citations=[Citation(kind="url", url=URL, cited="c")]), 1, "/citations"),
    ],
)
def test_what_cannot_be_told(part: Part, count: int, lost: str) -> None:
    """What has no item is reported by its place in the answer."""
    written, told = output(part)
    assert (len(written), told) == (count, [f"answer:/candidates/0/parts/0{lost}"])


@pytest.mark.parametrize(
    ("reason", "status", "details", "last"),
    [
        ("end", "completed", None, "completed"),
        ("length", "incomplete", {"reason": "max_output_tokens"}, "incomplete"),
        ("filter", "incomplete", {"reason": "content_filter"}, "incomplete"),
        ("error", "failed", None, "incomplete"),
    ],
)
def test_stops(reason: StopReason, status: str, details: Any, last: str) -> None:
    """The last item of an answer that was cut is incomplete, the others are not."""
    parts: list[Part] = [ToolCall(id="c", name="f", arguments="{}"), Text(text="a")]
    response, _ = write(Answer(candidates=[Candidate(parts=parts, stop=Stop(reason=reason))]))
    assert (response["status"], response["incomplete_details"]) == (status, details)
    assert [item["status"] for item in response["output"]] == ["completed", last]


def test_several_candidates() -> None:
    """A response is the first; the others are reported."""
    candidates = [
        Candidate(parts=[Text(text=each)], stop=Stop(reason="end"), index=at) for at, each in enumerate("abc")
    ]
    response, lost = write(Answer(candidates=candidates))
    assert [item["content"][0]["text"] for item in response["output"]] == ["a"]
    assert lost == ["answer:/candidates/1", "answer:/candidates/2"]


def test_members_of_other_formats() -> None:
    """What only another format says of an answer is reported; a service tier has a place."""
    answer = Answer(
        candidates=[Candidate(own={"safety": []}, stop=Stop(reason="end"))],
        own={"service_tier": "flex", "system_fingerprint": "fp"},
        own_format="chat",
    )
    response, lost = write(answer)
    assert response["service_tier"] == "flex"
    assert lost == ["answer:/system_fingerprint", "answer:/candidates/0/safety"]


def test_in_its_own_format() -> None:
    """What a provider of this format says beside comes back."""
    answer = Answer(
        candidates=[
            Candidate(
                parts=[
                    Text(text="a", own={"phase": "commentary"}),
                    Text(text="b", own={"phase": "final_answer"}),
                    Foreign(format="responses", value={"type": "mcp_call"}),
                ],
                stop=Stop(reason="end"),
            )
        ],
        own={"moderation_note": {}},
        own_format="responses",
    )
    ledger = Ledger()
    response = json.loads(FORMAT.write_answer(answer, ASKED, ledger))
    assert [item.get("phase") for item in response["output"]] == ["commentary", "final_answer", None]
    assert response["output"][2] == {"type": "mcp_call"}
    assert response["moderation_note"] == {}
    assert not ledger.entries
