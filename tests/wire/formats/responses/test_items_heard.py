"""One item of a streamed output: what of it was told already."""

from __future__ import annotations

from typing import Any

from aigw.wire.deltas import Cite, Close, Delta, Grow, Odds, Open
from aigw.wire.formats.responses.events import Event
from aigw.wire.formats.responses.items_heard import ItemHeard, PartHeard, Parts
from aigw.wire.neutral import Refusal, Text, ToolCall

TEXT: dict[str, Any] = {
    "type": "output_text",
    "text": "abc",
    "annotations": [{"type": "url_citation", "url": "u", "start_index": 0, "end_index": 1, "title": "t"}],
    "logprobs": [{"token": "a", "logprob": -1.0, "bytes": [97], "top_logprobs": []}],
}
MESSAGE = {"type": "message", "content": [TEXT]}


def test_a_part_catches_up() -> None:
    """Of a whole text only what was not told yet is told; of a part that is closed nothing."""
    part = PartHeard(3)
    out: list[Delta] = []
    out.append(part.grow("a"))
    part.catch_up("abc", out)
    part.catch_up("abc", out)
    part.close(out)
    part.close(out)
    part.catch_up("abcd", out)
    assert out == [Grow(3, "a"), Grow(3, "bc"), Close(3)]


def test_parts_are_numbered() -> None:
    """Parts of all items are numbered as they open, and their kinds are remembered."""
    parts = Parts()
    out: list[Delta] = []
    parts.whole(Text(text="a"), out)
    parts.open(Refusal(text=""), out)
    assert out == [Open(0, Text(text="a")), Close(0), Open(1, Refusal(text=""))]
    assert parts.kinds == {Text, Refusal}


def test_an_item_is_done_once() -> None:
    """What comes again at the end of the stream is not told again."""
    heard = ItemHeard(Parts(), "p")
    out: list[Delta] = []
    heard.done(MESSAGE, out)
    first = list(out)
    heard.done(MESSAGE, out)
    heard.close(out)
    assert out == first
    assert [type(delta) for delta in out] == [Open, Grow, Cite, Odds, Close]


def test_what_was_told_in_between() -> None:
    """Citations and log probabilities are counted, whichever event brings them."""
    heard = ItemHeard(Parts(), "p")
    out: list[Delta] = []
    said = Event(content_index=0, annotation=TEXT["annotations"][0])
    heard.told("response.output_text.annotation.added", said, out)
    heard.count_odds(said, 1)
    heard.done(MESSAGE, out)
    assert [type(delta) for delta in out] == [Open, Cite, Grow, Close]


def test_a_call_waits_for_its_name() -> None:
    """Arguments without a name are told with the item."""
    heard = ItemHeard(Parts(), "p")
    out: list[Delta] = []
    assert heard.growing("response.function_call_arguments.delta", Event(delta="{"), out) is None
    assert out == []
    heard.done({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}, out)
    assert out == [Open(0, ToolCall(id="c", name="f", arguments="")), Grow(0, "{}"), Close(0)]


def test_unknown_deltas() -> None:
    """A delta of a kind that is not known belongs to nothing."""
    heard = ItemHeard(Parts(), "p")
    out: list[Delta] = []
    assert heard.growing("response.hologram.delta", Event(delta="x"), out) is None
    assert out == []
