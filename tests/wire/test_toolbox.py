from __future__ import annotations

import pytest

from aigw.errors import InvalidBody
from aigw.wire.losses import Ledger
from aigw.wire.neutral import AnyTool, Conversation, ForeignTool, Settings, Tool, ToolChoice, WebSearch
from aigw.wire.toolbox import chosen

FUNCTION = Tool(name="f")
BASH = ForeignTool(format="messages", value={"type": "bash_20250124", "name": "bash"})
PLACES = {"tool_choice": "/tool_choice", "parallel_tools": "/parallel"}


def choose(
    choice: ToolChoice | None, tools: list[AnyTool], left: list[AnyTool] | None = None, *, parallel: bool | None = None
) -> tuple[Settings, list[str]]:
    asked = Conversation(
        model="m", turns=[], tools=tools, places=PLACES, settings=Settings(tool_choice=choice, parallel_tools=parallel)
    )
    ledger = Ledger()
    settings = chosen(asked, tools if left is None else left, ledger)
    return settings, [entry.pointer for entry in ledger.entries]


@pytest.mark.parametrize(
    "choice",
    [
        ToolChoice(mode="auto"),
        ToolChoice(mode="required"),
        ToolChoice(mode="tool", name="f"),
        ToolChoice(mode="tool", name="bash"),
        ToolChoice(mode="tool", name="web_search"),
        ToolChoice(mode="auto", allowed=["f"]),
    ],
)
def test_choices_of_what_is_there(choice: ToolChoice) -> None:
    """A choice of a tool that is there stays as it is."""
    assert choose(choice, [FUNCTION, BASH, WebSearch()]) == (Settings(tool_choice=choice), [])


@pytest.mark.parametrize(
    ("choice", "tools"),
    [
        (ToolChoice(mode="tool", name="g"), [FUNCTION]),
        (ToolChoice(mode="tool", name="g"), []),
        (ToolChoice(mode="auto", allowed=["f", "g"]), [FUNCTION]),
        (ToolChoice(mode="required"), []),
    ],
)
def test_choices_of_what_is_not_there(choice: ToolChoice, tools: list[AnyTool]) -> None:
    """A choice of a tool that the caller did not send is refused at the choice."""
    with pytest.raises(InvalidBody) as caught:
        choose(choice, tools)
    assert caught.value.param == "tool_choice"


@pytest.mark.parametrize(
    ("choice", "left", "kept"),
    [
        (ToolChoice(mode="tool", name="bash"), [FUNCTION], None),
        (ToolChoice(mode="required", allowed=["f", "bash"]), [FUNCTION], ToolChoice(mode="required", allowed=["f"])),
        (ToolChoice(mode="required", allowed=["bash"]), [FUNCTION], None),
        (ToolChoice(mode="required"), [], None),
        (ToolChoice(mode="auto"), [], None),
    ],
)
def test_choices_of_what_cannot_be_sent(choice: ToolChoice, left: list[AnyTool], kept: ToolChoice | None) -> None:
    """A choice of tools that stay behind at the border is dropped with them, and told."""
    assert choose(choice, [FUNCTION, BASH], left) == (Settings(tool_choice=kept), ["/tool_choice"])


def test_settings_of_tools_without_tools() -> None:
    """Providers refuse settings of tools without tools, so these are dropped and told."""
    assert choose(ToolChoice(mode="auto"), [], parallel=False) == (Settings(), ["/tool_choice", "/parallel"])
    assert choose(None, [FUNCTION], parallel=False) == (Settings(parallel_tools=False), [])
