"""A conversation as the body of a request to a provider.

The members stand in one order, the messages last: what grows from one request to the next stands behind all that
stays, so that a longer conversation begins with the bytes of the shorter one.

Source: https://platform.claude.com/docs/en/api/messages/create
"""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.errors import InvalidBody
from aigw.wire.dialect import Dialect
from aigw.wire.draft import Draft
from aigw.wire.formats.messages.members import restored
from aigw.wire.formats.messages.sent_output import write_output
from aigw.wire.formats.messages.sent_parts import PartWriter
from aigw.wire.formats.messages.sent_thinking import ThinkingWriter
from aigw.wire.formats.messages.sent_tools import ToolWriter
from aigw.wire.formats.messages.sent_turns import TurnWriter
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Conversation

_TITLE = "Anthropic Messages"
_encode = msgspec.json.Encoder().encode

BOTH = "temperature+top_p"
"""What a dialect's `refused` says of a model that takes either of the two, not both."""

# Members that say how an answer is made, and nothing about the prompt.
_NOT_COUNTED = frozenset(
    {
        "max_tokens", "stream", "temperature", "top_p", "top_k", "stop_sequences", "metadata", "service_tier",
        "container", "inference_geo",
    }
)  # fmt: skip
# What says nothing in this format, because the same is so without it.
_AS_USUAL: dict[str, Any] = {
    "n": 1,
    "logprobs": False,
    "top_logprobs": 0,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "repetition_penalty": 1,
    "min_p": 0,
    "logit_bias": {},
    "store": False,
    "modalities": ["text"],
    "verbosity": "medium",
    "metadata": {},
    "cache_retention": "in_memory",
}
_TIERS = {"auto": "auto", "standard_only": "standard_only", "default": "standard_only", "priority": "auto"}
_LEAST_TOP_P = 0.95
_SAMPLING = ("temperature", "top_p", "top_k")
# Objects that have to have a type.
_TYPED = ("thinking", "tool_choice", "cache_control")


def write_request(conversation: Conversation, dialect: Dialect, ledger: Ledger) -> bytes:
    """The body. Raises InvalidBody where nothing would be left to answer."""
    return _encode(_Request(conversation, dialect, ledger).body())


def count_request(conversation: Conversation, dialect: Dialect, ledger: Ledger) -> bytes:
    """The body of a request to count tokens: the prompt, and what shapes it."""
    body = _Request(conversation, dialect, ledger).body()
    return _encode({name: value for name, value in body.items() if name not in _NOT_COUNTED})


