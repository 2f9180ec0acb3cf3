"""How much the model thinks: by a budget, or by itself and an effort; never against what else is asked."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire.dialect import PLAIN, Dialect
from aigw.wire.neutral import Reasoning, Text, Thinking, Tool, ToolCall, ToolChoice, ToolResult, Turn

from .test_sent import HI, conversation, sent

ADAPTIVE = Dialect(adaptive=True)
CALL = ToolCall(id="i", name="f", arguments="{}")
LOOP = [
    HI,
    Turn(role="assistant", parts=[CALL]),
    Turn(role="tool", parts=[ToolResult(call_id="i", parts=[Text(text="1")])]),
]
APPROXIMATED = [("/reasoning", "approximated")]
DROPPED = [("/reasoning", "dropped")]


def thinks(dialect: Dialect, own_format: str = "chat", **settings: Any) -> tuple[dict[str, Any], Any]:
    """The members that say it, and the ledger."""
    body, losses = sent(conversation(own_format, **settings), dialect)
    return {name: body[name] for name in ("max_tokens", "thinking", "output_config") if name in body}, losses


def manual(budget: int, **more: Any) -> dict[str, Any]:
    """Thinking by a budget."""
    return {"type": "enabled", "budget_tokens": budget, **more}


@pytest.mark.parametrize(
    ("reasoning", "limit", "members", "losses"),
    [
        (Reasoning(enabled=False), None, {"max_tokens": 4096, "thinking": {"type": "disabled"}}, []),
        (Reasoning(effort="none"), None, {"max_tokens": 4096, "thinking": {"type": "disabled"}}, []),
        (Reasoning(budget=0), None, {"max_tokens": 4096, "thinking": {"type": "disabled"}}, []),
        (Reasoning(effort="low"), None, {"max_tokens": 5120, "thinking": manual(1024)}, APPROXIMATED),
        (Reasoning(effort="minimal"), None, {"max_tokens": 5120, "thinking": manual(1024)}, APPROXIMATED),
        (Reasoning(enabled=True), None, {"max_tokens": 12288, "thinking": manual(8192)}, APPROXIMATED),
        (Reasoning(budget=-1), None, {"max_tokens": 12288, "thinking": manual(8192)}, APPROXIMATED),
        (Reasoning(budget=3000), None, {"max_tokens": 7096, "thinking": manual(3000)}, []),
        (Reasoning(budget=300), None, {"max_tokens": 5120, "thinking": manual(1024)}, APPROXIMATED),
        (Reasoning(budget=3000), 2000, {"max_tokens": 2000, "thinking": manual(1999)}, APPROXIMATED),
        (Reasoning(effort="high"), 5000, {"max_tokens": 5000, "thinking": manual(4000)}, APPROXIMATED),
        (Reasoning(effort="high"), 1024, {"max_tokens": 1024}, [*APPROXIMATED, *DROPPED]),
        (Reasoning(budget=2000), 0, {"max_tokens": 0}, DROPPED),
        (
            Reasoning(budget=2000, shown="auto"),
            None,
            {"max_tokens": 6096, "thinking": manual(2000, display="summarized")},
            [],
        ),
        (
            Reasoning(budget=2000, shown="detailed"),
            None,
            {"max_tokens": 6096, "thinking": manual(2000, display="summarized")},
            APPROXIMATED,
        ),
        (Reasoning(shown="auto"), None, {"max_tokens": 4096}, DROPPED),
        (Reasoning(shown="none"), None, {"max_tokens": 4096}, []),
    ],
)
def test_by_a_budget(reasoning: Reasoning, limit: int | None, members: dict[str, Any], losses: Any) -> None:
    """The budget is at least what the API takes, and smaller than the limit of all tokens."""
    settings: dict[str, Any] = {} if limit is None else {"max_tokens": limit}
    assert thinks(PLAIN, reasoning=reasoning, **settings) == (members, losses)


@pytest.mark.parametrize(
    ("reasoning", "dialect", "effort", "losses"),
    [
        (Reasoning(effort="high"), ADAPTIVE, "high", []),
        (Reasoning(effort="minimal"), ADAPTIVE, "low", APPROXIMATED),
        (Reasoning(effort="xhigh"), Dialect(adaptive=True, efforts=("low", "max")), "max", APPROXIMATED),
        (Reasoning(budget=1000), ADAPTIVE, "low", APPROXIMATED),
        (Reasoning(enabled=True, adaptive=True), ADAPTIVE, None, []),
        (Reasoning(effort="low"), Dialect(refused=frozenset({"thinking.budget_tokens"})), "low", []),
    ],
)
def test_by_itself(reasoning: Reasoning, dialect: Dialect, effort: str | None, losses: Any) -> None:
    """A model that decides by itself is led by an effort it knows."""
    members, noted = thinks(dialect, reasoning=reasoning)
    assert members["thinking"] == {"type": "adaptive"}
    assert members.get("output_config") == (None if effort is None else {"effort": effort})
    assert noted == losses


@pytest.mark.parametrize("dialect", [PLAIN, ADAPTIVE])
def test_nothing_said(dialect: Dialect) -> None:
    """A wish for thinking that says nothing is none."""
    assert thinks(dialect, reasoning=Reasoning()) == ({"max_tokens": 4096}, [])


@pytest.mark.parametrize(
    ("reasoning", "members"),
    [
        (Reasoning(effort="max"), {"output_config": {"effort": "max"}}),
        (Reasoning(enabled=True, adaptive=True), {"thinking": {"type": "adaptive"}}),
        (
            Reasoning(enabled=True, budget=2000, effort="low"),
            {"thinking": manual(2000), "output_config": {"effort": "low"}},
        ),
        (
            Reasoning(enabled=False, effort="low"),
            {"thinking": {"type": "disabled"}, "output_config": {"effort": "low"}},
        ),
    ],
)
def test_its_own_callers(reasoning: Reasoning, members: dict[str, Any]) -> None:
    """A caller of this format may set effort and thinking apart."""
    assert thinks(PLAIN, "messages", reasoning=reasoning, max_tokens=9000) == ({"max_tokens": 9000, **members}, [])


def test_a_model_that_does_not_think() -> None:
    """Thinking is dropped, and the sampling stays."""
    asked = conversation(reasoning=Reasoning(effort="low"), temperature=0.5)
    body, losses = sent(asked, Dialect(refused=frozenset({"thinking"})))
    assert ("thinking" in body, body["temperature"]) == (False, 0.5)
    assert ("/reasoning", "dropped") in losses


@pytest.mark.parametrize(
    ("turns", "choice", "kept"),
    [
        ([HI], None, True),
        ([HI], ToolChoice(mode="auto"), True),
        ([HI], ToolChoice(mode="required"), False),
        ([HI], ToolChoice(mode="tool", name="f"), False),
        (LOOP, None, False),
        (
            [HI, Turn(role="assistant", parts=[Thinking(text="t", signature="s"), CALL]), LOOP[2]],
            None,
            True,
        ),
    ],
)
def test_against_tools(turns: list[Turn], choice: ToolChoice | None, kept: bool) -> None:
    """Not before a call that must be made; by a budget not in a loop that began without thinking."""
    asked = conversation(turns=turns, reasoning=Reasoning(budget=2000), tool_choice=choice)
    asked.tools = [Tool(name="f")]
    body, losses = sent(asked)
    assert ("thinking" in body) is kept
    assert (losses == []) is kept


def test_an_adaptive_model_may_begin_to_think_in_a_loop() -> None:
    """Only budgets ask for thinking from the beginning."""
    asked = conversation(turns=LOOP, reasoning=Reasoning(effort="low"))
    asked.tools = [Tool(name="f")]
    assert sent(asked, ADAPTIVE)[0]["thinking"] == {"type": "adaptive"}


def test_thinking_does_not_continue_a_prefill() -> None:
    """A last turn of the assistant is not continued by a model that thinks first."""
    asked = conversation(turns=[HI, Turn(role="assistant", parts=[Text(text="So")])], reasoning=Reasoning(budget=2000))
    assert sent(asked)[0]["messages"][-1]["role"] == "user"
