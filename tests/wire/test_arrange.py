from __future__ import annotations

import copy
import re
from typing import Any, cast

import pytest

from aigw.errors import InvalidBody
from aigw.wire.arrange import arrange
from aigw.wire.dialect import PLAIN, Dialect
from aigw.wire.format import Format
from aigw.wire.formats.responses import FORMAT as RESPONSES
from aigw.wire.losses import Ledger
from aigw.wire.neutral import (
    AnyTool,
    Conversation,
    CustomTool,
    Foreign,
    ForeignTool,
    Media,
    Part,
    Settings,
    Source,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    WebSearch,
)


class Target:
    """A format, as far as arranging looks at it."""

    name = "messages"
    tool_ids = re.compile(r"[A-Za-z0-9_-]{1,64}")
    objects_only = True
    system_in_place = False
    ids_once = True


TARGET = cast("Format", Target())


def conversation(*turns: Turn, own_format: str = "chat", **members: Any) -> Conversation:
    for at, turn in enumerate(turns):
        turn.at = f"/messages/{at}"
        for number, part in enumerate(turn.parts):
            part.at = f"/messages/{at}/content/{number}"
    return Conversation(model="m", turns=list(turns), own_format=own_format, **members)


def user(*parts: Part | str) -> Turn:
    return Turn(role="user", parts=[Text(text=part) if isinstance(part, str) else part for part in parts])


def assistant(*parts: Part | str) -> Turn:
    return Turn(role="assistant", parts=[Text(text=part) if isinstance(part, str) else part for part in parts])


def call(id: str = "c", arguments: str = "{}") -> ToolCall:
    return ToolCall(id=id, name="f", arguments=arguments)


def result(id: str = "c") -> Turn:
    return Turn(role="tool", parts=[ToolResult(call_id=id, parts=[Text(text="r")])])


def arranged(asked: Conversation, dialect: Dialect = PLAIN) -> tuple[Conversation, list[tuple[str, str]]]:
    """What comes out, and the losses; checks that the argument stays what it was."""
    before = copy.deepcopy(asked)
    ledger = Ledger()
    got = arrange(asked, TARGET, dialect, ledger)
    assert asked == before
    return got, [(entry.pointer, entry.action) for entry in ledger.entries]


def refused(asked: Conversation) -> str | None:
    """The place that the refusal names."""
    before = copy.deepcopy(asked)
    with pytest.raises(InvalidBody) as caught:
        arrange(asked, TARGET, PLAIN, Ledger())
    assert asked == before
    return caught.value.param


def test_plain_text_is_left_alone() -> None:
    """A conversation of texts is the very same object afterwards: the usual case costs nothing."""
    asked = conversation(Turn(role="system", parts=[Text(text="s")]), user("a"), assistant("b"), user("c"))
    got, losses = arranged(asked)
    assert got is asked
    assert not losses


def test_empty_texts_and_turns_go() -> None:
    """Empty texts and turns are dropped by their pointers, and a turn that is left empty with its text."""
    got, losses = arranged(conversation(user("", "a"), assistant(""), Turn(role="assistant", parts=[]), user("b")))
    assert [[cast("Text", part).text for part in turn.parts] for turn in got.turns] == [["a"], ["b"]]
    assert losses == [
        ("/messages/0/content/0", "dropped"),
        ("/messages/1/content/0", "dropped"),
        ("/messages/2", "dropped"),
    ]


@pytest.mark.parametrize(
    ("own_format", "place"),
    [("chat", "messages"), ("messages", "messages"), ("responses", "input"), ("gemini", "contents")],
)
@pytest.mark.parametrize(
    "turns",
    [(), (user(""),), (assistant("a"),)],
    ids=["nothing", "empty", "assistant"],
)
def test_somebody_must_have_asked(turns: tuple[Turn, ...], own_format: str, place: str) -> None:
    """Without a user's turn there is nothing to answer, and the member that has the turns is named."""
    assert refused(conversation(*turns, own_format=own_format)) == place


