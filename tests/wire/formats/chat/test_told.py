"""What stands beside the text of an answer."""

from __future__ import annotations

import pytest

from aigw.wire import signatures
from aigw.wire.formats.chat import told
from aigw.wire.losses import Ledger
from aigw.wire.neutral import (
    AnyTool,
    Citation,
    Conversation,
    Foreign,
    Media,
    Part,
    ServerToolCall,
    ServerToolResult,
    Source,
    Stop,
    StopReason,
    Text,
    Thinking,
    Tool,
)
from aigw.wire.shapes import Usage

SOUND = Media(kind="audio", source=Source(data="QUJD"))
PICTURE = Media(kind="image", source=Source(data="QUJD", media_type="image/png"))


@pytest.mark.parametrize(
    ("tools", "legacy"),
    [
        ([], False),
        ([Tool(name="f", at="/functions/0")], True),
        ([Tool(name="f", at="/tools/0")], False),
        ([Tool(name="f", at="/tools/0"), Tool(name="g", at="/functions/0")], False),
    ],
)
def test_callers_of_old(tools: list[AnyTool], legacy: bool) -> None:
    """Who asks with nothing but `functions` wants a `function_call`."""
    assert told.is_legacy(Conversation(model="m", turns=[], tools=tools)) is legacy


def test_names_and_dates() -> None:
    """The upstream's own where it has them; made where SDKs want some."""
    assert told.named("x") == "x"
    assert told.named(None).startswith("chatcmpl-")
    assert told.dated(0) == 0
    assert told.dated(None) > 1_700_000_000


@pytest.mark.parametrize(
    ("reason", "refused", "losses"),
    [
        ("end", False, []),
        ("refusal", True, []),
        ("refusal", False, ["answer:/candidates/1/stop"]),
        ("pause", False, ["answer:/candidates/1/stop"]),
        ("error", False, ["answer:/candidates/1/stop"]),
    ],
)
def test_reasons(reason: StopReason, refused: bool, losses: list[str]) -> None:
    """A word that does not tell the reason is in the ledger."""
    ledger = Ledger()
    told.finish_reason(Stop(reason=reason), 1, ledger, refused=refused, legacy=False)
    assert [entry.pointer for entry in ledger.entries] == losses


def test_what_a_stop_explains() -> None:
    """Which sequence it was, and why the provider stopped, have no place."""
    ledger = Ledger()
    told.finish_reason(Stop(reason="sequence", sequence="x", detail="d"), 0, ledger, refused=False, legacy=False)
    assert [entry.pointer for entry in ledger.entries] == [
        "answer:/candidates/0/stop/sequence", "answer:/candidates/0/stop/detail"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (Foreign(format="chat", value={"type": "x"}), "part of the type x"),
        (Foreign(format="gemini", value=1), "part of gemini"),
        (ServerToolCall(id="1", name="web_search", arguments=""), "call of the provider's tool web_search"),
        (ServerToolResult(call_id="1", name="web_search"), "result of the provider's tool web_search"),
        (Media(kind="video", source=Source(url="u")), "video"),
    ],
)
def test_kinds_in_words(part: Part, words: str) -> None:
    """Callers read them in the ledger."""
    assert told.kind_of(part) == words


def test_annotations() -> None:
    """Places are in the whole content; without a place a citation is of all its text. Only pages can be cited."""
    ledger = Ledger()
    citations = [
        Citation(kind="url", url="u", start=1, end=2),
        Citation(kind="url", url="v"),
        Citation(kind="document", document=0),
    ]
    said = told.annotations_of(citations, 10, 5, "answer:/p", ledger)
    places = [(each["url_citation"]["start_index"], each["url_citation"]["end_index"]) for each in said]
    assert places == [(11, 12), (10, 15)]
    assert [entry.pointer for entry in ledger.entries] == ["answer:/p/citations"]


def test_media() -> None:
    """Sound has every member that SDKs want, pictures the shape that other gateways gave them."""
    said = told.sound_of(Media(kind="audio", source=Source(data="QUJD"), id="a1", transcript="Hi"))
    assert said == {"id": "a1", "data": "QUJD", "expires_at": 0, "transcript": "Hi"}
    assert told.sound_of(SOUND)["id"].startswith("audio_")
    assert told.sound_of(Media(kind="audio", source=SOUND.source, own={"expires_at": 5}))["expires_at"] == 5
    url = {"url": "data:image/png;base64,QUJD"}
    assert told.image_of(PICTURE, 2) == {"type": "image_url", "image_url": url, "index": 2}
    assert (told.is_heard(SOUND), told.is_heard(PICTURE), told.is_heard(Text(text=""))) == (True, False, False)
    assert (told.is_seen(PICTURE), told.is_seen(SOUND)) == (True, False)
    assert not told.is_seen(Media(kind="image", source=Source(file_id="f")))


def test_signatures_are_sealed() -> None:
    """A caller of this format holds another maker's signature for it."""
    seal = told.signed(Thinking(signature="s", maker="google", bound=True))["google"]["thought_signature"]
    assert signatures.unseal(seal) == Thinking(signature="s", maker="google", bound=True)


@pytest.mark.parametrize(("hour", "losses"), [(None, 0), (0, 0), (7, 1)])
def test_usage_without_a_figure(hour: int | None, losses: int) -> None:
    """Writes for an hour have none of their own."""
    ledger = Ledger()
    told.report_usage(Usage(cache_write_1h_tokens=hour), ledger)
    assert len(ledger) == losses