class _Request:
    """One request in the making."""

    __slots__ = ("_draft", "_output", "_parts", "_thinking", "_tools", "_turns")

    def __init__(self, conversation: Conversation, dialect: Dialect, ledger: Ledger) -> None:
        self._draft = draft = Draft(conversation, dialect, ledger)
        self._parts = PartWriter(conversation.own_format, dialect, ledger)
        self._thinking = ThinkingWriter(draft)
        self._tools = ToolWriter(draft, self._parts)
        self._turns = TurnWriter(self._parts, ledger)
        self._output: dict[str, Any] | None = None

    def body(self) -> dict[str, Any]:
        """All members in their order."""
        self._tools.write()
        self._output = write_output(self._draft, self._tools)
        self._turns.write(self._draft.conversation.turns)
        self._turns.open_with_user()
        self._thinking.write()
        self._reconcile()
        self._turns.close(prefill=self._draft.dialect.prefill and not self._thinking.thinks)
        if not self._turns.messages:
            raise InvalidBody("messages: nothing of them can be sent to the provider.", param="messages")
        self._put_settings()
        self._put_own()
        self._put_prompt()
        if self._draft.dialect.amend is not None:
            self._draft.dialect.amend(self._draft.body)
        return self._draft.body

    def _reconcile(self) -> None:
        """Thinking goes neither with a forced call nor, by a budget, with a tool loop that began without it."""
        if not self._thinking.thinks:
            return
        if self._tools.forces:
            self._thinking.give_up("the model cannot think before a call that it has to make")
        elif self._thinking.by_budget and not self._turns.thinks_in_tool_loop():
            self._thinking.give_up("the turn that called the tools has no thinking that the provider signed")

    # -- settings ---------------------------------------------------------------------------------------------------

    def _put_settings(self) -> None:
        draft, thinking = self._draft, self._thinking
        draft.body["model"] = draft.conversation.model
        draft.body["max_tokens"] = thinking.max_tokens
        if draft.conversation.stream:
            draft.body["stream"] = True
        self._put_sampling()
        self._put_stop()
        self._put_user()
        self._put_tier()
        if thinking.thinking is not None:
            draft.put("thinking", thinking.thinking, draft.place("reasoning"))
        self._put_output_config()
        cache = draft.take("cache")
        if cache is not None:
            # It stands for a marker on the last block there is, so it comes after all others.
            self._parts.mark(draft.body, cache, draft.place("cache"))
        self._take_usual()

    def _put_output_config(self) -> None:
        draft = self._draft
        config: dict[str, Any] = {}
        if self._thinking.effort is not None:
            config["effort"] = self._thinking.effort
        if self._output is not None:
            config["format"] = self._output
        if config:
            places = [draft.place(name) for name in ("reasoning", "output") if draft.place(name)]
            draft.put("output_config", config, " ".join(places))

    def _put_sampling(self) -> None:
        """Temperature up to 1; with thinking, none but the usual sampling."""
        draft = self._draft
        for name in _SAMPLING:
            value = draft.take(name)
            if value is None:
                continue
            if self._thinking.thinks and not _goes_with_thinking(name, value):
                draft.ledger.drop(draft.place(name), f"{name} cannot be set while the model thinks")
                continue
            if name == "temperature" and value > 1:
                draft.ledger.approximate(draft.place(name), "the temperature is 1 at most")
                value = 1
            if name == "top_p" and "temperature" in draft.body and self._one_is_enough(value):
                continue
            draft.put(name, value, draft.place(name))

    def _one_is_enough(self, top_p: float) -> bool:
        """Whether `top_p` stays out beside a temperature: newer models refuse both, even where one is no wish."""
        if top_p == 1 and not self._parts.home:
            return True
        if BOTH not in self._draft.dialect.refused:
            return False
        self._draft.ledger.drop(self._draft.place("top_p"), "the model takes either temperature or top_p")
        return True

    def _put_stop(self) -> None:
        stop: list[str] | None = self._draft.take("stop")
        if not stop:
            return
        place = self._draft.place("stop")
        kept = [sequence for sequence in stop if sequence.strip()]
        if len(kept) < len(stop):
            self._draft.ledger.drop(place, "a stop sequence must not be white space alone")
        if kept:
            self._draft.put("stop_sequences", kept, place)

    def _put_user(self) -> None:
        draft = self._draft
        user, hashed = draft.take("user"), draft.take("safety_identifier")
        if user is not None and hashed is not None:
            draft.ledger.drop(draft.place("safety_identifier"), "the format has one id of a user")
        name = "user" if user is not None else "safety_identifier"
        if user is not None or hashed is not None:
            draft.put("metadata", {"user_id": user if user is not None else hashed}, draft.place(name))

    def _put_tier(self) -> None:
        draft = self._draft
        tier = draft.take("tier")
        if tier is None:
            return
        word = _TIERS.get(tier)
        if word is None:
            draft.ledger.drop(draft.place("tier"), f"the format has no service tier {tier}")
            return
        if tier == "priority":
            draft.ledger.approximate(draft.place("tier"), "priority is used where it has been bought")
        draft.put("service_tier", word, draft.place("tier"))

    def _take_usual(self) -> None:
        """Settle what is asked for as it is anyway, and report the rest."""
        settings = self._draft.conversation.settings
        for name, usual in _AS_USUAL.items():
            if getattr(settings, name) == usual:
                self._draft.take(name)
        self._draft.take("include_usage")  # usage is always told
        self._draft.close(_TITLE)

    # -- the format's own -------------------------------------------------------------------------------------------

    def _put_own(self) -> None:
        """What only this format has, into the objects that are there already where it belongs into them."""
        if not self._parts.home:
            return
        body = self._draft.body
        own = self._draft.conversation.own
        for name in _TYPED:
            # What is left of an object that is not sent is nothing without it.
            if name in own and name not in body and "type" not in own[name]:
                own = {other: value for other, value in own.items() if other != name}
        body.update(restored(body, own))

    # -- the prompt -------------------------------------------------------------------------------------------------

    def _put_prompt(self) -> None:
        self._parts.bound_marks()
        body = self._draft.body
        if self._tools.tools:
            body["tools"] = self._tools.tools
        if self._tools.choice is not None:
            own = self._draft.conversation.own.get("tool_choice")
            body["tool_choice"] = restored(self._tools.choice, own if self._parts.home else None)
        if self._turns.system:
            body["system"] = self._turns.system
        body["messages"] = self._turns.body()


def _goes_with_thinking(name: str, value: float) -> bool:
    if name == "temperature":
        return value == 1
    return name == "top_p" and _LEAST_TOP_P <= value <= 1
