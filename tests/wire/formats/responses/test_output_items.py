"""What the items of an output look like."""

from __future__ import annotations

import pytest

from aigw.wire.formats.responses import output_items as items
from aigw.wire.neutral import Media, Source, Thinking, ToolCall
from aigw.wire.signatures import unseal


@pytest.mark.parametrize(
    ("response", "id"),
    [
        ("resp_abc", "fc_aigw-abc-2"),
        ("chatcmpl-abc", "fc_aigw-chatcmpl-abc-2"),
        ("gen:ä/b", "fc_aigw-gen---b-2"),
        ("resp_" + "x" * 99, f"fc_aigw-{'x' * 44}-2"),
    ],
)
def test_ids(response: str, id: str) -> None:
    """An id is made of the response's and the place, in letters that the API takes back, and is known again."""
    assert items.ItemIds(response).make("fc", 2) == id
    assert len(id) <= 64
    assert items.is_made(id)


@pytest.mark.parametrize("id", [None, "fc_1", "msg_68c42de022c8", "rs_x"])
def test_others_ids(id: str | None) -> None:
    """Ids of providers are not taken for ours."""
    assert not items.is_made(id)


def test_reasoning_is_always_sealed() -> None:
    """The seal has all that its maker needs but the text, also where there is no signature."""
    thinking = Thinking(text="", maker="p", id="rs_1", summary=True)
    item = items.reasoning("rs_2", thinking, "a thought", "sig")
    assert item["summary"] == [{"type": "summary_text", "text": "a thought"}]
    assert unseal(item["encrypted_content"]) == Thinking(signature="sig", maker="p", id="rs_1", summary=True)
    bare = items.reasoning("rs_2", thinking, "", None)
    assert bare["summary"] == []
    assert unseal(bare["encrypted_content"]) == thinking


def test_calls() -> None:
    """A call of a function has arguments, one of a custom tool has input."""
    call = ToolCall(id="c", name="f", arguments="")
    assert items.tool_call("fc_1", "completed", call, "{}") == {
        "id": "fc_1", "type": "function_call", "status": "completed", "call_id": "c", "name": "f", "arguments": "{}",
    }  # fmt: skip
    call.custom = True
    assert items.tool_call("ctc_1", "completed", call, "x") == {
        "id": "ctc_1", "type": "custom_tool_call", "status": "completed", "call_id": "c", "name": "f", "input": "x",
    }  # fmt: skip


@pytest.mark.parametrize(("media_type", "more"), [("image/png", {"output_format": "png"}), ("image/x-icon", {})])
def test_images(media_type: str, more: dict[str, str]) -> None:
    """A picture says its format where there is a word for it."""
    media = Media(kind="image", source=Source(data="AAAA", media_type=media_type), own={"prompt": "q"})
    assert items.image("ig_1", "completed", media, home=True)["prompt"] == "q"
    assert items.image("ig_1", "completed", media, home=False) == {
        "id": "ig_1", "type": "image_generation_call", "status": "completed", "result": "AAAA", **more,
    }  # fmt: skip


def test_phases() -> None:
    """A message says its phase where the model did."""
    assert items.phase_of(None) is None
    assert items.phase_of({"phase": 7}) is None
    assert items.message("m", "completed", [], items.phase_of({"phase": "commentary"}))["phase"] == "commentary"
    assert "phase" not in items.message("m", "completed", [], None)