@pytest.mark.parametrize("in_place", [True, False])
def test_instructions_alone(in_place: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are a conversation where they stand among the turns; elsewhere the last of them is sent as the user's."""
    monkeypatch.setattr(Target, "system_in_place", in_place)
    system = Turn(role="system", parts=[Text(text="s")], at="/messages/0")
    got, losses = arranged(conversation(system))
    assert [turn.role for turn in got.turns] == (["system"] if in_place else ["user"])
    assert losses == ([] if in_place else [("/messages/0", "approximated")])


def test_an_empty_result_stays_a_result() -> None:
    """A tool may return an empty text: its result stays, without the text, and nothing is lost."""
    empty = Turn(role="tool", parts=[ToolResult(call_id="c", parts=[Text(text="")])])
    got, losses = arranged(conversation(user("a"), assistant(call()), empty))
    assert cast("ToolResult", got.turns[2].parts[0]).parts == []
    assert not losses


def test_foreign_members_stay_behind() -> None:
    """Members, parts and tools that only the caller's format has are reported where they stood; nulls say nothing."""
    own: dict[str, Any] = {"x": {"y": 1, "z": [{}], "nil": None}, "nil": None}
    inner = Text(text="t", at="/r/0", own={"z": 1})
    turns = (
        Turn(role="user", parts=[Text(text="a", own=own), Foreign(format="chat", value={})], own={"y": 1}),
        assistant(call()),
        Turn(role="tool", parts=[ToolResult(call_id="c", parts=[inner, Foreign(format="chat", value={}, at="/r/1")])]),
    )
    tools: list[AnyTool] = [Tool(name="f", at="/tools/0", own=own), ForeignTool(format="chat", value={}, at="/tools/1")]
    got, losses = arranged(conversation(*turns, own=own, tools=tools))
    assert [pointer for pointer, _ in losses] == [
        "/messages/0/content/0/x/y",
        "/messages/0/content/0/x/z",
        "/messages/0/content/1",
        "/messages/0/y",
        "/r/0/z",
        "/r/1",
        "/x/y",
        "/x/z",
        "/tools/0/x/y",
        "/tools/0/x/z",
        "/tools/1",
    ]
    assert {action for _, action in losses} == {"dropped"}
    assert got.own == {}
    assert got.turns[0] == Turn(role="user", parts=[Text(text="a", at="/messages/0/content/0")], at="/messages/0")
    assert got.tools == [Tool(name="f", at="/tools/0")]


def test_members_of_the_targets_format_cross() -> None:
    """Where the provider speaks the caller's format, its own members, parts and tools reach it."""
    turn = Turn(role="user", parts=[Foreign(format="messages", value={}), Text(text="a", own={"x": 1})], own={"y": 1})
    tools: list[AnyTool] = [ForeignTool(format="messages", value={"name": "bash"}), WebSearch(own={"x": 1})]
    settings = Settings(tool_choice=ToolChoice(mode="tool", name="bash"), previous="resp_1")
    asked = conversation(turn, own_format="messages", own={"x": 1}, tools=tools, settings=settings)
    got, losses = arranged(asked)
    assert got == asked
    assert not losses


@pytest.mark.parametrize(
    ("thinking", "crosses"),
    [
        (Thinking(text="t"), True),
        (Thinking(text="t", maker="elsewhere"), True),
        (Thinking(text="t", signature="s", maker="here"), True),
        (Thinking(text="t", signature="s", maker="messages"), True),
        (Thinking(text="t", signature="s", maker="elsewhere"), False),
        (Thinking(signature="s", maker="elsewhere", bound=True), False),
        (Thinking(signature="s", maker="elsewhere", redacted=True), False),
        (Thinking(id="rs_1", maker="elsewhere"), False),
        (Thinking(), False),
    ],
)
def test_signatures_reach_their_maker_only(thinking: Thinking, crosses: bool) -> None:
    """What one provider signed is not sent to another, and that is told."""
    got, losses = arranged(conversation(user("a"), assistant(thinking, "b")), Dialect(maker="here"))
    assert len(got.turns[1].parts) == 1 + crosses
    assert losses == ([] if crosses else [("/messages/1/content/0", "dropped")])


@pytest.mark.parametrize(
    ("members", "place"),
    [
        ({"settings": Settings(previous="resp_1")}, "previous_response_id"),
        ({"own": {"conversation": "conv_1"}}, "conversation"),
        ({"own": {"prompt": {"id": "p"}}}, "prompt"),
        ({"own": {"cachedContent": "cachedContents/1"}}, "cachedContent"),
    ],
)
def test_what_is_stored_elsewhere_cannot_be_continued(members: dict[str, Any], place: str) -> None:
    """A request that goes on from something stored at one provider is refused for another, by the member."""
    assert refused(conversation(user("a"), own_format="responses", **members)) == place


@pytest.mark.parametrize("value", [{"type": "item_reference", "id": "msg_1"}, {"id": "msg_1"}])
def test_stored_items_cannot_be_read(value: dict[str, str]) -> None:
    """An item that stands for a stored one is refused for another format's provider, by its place."""
    part = Foreign(format="responses", value=value)
    assert refused(conversation(user(part), own_format="responses")) == "messages[0].content[0]"


def test_stored_calls_may_be_answered_at_home() -> None:
    """Where the provider has the beginning of the conversation, results answer calls that are not in the request."""
    asked = conversation(result(), own_format="messages", settings=Settings(previous="resp_1"))
    assert arranged(asked) == (asked, [])


def test_references_at_home_stand_for_calls() -> None:
    """A reference to a stored item may be of the call that a result answers: nothing is moved or missed."""
    reference = Foreign(format="responses", value={"type": "item_reference", "id": "fc_1"})
    asked = conversation(user(reference), result(), own_format="responses")
    ledger = Ledger()
    assert arrange(asked, RESPONSES, PLAIN, ledger) == asked
    assert not ledger


def test_arguments_become_objects() -> None:
    """No arguments become an empty object; objects stay to the byte; anything else is refused at its call."""
    got, losses = arranged(
        conversation(user("a"), assistant(call("1", ""), call("2", '{"b" : 1}')), result("1"), result("2"))
    )
    assert [cast("ToolCall", part).arguments for part in got.turns[1].parts] == ["{}", '{"b" : 1}']
    assert losses == [("/messages/1/content/0", "rewritten")]
    assert refused(conversation(user("a"), assistant(call(arguments="5")), result())) == "messages[1].content[0]"


def test_media_are_made_valid() -> None:
    """Media are arranged wherever they stand, also in results of tools."""
    inner = Media(kind="image", source=Source(url="data:image/png;base64,AAAA"), at="/r")
    turns = (
        user(Media(kind="image", source=Source(data="iVBORw0KGgo="))),
        assistant(call()),
        Turn(role="tool", parts=[ToolResult(call_id="c", parts=[inner])]),
    )
    got, losses = arranged(conversation(*turns))
    assert cast("Media", got.turns[0].parts[0]).source.media_type == "image/png"
    media = cast("Media", cast("ToolResult", got.turns[2].parts[0]).parts[0])
    assert media.source == Source(data="AAAA", media_type="image/png")
    assert not losses
    assert refused(conversation(user(Media(kind="image", source=Source(data="?"))))) == "messages[0].content[0]"


def test_results_hold_no_results() -> None:
    """A result within a result is refused by its place, so that nothing nests without end."""
    nested = ToolResult(call_id="c", parts=[ToolResult(call_id="c", parts=[])])
    asked = conversation(user("a"), assistant(call()), Turn(role="tool", parts=[nested]))
    assert refused(asked) == "messages[2].content[0]"


def test_illegal_ids_are_rewritten_on_both_sides() -> None:
    """An id that the target does not take is another one in the call and its result, told at both."""
    got, losses = arranged(conversation(user("a"), assistant(call("a b")), result("a b")))
    new = cast("ToolCall", got.turns[1].parts[0]).id
    assert Target.tool_ids.fullmatch(new)
    assert cast("ToolResult", got.turns[2].parts[0]).call_id == new
    assert losses == [("/messages/1/content/0", "rewritten"), ("/messages/2/content/0", "rewritten")]


def test_tools_are_checked() -> None:
    """Two tools of one name are refused at the second one, and one without a name."""
    tools: list[AnyTool] = [Tool(name="f", at="/tools/0"), CustomTool(name="f", at="/tools/1")]
    assert refused(conversation(user("a"), tools=tools)) == "tools[1]"
    assert refused(conversation(user("a"), tools=[Tool(name="", at="/tools/0")])) == "tools[0]"


def test_limits_below_zero() -> None:
    """No provider writes fewer tokens than none (none at all warms Anthropic's cache): the limit is named."""
    places = {"max_tokens": "/max_tokens /max_completion_tokens"}
    assert refused(conversation(user("a"), settings=Settings(max_tokens=-1), places=places)) == "max_tokens"
    assert not arranged(conversation(user("a"), settings=Settings(max_tokens=0)))[1]


def test_the_same_in_the_same_out() -> None:
    """Arranging twice gives the same: what was arranged needs nothing more."""
    turns = (user("", "a"), assistant(call("a b"), call("2", "null")), user("b"), result("2"), result("a b"))
    once, _ = arranged(conversation(*turns))
    twice, losses = arranged(once)
    assert twice == once
    assert not losses
