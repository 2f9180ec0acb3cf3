"""How much the model thinks, for a provider, and what cannot go with thinking.

Sources: https://platform.claude.com/docs/en/build-with-claude/extended-thinking,
https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking, .../effort
"""

from __future__ import annotations

from typing import Any

from aigw.wire.dialect import BUDGET_OF, effort_of
from aigw.wire.draft import Draft
from aigw.wire.efforts import nearest
from aigw.wire.formats.messages.blocks import NAME
from aigw.wire.neutral import Reasoning

LEAST_BUDGET = 1024
"""Tokens: Anthropic refuses a smaller budget for thinking."""

EFFORTS = ("low", "medium", "high", "xhigh", "max")
DEFAULT_MAX_TOKENS = 4096
"""Tokens of an answer, which Anthropic wants to be told, where nobody does. LiteLLM's and LangChain's own default."""

_DISPLAYS = {"none": "omitted", "auto": "summarized", "concise": "summarized", "detailed": "summarized"}
_OWN_BUDGET = BUDGET_OF["medium"]
_NOTHING = Reasoning()


class ThinkingWriter:
    """Decides on `thinking`, `output_config.effort` and `max_tokens`, which must leave room for the thinking."""

    __slots__ = ("_draft", "_reasoning", "effort", "max_tokens", "thinking")

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        asked: Reasoning | None = draft.take("reasoning")
        self._reasoning = None if asked == _NOTHING else asked
        self.thinking: dict[str, Any] | None = None
        self.effort: str | None = None
        self.max_tokens: int | None = None

    def write(self) -> None:
        """The three members."""
        self.max_tokens = self._limit()
        if self._reasoning is not None:
            self._decide(self._reasoning)
        if self.thinking is not None and "thinking" in self._draft.dialect.refused:
            self.give_up(f"the model {self._draft.dialect.model or 'asked for'} does not accept thinking")
        if self.max_tokens is None:
            budget = self._budget
            room = DEFAULT_MAX_TOKENS if budget is None else budget + DEFAULT_MAX_TOKENS
            self.max_tokens = self._draft.dialect.max_output or room

    def _decide(self, asked: Reasoning) -> None:
        if asked.enabled is False or asked.effort == "none" or asked.budget == 0:
            self.thinking = {"type": "disabled"}
            if asked.effort not in (None, "none"):
                self._say_effort(asked)
        elif self._adapts(asked):
            self._adaptive(asked)
        elif asked.effort is not None or asked.budget is not None or asked.enabled:
            self._manual(asked)
        elif asked.shown != "none":  # what is not thought is not shown either
            self._draft.ledger.drop(self._place, "the model thinks only when it is told how much")

    @property
    def thinks(self) -> bool:
        """Whether thinking is asked for."""
        return self.thinking is not None and self.thinking["type"] != "disabled"

    @property
    def by_budget(self) -> bool:
        """Whether thinking has a budget: then the API asks more of the history."""
        return self._budget is not None

    def give_up(self, reason: str) -> None:
        """No thinking after all."""
        self.thinking = None
        self._draft.ledger.drop(self._place, reason)

    @property
    def _budget(self) -> int | None:
        return None if self.thinking is None else self.thinking.get("budget_tokens")

    @property
    def _place(self) -> str:
        return self._draft.place("reasoning")

    def _limit(self) -> int | None:
        """The most tokens of the answer, thinking among them."""
        limit: int | None = self._draft.take("max_tokens")
        most = self._draft.dialect.max_output
        if limit is None or most is None or limit <= most:
            return limit
        self._draft.ledger.approximate(self._draft.place("max_tokens"), f"the model writes at most {most} tokens")
        return most

    def _adapts(self, asked: Reasoning) -> bool:
        dialect = self._draft.dialect
        if dialect.adaptive or "thinking.budget_tokens" in dialect.refused:
            return True
        return self._home and (asked.adaptive or asked.enabled is None)

    @property
    def _home(self) -> bool:
        return self._draft.conversation.own_format == NAME

    def _adaptive(self, asked: Reasoning) -> None:
        """The model decides by itself, led by an effort. Anthropic's own callers may set an effort alone."""
        if asked.enabled is not None or not self._home:
            self.thinking = {"type": "adaptive"}
            self._say_display(asked)
        if asked.budget is not None and asked.budget > 0:
            self._draft.ledger.approximate(self._place, "a budget of thinking tokens became an effort")
        self._say_effort(asked)

    def _say_effort(self, asked: Reasoning) -> None:
        wanted = asked.effort
        if wanted is None and asked.budget is not None and asked.budget > 0:
            wanted = effort_of(asked.budget)
        if wanted is None:
            return
        self.effort = nearest(wanted, self._draft.dialect.efforts or EFFORTS)
        if self.effort != wanted:
            self._draft.ledger.approximate(self._place, f"the effort {wanted} became {self.effort}")

    def _manual(self, asked: Reasoning) -> None:
        """A budget of tokens, which must be smaller than the limit of all tokens."""
        budget = asked.budget
        limit = self._draft.dialect.max_output if self.max_tokens is None else self.max_tokens
        room = None if limit is None else limit - 1
        if budget is None or budget < 0:
            budget = BUDGET_OF.get(asked.effort or "", _OWN_BUDGET)
            self._draft.ledger.approximate(self._place, "an effort became a budget of thinking tokens")
            # A fifth of the limit is left for the answer itself.
            room = None if limit is None else limit * 4 // 5
        elif self._home:
            self.effort = asked.effort
        fitting = max(budget if room is None else min(budget, room), LEAST_BUDGET)
        if limit is not None and fitting >= limit:
            self.give_up(f"thinking takes {LEAST_BUDGET} tokens at least, and the limit is {limit}")
            return
        if fitting != budget:
            self._draft.ledger.approximate(self._place, f"the budget of thinking tokens became {fitting}")
        self.thinking = {"type": "enabled", "budget_tokens": fitting}
        self._say_display(asked)

    def _say_display(self, asked: Reasoning) -> None:
        if asked.shown is not None and self.thinking is not None:
            self.thinking["display"] = _DISPLAYS.get(asked.shown, "summarized")
            if asked.shown in ("concise", "detailed"):
                self._draft.ledger.approximate(self._place, f"thoughts are summarized, {asked.shown} or not")
